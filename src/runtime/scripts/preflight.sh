# Lets a binary parse arguments without starting: BINARY USER ARCH ARG... With --version, etcd parses all its flags, prints
# its version and ends. --version stands first and last, so that no argument can swallow both. No ETCD_* of ours gets in.
# ARCH, where given, is what the member itself has as ETCD_UNSUPPORTED_ARCH.
main() {
    binary=$1 user=$2 arch=$3
    shift 3
    [ -f "$binary" ] || refuse missing "$binary is not there"
    if [ ! -x "$binary" ]; then
        mount=$(df -P -- "$binary" | awk 'NR == 2 { print $6 }')
        options=$(MOUNT=$mount awk '$2 == ENVIRON["MOUNT"] { seen = $4 } END { print seen }' /proc/mounts)
        refuse not-executable "$binary has mode $(stat -c %a -- "$binary"), its file system $mount is mounted $options"
    fi
    set -- "$binary" --version "$@" --version
    [ -z "$arch" ] || set -- "ETCD_UNSUPPORTED_ARCH=$arch" "$@"
    set -- env -i "PATH=$PATH" "$@"
    ran_as=$(id -un)
    if [ -n "$user" ] && [ "$user" != "$ran_as" ] && [ "$(id -u)" = 0 ] && id -u -- "$user" >/dev/null 2>&1; then
        if command -v runuser >/dev/null 2>&1; then
            set -- runuser -u "$user" -- "$@"
            ran_as=$user
        elif command -v setpriv >/dev/null 2>&1; then
            set -- setpriv --reuid "$user" --regid "$(id -g -- "$user")" --init-groups -- "$@"
            ran_as=$user
        fi
    fi
    tell ran-as "$ran_as"
    cd / || refuse failed 'cannot enter /'
    said=$(bounded 20 "$@" 2>&1 </dev/null)
    tell code "$?"
    printf '%s\n' "$said" | head -n 40 | tell_lines said
    done_with ok
}
main "$@" </dev/null
