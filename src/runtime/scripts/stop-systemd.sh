# Stops a unit and sees to it that nobody has the data open any more: UNIT SECONDS DATA WAL ROOM.
main() {
    unit=$1 seconds=$2 data=$3 wal=$4 room=$5
    unit_props "$unit"
    was=$prop_active
    [ "$was" != active ] || check_room "$data" "$wal" "$room"
    tell was "$was"
    tell reload "$prop_reload"
    now
    began=$now
    said=$(bounded "$seconds" systemctl stop -- "$unit" 2>&1)
    code=$?
    unit_props "$unit"
    now
    tell took "$((now - began))"
    tell_unit
    case $prop_active in
        active | activating | deactivating | reloading)
            # 124 is what timeout itself ends with: the stop goes on, only we no longer wait for it.
            if [ "$code" = 124 ] || [ "$code" = 143 ] || [ "$prop_active" = deactivating ]; then
                tell alive "${prop_main:-0}"
                done_with ok
            fi
            refuse failed "systemctl stop $unit: $said"
            ;;
    esac
    # Where its data is copied next, that looks after the copy.
    [ "$room" != copy ] || done_with ok
    data=$(cd -P -- "$data" 2>/dev/null && pwd) || data=$3
    if is_busy "$data" "$wal"; then
        look_at_exe "$holder"
        refuse busy "$unit is $prop_active, but process $holder ($exe) still has files below $data open"
    fi
    done_with ok
}
main "$@" </dev/null
