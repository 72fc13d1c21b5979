# Unpacks a data directory that was made on the controller beside a member's own: DATA WAL ID USER. ROOM/data.tar.gz was sent
# before. Nothing that runs is touched.
main() {
    data=$1 wal=$2 id=$3 user=$4
    find_real "$data" "$wal"
    room=$real.quorate-restoring-$id
    if [ -d "$real.quorate-in-$id" ]; then
        tell state already
        tell size 0
        tell path "$real.quorate-in-$id"
        done_with ok
    fi
    [ -f "$room/data.tar.gz" ] || refuse missing "$room/data.tar.gz is not there"
    rm -rf -- "$room/data"
    said=$({ mkdir -- "$room/data" && gzip -dc -- "$room/data.tar.gz" | tar -C "$room/data" -xof -; } 2>&1) || {
        rm -rf -- "$room/data"
        refuse_failed "unpacking $room/data.tar.gz" "$said"
    }
    lay "$room" "$id" "$user"
    tell state restored
    done_with ok
}
main "$@" </dev/null
