# Unpacks a data directory that was made on the controller beside a member's own: DATA WAL ID USER. ROOM/data.tar.gz was sent
# before. Nothing that runs is touched.
main() {
    data=$1 wal=$2 id=$3 user=$4
    enter_room "$data" "$id"
    [ -f "$room/data.tar.gz" ] || refuse missing "$room/data.tar.gz is not there"
    rm -rf -- "$room/data"
    said=$({ mkdir -- "$room/data" && gzip -dc -- "$room/data.tar.gz" | tar -C "$room/data" -xof -; } 2>&1) || {
        rm -rf -- "$room/data"
        refuse_failed "unpacking $room/data.tar.gz" "$said"
    }
    lay "$wal" "$id" "$user"
    done_with ok
}
main "$@" </dev/null
