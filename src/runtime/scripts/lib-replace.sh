# What the scripts that replace a member's data share. Names beside the data directory: see `plan/model/replace.rs`.

# Sets `real` to a data directory without links in it, also where it is not there right now, and `note` to the path of its
# note.
data_dir() { # DATA
    real=$(readlink -f -- "$1" 2>/dev/null) || real=
    if [ -z "$real" ]; then
        parent=$(cd -P -- "${1%/*}/" 2>/dev/null && pwd) || refuse missing "the folder of $1 is not there"
        real=${parent%/}/${1##*/}
    fi
    note=$real.quorate-replacing
}

is_mount_point() { # PATH
    WANTED=$1 awk '{ gsub(/\\040/, " ", $5); if ($5 == ENVIRON["WANTED"]) { found = 1; exit } } END { exit !found }' /proc/self/mountinfo 2>/dev/null
}

# Sets `unit` to what is renamed: the data directory, or, where a disk is mounted there, `member` in it: that is all that
# etcd keeps there. Sets `inner` to what that is in a copy.
unit_of_data() {
    unit=$real
    inner=
    if is_mount_point "$real"; then
        unit=$real/member
        inner=/member
    fi
}

# The same for a WAL directory outside of the data directory; `unit` is empty where there is none.
unit_of_wal() { # WAL
    unit=
    inner=
    [ -n "$1" ] || return 0
    unit=$(readlink -f -- "$1" 2>/dev/null) || unit=
    if [ -z "$unit" ]; then
        parent=$(cd -P -- "${1%/*}/" 2>/dev/null && pwd) || refuse missing "the folder of $1 is not there"
        unit=${parent%/}/${1##*/}
    fi
    case $unit/ in
        "$real"/*) unit= ;;
        *) ! is_mount_point "$unit" || refuse failed "a disk is mounted at $unit: what is in it cannot be moved aside by one rename" ;;
    esac
}

refuse_if_busy() { # DATA WAL
    if is_busy "$@"; then
        look_at_exe "$holder"
        refuse busy "process $holder ($exe) has files below $1 open"
    fi
}
