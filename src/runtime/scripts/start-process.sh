# Starts a member of the process runtime: DIR HUNDREDTHS LINES [ARGUMENT...]. More arguments are for this start alone: to etcd the
# last of one name counts. In a session of its own, so that it lives on without us
# and without a terminal. A runner waits for it and writes down how it ended.
main() {
    dir=$(cd -P -- "$1" 2>/dev/null && pwd) || refuse missing "$1 is not there"
    most=$2 lines=$3
    shift 3
    if ! has_ended "$dir" && find_process "$dir"; then
        tell already yes
        ready
    fi
    for file in etcd args; do
        [ -f "$dir/$file" ] || refuse missing "$dir/$file is not there"
    done
    said=$({ : >>"$dir/log"; } 2>&1) || refuse_failed "writing $dir/log" "$said"
    size=$(wc -c <"$dir/log")
    : >"$dir/pid"
    : >"$dir/exit"
    start "$@"
    now
    began=$now
    while :; do
        if find_exit; then
            runs_already
            tell died "$exit_pid"
            tell_last_exit "$dir"
            tail -c "+$((size + 1))" "$dir/log" | tail -c 65536 | tail -n "$lines" | tell_lines log
            done_with ok
        fi
        now
        [ "$((now - began))" -lt "$most" ] || break
        rest 005
    done
    # The pid file may be a moment behind; a process that has not become etcd yet is not the member yet.
    while ! is_in_pid_file "$dir"; do
        now
        [ "$((now - began))" -lt "$((most + 500))" ] || refuse failed "no process of $dir/etcd was seen 5 s after its start"
        if find_exit; then
            runs_already
            tell died "$exit_pid"
            tell_last_exit "$dir"
            tail -c "+$((size + 1))" "$dir/log" | tail -c 65536 | tail -n "$lines" | tell_lines log
            done_with ok
        fi
        rest 005
    done
    ready
}

# What ended found its port taken, or its data in use: somebody else has started the member since it was stopped.
runs_already() {
    find_process "$dir" || return 0
    tell already yes
    ready
}

ready() {
    tell ready yes
    tell pid "$pid"
    tell started "$started"
    look_at_exe "$pid"
    tell exe "$exe"
    tell replaced "$replaced"
    done_with ok
}

# The runner wrote down that the process of the pid file ended: then nobody has to be looked for. Clients wait for this.
has_ended() { # DIR
    file_pid='' file_started='' exit_pid='' exit_started=''
    { read -r file_pid && read -r file_started; } 2>/dev/null <"$1/pid"
    { read -r exit_pid && read -r exit_started; } 2>/dev/null <"$1/exit"
    [ -n "$file_pid" ] && [ "$file_pid $file_started" = "$exit_pid $exit_started" ]
}

find_exit() {
    exit_pid=
    { read -r exit_pid; } 2>/dev/null <"$dir/exit"
    [ -n "$exit_pid" ]
}

# Lists of one word a line: the arguments, and the environment (nothing of ours gets into it).
start() { # MORE...
    more=$#
    set -- "$@" "PATH=$PATH" "HOME=$dir"
    if [ -f "$dir/env" ]; then
        while IFS= read -r word || [ -n "$word" ]; do
            [ -z "$word" ] || set -- "$@" "$word"
        done <"$dir/env"
    fi
    set -- "$@" "$dir/etcd"
    while IFS= read -r word || [ -n "$word" ]; do
        set -- "$@" "$word"
    done <"$dir/args"
    # Those that came first go to the end.
    while [ "$more" -gt 0 ]; do
        word=$1
        shift
        set -- "$@" "$word"
        more=$((more - 1))
    done
    # shellcheck disable=SC2016 # it is the runner that fills these in
    setsid sh -c '
        trap "" HUP
        dir=$1
        shift
        cd "$dir" || exit 1
        env -i "$@" </dev/null >>"$dir/log" 2>&1 &
        child=$!
        started=
        { IFS= read -r stat <"/proc/$child/stat"; } 2>/dev/null && {
            set -f
            set -- ${stat##*) }
            started=${20}
        }
        printf "%s\n%s\n" "$child" "$started" >"$dir/pid.part" && mv -f "$dir/pid.part" "$dir/pid"
        wait "$child"
        code=$?
        printf "%s\n%s\n%s\n" "$child" "$started" "$code" >"$dir/exit.part" && mv -f "$dir/exit.part" "$dir/exit"
    ' runner "$dir" "$@" </dev/null >/dev/null 2>&1 &
}
main "$@" </dev/null
