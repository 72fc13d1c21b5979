# Makes the folder of one release in the store: STORE VERSION. Others may read it, nobody else may write there.
main() {
    store=$1 version=$2
    said=$(umask 022 && mkdir -p -- "$store/$version" 2>&1) || refuse_failed "making $store/$version" "$said"
    for folder in "$store" "$store/$version"; do
        said=$(chmod 0755 -- "$folder" 2>&1) || refuse_failed "$folder" "$said"
        [ -O "$folder" ] || refuse permission "$folder belongs to $(stat -c %U -- "$folder"), not to $(id -un)"
    done
    done_with ok
}
main "$@" </dev/null
