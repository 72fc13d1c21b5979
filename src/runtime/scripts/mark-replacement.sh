# Writes the note beside a data directory: DATA NOTE. On the disk before anything else is done.
main() {
    data_dir "$1"
    said=$({ printf '%s\n' "$2" >"$note.part" && flush "$note.part" && mv -f -- "$note.part" "$note"; } 2>&1) || {
        rm -f -- "$note.part"
        refuse_failed "writing $note" "$said"
    }
    flush "${note%/*}/"
    tell path "$note"
    done_with ok
}
main "$@" </dev/null
