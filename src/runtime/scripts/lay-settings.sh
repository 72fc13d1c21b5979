# A file that sets a member's options becomes another: PATH BEFORE AFTER RELOAD MODE KEPT NOTE RESERVE HUNK... BEFORE and AFTER
# are digests: a file that is neither is somebody's, and stays. MODE `ready`: the new one is laid beside it, and the old one
# kept as KEPT, with NOTE as KEPT.json, where that is given; `place`: it is put in place by one rename. A HUNK is a line number,
# how many lines go there, how many come, and these. RESERVE, where given, is a copy of what AFTER is, for a disk that is full.
main() {
    asked=$1 before=$2 after=$3 reload=$4 mode=$5 kept=$6 note=$7 reserve=$8
    shift 8
    # What a link leads to is what is read.
    path=$(readlink -f -- "$asked" 2>/dev/null) || path=
    [ -f "$path" ] || refuse missing "$asked is not there, or is not a file"
    fresh=${path%/*}/.${path##*/}.quorate-new
    digest "$path"
    if [ "$digest" = "$after" ]; then
        rm -f -- "$fresh" 2>/dev/null
        # Where an earlier try was cut off between the rename and this.
        [ "$mode" = ready ] || tell_systemd
        tell state already
        done_with ok
    fi
    [ "$digest" = "$before" ] || refuse digest "$asked has digest ${digest:-unreadable}"
    [ -z "$kept" ] || keep_settings
    digest=
    [ ! -f "$fresh" ] || digest "$fresh"
    [ "$digest" = "$after" ] || make_fresh "$@"
    if [ "$mode" = ready ]; then
        tell state ready
        done_with ok
    fi
    said=$(mv -f -- "$fresh" "$path" 2>&1) || refuse_failed "renaming $fresh to $path" "$said"
    tell_systemd
    tell state changed
    done_with ok
}

tell_systemd() {
    [ "$reload" = yes ] || return 0
    said=$(bounded 30 systemctl daemon-reload 2>&1) || refuse failed "systemctl daemon-reload: $said"
}

# The old file, with owner and mode, and then the note that says what it is.
keep_settings() {
    folder=${kept%/*}
    [ -d "$folder" ] || {
        said=$(umask 022 && mkdir -p -- "$folder" 2>&1) || refuse_failed "making $folder" "$said"
    }
    digest=
    [ ! -f "$kept" ] || digest "$kept"
    if [ "$digest" != "$before" ]; then
        part=$kept.part-$$
        said=$({ cp -p -- "$path" "$part" && flush "$part" && mv -f -- "$part" "$kept"; } 2>&1) || {
            rm -f -- "$part"
            refuse_failed "keeping $path as $kept" "$said"
        }
    fi
    part=$kept.json.part-$$
    said=$({ printf '%s\n' "$note" >"$part" && mv -f -- "$part" "$kept.json"; } 2>&1) || {
        rm -f -- "$part"
        refuse_failed "writing $kept.json" "$said"
    }
}

# First all that belongs to the old file (owner, mode, ACL, SELinux label), then the new lines.
make_fresh() {
    rm -f -- "$fresh" 2>/dev/null
    said=$({
        { cp -a --attributes-only -- "$path" "$fresh" 2>/dev/null || cp -a -- "$path" "$fresh"; } &&
            edit "$@" <"$path" >"$fresh"
    } 2>&1) && {
        digest "$fresh"
        said="$fresh came out with digest ${digest:-unreadable}"
        [ "$digest" = "$after" ]
    } && {
        flush "$fresh"
        return 0
    }
    rm -f -- "$fresh" 2>/dev/null
    if [ -n "$reserve" ] && [ -f "$reserve" ]; then
        digest "$reserve"
        if [ "$digest" = "$after" ] && ln -- "$reserve" "$fresh" 2>/dev/null; then return 0; fi
    fi
    refuse_failed "writing $fresh" "$said"
}

# Standard input with other lines in the place of some. What comes after the last line break counts as a line, so that a file
# that does not end with one comes out without one.
edit() { # HUNK...
    at=0 skip=0 sep='' last=no
    while [ "$last" = no ]; do
        line=
        IFS= read -r line || last=yes
        at=$((at + 1))
        if [ $# -gt 0 ] && [ "$1" = "$at" ]; then
            skip=$2 come=$3
            shift 3
            while [ "$come" -gt 0 ]; do
                put "$1" || return 1
                shift
                come=$((come - 1))
            done
        fi
        if [ "$skip" -gt 0 ]; then
            skip=$((skip - 1))
        else
            put "$line" || return 1
        fi
    done
    # What comes after the last line of all.
    if [ $# -gt 3 ]; then
        shift 3
        for line in "$@"; do put "$line" || return 1; done
    fi
}

put() {
    printf '%s%s' "$sep" "$1" || return 1
    sep=$nl
}
main "$@" </dev/null
