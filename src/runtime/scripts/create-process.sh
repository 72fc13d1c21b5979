# Makes a member of the process runtime that was not there before: DIR DATA SOURCE ARGS ENV. ARGS and ENV are texts, one word a
# line. What is there already is not touched, unless it is what an earlier try of the same left.
main() {
    dir=$1 data=$2 source=$3 args=$4 env=$5
    digest "$source"
    wanted=$digest
    [ -n "$wanted" ] || refuse missing "$source is not there"
    refuse_what_is_there
    made=$({ mkdir -p -- "$dir" "${data%/*}/" && mkdir -p -- "$data" && chmod 0700 -- "$dir" "$data"; } 2>&1) ||
        refuse_failed "making $dir and $data" "$made"
    # The arguments first: they are what shows whose folder this is.
    write env "$env"
    write args "$args"
    part=$dir/.etcd.quorate-part
    made=$({ cp -- "$source" "$part" && chmod 0755 -- "$part" && flush "$part" && mv -f -- "$part" "$dir/etcd"; } 2>&1) || {
        rm -f -- "$part"
        refuse_failed "putting $source to $dir/etcd" "$made"
    }
    done_with ok
}

refuse_what_is_there() {
    if [ -e "$data" ]; then
        [ -d "$data" ] || refuse exists "$data is not a folder"
        inside=$(ls -A -- "$data" | head -n 3)
        [ -z "$inside" ] || refuse exists "$data is not empty: $inside"
    fi
    [ -e "$dir" ] || return 0
    [ -d "$dir" ] || refuse exists "$dir is not a folder"
    real=$(cd -P -- "$dir" && pwd)
    if find_process "$real"; then
        refuse exists "process $pid runs $dir/etcd"
    fi
    set +f
    for entry in "$dir"/* "$dir"/.[!.]*; do
        [ -e "$entry" ] || continue
        name=${entry##*/}
        case $name in
            args | env)
                text=$args
                [ "$name" = args ] || text=$env
                [ "$(cat -- "$dir/$name")" = "$text" ] || refuse exists "$dir/$name, for another member"
                ;;
            etcd)
                digest "$dir/etcd"
                [ "$digest" = "$wanted" ] || refuse exists "$dir/etcd, another build than $source"
                ;;
            .etcd.quorate-part | args.part | env.part) ;;
            *)
                [ "$dir/$name" = "$data" ] || refuse exists "$dir/$name"
                ;;
        esac
    done
    set -f
}

write() { # NAME TEXT
    made=$({ printf '%s\n' "$2" >"$dir/$1.part" && mv -f -- "$dir/$1.part" "$dir/$1"; } 2>&1) || {
        rm -f -- "$dir/$1.part"
        refuse_failed "writing $dir/$1" "$made"
    }
}
main "$@" </dev/null
