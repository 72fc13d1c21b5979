# shellcheck shell=sh
# Keeping a binary for the way back.

# Sets `kept` to where a binary is kept, and `copied` when it was not there: SOURCE WANTED-DIGEST STORE VERSION. It goes to
# STORE/VERSION/etcd; where another build of that version is already there, beside it under its own digest. `known` is the
# digest that SOURCE was just seen to have, or empty.
keep() {
    [ -d "$3/$4" ] || {
        said=$(umask 022 && mkdir -p -- "$3/$4" 2>&1) || refuse_failed "making $3/$4" "$said"
        chmod 0755 -- "$3" "$3/$4" 2>/dev/null
    }
    kept=$3/$4/etcd
    copied=no
    if [ -f "$kept" ]; then
        is_kept "$2" && return 0
        kept=$kept.${2%"${2#????????}"}
        is_kept "$2" && return 0
    fi
    # A second name for the same file costs nothing, and the swap, a rename, leaves it alone. Should somebody write to the
    # file itself, its digest tells: whoever uses a kept binary looks at it first.
    if [ "$known" = "$2" ] && [ ! -L "$1" ] && [ ! -e "$kept" ] && ln -- "$1" "$kept" 2>/dev/null; then
        copied=yes
        return 0
    fi
    # Of this process alone: members that share a host are made ready at the same time.
    part=$kept.part-$$
    [ ! -e "$part" ] || rm -f -- "$part"
    { [ ! -L "$1" ] && ln -- "$1" "$part" 2>/dev/null; } || {
        copy_to_part "$1"
        known=
    }
    if [ "$known" != "$2" ]; then
        digest "$part"
        [ "$digest" = "$2" ] || { rm -f -- "$part"; refuse digest "$1 has digest ${digest:-unreadable}"; }
    fi
    # Members whose binaries are names of one file are made ready at the same time: then it is in place already, and mv
    # fails, or does nothing.
    said=$(mv -f -- "$part" "$kept" 2>&1) || is_one_file "$part" "$kept" || {
        rm -f -- "$part"
        refuse_failed "putting $kept in place" "$said"
    }
    [ ! -e "$part" ] || rm -f -- "$part"
    copied=yes
}

is_one_file() {
    inode=$(stat -c %d:%i -- "$1" 2>/dev/null) && [ "$inode" = "$(stat -c %d:%i -- "$2" 2>/dev/null)" ]
}

is_kept() { # WANTED-DIGEST
    [ -f "$kept" ] || return 1
    digest "$kept"
    [ "$digest" = "$1" ]
}

# On another file system: the store is not written in one go with the swap, so the copy is on the disk first.
copy_to_part() { # SOURCE
    said=$({ cp -- "$1" "$part" && chmod 0755 -- "$part" && flush "$part"; } 2>&1) || {
        rm -f -- "$part"
        refuse_failed "copying $1 to $part" "$said"
    }
}
