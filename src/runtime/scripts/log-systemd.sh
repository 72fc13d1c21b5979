# Lines of a unit's journal since a place in it: UNIT PLACE MOST. Without a place, only where the journal stands now. The first
# place is a time, @SECONDS: to ask the journal for it takes a tenth of a second and more where it is large.
main() {
    unit=$1 place=$2 most=$3
    command -v journalctl >/dev/null 2>&1 || refuse missing 'there is no journalctl'
    if [ -z "$place" ]; then
        at=$(date +%s.%N)
        # Not every date knows fractions of a second.
        case $at in
            *.*[!0-9]*) at=${at%%.*} ;;
            *.?????????) at=${at%???} ;;
        esac
        tell cursor "@$at"
        done_with ok
    fi
    journalctl --sync >/dev/null 2>&1
    since=--after-cursor=$place
    case $place in @*) since=--since=$place ;; esac
    # One process reads it: the place where the next look goes on, and the newest lines, cut to a bearable length. Not by -n:
    # with --since some versions of journalctl then show the oldest lines.
    {
        bounded 20 journalctl -q --no-pager -o cat -u "$unit" "$since" --show-cursor 2>&1
        printf '%s\n' "$nonce-status $?"
    } | awk -v nonce="$nonce" -v most="$most" '
        index($0, nonce "-status ") == 1 { status = substr($0, length(nonce) + 9) + 0; next }
        index($0, "-- cursor: ") == 1 { cursor = substr($0, 12); next }
        { line[++n] = substr($0, 1, 500); delete line[n - most] }
        END {
            if (status) {
                print "\n" nonce " refused failed\n" nonce " seen journalctl: " line[n]
                exit 1
            }
            print "\n" nonce " cursor " cursor
            for (i = n > most ? n - most + 1 : 1; i <= n; i++) print nonce " log " line[i]
        }' || done_with refused
    done_with ok
}
main "$@" </dev/null
