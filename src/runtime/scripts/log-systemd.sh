# Lines of a unit's journal since a cursor: UNIT CURSOR MOST. Without a cursor, only where the journal stands now.
main() {
    unit=$1 cursor=$2 most=$3
    command -v journalctl >/dev/null 2>&1 || refuse missing 'there is no journalctl'
    if [ -z "$cursor" ]; then
        # The position is that of the whole journal: a unit that never logged has none.
        said=$(bounded 20 journalctl -q --no-pager -o cat -n 1 --show-cursor 2>&1)
        tell cursor "$(printf '%s\n' "$said" | sed -n 's/^-- cursor: //p' | tail -n 1)"
        done_with ok
    fi
    journalctl --sync >/dev/null 2>&1
    said=$(bounded 20 journalctl -q --no-pager -o cat -u "$unit" --after-cursor="$cursor" -n "$most" --show-cursor 2>&1) ||
        refuse failed "journalctl: $said"
    tell cursor "$(printf '%s\n' "$said" | sed -n 's/^-- cursor: //p' | tail -n 1)"
    printf '%s\n' "$said" | sed '/^-- cursor: /d' | tail -n "$most" | tell_lines log
    done_with ok
}
main "$@" </dev/null
