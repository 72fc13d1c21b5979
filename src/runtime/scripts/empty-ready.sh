# What is in the place of a stopped member's data, and, where it is said, an empty place laid ready beside it for what is there:
# DATA WAL ID look|lay. An empty one belongs to whom the data belongs to, so that the member can write in it.
main() {
    data=$1 wal=$2 id=$3 what=$4
    data_dir "$data"
    holds=no aside=no ready=no database=no
    set +f
    for file in "$real"/member/wal/* "$real"/member/snap/* ${wal:+"$wal"/*.wal}; do
        [ ! -e "$file" ] || holds=yes
    done
    set -f
    [ ! -e "$real/member/snap/db" ] || database=yes
    unit_of_data
    look_at_unit
    [ "$what" = look ] || [ "$holds" = no ] || lay
    unit_of_wal "$wal"
    if [ -n "$unit" ]; then
        look_at_unit
        [ "$what" = look ] || [ "$holds" = no ] || lay
    fi
    tell holds "$holds"
    tell database "$database"
    tell aside "$aside"
    tell ready "$ready"
    done_with ok
}

look_at_unit() {
    [ ! -d "$unit.quorate-in-$id" ] || ready=yes
    [ ! -e "$unit.quorate-replaced-$id" ] || aside=yes
}

lay() {
    target=$unit.quorate-in-$id
    part=$unit.part.quorate-in-$id
    [ ! -d "$target" ] || return 0
    [ -f "$note" ] || refuse not-prepared "the note $note is not there: nothing is set aside without it"
    model=$unit
    [ -d "$model" ] || model=$unit.quorate-replaced-$id
    rm -rf -- "$part"
    said=$({ mkdir -- "$part" && chown --reference="$model" -- "$part" && chmod --reference="$model" -- "$part"; } 2>&1) || {
        rm -rf -- "$part"
        refuse_failed "making $part" "$said"
    }
    # Where the host has labels, etcd may need the one that its data has; most hosts have none.
    chcon --reference="$model" -- "$part" 2>/dev/null
    said=$(mv -- "$part" "$target" 2>&1) || refuse_failed "renaming $part" "$said"
    flush "${unit%/*}/"
    ready=yes
}
main "$@" </dev/null
