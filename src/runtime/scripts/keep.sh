# Keeps a binary for the way back: SOURCE WANTED-DIGEST STORE VERSION. It goes to STORE/VERSION/etcd; where another build of
# that version is already there, beside it under its own digest.
main() {
    source=$1 wanted=$2 store=$3 version=$4
    [ -f "$source" ] || refuse missing "$source is not there"
    said=$(umask 022 && mkdir -p -- "$store/$version" 2>&1) || refuse_failed "making $store/$version" "$said"
    chmod 0755 -- "$store" "$store/$version" 2>/dev/null
    kept=$store/$version/etcd
    if [ -f "$kept" ]; then
        digest "$kept"
        [ "$digest" != "$wanted" ] || already
        short=${wanted%"${wanted#????????}"}
        kept=$kept.$short
        digest "$kept"
        [ "$digest" != "$wanted" ] || already
    fi
    part=$kept.part
    rm -f -- "$part"
    said=$(cp -- "$source" "$part" 2>&1) || { rm -f -- "$part"; refuse_failed "copying $source to $part" "$said"; }
    digest "$part"
    [ "$digest" = "$wanted" ] || { rm -f -- "$part"; refuse digest "$source has digest ${digest:-unreadable}"; }
    said=$({ chmod 0755 -- "$part" && flush "$part" && mv -f -- "$part" "$kept"; } 2>&1) || {
        rm -f -- "$part"
        refuse_failed "putting $kept in place" "$said"
    }
    tell path "$kept"
    tell copied yes
    done_with ok
}

already() {
    tell path "$kept"
    tell copied no
    done_with ok
}
main "$@" </dev/null
