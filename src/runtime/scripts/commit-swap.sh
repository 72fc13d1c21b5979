# Puts in place what `prepare-swap` made ready: PATH OLD-PRINT NEW-PRINT OLD NEW. One rename, so PATH is always the old or the
# new binary. Digests are computed again only where a fingerprint is not what it was: this runs while the member is down.
main() {
    path=$1 old_print=$2 new_print=$3 old=$4 new=$5
    fresh=${path%/*}/.${path##*/}.quorate-new
    [ ! -d "$path" ] || refuse failed "$path is a folder"
    [ -L "$path" ] || [ -e "$path" ] || refuse missing "$path is not there"
    prints "$path" "$fresh"
    if [ "$first_print" != "$old_print" ]; then
        digest "$path"
        if [ "$digest" = "$new" ]; then
            rm -f -- "$fresh" 2>/dev/null
            tell state already
            done_with ok
        fi
        [ "$digest" = "$old" ] || refuse digest "$path has digest ${digest:-unreadable}"
    fi
    if [ "$second_print" != "$new_print" ]; then
        [ -e "$fresh" ] || refuse not-prepared "$fresh is not there"
        digest "$fresh"
        [ "$digest" = "$new" ] || refuse digest "$fresh has digest ${digest:-unreadable}"
    fi
    # The folder is not flushed: should the power go now, the old binary is back, and the next look sees it.
    said=$(mv -f -- "$fresh" "$path" 2>&1) || refuse_failed "renaming $fresh to $path" "$said"
    tell state swapped
    done_with ok
}

main "$@" </dev/null
