# Removes a member of the process runtime that quorate made, with its data: DIR. Only while it is stopped, and only what is
# known: where anything else is in the folder, that stays and is named.
main() {
    [ -e "$1" ] || done_with ok
    dir=$(cd -P -- "$1" 2>/dev/null && pwd) || refuse failed "$1 is not a folder"
    [ ! -L "$1" ] || refuse failed "$1 is a symbolic link"
    [ -f "$dir/args" ] || refuse failed "$dir has no file named args: quorate did not make it"
    if find_process "$dir"; then
        refuse busy "process $pid runs $dir/etcd"
    fi
    if is_busy "$dir/data" ''; then
        refuse busy "process $holder has files below $dir/data open"
    fi
    set +f
    # args goes last, so that what is interrupted can be done again.
    said=$(rm -rf -- "$dir/data" "$dir"/data.quorate-* "$dir"/data.part.quorate-* "$dir/log" "$dir/pid" "$dir/pid.part" \
        "$dir/exit" "$dir/exit.part" "$dir/etcd" "$dir/.etcd.quorate-new" "$dir/.etcd.quorate-part" "$dir/env" 2>&1) ||
        refuse_failed "removing what is in $dir" "$said"
    set -f
    left=$(cd -- "$dir" && find . ! -name . ! -path ./args -prune | head -n 5)
    [ -z "$left" ] || refuse exists "$dir still holds: $left"
    said=$(rm -f -- "$dir/args" 2>&1 && rmdir -- "$dir" 2>&1) || refuse_failed "removing $dir" "$said"
    tell removed "$dir"
    done_with ok
}
main "$@" </dev/null
