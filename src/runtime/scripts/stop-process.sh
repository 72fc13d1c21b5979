# Sends SIGTERM to a member of the process runtime and waits: DIR HUNDREDTHS DATA WAL ROOM. Never another signal.
main() {
    dir=$(cd -P -- "$1" 2>/dev/null && pwd) || refuse missing "$1 is not there"
    most=$2 data=$3 wal=$4 room=$5
    if ! find_process "$dir"; then
        tell was inactive
        tell_last_exit "$dir"
        still_used
        done_with ok
    fi
    check_room "$data" "$wal" "$room"
    tell was active
    ours=$pid
    ours_started=$started
    now
    began=$now
    said=$(kill -TERM "$ours" 2>&1) || refuse_failed "sending SIGTERM to process $ours" "$said"
    while look_at "$ours" && [ "$started" = "$ours_started" ]; do
        now
        if [ "$((now - began))" -ge "$most" ]; then
            tell took "$((now - began))"
            tell alive "$ours"
            done_with ok
        fi
        # Finely at first: etcd is mostly gone within 20 ms, and clients wait for us.
        if [ "$((now - began))" -lt 100 ]; then rest 005; else rest 05; fi
    done
    now
    tell took "$((now - began))"
    # The runner writes the status down right after the process is gone.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        exit_pid=
        { read -r exit_pid; } 2>/dev/null <"$dir/exit"
        [ "$exit_pid" != "$ours" ] || { tell_last_exit "$dir"; break; }
        rest 005
    done
    still_used
    done_with ok
}

still_used() {
    data=$(cd -P -- "$data" 2>/dev/null && pwd) || return 0
    if is_busy "$data" "$wal"; then
        look_at_exe "$holder"
        refuse busy "process $holder ($exe) still has files below $data open"
    fi
}
main "$@" </dev/null
