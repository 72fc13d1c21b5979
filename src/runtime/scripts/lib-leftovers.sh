# shellcheck shell=sh disable=SC2317,SC2034
# What two scripts share: which names are quorate's own, and what is in use.

# Sets `store`, `binary`, `data` and `wal`, without links in them. A store that is not there becomes what no path begins with.
resolve() {
    store=$(cd -P -- "$1" 2>/dev/null && pwd) || store=-
    binary=$2
    data=$(cd -P -- "$3" 2>/dev/null && pwd) || data=$3
    wal=$4
    [ -z "$wal" ] || wal=$(cd -P -- "$4" 2>/dev/null && pwd) || wal=$4
    binary_real=$(readlink -f -- "$binary" 2>/dev/null) || binary_real=
}

is_plain() {
    case $1 in
        '' | *[!A-Za-z0-9._-]*) return 1 ;;
    esac
}

# Some process runs a program of this folder, or the member's binary leads into it.
is_run_from() {
    case $binary_real in "$1"/*) return 0 ;; esac
    set +f
    runs=$(ls -l /proc/[0-9]*/exe 2>/dev/null | FOLDER="-> $1/" awk 'index($0, ENVIRON["FOLDER"]) { print "yes"; exit }')
    set -f
    [ -n "$runs" ]
}

# Whether a path is one that quorate made for itself: sets `kind`.
is_ours() {
    kind=
    [ ! -L "$1" ] || return 1
    folder=${1%/*} name=${1##*/}
    is_plain_end "$1" || return 1
    case $1 in
        "$store"/*/*)
            [ -f "$1" ] || return 1
            case ${1#"$store"/} in */*/*) return 1 ;; esac
            case $name in *.part | *.part-*) kind=part ;; *) return 1 ;; esac
            ;;
        "$store"/[0-9]*)
            [ -d "$1" ] || return 1
            kind=release
            ;;
        "$data".quorate-* | "$data".part.quorate-*) kind=beside ;;
        "${binary%/*}/.${binary##*/}.quorate-new" | "${binary%/*}/.${binary##*/}.quorate-part") kind=part ;;
        /var/tmp/quorate-backup.*)
            [ -d "$1" ] && [ "$folder" = /var/tmp ] || return 1
            kind=part
            ;;
        *)
            [ -n "$wal" ] || return 1
            case $1 in
                "$wal".quorate-* | "$wal".part.quorate-*) kind=beside ;;
                *) return 1 ;;
            esac
            ;;
    esac
}

# What was added to a name has only plain characters in it, and leads nowhere else.
is_plain_end() {
    case $1 in */../* | */./* | *//*) return 1 ;; esac
    case $1 in
        "$store"/*) is_plain "$(printf '%s' "${1#"$store"/}" | tr / .)" ;;
        "$data".*) is_plain "${1#"$data".}" ;;
        *)
            if [ -n "$wal" ]; then
                case $1 in "$wal".*) is_plain "${1#"$wal".}" && return 0 || return 1 ;; esac
            fi
            case $1 in /var/tmp/*) is_plain "${1##*/}" ;; esac
            ;;
    esac
}
