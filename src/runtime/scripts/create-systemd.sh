# Makes a member that was not there before: UNIT UNIT-FILE UNIT-TEXT USER DATA BIN-DIR (NAME SOURCE)... Nothing that is
# there already is touched, unless it is exactly what would be written: then an earlier try got that far.
main() {
    unit=$1 file=$2 text=$3 user=$4 data=$5 bin=$6
    shift 6
    command -v systemctl >/dev/null 2>&1 || refuse missing 'there is no systemctl'
    refuse_what_is_there "$@"
    make_user
    made=$(umask 022 && mkdir -p -- "${data%/*}/" "$bin" 2>&1) || refuse_failed "making ${data%/*} and $bin" "$made"
    made=$({ mkdir -p -- "$data" && chown -- "$user:" "$data" && chmod 0700 -- "$data"; } 2>&1) ||
        refuse_failed "making $data" "$made"
    while [ $# -ge 2 ]; do
        install_program "$1" "$2"
        shift 2
    done
    made=$({ printf '%s\n' "$text" >"$file.quorate-part" && chmod 0644 "$file.quorate-part" && flush "$file.quorate-part" &&
        mv -f -- "$file.quorate-part" "$file"; } 2>&1) || {
        rm -f -- "$file.quorate-part"
        refuse_failed "writing $file" "$made"
    }
    if command -v restorecon >/dev/null 2>&1; then
        restorecon -R -- "$file" "$data" "$bin" >/dev/null 2>&1
    fi
    made=$({ systemctl daemon-reload && systemctl enable -- "$unit"; } 2>&1) || refuse failed "enabling $unit: $made"
    unit_props "$unit"
    tell file-state "$prop_file"
    done_with ok
}

refuse_what_is_there() {
    state=$(systemctl show --no-pager -p LoadState -p ActiveState -- "$unit" 2>/dev/null)
    case $state in
        *LoadState=masked*) refuse masked "$unit is masked" ;;
    esac
    case $state in
        *ActiveState=active* | *ActiveState=activating*) refuse exists "$unit is running" ;;
    esac
    if [ -e "$file" ] || [ -L "$file" ]; then
        [ "$(cat -- "$file" 2>/dev/null)" = "$text" ] || refuse exists "$file"
    else
        case $state in
            *LoadState=not-found*) ;;
            *) refuse exists "$unit ($(systemctl show --no-pager -p FragmentPath -- "$unit" 2>/dev/null))" ;;
        esac
    fi
    if [ -e "$data" ]; then
        [ -d "$data" ] || refuse exists "$data is not a folder"
        inside=$(ls -A -- "$data" | head -n 3)
        [ -z "$inside" ] || refuse exists "$data is not empty: $inside"
    fi
    while [ $# -ge 2 ]; do
        digest "$2"
        wanted=$digest
        [ -n "$wanted" ] || refuse missing "$2 is not there"
        if [ -e "$bin/$1" ] || [ -L "$bin/$1" ]; then
            digest "$bin/$1"
            [ "$digest" = "$wanted" ] || refuse exists "$bin/$1, another build than $2"
        fi
        shift 2
    done
    set +f
    running=$(ls -l /proc/[0-9]*/exe 2>/dev/null | EXE="-> $bin/etcd" awk 'index($0, ENVIRON["EXE"]) { print; exit }')
    set -f
    [ -z "$running" ] || refuse exists "a process runs $bin/etcd: $running"
}

make_user() {
    id -u -- "$user" >/dev/null 2>&1 && return 0
    shell=/usr/sbin/nologin
    [ -x "$shell" ] || shell=/sbin/nologin
    if command -v useradd >/dev/null 2>&1; then
        made=$(useradd --system --user-group --no-create-home --home-dir "$data" --shell "$shell" -- "$user" 2>&1)
    elif command -v adduser >/dev/null 2>&1; then
        made=$(adduser -S -D -H -h "$data" -s "$shell" "$user" 2>&1)
    else
        refuse missing "neither useradd nor adduser is there to make the user $user"
    fi || refuse_failed "making the user $user" "$made"
    tell user made
}

install_program() { # NAME SOURCE
    part=$bin/.$1.quorate-part
    [ ! -f "$bin/$1" ] || return 0
    rm -f -- "$part"
    made=$({ cp -- "$2" "$part" && chmod 0755 -- "$part" && flush "$part" && mv -f -- "$part" "$bin/$1"; } 2>&1) || {
        rm -f -- "$part"
        refuse_failed "putting $2 to $bin/$1" "$made"
    }
}
main "$@" </dev/null
