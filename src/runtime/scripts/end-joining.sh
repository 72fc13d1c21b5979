# Takes away what said for one start that a unit joins a cluster that is there: UNIT. What runs goes on.
main() {
    drop_in=$(joining_drop_in "$1")
    if [ -e "$drop_in" ]; then
        said=$(rm -f -- "$drop_in" 2>&1) || refuse_failed "removing $drop_in" "$said"
        rmdir -- "${drop_in%/*}" 2>/dev/null
        said=$(systemctl daemon-reload 2>&1) || refuse failed "systemctl daemon-reload: $said"
    fi
    done_with ok
}
main "$@" </dev/null
