# The old binary in its place again: PATH KEPT LINK OLD NEW. LINK is what PATH led to where it was a symbolic link, else empty.
# The member is down, so nothing that is there is needed: PATH may be missing, and the disk full. Only a file at PATH that is
# neither OLD nor NEW is somebody's, and stays.
main() {
    path=$1 kept=$2 link=$3 old=$4 new=$5
    fresh=${path%/*}/.${path##*/}.quorate-new
    # What was made ready for the swap is of no use any more, and takes room.
    rm -f -- "$fresh" 2>/dev/null
    [ ! -d "$path" ] || refuse failed "$path is a folder"
    if [ -e "$path" ]; then
        digest "$path"
        if [ "$digest" = "$old" ]; then
            tell state already
            done_with ok
        fi
        [ "$digest" = "$new" ] || refuse digest "$path has digest ${digest:-unreadable}"
    fi
    digest "$kept"
    [ "$digest" = "$old" ] || refuse digest "the kept binary $kept has digest ${digest:-unreadable}"
    if [ -L "$path" ] || { [ -n "$link" ] && [ ! -e "$path" ]; }; then
        lead_back
    else
        same_file || copy_of_kept || any_file
    fi
    said=$(mv -f -- "$fresh" "$path" 2>&1) || {
        rm -f -- "$fresh"
        refuse_failed "renaming $fresh to $path" "$said"
    }
    tell state swapped
    done_with ok
}

# What the link led to, if that is still the old binary; else the kept one is as good.
lead_back() {
    to=$kept
    if [ -n "$link" ]; then
        case $link in
            /*) digest "$link" ;;
            *) digest "${path%/*}/$link" ;;
        esac
        [ "$digest" != "$old" ] || to=$link
    fi
    said=$(ln -s -- "$to" "$fresh" 2>&1) || refuse_failed "making $fresh" "$said"
}

# A second name for the kept file: it takes no room. Where it has what belongs to the file in place, or there is none.
same_file() {
    if [ -e "$path" ]; then
        [ "$(belongings "$path")" = "$(belongings "$kept")" ] || return 1
    fi
    ln -- "$kept" "$fresh" 2>/dev/null
}

# Owner, group, mode and label.
belongings() {
    stat -c '%u:%g:%a:%C' -- "$1" 2>/dev/null || stat -c '%u:%g:%a' -- "$1"
}

# First all that belongs to the file in place, then the content.
copy_of_kept() {
    if [ -e "$path" ]; then
        # Not every cp can leave the content out.
        said=$({
            { cp -a --attributes-only -- "$path" "$fresh" 2>/dev/null || cp -a -- "$path" "$fresh"; } &&
                cat -- "$kept" >"$fresh"
        } 2>&1)
    else
        said=$(cp -p -- "$kept" "$fresh" 2>&1)
    fi && {
        digest "$fresh"
        said="$fresh came out with digest ${digest:-unreadable}"
        [ "$digest" = "$old" ]
    } && {
        flush "$fresh"
        return 0
    }
    rm -f -- "$fresh"
    return 1
}

# Better up with another owner of its file than down: where everybody may run the kept one.
any_file() {
    case $(stat -c %a -- "$kept") in
        *[57]) ln -- "$kept" "$fresh" 2>/dev/null && return 0 ;;
    esac
    refuse_failed "putting $kept back at $path" "$said"
}
main "$@" </dev/null
