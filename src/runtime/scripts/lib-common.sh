# shellcheck shell=sh
# No script uses all of what is here, and a function answers in a variable (SC2317, SC2034). The links of /proc are read with
# ls: one process for all of them, and what is looked for is compared as a whole (SC2012).
# shellcheck disable=SC2317,SC2034,SC2012
# What every script of this folder starts with. The first argument is a nonce: each line of the answer starts with it,
# so that what a login shell prints of its own is never taken for an answer. Nothing here reads standard input.
set -uf
LC_ALL=C
export LC_ALL
PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin:/usr/bin:/bin
export PATH
umask 077
unset CDPATH
nonce=$1
shift
nl='
'

# One line of the answer: a key and a value. It starts on a line of its own whatever was printed before.
tell() {
    printf '\n%s %s %s\n' "$nonce" "$1" "$2"
}

# Each line of standard input as a line of the answer, cut to a bearable length.
tell_lines() {
    cut -b 1-500 | sed "s/^/$nonce $1 /"
}

done_with() {
    tell end "$1"
    exit 0
}

# Ends the script with a refusal: a word for the program, a text for people.
refuse() {
    tell refused "$1"
    printf '%s\n' "$2" | tail -n 8 | tell_lines seen
    done_with refused
}

# Why a command failed on a file: the word for what the system said.
refuse_failed() { # DOING WHAT-IT-SAID
    case $2 in
        *'No space left'* | *'quota exceeded'*) refuse no-space "$1: $2" ;;
        *'Read-only file system'*) refuse read-only "$1: $2" ;;
        *'Permission denied'* | *'not permitted'*) refuse permission "$1: $2" ;;
        *) refuse failed "$1: $2" ;;
    esac
}

# Hundredths of a second since boot; costs no process.
now() {
    read -r up _ </proc/uptime
    now=${up%.*}${up#*.}
    # "0.05" gives "005", which is octal to the shell.
    now=${now#"${now%%[!0]*}"}
    now=${now:-0}
}

# A short rest. Not every sleep knows fractions.
rest() {
    sleep "0.$1" 2>/dev/null || sleep 1
}

bounded() { # SECONDS COMMAND...
    if command -v timeout >/dev/null 2>&1; then
        timeout "$@"
    else
        shift
        "$@"
    fi
}

# Where openssl is there, it takes a third of the time.
digest() {
    digest=$(openssl dgst -sha256 -r 2>/dev/null <"$1") || digest=$(sha256sum 2>/dev/null <"$1") || digest=
    digest=${digest%% *}
}

# Tells one content of a file from another without reading it.
print_form='%d:%i:%s:%y:%z'
fingerprint() {
    fingerprint=$(stat -c "$print_form" -- "$1" 2>/dev/null) || fingerprint=
}

# Sets `first_print` and `second_print`, of what links lead to. In one process where there is no link.
prints() {
    if [ -L "$1" ] || [ -L "$2" ]; then
        fingerprint "$(readlink -f -- "$1")"
        first_print=$fingerprint
        fingerprint "$(readlink -f -- "$2")"
        second_print=$fingerprint
        return
    fi
    first_print=$(stat -c "$print_form" -- "$1" "$2" 2>/dev/null)
    second_print=${first_print#*"$nl"}
    first_print=${first_print%%"$nl"*}
}

# Puts what was written on the disk: one file where sync can, else everything.
flush() {
    sync -- "$1" 2>/dev/null || sync
}

# Sets `state` and `started` (clock ticks since boot) of a process; fails when it is gone. A zombie is gone.
look_at() {
    started=
    state=
    { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    rest_of=${stat##*) }
    # shellcheck disable=SC2086 # fields, split on purpose
    set -- $rest_of
    state=$1
    started=${20}
    case $state in
        Z | X | x) return 1 ;;
    esac
}

# Sets `exe` to what a process runs, without the mark of a file that was replaced, and `replaced`.
look_at_exe() {
    exe=$(readlink "/proc/$1/exe" 2>/dev/null) || exe=
    replaced=no
    case $exe in
        *' (deleted)')
            exe=${exe%' (deleted)'}
            replaced=yes
            ;;
    esac
}

# Sets `holder` to a process that has files below one of the folders open, by the links of /proc.
find_holder() {
    holder=
    for folder in "$@"; do
        [ -n "$folder" ] || continue
        set +f
        holder=$(ls -l /proc/[0-9]*/fd 2>/dev/null | FOLDER=$folder/ awk '
            /^\/proc\/[0-9]+\/fd:$/ { split($0, part, "/"); pid = part[3]; next }
            { at = index($0, " -> "); if (at && index(substr($0, at + 4), ENVIRON["FOLDER"]) == 1) { print pid; exit } }')
        set -f
        [ -z "$holder" ] || return 0
    done
    return 1
}

# Sets `holder` when a process uses a data directory. etcd locks member/snap/db and its WAL files; the kernel's list of
# locks is read first because it is cheap: only where it has one of these files are all open files looked at.
is_busy() { # DATA [WAL]
    holder=
    set +f
    found=$(ls -i "$1"/member/snap/db "$1"/member/wal/*.wal ${2:+"$2"/*.wal} 2>/dev/null |
        awk 'locks { for (i = 1; i <= NF; i++) if (split($i, part, ":") == 3 && (part[3] in used)) { print "yes"; exit } next }
             { used[$1] = 1 }' - locks=1 /proc/locks)
    set -f
    [ -n "$found" ] || return 1
    find_holder "$@"
}

# Sets `free`, in KB, and `file_system`, of what a path lies on.
free_of() {
    free=$(stat -f -c '%a %S %T' -- "$1" 2>/dev/null) || free='0 0 unknown'
    file_system=${free##* }
    free=${free% *}
    free=$((${free% *} * ${free#* } / 1024))
}

# $files: of log and snapshots in a copy of a data directory, and in that of a WAL directory outside it.
count_files() { # FOLDER...
    files=0
    set +f
    for folder in "$@"; do
        for part in "$folder"/*.wal "$folder"/member/wal/* "$folder"/member/snap/*; do
            [ ! -f "$part" ] || files=$((files + 1))
        done
    done
    set -f
}

# Looked at right before a stop: whether the disk has room for what comes after it. A member that is stopped on a full disk
# does not come up again. WANTED is empty (not looked at), `start`, or `copy`: DATA WAL WANTED.
check_room() {
    [ -n "$3" ] || return 0
    for folder in "$1" ${2:+"$2"}; do
        real=$(cd -P -- "$folder" 2>/dev/null && pwd) || continue
        need=0
        if [ "$3" = copy ]; then
            need=$(du -sk -- "$real" 2>/dev/null)
            need=${need%%[!0-9]*}
        fi
        # etcd writes its log in files of 64 MB, and begins one when it needs it.
        need=$((${need:-0} + 65536))
        free_of "${real%/*}/"
        [ "$free" -ge "$need" ] || refuse no-space "$free KB free beside $real, and $need KB are needed; it was not stopped"
    done
}

# What a process is, for the program: PID WANT-DIGEST.
tell_process() {
    tell pid "$1"
    tell started "$started"
    look_at_exe "$1"
    tell exe "$exe"
    tell replaced "$replaced"
    # /proc/PID/exe reads what really runs, also after the file was replaced.
    if [ "$2" = yes ]; then
        digest "/proc/$1/exe"
        tell digest "$digest"
    fi
    now
    # started counts hundredths of a second since boot: USER_HZ is 100 on every platform that etcd is released for.
    tell uptime "$((now - started))"
}
