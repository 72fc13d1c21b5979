# What the scripts of the systemd runtime share.

# Sets `prop_NAME` for each of the wanted properties of a unit, in one call.
unit_props() { # UNIT
    prop_load='' prop_active='' prop_sub='' prop_main='' prop_exec='' prop_code='' prop_status='' prop_result=''
    prop_restarts='' prop_reload='' prop_file='' prop_group='' prop_type='' prop_began=''
    props=$(systemctl show --no-pager -p LoadState -p ActiveState -p SubState -p MainPID -p ExecMainPID \
        -p ExecMainCode -p ExecMainStatus -p Result -p NRestarts -p NeedDaemonReload -p UnitFileState -p ControlGroup \
        -p Type -p ExecMainStartTimestampMonotonic -- "$1" 2>&1) || refuse failed "systemctl show $1: $props"
    IFS=$nl
    for line in $props; do
        value=${line#*=}
        case $line in
            LoadState=*) prop_load=$value ;;
            ActiveState=*) prop_active=$value ;;
            SubState=*) prop_sub=$value ;;
            MainPID=*) prop_main=$value ;;
            ExecMainPID=*) prop_exec=$value ;;
            ExecMainCode=*) prop_code=$value ;;
            ExecMainStatus=*) prop_status=$value ;;
            Result=*) prop_result=$value ;;
            NRestarts=*) prop_restarts=$value ;;
            NeedDaemonReload=*) prop_reload=$value ;;
            UnitFileState=*) prop_file=$value ;;
            ControlGroup=*) prop_group=$value ;;
            Type=*) prop_type=$value ;;
            ExecMainStartTimestampMonotonic=*) prop_began=$value ;;
        esac
    done
    unset IFS
    case $prop_load in
        masked) refuse masked "$1 is masked" ;;
        not-found) refuse missing "$1 is not known to systemd" ;;
        loaded) ;;
        *) refuse failed "$1 is in load state '$prop_load'" ;;
    esac
}

tell_unit() {
    tell active "$prop_active"
    tell sub "$prop_sub"
    tell result "$prop_result"
    tell restarts "${prop_restarts:-0}"
    tell reload "$prop_reload"
    tell file-state "$prop_file"
    # ExecMainCode is the CLD_ value of waitid: 1 exited, 2 killed, 3 dumped core; 0 while it runs.
    case $prop_code in
        1) tell exit-code "$prop_status" ;;
        2 | 3) tell exit-signal "$prop_status" ;;
    esac
}

# Where it is said for one start that a unit joins a cluster that is there.
joining_drop_in() { # UNIT
    printf '/run/systemd/system/%s.d/zz-quorate-joining.conf' "$1"
}
