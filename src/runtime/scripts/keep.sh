# Keeps a binary for the way back: SOURCE WANTED-DIGEST STORE VERSION.
main() {
    [ -f "$1" ] || refuse missing "$1 is not there"
    known=
    keep "$@"
    tell path "$kept"
    tell copied "$copied"
    done_with ok
}
main "$@" </dev/null
