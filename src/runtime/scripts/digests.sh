# The digest of each file named, or that it is missing: FILE...
main() {
    for file in "$@"; do
        if [ -f "$file" ]; then
            digest "$file"
            tell file "${digest:-unreadable}"
        else
            tell file missing
        fi
    done
    done_with ok
}
main "$@" </dev/null
