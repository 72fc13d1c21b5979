# Makes the folder of one release in the store, and says for each program whether it is there already: STORE VERSION
# [NAME DIGEST]... Others may read it, nobody else may write there.
main() {
    store=$1 version=$2
    shift 2
    said=$(umask 022 && mkdir -p -- "$store/$version" 2>&1) || refuse_failed "making $store/$version" "$said"
    said=$(chmod 0755 -- "$store" "$store/$version" 2>&1) || refuse_failed "$store" "$said"
    for folder in "$store" "$store/$version"; do
        [ -O "$folder" ] || refuse permission "$folder belongs to $(stat -c %U -- "$folder"), not to $(id -un)"
    done
    while [ $# -ge 2 ]; do
        file=$store/$version/$1
        there=no
        print=
        if [ -f "$file" ] && [ ! -L "$file" ]; then
            chmod 0755 -- "$file" 2>/dev/null
            fingerprint "$file"
            digest "$file"
            [ "$digest" != "$2" ] || { there=yes print=$fingerprint; }
        fi
        tell there "$there $print"
        shift 2
    done
    done_with ok
}
main "$@" </dev/null
