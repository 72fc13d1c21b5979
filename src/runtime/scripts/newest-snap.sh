# The newest raft snapshot of a member: DATA.
main() {
    [ -d "$1/member/snap" ] || refuse failed "there is no $1/member/snap"
    newest=''
    set +f
    # Names are term and index in hexadecimal of one length: the newest is the last one.
    for file in "$1"/member/snap/????????????????-????????????????.snap; do
        [ ! -f "$file" ] || newest=$file
    done
    set -f
    if [ -n "$newest" ]; then
        # It holds the whole v2 store, as JSON: what users put there is below /1.
        if grep -aq '"Path":"/1/' "$newest" 2>/dev/null; then tell v2-keys yes; fi
        tell snap "${newest##*/}"
    fi
    done_with ok
}
main "$@" </dev/null
