# Lays a copy of a rollback point beside the data, as what will take its place: DATA WAL ID POINT POINT-WAL. Nothing that
# runs is touched, and the point stays as it is. The copy gets its name when it is whole and on the disk.
main() {
    data=$1 wal=$2 id=$3 point=$4 point_wal=$5
    data_dir "$data"
    [ -d "$point/member" ] || refuse missing "the rollback point $point is not there, or holds no folder named member"
    refuse_if_changed
    cp=
    if cp --help 2>&1 | grep -q -e --reflink; then
        cp=reflink
    fi
    size=0
    copied=no
    unit_of_data
    forget_others
    lay "$point$inner"
    unit_of_wal "$wal"
    if [ -n "$unit" ]; then
        [ -d "$point_wal" ] || refuse missing "the rollback point has no copy of the WAL directory $wal"
        forget_others
        lay "$point_wal"
    fi
    if is_busy "$point" "$point_wal"; then
        look_at_exe "$holder"
        refuse busy "process $holder ($exe) has files of the rollback point $point open"
    fi
    tell copied "$copied"
    tell size "$size"
    done_with ok
}

# A member that ran on the point itself left it other than it was.
refuse_if_changed() {
    newer=$(find "$point" ${point_wal:+"$point_wal"} -type f -newer "$point.json" 2>/dev/null | head -n 1)
    [ -z "$newer" ] || refuse changed "$newer was written to after the rollback point was taken"
    [ -f "$point.json" ] || refuse missing "$point.json, which says what the rollback point is of, is not there"
    # What was taken out of it leaves no newer file. Without its log a member would begin a new cluster.
    had=$(sed -n 's/.*"files":\([0-9][0-9]*\).*/\1/p' "$point.json" | head -n 1)
    count_files "$point" ${point_wal:+"$point_wal"}
    [ -z "$had" ] || [ "$had" = "$files" ] || refuse changed "$point has $files files of log and snapshots; it had $had when it was taken"
}

# Copies of runs that ended before they began: nobody will ever use them, and they take room.
forget_others() {
    [ ! -e "$note" ] || return 0
    set +f
    for other in "$unit".quorate-in-* "$unit".part.quorate-in-*; do
        [ ! -d "$other" ] || [ "$other" = "$unit.quorate-in-$id" ] || rm -rf -- "$other"
    done
    set -f
}

listing() {
    (cd -- "$1" && find . -type f -exec stat -c '%n %s %y' -- {} + 2>/dev/null | sort)
}

lay() { # FROM
    target=$unit.quorate-in-$id
    part=$unit.part.quorate-in-$id
    need=$(du -sk -- "$1" | awk '{ print $1 + 0; exit }')
    size=$((size + need))
    [ ! -d "$target" ] || return 0
    # In place already, and not run since: then it is what the point is, file by file.
    if [ -d "$unit.quorate-replaced-$id" ] && [ -d "$unit" ] && [ "$(listing "$1")" = "$(listing "$unit")" ]; then
        return 0
    fi
    rm -rf -- "$part"
    free=$(df -Pk -- "${unit%/*}/" | awk 'NR == 2 { print $4 + 0 }')
    how=auto
    if [ "$need" -ge "${free:-0}" ]; then
        [ -n "$cp" ] || refuse no-space "$1 holds $need KB, and beside $unit there are $free KB free"
        how=always
    fi
    said=$(cp -a ${cp:+"--reflink=$how"} -- "$1" "$part" 2>&1) || {
        rm -rf -- "$part"
        [ "$how" = auto ] || refuse no-space "$1 holds $need KB, and beside $unit there are $free KB free"
        refuse_failed "copying $1 to $part" "$said"
    }
    sync -f -- "$part" 2>/dev/null || sync
    said=$(mv -- "$part" "$target" 2>&1) || {
        rm -rf -- "$part"
        refuse_failed "renaming $part" "$said"
    }
    copied=yes
}
main "$@" </dev/null
