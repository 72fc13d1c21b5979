# What the scripts share that restore a backup beside a member's data directory.

# Sets `room` to the folder that was made for it; ends the script where what is wanted lies ready already.
enter_room() { # DATA ID
    data_dir "$1"
    unit_of_data
    room=$unit.quorate-restoring-$2
    [ -d "$unit.quorate-in-$2" ] || return 0
    tell state already
    tell size 0
    tell path "$unit.quorate-in-$2"
    done_with ok
}

# Gives ROOM/data the place where it is looked for, UNIT.quorate-in-ID, with owner, mode and label of what it will replace, or
# of USER. The data directory comes last: where it is, everything is.
lay() { # WAL ID USER
    [ -d "$room/data/member/snap" ] || refuse failed "$room/data has no folder named member/snap"
    [ -d "$room/data/member/wal" ] || refuse failed "$room/data has no folder named member/wal"
    unit_of_wal "$1"
    if [ -n "$unit" ]; then
        part=$unit.part.quorate-in-$2
        rm -rf -- "$part" "$unit.quorate-in-$2"
        said=$(mv -- "$room/data/member/wal" "$part" 2>&1) || refuse_failed "moving the WAL to $part" "$said"
        put "$part" "$unit" "$3"
    fi
    unit_of_data
    [ -n "$inner" ] || take_along
    tell size "$(du -sk -- "$room/data" | awk '{ print $1 + 0; exit }')"
    put "$room/data$inner" "$unit" "$3"
    rm -rf -- "$room"
    tell path "$unit.quorate-in-$2"
    tell state restored
}

# What somebody else keeps in the data directory, such as a configuration: the member may need it. Not what is large.
most_along=262144
take_along() {
    [ -d "$unit" ] || return 0
    set +f
    for other in "$unit"/* "$unit"/.[!.]*; do
        case ${other##*/} in
            member | lost+found) continue ;;
        esac
        [ -e "$other" ] || [ -L "$other" ] || continue
        if [ "$(du -sk -- "$other" | awk '{ print $1 + 0; exit }')" -gt "$most_along" ]; then
            tell left "${other##*/}"
            continue
        fi
        said=$(cp -a -- "$other" "$room/data/" 2>&1) || refuse_failed "copying $other" "$said"
    done
    set -f
}

put() { # FOLDER LIKE USER
    mode=700
    owner=
    if [ -d "$2" ]; then
        owner=$(stat -c %u:%g -- "$2")
        mode=$(stat -c %a -- "$2")
    elif [ -n "$3" ]; then
        owner=$3:
    fi
    if [ -n "$owner" ] && [ "$(stat -c %u:%g -- "$1")" != "$owner" ]; then
        said=$(chown -R -- "$owner" "$1" 2>&1) || refuse_failed "giving $1 to $owner" "$said"
    fi
    said=$(chmod -- "$mode" "$1" 2>&1) || refuse_failed "setting the mode of $1" "$said"
    if [ -d "$2" ] && command -v selinuxenabled >/dev/null 2>&1 && selinuxenabled; then
        said=$(chcon -R --reference="$2" -- "$1" 2>&1) || refuse_failed "labelling $1 like $2" "$said"
    fi
    # What takes the place of data must outlive a power cut from the start.
    sync -f -- "$1" 2>/dev/null || sync
    said=$(mv -- "$1" "$unit.quorate-in-$id" 2>&1) || refuse_failed "renaming $1" "$said"
}
