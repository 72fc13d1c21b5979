# The newest raft snapshot of a member: DATA.
main() {
    [ -d "$1/member/snap" ] || refuse failed "there is no $1/member/snap"
    newest=''
    set +f
    # Names are term and index in hexadecimal of one length: the newest is the last one.
    for file in "$1"/member/snap/*.snap; do
        [ ! -f "$file" ] || newest=$file
    done
    set -f
    [ -z "$newest" ] || tell snap "${newest##*/}"
    done_with ok
}
main "$@" </dev/null
