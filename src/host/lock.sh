# shellcheck shell=sh disable=SC2317,SC2034
# Holds a lock for as long as somebody at the other end of standard input shows signs of life:
# FOLDER NAME RECORD TRIES PATIENCE. RECORD is one line that says who holds it, for whoever comes second. Says one of
# "held", "taken RECORD", "failed REASON" on the first line, then "beat" for each line that it reads. It ends, and with it
# the lock, when its input ends, when nothing came for PATIENCE seconds, or when it is killed.
set -uf
LC_ALL=C
export LC_ALL
PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin:/usr/bin:/bin
export PATH
unset CDPATH
umask 022
folder=$1 name=$2 record=$3 tries=$4 patience=$5
lock=$folder/$name.lock
own=''

main() {
    make_folder
    touched=$({ : >>"$lock"; } 2>&1) || fail "$touched"
    if command -v flock >/dev/null 2>&1; then
        take_by_flock
    else
        take_by_link
    fi
    trap give_back EXIT
    trap 'exit 0' HUP INT TERM PIPE
    printf '%s\n' "$record" >"$lock" || fail "$lock cannot be written"
    echo held
    # Where there is no timeout(1), only the end of the connection ends the lock.
    clock=
    timeout 5 true 2>/dev/null && clock=yes
    while beat; do
        echo beat || exit 0
    done
    exit 0
}

beat() {
    # Nothing that is started here has the lock or the output: when this shell goes, both go, and the other end sees it.
    if [ -n "$clock" ]; then
        timeout "$patience" sh -c 'read -r beat' >/dev/null 2>&1 9>&-
    else
        read -r beat
    fi
}

make_folder() {
    [ -d "$folder" ] || said=$(mkdir -p -- "$folder" 2>&1) || fail "$said"
    # In a folder of somebody else the lock could be anything, a link to another file as well.
    [ -O "$folder" ] || [ "$(id -u)" = 0 ] || fail "$folder belongs to somebody else"
    [ ! -L "$lock" ] || fail "$lock is a symbolic link"
}

give_back() {
    # The folder stays: somebody may be about to make a lock in it.
    rm -f -- "$lock"
    [ -z "$own" ] || rm -f -- "$own"
}

fail() {
    printf 'failed %s\n' "$(printf '%s' "$1" | tr '\n' ' ')"
    exit 0
}

taken() {
    printf 'taken %s\n' "$(head -n 1 -- "$lock" 2>/dev/null | cut -b 1-4000)"
    exit 0
}

# A holder that has just ended may need a moment to be gone.
try_again_or_say_taken() {
    tried=$((tried + 1))
    # It is our own, by another name of this host: there is nothing to wait for.
    [ "$(head -n 1 -- "$lock" 2>/dev/null)" != "$record" ] || taken
    [ "$tried" -lt "$tries" ] || taken
    sleep 0.1 2>/dev/null || sleep 1
}

take_by_flock() {
    tried=0
    while :; do
        said=$({ : >>"$lock"; } 2>&1) || fail "$said"
        exec 9>>"$lock"
        until flock -n 9; do try_again_or_say_taken; done
        # Who had it takes the file away at the end: then this is a lock on a file that nobody else will find.
        [ "$(stat -L -c %d:%i "/proc/$$/fd/9" 2>/dev/null)" != "$(stat -c %d:%i -- "$lock" 2>/dev/null)" ] || return 0
        exec 9>&-
        try_again_or_say_taken
    done
}

# Without flock(1): a symbolic link names the process that holds the lock, and when that was started. Links are numbered: the
# highest counts, and one that a dead process left is never removed first, but followed by the next number. So two that
# find the same dead holder cannot both take over.
take_by_link() {
    tried=0
    own_start=$(start_of "$$")
    [ -n "$own_start" ] || fail "/proc/$$/stat cannot be read"
    while :; do
        find_highest
        if [ "$highest" != 0 ] && lives "$(readlink -- "$lock.$highest")"; then
            try_again_or_say_taken
            continue
        fi
        mine=$((highest + 1))
        if ln -s -- "$$:$own_start" "$lock.$mine" 2>/dev/null; then
            find_highest
            if [ "$highest" = "$mine" ]; then
                own=$lock.$mine
                while [ "$mine" -gt 1 ]; do
                    mine=$((mine - 1))
                    [ -L "$lock.$mine" ] || break
                    rm -f -- "$lock.$mine"
                done
                return 0
            fi
            rm -f -- "$lock.$mine"
        fi
        try_again_or_say_taken
    done
}

find_highest() {
    highest=0
    set +f
    for link in "$lock".[1-9]*; do
        number=${link##*.}
        case $number in *[!0-9]*) continue ;; esac
        if [ -L "$link" ] && [ "$number" -gt "$highest" ]; then highest=$number; fi
    done
    set -f
}

lives() { # PID:START
    [ "$(start_of "${1%%:*}")" = "${1##*:}" ]
}

# Clock ticks from boot to the start of a process: field 22 of /proc/PID/stat. Nothing when it is gone, or a zombie.
start_of() {
    { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    # shellcheck disable=SC2086 # fields, split on purpose
    set -- ${stat##*) }
    case $1 in Z | X | x) return 0 ;; esac
    printf '%s' "${20}"
}
main
