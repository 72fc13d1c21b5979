# Copies the data of a stopped member beside it: DATA WAL SUFFIX NOTE. The copy gets its name only when it is whole. The note
# is a small JSON text that goes beside the copy, never into it.
main() {
    data=$1 wal=$2 suffix=$3 note=$4
    real=$(cd -P -- "$data" 2>/dev/null && pwd) || refuse missing "$data is not there"
    [ -d "$real/member" ] || refuse missing "$data has no folder named member: no etcd has run there"
    real_wal=
    if [ -n "$wal" ]; then
        real_wal=$(cd -P -- "$wal" 2>/dev/null && pwd) || refuse missing "$wal is not there"
        case $real_wal/ in
            "$real"/*) real_wal= ;;
        esac
    fi
    now
    began=$now
    # cp keeps a link as a link: what it leads to would not be in the copy.
    links=$(find "$real" ${real_wal:+"$real_wal"} -type l 2>/dev/null)
    [ -z "$links" ] || refuse link-inside "$links"
    copied=no
    size=0
    copy "$real" "$suffix"
    [ -z "$real_wal" ] || copy "$real_wal" "$suffix"
    # Looked at only now: a copy of data that somebody has open, or opened meanwhile, is a mix of two moments.
    if is_busy "$real" "$real_wal"; then
        look_at_exe "$holder"
        rm -rf -- "$real.quorate-$suffix" "$real.quorate-$suffix.json"
        [ -z "$real_wal" ] || rm -rf -- "$real_wal.quorate-$suffix"
        refuse busy "process $holder ($exe) has files below $real open"
    fi
    write_note
    now
    tell took "$((now - began))"
    tell copied "$copied"
    tell path "$real.quorate-$suffix"
    [ -z "$real_wal" ] || tell wal-path "$real_wal.quorate-$suffix"
    tell size "$size"
    done_with ok
}

# Name, size and time of every file: says whether a copy is still what the original is. A busybox cp keeps whole seconds
# only: there the two are never equal, and the copy is made again.
listing() {
    (cd -- "$1" && find . -type f -exec stat -c '%n %s %y' -- {} + 2>/dev/null | sort)
}

copy() { # FOLDER SUFFIX
    target=$1.quorate-$2
    part=$1.part.quorate-$2
    [ ! -e "$part" ] || rm -rf -- "$part"
    need=$(du -sk -- "$1")
    need=${need%%[!0-9]*}
    size=$((size + need))
    if [ -d "$target" ]; then
        [ "$(listing "$1")" != "$(listing "$target")" ] || return 0
        # Made by this run at an earlier stop; the member has run since.
        said=$({ mv -- "$target" "$part" && rm -rf -- "$part"; } 2>&1) || refuse_failed "removing the older $target" "$said"
    fi
    [ ! -e "$target" ] || refuse exists "$target"
    free_of "${1%/*}/"
    said=$(cp_here "$1" "$part" 2>&1) || {
        rm -rf -- "$part"
        [ "$need" -lt "$free" ] || refuse no-space "$1 holds $need KB, and beside it there are $free KB free"
        refuse_failed "copying $1 to $part" "$said"
    }
    said=$(mv -- "$part" "$target" 2>&1) || {
        rm -rf -- "$part"
        refuse_failed "renaming $part" "$said"
    }
    copied=yes
}

# Shares blocks where the file system can. Else what etcd only reserved stays a hole: its log files are 64 MB each, mostly not
# written yet. Where there is no room for a full copy, one that shares blocks may still do. Not every cp can all of this.
cp_here() { # FROM TO
    [ "$need" -lt "$free" ] || {
        cp -a --reflink=always -- "$1" "$2"
        return
    }
    cp_past_cache "$1" "$2" 2>/dev/null && return 0
    rm -rf -- "$2"
    cp -a --reflink=auto --sparse=always -- "$1" "$2" 2>/dev/null || {
        rm -rf -- "$2"
        cp -a -- "$1" "$2"
    }
}

# The same, but the newest log file is read past the page cache: to fill that with the zeros of what was only reserved would
# take longer than everything else that is done while the member is down. Fails where blocks can be shared, and where
# these tools cannot do it.
cp_past_cache() { # FROM TO
    case $file_system in
        ext* | overlay*) ;;
        *) return 1 ;;
    esac
    newest=
    set +f
    for file in "$1"/*.wal "$1"/member/wal/*.wal; do
        [ ! -f "$file" ] || newest=${file#"$1/"}
    done
    set -f
    [ -n "$newest" ] || return 1
    # First all names and attributes, then what is in the files.
    cp -a --attributes-only -- "$1" "$2" || return 1
    (cd -- "$1" && find . -type f ! -path "./$newest" -exec cp -a --sparse=always --parents -t "$2" -- {} +) || return 1
    dd if="$1/$newest" of="$2/$newest" iflag=direct conv=sparse bs=1M status=none && touch -r "$1/$newest" -- "$2/$newest"
}

write_note() {
    file=$real.quorate-$suffix.json
    count_files "$real.quorate-$suffix" ${real_wal:+"$real_wal.quorate-$suffix"}
    note="${note%\}},\"files\":$files}"
    [ "$copied" = yes ] || [ ! -f "$file" ] || return 0
    said=$({ printf '%s\n' "$note" >"$file.part" && mv -f -- "$file.part" "$file"; } 2>&1) || {
        rm -f -- "$file.part"
        refuse_failed "writing $file" "$said"
    }
}
main "$@" </dev/null
