# Makes the folder beside a data directory that a backup is restored in: DATA WAL ID NEED-KB USER. What an earlier try of a
# restore left there, and no note speaks of, goes. Nothing that runs is touched.
main() {
    data=$1 wal=$2 id=$3 need=$4 user=$5
    data_dir "$data"
    unit_of_wal "$wal"
    if [ -n "$unit" ]; then
        clear_leftovers
    elif [ -n "$wal" ] && [ "$(readlink -f -- "$wal")" != "$real/member/wal" ]; then
        refuse failed "$wal leads into $real, at another place than member/wal, where the restored WAL would be"
    fi
    unit_of_data
    if [ -d "$unit.quorate-in-$id" ]; then
        tell state already
        done_with ok
    fi
    if [ ! -d "$real" ] && [ -n "$user" ]; then
        id -u -- "$user" >/dev/null 2>&1 || refuse missing "there is no user $user"
    fi
    clear_leftovers
    free=$(df -Pk -- "${unit%/*}/" | awk 'NR == 2 { print $4 + 0 }')
    [ "${free:-0}" -gt "$need" ] || refuse no-space "restoring takes $need KB beside $unit, and there are $free KB free"
    room=$unit.quorate-restoring-$id
    said=$(mkdir -- "$room" 2>&1) || refuse_failed "making $room" "$said"
    tell state made
    tell room "$room"
    done_with ok
}

# What was begun and never named in a note. While there is a note, what lies ready belongs to it.
clear_leftovers() {
    set +f
    for left in "$unit".quorate-restoring-*; do
        [ ! -d "$left" ] || rm -rf -- "$left"
    done
    if [ ! -e "$note" ]; then
        for left in "$unit".quorate-in-* "$unit".part.quorate-in-*; do
            [ ! -d "$left" ] || rm -rf -- "$left"
        done
    fi
    set -f
}
main "$@" </dev/null
