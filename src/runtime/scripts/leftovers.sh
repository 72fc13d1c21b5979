# Lists what quorate left on a host for one member: STORE BINARY DATA WAL. Each with its kind and its size in KB.
main() {
    resolve "$@"
    set +f
    if [ "$store" != - ]; then
        for entry in "$store"/[0-9]*; do
            set -f
            list "$entry"
            set +f
        done
        for entry in "$store"/*/*.part "$store"/*/*.part-*; do
            set -f
            list "$entry"
            set +f
        done
    fi
    for entry in "$data".quorate-* "$data".part.quorate-* ${wal:+"$wal".quorate-*} ${wal:+"$wal".part.quorate-*}; do
        set -f
        list "$entry"
        set +f
    done
    for entry in "${binary%/*}/.${binary##*/}.quorate-new" "${binary%/*}/.${binary##*/}.quorate-part" /var/tmp/quorate-backup.*; do
        set -f
        list "$entry"
        set +f
    done
    set -f
    done_with ok
}

list() {
    [ -e "$1" ] || return 0
    is_ours "$1" || return 0
    # The note goes with what it is of.
    case $kind:$1 in
        beside:*.json) [ ! -d "${1%.json}" ] || return 0 ;;
    esac
    # A backup that is being taken right now.
    case $1 in
        /var/tmp/*) [ -n "$(find "$1" -prune -mmin +60 2>/dev/null)" ] || return 0 ;;
    esac
    if [ "$kind" = release ] && is_run_from "$1"; then
        kind=used
    fi
    tell left "$kind $(du -sk -- "$1" 2>/dev/null | awk '{ print $1 + 0; exit }') $1"
}
main "$@" </dev/null
