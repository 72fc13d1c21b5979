# Takes away what `prepare-swap` made ready and nobody will put in place: PATH.
main() {
    said=$(rm -f -- "${1%/*}/.${1##*/}.quorate-new" 2>&1) || refuse_failed "removing what was made ready beside $1" "$said"
    done_with ok
}
main "$@" </dev/null
