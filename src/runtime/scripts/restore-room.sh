# Makes the folder beside a data directory that a backup is restored in: DATA WAL ID NEED-KB USER. What an earlier try of a
# restore left there, and no note speaks of, goes. Nothing that runs is touched.
main() {
    data=$1 wal=$2 id=$3 need=$4 user=$5
    find_real "$data" "$wal"
    if [ -d "$real.quorate-in-$id" ]; then
        tell state already
        done_with ok
    fi
    # A folder that is a disk of its own cannot be moved aside.
    for folder in "$real" ${real_wal:+"$real_wal"}; do
        [ ! -d "$folder" ] || [ "$(stat -c %d -- "$folder")" = "$(stat -c %d -- "${folder%/*}/")" ] ||
            refuse failed "$folder is a file system of its own: it cannot be moved aside"
    done
    if [ ! -d "$real" ] && [ -n "$user" ]; then
        id -u -- "$user" >/dev/null 2>&1 || refuse missing "there is no user $user"
    fi
    clear_leftovers "$real"
    [ -z "$real_wal" ] || clear_leftovers "$real_wal"
    said=$(mkdir -p -- "${real%/*}/" 2>&1) || refuse_failed "making ${real%/*}" "$said"
    free=$(df -Pk -- "${real%/*}/" | awk 'NR == 2 { print $4 + 0 }')
    [ "${free:-0}" -gt "$need" ] || refuse no-space "restoring takes $need KB beside $real, and there are $free KB free"
    said=$(mkdir -- "$real.quorate-restoring-$id" 2>&1) || refuse_failed "making $real.quorate-restoring-$id" "$said"
    tell state made
    tell room "$real.quorate-restoring-$id"
    done_with ok
}

# What was begun and never named in a note. While there is a note, what lies ready belongs to it.
clear_leftovers() { # FOLDER
    set +f
    for left in "$1".quorate-restoring-*; do
        [ ! -d "$left" ] || rm -rf -- "$left"
    done
    if [ ! -e "$real.quorate-replacing" ]; then
        for left in "$1".quorate-in-*; do
            [ ! -d "$left" ] || rm -rf -- "$left"
        done
    fi
    set -f
}
main "$@" </dev/null
