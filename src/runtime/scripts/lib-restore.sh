# What the scripts share that restore a backup beside a member's data directory.

# Sets `real` and, for a WAL directory outside of it, `real_wal`: where they are, or would be.
find_real() { # DATA WAL
    real=$(cd -P -- "$1" 2>/dev/null && pwd) || real=$1
    real_wal=
    [ -n "$2" ] || return 0
    real_wal=$(cd -P -- "$2" 2>/dev/null && pwd) || real_wal=$2
    case $real_wal/ in
        "$real"/*) real_wal= ;;
    esac
}

# Gives ROOM/data the place where it is expected, `DATA.quorate-in-ID`, with owner, mode and label of what it will replace, or
# of USER. The data directory comes last: where it is, everything is.
lay() { # ROOM ID USER
    [ -d "$1/data/member" ] || refuse failed "$1/data has no folder named member"
    [ -d "$1/data/member/wal" ] || refuse failed "$1/data has no folder named member/wal"
    if [ -n "$real_wal" ]; then
        rm -rf -- "$real_wal.part.quorate-in-$2" "$real_wal.quorate-in-$2"
        said=$({ mkdir -p -- "${real_wal%/*}/" && mv -- "$1/data/member/wal" "$real_wal.part.quorate-in-$2"; } 2>&1) ||
            refuse_failed "moving the WAL to $real_wal.part.quorate-in-$2" "$said"
        own "$real_wal.part.quorate-in-$2" "$real_wal" "$3"
        flush_below "$real_wal.part.quorate-in-$2"
        said=$(mv -- "$real_wal.part.quorate-in-$2" "$real_wal.quorate-in-$2" 2>&1) || refuse_failed "renaming the WAL" "$said"
    fi
    own "$1/data" "$real" "$3"
    flush_below "$1/data"
    tell size "$(du -sk -- "$1/data" | awk '{ print $1 + 0; exit }')"
    said=$(mv -- "$1/data" "$real.quorate-in-$2" 2>&1) || refuse_failed "renaming $1/data" "$said"
    rm -rf -- "$1"
    tell path "$real.quorate-in-$2"
}

own() { # FOLDER LIKE USER
    mode=700
    if [ -d "$2" ]; then
        owner=$(stat -c %u:%g -- "$2")
        mode=$(stat -c %a -- "$2")
    elif [ -n "$3" ]; then
        owner=$3:
    else
        owner=
    fi
    if [ -n "$owner" ] && [ "$(stat -c %u:%g -- "$1")" != "$owner" ]; then
        said=$(chown -R -- "$owner" "$1" 2>&1) || refuse_failed "giving $1 to $owner" "$said"
    fi
    said=$(chmod -- "$mode" "$1" 2>&1) || refuse_failed "setting the mode of $1" "$said"
    if [ -d "$2" ] && command -v selinuxenabled >/dev/null 2>&1 && selinuxenabled; then
        said=$(chcon -R --reference="$2" -- "$1" 2>&1) || refuse_failed "labelling $1 like $2" "$said"
    fi
}

# What is put in place of data must outlive a power cut from the start.
flush_below() {
    sync -f -- "$1" 2>/dev/null || sync
}
