# What a member of the process runtime runs right now: DIR WANT-DIGEST.
main() {
    dir=$(cd -P -- "$1" 2>/dev/null && pwd) || refuse missing "$1 is not there"
    if find_process "$dir"; then
        tell active active
        tell_process "$pid" "$2"
    else
        tell active inactive
        tell_last_exit "$dir"
    fi
    done_with ok
}
main "$@" </dev/null
