# Puts a folder of this host on the disk: FOLDER... Called when the member is up again, so that no client waits for it.
main() {
    for folder in "$@"; do
        [ -d "$folder" ] || refuse missing "$folder is not there"
        sync -f -- "$folder" 2>/dev/null || sync
    done
    done_with ok
}
main "$@" </dev/null
