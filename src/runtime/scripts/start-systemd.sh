# Starts a unit and watches it for a bounded time: UNIT SECONDS LINES. A unit of Type=notify is ready when systemctl returns.
main() {
    unit=$1 seconds=$2 lines=$3
    now
    began=$now
    said=$(bounded "$seconds" systemctl start -- "$unit" 2>&1)
    unit_props "$unit"
    # Earlier starts count towards the start limit. That it refused this one systemd does not tell: the result stays that of
    # the death before. But then nothing was started since.
    if [ "$prop_active" = failed ] && [ "$((${prop_began:-0} / 10000))" -lt "$began" ]; then
        systemctl reset-failed -- "$unit" >/dev/null 2>&1
        said=$(bounded "$seconds" systemctl start -- "$unit" 2>&1)
        unit_props "$unit"
    fi
    tell_unit
    tell type "$prop_type"
    case $prop_active:$prop_sub in
        active:*) ready=yes ;;
        activating:auto-restart*) ready= ;;
        activating:* | reloading:*) ready=no ;;
        *) ready= ;;
    esac
    # After the first death, Restart=always makes it look alive again and again.
    if [ "$ready" = no ] && [ "${prop_restarts:-0}" != 0 ]; then
        ready=
    fi
    if [ -n "$ready" ] && [ "${prop_main:-0}" != 0 ] && look_at "$prop_main"; then
        tell ready "$ready"
        tell pid "$prop_main"
        tell started "$started"
        look_at_exe "$prop_main"
        tell exe "$exe"
        tell replaced "$replaced"
        done_with ok
    fi
    tell died "${prop_exec:-0}"
    printf '%s\n' "$said" | head -n 3 | tell_lines said
    journalctl --sync >/dev/null 2>&1
    # Not a line of the process before: that would hide why this one died.
    now
    lasted=$((now - began))
    at=$(date +%s.%N)
    case $at in
        *[!0-9.]*) since=$((${at%%[!0-9]*} - lasted / 100 - 1)) ;;
        *) since=$(awk -v at="$at" -v lasted="$lasted" 'BEGIN { printf "%.3f", at - (lasted + 1) / 100 }') ;;
    esac
    # Not by -n: with --since some versions of journalctl then show the oldest lines.
    journalctl -q --no-pager -o cat -u "$unit" --since "@$since" 2>/dev/null | tail -n "$lines" | tell_lines log
    done_with ok
}
main "$@" </dev/null
