# Removes the note beside a data directory, and copies that were laid ready and never used: DATA WAL.
main() {
    data_dir "$1"
    unit_of_data
    remove_copies
    unit_of_wal "$2"
    [ -z "$unit" ] || remove_copies
    said=$(rm -f -- "$note" "$note.part" 2>&1) || refuse_failed "removing $note" "$said"
    done_with ok
}

remove_copies() {
    set +f
    for copy in "$unit".quorate-in-* "$unit".part.quorate-in-*; do
        [ ! -d "$copy" ] || rm -rf -- "$copy"
    done
    set -f
}
main "$@" </dev/null
