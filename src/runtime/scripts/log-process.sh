# Lines of a member's log file since an offset: DIR OFFSET MOST. Without an offset, only where the file ends now.
main() {
    dir=$1 offset=$2 most=$3
    size=0
    [ ! -f "$dir/log" ] || size=$(wc -c <"$dir/log")
    tell cursor "$((size))"
    [ -n "$offset" ] || done_with ok
    # A file that became shorter was cut or replaced: all of it is new.
    [ "$offset" -le "$size" ] || offset=0
    [ "$size" -gt "$offset" ] || done_with ok
    tail -c "+$((offset + 1))" "$dir/log" | head -c "$((size - offset))" | tail -c 1048576 | tail -n "$most" | tell_lines log
    done_with ok
}
main "$@" </dev/null
