# Says for one start that a unit joins a cluster that is there: UNIT WORDS. WORDS are put at the end of the unit's own command,
# quoted as a unit file wants them: to etcd the last of one name counts, and whatever else the unit does to start it stays.
# Below /run, so that a reboot takes it away; the unit itself stays as it is.
main() {
    unit_props "$1"
    drop_in=$(joining_drop_in "$1")
    # What an earlier try left would be in the command already.
    if [ -e "$drop_in" ]; then
        rm -f -- "$drop_in"
        systemctl daemon-reload >/dev/null 2>&1
    fi
    command=$(own_command "$1")
    [ -n "$command" ] || refuse failed "the command of $1 is not one that words can be put at the end of (busctl is needed too)"
    said=$({ mkdir -p -- "${drop_in%/*}" &&
        printf '[Service]\nExecStart=\nExecStart=%s %s\n' "$command" "$2" >"$drop_in.part" &&
        mv -f -- "$drop_in.part" "$drop_in"; } 2>&1) || {
        rm -f -- "$drop_in.part"
        refuse_failed "writing $drop_in" "$said"
    }
    said=$(systemctl daemon-reload 2>&1) || refuse failed "systemctl daemon-reload: $said"
    tell path "$drop_in"
    done_with ok
}

# The one command of the unit, word by word in quotes, as systemd has it: what `%` stands for is in it, what `$` stands for is
# not yet. Nothing where there is none, or more than one.
own_command() { # UNIT
    set -- "$(busctl --no-pager call org.freedesktop.systemd1 /org/freedesktop/systemd1 \
        org.freedesktop.systemd1.Manager LoadUnit s "$1" 2>/dev/null)"
    object=${1#*\"}
    busctl --no-pager get-property org.freedesktop.systemd1 "${object%\"*}" org.freedesktop.systemd1.Service ExecStart 2>/dev/null |
        awk '$2 == 1 {
            rest = $0
            while (match(rest, /"([^"\\]|\\.)*"/)) {
                word[++words] = substr(rest, RSTART, RLENGTH)
                rest = substr(rest, RSTART + RLENGTH)
            }
            # The path of the program, then its own name for itself, then what it is given.
            line = word[1]
            for (i = 3; i <= words; i++) line = line " " word[i]
            gsub(/%/, "%%", line)
            print line
        }'
}
main "$@" </dev/null
