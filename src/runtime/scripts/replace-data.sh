# Moves the data of a stopped member aside, and what lies ready in its place: DATA WAL ID. Renames only, and each one says by
# itself how far it is, so that it can be run again after it was cut off anywhere:
#
#   UNIT.quorate-in-ID there      not done: what is at UNIT goes aside, then this goes to UNIT
#   else, UNIT and an aside there done
main() {
    data=$1 wal=$2 id=$3
    data_dir "$data"
    [ -f "$note" ] || refuse not-prepared "the note $note is not there: nothing is replaced without it"
    refuse_if_busy "$real" "$wal"
    replaced=no
    # The WAL first: while it is not in place, the data directory is not either, and nothing can start.
    unit_of_wal "$wal"
    [ -z "$unit" ] || look_first
    unit_of_data
    look_first
    unit_of_wal "$wal"
    [ -z "$unit" ] || replace
    unit_of_data
    replace
    tell aside "$aside"
    tell replaced "$replaced"
    done_with ok
}

# Nothing is moved before both are known to be ready, or done.
look_first() {
    [ ! -d "$unit.quorate-in-$id" ] || return 0
    [ -d "$unit" ] && [ -d "$unit.quorate-replaced-$id" ] && return 0
    refuse not-prepared "$unit.quorate-in-$id is not there"
}

replace() {
    aside=$unit.quorate-replaced-$id
    [ -d "$unit.quorate-in-$id" ] || return 0
    if [ -e "$unit" ] && [ -e "$aside" ]; then
        # What was put in place before has run since: it goes aside as well.
        number=2
        while [ -e "$aside.$number" ]; do number=$((number + 1)); done
        said=$(mv -- "$unit" "$aside.$number" 2>&1) || refuse_failed "moving $unit aside" "$said"
    elif [ -e "$unit" ]; then
        said=$(mv -- "$unit" "$aside" 2>&1) || refuse_failed "moving $unit aside" "$said"
    elif [ ! -e "$aside" ]; then
        # Nothing was there: an empty folder says so.
        said=$(mkdir -- "$aside" 2>&1) || refuse_failed "making $aside" "$said"
    fi
    said=$(mv -- "$unit.quorate-in-$id" "$unit" 2>&1) || refuse_failed "moving $unit.quorate-in-$id to $unit" "$said"
    flush "${unit%/*}/"
    replaced=yes
}
main "$@" </dev/null
