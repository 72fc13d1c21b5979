# What the scripts of the process runtime share.

# Sets `pid` to the process of a member of the process runtime, and its start time in `started`. By the pid file where it is
# right (same pid, same start time, same program), else by looking for who runs the member's own binary.
find_process() { # DIR
    is_in_pid_file "$1" || is_in_proc "$1"
}

is_in_pid_file() { # DIR
    pid=
    file_pid=
    file_started=
    { read -r file_pid && read -r file_started; } 2>/dev/null <"$1/pid"
    case $file_pid in
        '' | *[!0-9]*) ;;
        *)
            if look_at "$file_pid" && [ "$started" = "$file_started" ]; then
                look_at_exe "$file_pid"
                if [ "$exe" = "$1/etcd" ]; then
                    pid=$file_pid
                    return 0
                fi
            fi
            ;;
    esac
    return 1
}

is_in_proc() { # DIR
    pid=
    set +f
    candidates=$(ls -l /proc/[0-9]*/exe 2>/dev/null | EXE="$1/etcd" awk '
        { at = index($0, " -> "); if (!at) next
          target = substr($0, at + 4); sub(/ \(deleted\)$/, "", target)
          if (target == ENVIRON["EXE"]) { head = substr($0, 1, at - 1); n = split(head, part, "/"); print part[n - 1] } }')
    set -f
    for candidate in $candidates; do
        if look_at "$candidate"; then
            pid=$candidate
            look_at_exe "$pid"
            return 0
        fi
    done
    return 1
}

# How the last process of a member of the process runtime ended, as its runner wrote it down.
tell_last_exit() { # DIR
    exit_pid='' exit_started='' exit_code=''
    { read -r exit_pid && read -r exit_started && read -r exit_code; } 2>/dev/null <"$1/exit"
    case $exit_code in
        '' | *[!0-9]*) return 1 ;;
    esac
    # To the shell, a status above 128 is a signal.
    if [ "$exit_code" -gt 128 ]; then
        tell exit-signal "$((exit_code - 128))"
    else
        tell exit-code "$exit_code"
    fi
}
