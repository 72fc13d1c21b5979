# What a unit runs right now: UNIT WANT-DIGEST.
main() {
    unit=$1 want=$2
    unit_props "$unit"
    tell_unit
    main_pid=${prop_main:-0}
    [ "$main_pid" != 0 ] || done_with ok
    look_at_exe "$main_pid"
    case ${exe##*/} in
        *etcd*) ;;
        *) find_in_group ;;
    esac
    look_at "$main_pid" || done_with ok
    tell_process "$main_pid" "$want"
    done_with ok
}

# A unit may start etcd through a wrapper that stays: then etcd is another process of the unit's control group.
find_in_group() {
    for root in /sys/fs/cgroup /sys/fs/cgroup/systemd; do
        [ -r "$root$prop_group/cgroup.procs" ] || continue
        while read -r candidate; do
            look_at_exe "$candidate"
            case ${exe##*/} in
                *etcd*)
                    main_pid=$candidate
                    return 0
                    ;;
            esac
        done <"$root$prop_group/cgroup.procs"
    done
}
main "$@" </dev/null
