# Makes ready, while the member runs, what `commit-swap` then puts in place: PATH SOURCE LINK OLD NEW. PATH is the member's
# binary. A regular file will be replaced by the content of SOURCE, with owner, group, mode and label of the old one; a
# symbolic link will be made to lead to LINK. OLD and NEW are digests: anything else at PATH belongs to somebody.
# Where STORE is given, the old binary is kept there first, as STORE/VERSION/etcd. OLD-PRINT and SOURCE-PRINT, where given, are
# what PATH and SOURCE were when their digests were taken: as long as they are that, nobody reads them again.
main() {
    path=$1 source=$2 link=$3 old=$4 new=$5 store=$6 version=$7 known_path=$8 known_source=$9
    fresh=${path%/*}/.${path##*/}.quorate-new
    [ -e "$path" ] || refuse missing "$path is not there"
    [ -f "$path" ] || refuse failed "$path is not a file"
    if [ -e "$fresh" ] || [ -L "$fresh" ]; then rm -f -- "$fresh" 2>/dev/null; fi
    kind='file'
    if [ -L "$path" ]; then
        kind='link'
        tell target "$(readlink -- "$path")"
    fi
    tell kind "$kind"
    file=$path
    [ "$kind" = file ] || file=$(readlink -f -- "$path")
    fingerprint "$file"
    digest_known "$file" "$known_path" "$old"
    if [ "$digest" = "$new" ]; then
        tell old-print "$fingerprint"
        tell state already
        done_with ok
    fi
    [ "$digest" = "$old" ] || refuse digest "$path has digest ${digest:-unreadable}"
    # The disk needs longer than all that follows.
    flushing=
    if [ -f "$source" ]; then
        flush "$source" >/dev/null 2>&1 &
        flushing=$!
    fi
    if [ -n "$store" ]; then
        known=$digest
        keep "$file" "$old" "$store" "$version"
        tell kept "$kept"
    fi
    proved=no
    if [ "$kind" = link ]; then
        [ -f "$link" ] || [ -f "${path%/*}/$link" ] || refuse missing "$link is not there"
        said=$(ln -s -- "$link" "$fresh" 2>&1) || refuse_failed "making $fresh" "$said"
        prove "$(readlink -f -- "$fresh")"
    else
        prepare_file
    fi
    [ "$proved" = yes ] || digest "$fresh"
    [ "$digest" = "$new" ] || give_up digest "$fresh came out with digest ${digest:-unreadable}"
    [ -z "$flushing" ] || wait "$flushing"
    # Only now: a second name is a change of a file's times as well.
    prints "$path" "$fresh"
    tell old-print "$first_print"
    tell new-print "$second_print"
    tell package "$(owner_package "$path")"
    tell state ready
    done_with ok
}

give_up() {
    rm -f -- "$fresh" 2>/dev/null
    refuse "$@"
}

give_up_failed() {
    rm -f -- "$fresh" 2>/dev/null
    refuse_failed "$@"
}

prepare_file() {
    # A file that is written to loses its capabilities; the member would start without them.
    caps=$(getcap -- "$path" 2>/dev/null)
    [ -z "$caps" ] || refuse capabilities "$caps"
    [ -f "$source" ] || refuse missing "$source is not there"
    if alike; then
        prove "$source"
        if ln -- "$source" "$fresh" 2>/dev/null; then return 0; fi
        proved=no
    fi
    # First all that belongs to the old one (owner, mode, ACL, SELinux label), then the new content. Not every cp can leave
    # the old content out.
    cp -a --attributes-only -- "$path" "$fresh" 2>/dev/null || {
        rm -f -- "$fresh"
        said=$(cp -a -- "$path" "$fresh" 2>&1) || give_up_failed "copying $path to $fresh" "$said"
    }
    said=$({ cat -- "$source" >"$fresh"; } 2>&1) || give_up_failed "writing $fresh" "$said"
    flush "$fresh"
    was=$(stat -c '%u:%g:%a' -- "$path")
    is=$(stat -c '%u:%g:%a' -- "$fresh")
    [ "$was" = "$is" ] || give_up permission "$fresh came out with owner, group and mode $is in place of $was"
}

# Whether a second name for SOURCE can stand in for a copy of it: owner, group and mode are those of the old file, and neither
# has an access list or a label (ls would mark it). Where it is on another file system, ln says so.
alike() {
    [ ! -L "$source" ] || return 1
    # shellcheck disable=SC2012 # the paths are given, and only the first columns are read
    rows=$(ls -ldn -- "$path" "$source" 2>/dev/null)
    case $rows in *"$nl"*) ;; *) return 1 ;; esac
    # shellcheck disable=SC2086 # columns, split on purpose: mode, links, owner, group
    set -- ${rows%%"$nl"*}
    was="$1 $3 $4"
    # shellcheck disable=SC2086
    set -- ${rows#*"$nl"}
    [ "$1 $3 $4" = "$was" ] && [ "${#1}" = 10 ]
}

# The digest of what SOURCE is, without reading it where it is what it was when that was taken.
prove() { # FILE
    fingerprint "$1"
    digest_known "$1" "$known_source" "$new"
    proved=yes
}

# Sets `digest`, without reading the file where its fingerprint is what it was when the digest was taken.
digest_known() { # FILE PRINT DIGEST
    if [ -n "$2" ] && [ "$fingerprint" = "$2" ]; then digest=$3; else digest "$1"; fi
}

# A package's update would put its own binary back some day.
owner_package() {
    # Packages put their programs below these; elsewhere there is nobody to ask, and the question costs a tenth of a second.
    case $1 in
        /usr/local/*) return ;;
        /usr/* | /bin/* | /sbin/*) ;;
        *) return ;;
    esac
    if command -v dpkg >/dev/null 2>&1; then
        dpkg -S -- "$1" 2>/dev/null | head -n 1 | cut -d : -f 1
    elif command -v rpm >/dev/null 2>&1; then
        rpm -qf -- "$1" 2>/dev/null | head -n 1 | grep -v ' '
    fi
}
main "$@" </dev/null
