# Says for one start that a unit joins a cluster that is there: UNIT COMMAND. COMMAND is what a unit file has after ExecStart=.
# Below /run, so that a reboot takes it away; the unit itself stays as it is.
main() {
    unit_props "$1"
    drop_in=$(joining_drop_in "$1")
    said=$({ mkdir -p -- "${drop_in%/*}" && printf '[Service]\nExecStart=\nExecStart=%s\n' "$2" >"$drop_in.part" &&
        mv -f -- "$drop_in.part" "$drop_in"; } 2>&1) || {
        rm -f -- "$drop_in.part"
        refuse_failed "writing $drop_in" "$said"
    }
    said=$(systemctl daemon-reload 2>&1) || refuse failed "systemctl daemon-reload: $said"
    tell path "$drop_in"
    done_with ok
}
main "$@" </dev/null
