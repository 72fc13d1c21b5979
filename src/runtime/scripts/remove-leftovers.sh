# Removes what quorate left on a host: STORE BINARY DATA WAL PATH... Each path is looked at again: only what bears a name that
# quorate gives, is no link, and is used by nobody. What stays is told with its reason.
main() {
    resolve "$@"
    shift 4
    for path in "$@"; do
        remove "$path"
    done
    done_with ok
}

remove() {
    [ -e "$1" ] || { tell gone "$1"; return; }
    is_ours "$1" || { tell kept "$1 (not a name that quorate gives)"; return; }
    case $kind in
        release)
            if is_run_from "$1"; then
                tell kept "$1 (a process runs from it)"
                return
            fi
            ;;
        beside)
            if [ -e "$data.quorate-replacing" ]; then
                tell kept "$1 (the data is being replaced)"
                return
            fi
            if find_holder "$1"; then
                tell kept "$1 (process $holder has it open)"
                return
            fi
            ;;
    esac
    # It loses its name first: half of it is never taken for a whole one.
    gone=$1
    if [ "$kind" = beside ] && [ -d "$1" ]; then
        case $1 in
            "$data".*) gone=$data.part.quorate-removed-$$ ;;
            *) gone=$wal.part.quorate-removed-$$ ;;
        esac
        said=$(mv -- "$1" "$gone" 2>&1) || { tell kept "$1 ($said)"; return; }
    fi
    said=$(rm -rf -- "$gone" 2>&1) || { tell kept "$1 ($said)"; return; }
    [ "$kind" != beside ] || rm -f -- "$1.json" 2>/dev/null
    tell gone "$1"
}
main "$@" </dev/null
