# Where a kept binary is: DIGEST STORE VERSION.
main() {
    short=${1%"${1#????????}"}
    for file in "$2/$3/etcd" "$2/$3/etcd.$short"; do
        [ -f "$file" ] || continue
        digest "$file"
        if [ "$digest" = "$1" ]; then
            tell path "$file"
            break
        fi
    done
    done_with ok
}
main "$@" </dev/null
