#!/bin/sh
# The probe: one look at a host. Constant text; everything that varies comes as arguments.
#
#   probe.sh NONCE MODE NAME OBJECT DIR STORE LOOK...
#
#   NONCE   marks begin and end of the answer, so that banners and echoing rc files around it do no harm
#   MODE    systemd: NAME is a unit, OBJECT its D-Bus path
#           process: NAME is a member, DIR the folder of the process runtime
#           look:    only the LOOK arguments are answered; NAME, OBJECT and DIR are the account, group and further
#                    groups that the member runs as, - where it is the account that looks
#   STORE   where staged releases are: STORE/VERSION/etcd
#   LOOK    data=PATH  binary=PATH  config=PATH  cert=PATH  key=PATH  secret=PATH  env=PATH; or a file by its print,
#           whose digest or version is known and not taken again: digest-of=PRINT  version-of=PRINT
#
# The answer is lines that start with @, a key and words. Lines that follow one belong to it: text where they start with
# >, else base64. It changes nothing on the host. Of environments it tells ETCD_* variables and those that the
# unit puts on the command line; of units, those that hold no secret; of certificate files, certificates; private keys only where `secret` asks for them.

most=262144
nl='
'

# A key and words on one line; a value that would break the line is left out.
tell() {
    IFS=' '
    line_of_words=$*
    IFS=$nl
    case $line_of_words in
        *"$nl"*) ;;
        *) printf '@%s\n' "$line_of_words" ;;
    esac
}

# seen LIST VALUE: whether VALUE is a line of LIST.
seen() {
    case $nl$1 in
        *"$nl$2$nl"*) return 0 ;;
        *) return 1 ;;
    esac
}

# absolute PATH BASE: sets $path; fails where it cannot be known here.
absolute() {
    path=${1%/}
    case $path in
        '' | *"$nl"* | *'$'*) return 1 ;;
        /*) return 0 ;;
    esac
    case $2 in
        /*) path=${2%/}/${path#./} ;;
        *) return 1 ;;
    esac
}

# want KIND PATH: remembers something to look at, once, a bounded number of times.
want() {
    [ "$wanted_count" -lt 64 ] || return 0
    if ! seen "$wanted" "$1=$2"; then
        wanted=$wanted$1=$2$nl
        wanted_count=$((wanted_count + 1))
    fi
}

# consider OPTION VALUE BASE: an option of the member that names a path.
consider() {
    case $1 in
        data-dir | wal-dir) absolute "$2" "$3" && want data "$path" ;;
        config-file) absolute "$2" "$3" && want config "$path" ;;
        cert-file | peer-cert-file | client-cert-file | peer-client-cert-file | trusted-ca-file | peer-trusted-ca-file | ca-file | peer-ca-file)
            absolute "$2" "$3" && want cert "$path"
            ;;
        key-file | peer-key-file | client-key-file | peer-client-key-file) absolute "$2" "$3" && want key "$path" ;;
    esac
    return 0
}

# consider_words BASE: options among the lines of $words, as a command line has them.
consider_words() {
    pending=
    for word in $words; do
        word=${word%\"}
        word=${word#\"}
        if [ -n "$pending" ]; then
            consider "$pending" "$word" "$1"
            pending=
            continue
        fi
        case $word in
            -*=*)
                option=${word%%=*}
                option=${option#-}
                consider "${option#-}" "${word#*=}" "$1"
                ;;
            --data-dir | --wal-dir | --config-file | --*-file) pending=${word#--} ;;
            -data-dir | -wal-dir | -config-file | -*-file) pending=${word#-} ;;
        esac
    done
}

# consider_variables BASE: options among the lines of $words, as an environment has them.
consider_variables() {
    for word in $words; do
        word=${word#\"}
        value=${word#*=}
        value=${value#[\"\']}
        value=${value%[\"\']}
        case $word in
            ETCD_DATA_DIR=*) consider data-dir "$value" "$1" ;;
            ETCD_WAL_DIR=*) consider wal-dir "$value" "$1" ;;
            ETCD_CONFIG_FILE=*) consider config-file "$value" "$1" ;;
            ETCD_PEER_*CERT_FILE=* | ETCD_CERT_FILE=* | ETCD_CLIENT_CERT_FILE=* | ETCD_*CA_FILE=*) consider cert-file "$value" "$1" ;;
            ETCD_*KEY_FILE=*) consider key-file "$value" "$1" ;;
        esac
    done
}

# consider_config FILE BASE: options in a config file, where they stand plainly on a line of their own.
consider_config() {
    words=$(head -c "$most" "$1" 2>/dev/null | grep -aE '^[[:space:]]*"?(data-dir|wal-dir|[a-z-]*-file)"?[[:space:]]*:' | head -n 32 | tr -d "\"' \t\r")
    for word in $words; do
        consider "${word%%:*}" "${word#*:}" "$2"
    done
}

# Variables of a file or list, one a line, without those that are nobody's business: $1 holds further names.
ours() {
    grep -aE "^[[:space:]]*(export[[:space:]]+)?(ETCD_[A-Za-z0-9_]*$1)=" | grep -aviE '^[^=]*(PASSWORD|SECRET)[^=]*='
}

encode() {
    printf '@%s\n' "$1"
    base64
}

# Text without zero bytes, whose empty lines do not matter: costs no process.
tell_text() { # KEY TEXT
    printf '@%s\n' "$1"
    # shellcheck disable=SC2086 # a line each, split on purpose
    [ -z "$2" ] || printf '>%s\n' $2
}

# The words of $1, which are separated by spaces, as lines of $words.
split() {
    words=
    IFS=' '
    for word in $1; do words=$words$word$nl; done
    IFS=$nl
}

# --- processes

# The command line of $pid as lines of $words, read at most once.
words_of_process() {
    [ -z "$have_words" ] || return 0
    have_words=yes
    words=$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | head -c "$most")
}

# link_of NAME: $found is where the link NAME of $pid leads, empty where that cannot be known.
link_of() {
    found=
    for line in $links; do
        # The first of these is the link's own name: what follows the arrow is somebody's choice.
        link=${line#*' /proc/'}
        case $link in
            "$pid/$1 -> "*)
                found=${link#"$pid/$1 -> "}
                break
                ;;
        esac
    done
    # Some write a question mark for what they cannot print.
    case ${links:+known}:$found in
        : | *'?'*) found=$(readlink "/proc/$pid/$1" 2>/dev/null) ;;
    esac
}

# fact_of PATH: $found is what is known of it, empty where it is gone.
fact_of() {
    found=
    for line in $facts; do
        case $line in
            "$1|"*)
                found=${line#*"|"}
                return 0
                ;;
        esac
    done
}

# One process for each question, whatever the number of those that are asked about: on a host it costs more than the answer.
ask_of_all() { # PID...
    asked_links='' asked_facts='' asked_environs=''
    for pid in "$@"; do
        asked_links=$asked_links/proc/$pid/exe$nl/proc/$pid/cwd$nl
        asked_facts=$asked_facts/proc/$pid$nl/proc/$pid/exe$nl
        asked_environs=$asked_environs/proc/$pid/environ$nl
    done
    # shellcheck disable=SC2012,SC2086 # names below /proc are numbers; lists of lines, split on purpose
    links=$(ls -ld $asked_links 2>/dev/null)
    # Where a name has a line break, what a line says is anybody's guess (one link is told twice then, or a line is none of
    # these): each link is read by itself then.
    told_links=
    for line in $links; do
        link=${line#*' /proc/'}
        link=${link%%' -> '*}
        case $line in
            l*' /proc/'[0-9]*'/'[ce][wx][de]' -> '* | l*' /proc/'[0-9]*'/'[ce][wx][de]) ;;
            *) link='' ;;
        esac
        if [ -z "$link" ] || seen "$told_links" "$link"; then
            links=
            break
        fi
        told_links=$told_links$link$nl
    done
    # shellcheck disable=SC2086
    facts=$(stat -L -c '%n|%U %u|%d:%i|%d:%i:%s:%y:%z' $asked_facts 2>/dev/null)
    # shellcheck disable=SC2086
    with_options=$(grep -alsz '^ETCD_' $asked_environs 2>/dev/null)$nl
}

tell_process() {
    pid=$1
    stat=
    IFS= read -r stat 2>/dev/null <"/proc/$pid/stat" || return 0
    IFS=' '
    # shellcheck disable=SC2086 # split on purpose: the fields after the name in parentheses
    set -- ${stat##*) }
    IFS=$nl
    [ "${1:-Z}" != Z ] || return 0
    shift 19
    started=${1:-0}
    link_of exe
    exe=$found
    link_of cwd
    cwd=$found
    # Only etcd itself is told, and what the unit or the pid file names: not an editor that has a file of that name open.
    looks='etcd' words='' have_words=''
    case ${exe% (deleted)} in
        */etcd) ;;
        # What starts and watches etcd has its name among the arguments.
        */sh | */dash | */bash | */busybox)
            [ "$pid" = "$main_pid" ] || [ "$pid" = "$file_pid" ] || return 0
            looks='other'
            ;;
        *)
            words_of_process
            first=
            for first in $words; do break; done
            case $first in
                etcd | */etcd) ;;
                *)
                    looks='other'
                    [ "$pid" = "$main_pid" ] || [ "$pid" = "$file_pid" ] || return 0
                    ;;
            esac
            ;;
    esac
    # One line for the process, one for what it runs.
    fact_of "/proc/$pid"
    tell process "$pid" "$started" "${found%%|*}"
    fact_of "/proc/$pid/exe"
    inode=${found#*|}
    print=${inode##*|}
    inode=${inode%|*}
    if [ -n "$exe" ]; then
        tell exe "${inode:--}" "$exe"
    fi
    tell cwd "$cwd"
    group=
    while IFS= read -r line; do
        case $line in
            *:name=systemd:*.service* | 0::*.service*) group=${line##*:} ;;
        esac
    done 2>/dev/null <"/proc/$pid/cgroup"
    tell cgroup "$group"
    if [ -n "$words" ] && [ "${#words}" -lt "$((most - 1))" ]; then
        encode cmdline 2>/dev/null <"/proc/$pid/cmdline"
    else
        head -c "$most" "/proc/$pid/cmdline" 2>/dev/null | encode cmdline
    fi
    environ='denied'
    if [ -r "/proc/$pid/environ" ]; then
        environ='read'
        if seen "$with_options" "/proc/$pid/environ"; then
            environ='read with options'
            head -c "$most" "/proc/$pid/environ" 2>/dev/null | grep -az '^ETCD_' | grep -azviE '^[^=]*(PASSWORD|SECRET)[^=]*=' | encode environ
        fi
    fi
    tell environ-is "${environ%% *}"
    is_ours=no
    case $mode in
        systemd)
            case $pid:$group in
                "$main_pid":* | *:*/"$name" | *:*/"$name"/*) is_ours=yes ;;
            esac
            ;;
        process) [ "$pid" != "$file_pid" ] || is_ours=yes ;;
    esac
    if [ "$is_ours" = yes ]; then
        if [ -n "$inode" ]; then
            want_digest "$inode" "/proc/$pid/exe" "$print"
            running=$running$inode$nl
        fi
        words_of_process
        consider_words "$cwd"
        for first in $words; do
            case $looks:$first in etcd:/*) want binary "$first" ;; esac
            break
        done
        case $looks:$exe in
            *' (deleted)') ;;
            etcd:/*) want binary "$exe" ;;
        esac
        if [ "$environ" = 'read with options' ]; then
            words=$(head -c "$most" "/proc/$pid/environ" 2>/dev/null | tr '\0' '\n' | grep -a '^ETCD_')
            consider_variables "$cwd"
        fi
        [ -z "$base" ] && base=$cwd
    fi
}

tell_processes() {
    pids=
    set +f
    # One process for all of them; a readlink for each would cost more than everything else.
    # shellcheck disable=SC2012 # names below /proc are numbers
    exes=$(ls -ld /proc/[0-9]*/exe 2>/dev/null)
    # A superset of those whose argv[0] is etcd; tell_process looks closer.
    lines=$(grep -alszE '^(.*/)?etcd$' /proc/[0-9]*/cmdline 2>/dev/null)
    set -f
    for line in $exes; do
        case $line in
            *'/exe -> '*/etcd | *'/exe -> '*'/etcd (deleted)')
                line=${line%%/exe -> *}
                pids=$pids${line##*/proc/}$nl
                ;;
        esac
    done
    for line in $lines; do
        line=${line#/proc/}
        seen "$pids" "${line%/cmdline}" || pids=$pids${line%/cmdline}$nl
    done
    for pid in $main_pid $file_pid; do
        seen "$pids" "$pid" || pids=$pids$pid$nl
    done
    told_pids='' count=0 more=''
    for pid in $pids; do
        [ "$pid" != "$$" ] || continue
        count=$((count + 1))
        if [ "$count" -gt 64 ]; then
            more=yes
            break
        fi
        told_pids=$told_pids$pid$nl
    done
    [ -n "$told_pids" ] || return 0
    # shellcheck disable=SC2086 # a list of lines, split on purpose
    ask_of_all $told_pids
    for pid in $told_pids; do tell_process "$pid"; done
    [ -z "$more" ] || tell more-processes
}

# --- the unit

tell_unit() {
    command -v systemctl >/dev/null 2>&1 || return 0
    show=$(systemctl show --no-pager -p Id -p LoadState -p ActiveState -p SubState -p UnitFileState -p MainPID \
        -p NeedDaemonReload -p Type -p Restart -p FragmentPath -p DropInPaths -p TimeoutStopUSec -p User \
        -p Group -p SupplementaryGroups \
        -p WorkingDirectory -p ExecStart -p EnvironmentFiles -p Environment -- "$name" 2>/dev/null)
    [ -n "$show" ] || return 0
    names=
    files=
    told=
    environment=
    for line in $show; do
        case $line in
            Environment=*)
                environment=$environment${line#*=}$nl
                continue
                ;;
            # Nothing else: a value of the environment could have lines of its own.
            Id=* | LoadState=* | ActiveState=* | SubState=* | UnitFileState=* | MainPID=* | NeedDaemonReload=* | Type=* | Restart=* | \
                FragmentPath=* | DropInPaths=* | TimeoutStopUSec=* | User=* | Group=* | SupplementaryGroups=* | WorkingDirectory=* | \
                ExecStart=* | EnvironmentFile*=*) told=$told$line$nl ;;
            *) continue ;;
        esac
        case $line in
            MainPID=0) ;;
            MainPID=*) main_pid=${line#*=} ;;
            FragmentPath=/*) files=${line#*=}$nl$files ;;
            DropInPaths=/*)
                split "${line#*=}"
                files=$files$words
                ;;
            WorkingDirectory=/*) base=${line#*=} ;;
            User=*) account=${line#*=} ;;
            Group=*) account_group=${line#*=} ;;
            SupplementaryGroups=*) account_groups=${line#*=} ;;
            EnvironmentFile*=/*)
                file=${line#*=}
                want env "${file% (ignore_errors=*}"
                ;;
            ExecStart=*)
                start=${line#*argv\[\]=}
                start=${start%% ; ignore_errors=*}
                split "$start"
                consider_words "${base:-/}"
                for word in $words; do
                    case $word in /*) want binary "$word" ;; esac
                    break
                done
                # What the unit puts on the command line is no secret of its environment.
                case $start in
                    *'$'*)
                        for word in $(printf '%s\n' "$start" | grep -oE '[$][{]?[A-Za-z_][A-Za-z0-9_]*'); do
                            word=${word#?}
                            names="$names|${word#\{}"
                        done
                        ;;
                esac
                ;;
        esac
    done
    tell_text unit "$told"
    unit_files=$files
    for file in $files; do
        grep -aqiE 'password|secret' "$file" 2>/dev/null || head -c "$most" "$file" 2>/dev/null | encode "unit-file $file"
    done
    [ -n "$base" ] || base=/
    if command -v busctl >/dev/null 2>&1; then
        # Exact, where `systemctl show` joins arguments with spaces.
        tell_text exec "$(busctl --no-pager get-property org.freedesktop.systemd1 "$object" org.freedesktop.systemd1.Service ExecStart 2>/dev/null)"
    fi
    # One variable a line; of a value with spaces, systemctl puts quotes around the whole.
    if [ -n "$environment" ]; then
        printf '%s' "$environment" |
            awk '{ out = ""; quoted = 0; n = length($0)
                   for (i = 1; i <= n; i++) { c = substr($0, i, 1)
                       if (c == "\\" && quoted) { i++; out = out substr($0, i, 1) }
                       else if (c == "\"") quoted = !quoted
                       else if (c == " " && !quoted) { print out; out = "" }
                       else out = out c }
                   print out }' | ours "$names" | encode variables
    fi
}

# --- the process runtime

tell_managed() {
    home=$dir/$name
    [ -d "$home" ] || return 0
    tell managed "$home"
    base=$home
    want binary "$home/etcd"
    want data "$home/data"
    if [ -f "$home/args" ]; then
        head -c "$most" "$home/args" 2>/dev/null | encode args
        words=$(head -c "$most" "$home/args" 2>/dev/null)
        consider_words "$home"
    fi
    if [ -f "$home/pid" ]; then
        IFS= read -r file_pid 2>/dev/null <"$home/pid"
        case $file_pid in
            '' | *[!0-9]*) file_pid= ;;
            *)
                tell pid-file "$file_pid"
                [ -d "/proc/$file_pid" ] || file_pid=
                ;;
        esac
    fi
}

# --- what paths lead to

# The nearest folder above that exists: for the free space of what is not there yet.
nearest() {
    near=$1
    while [ ! -e "$near" ]; do
        near=${near%/*}
        [ -n "$near" ] || near=/
    done
}

tell_space() { # PATH DEVICE, which is empty where it is not known
    near=$1 device=$2
    if [ -z "$device" ]; then
        nearest "$1"
        device=$(stat -L -c '%d' "$near" 2>/dev/null)
    fi
    # One file system is asked once.
    case $nl$spaces in
        *"$nl$device:"*)
            space=${spaces#*"$nl$device:"}
            case $spaces in "$device:"*) space=${spaces#"$device:"} ;; esac
            space=${space%%"$nl"*}
            ;;
        *)
            space=$(stat -f -c '%a %S %T' "$near" 2>/dev/null)
            [ -z "$device" ] || spaces=$spaces$device:$space$nl
            ;;
    esac
    tell space "$space $device"
}

# Rollback points beside a data directory, and the note that lies there while data is replaced.
tell_points() {
    if [ -f "$1.quorate-replacing" ]; then
        head -c "$most" "$1.quorate-replacing" 2>/dev/null | encode replacing
    fi
    set +f
    points=
    for file in "$1".quorate-*; do
        case $file in
            "$1".quorate-in-* | "$1".quorate-replaced-*) ;;
            *) [ ! -d "$file" ] || points=$file$nl$points ;;
        esac
    done
    set -f
    count=0
    # The newest first, by their names.
    for file in $points; do
        count=$((count + 1))
        [ "$count" -le 16 ] || break
        tell point "$file"
        set +f
        files=0
        for part in "$file"/*.wal "$file"/member/wal/* "$file"/member/snap/*; do
            [ ! -f "$part" ] || files=$((files + 1))
        done
        set -f
        tell point-files "$files"
        [ -f "$file.json" ] || continue
        head -c 4096 "$file.json" 2>/dev/null | encode point-note
        # Somebody ran on it: it is no copy of that moment any more.
        changed=$(find "$file" -type f -newer "$file.json" 2>/dev/null | head -n 1)
        [ -z "$changed" ] || tell point-changed
    done
}

tell_data() {
    tell data "$1"
    # The folder's own line comes first, that of the database where it is there.
    facts=$(stat -L -c '%d|%a %u %U|%s' "$1" "$1/member/snap/db" 2>/dev/null)
    folder=${facts%%"$nl"*}
    [ -d "$1" ] || folder=
    tell_space "$1" "${folder%%|*}"
    # Copies and notes of quorate are beside what a link leads to; and they are there also when the data is not.
    real=$(cd -P -- "$1" 2>/dev/null && pwd -P) || real=$(readlink -f "$1" 2>/dev/null)
    tell_points "${real:-$1}"
    [ -d "$1" ] || return 0
    folder=${folder#*|}
    tell folder "${folder%|*}"
    [ ! -d "$1/member" ] || tell has-member
    case $facts in *"$nl"*) tell db "${facts##*|}" ;; esac
    set +f
    newest='' before=''
    for file in "$1"/member/snap/*.snap; do
        [ ! -f "$file" ] || { before=$newest; newest=$file; }
    done
    set -f
    if [ -n "$newest" ]; then
        size=$(stat -c %s "$newest" "${before:-$newest}" 2>/dev/null)
        # 2.x writes it in place: while it does, the one before says better how large it will be.
        whole=${size#*"$nl"}
        size=${size%%"$nl"*}
        [ "${size:-0}" -ge "${whole:-0}" ] || size=$whole
        tell snap "$size" "${newest##*/}"
    fi
    measured=$measured$1$nl
}

tell_binary() {
    tell binary "$1"
    if [ ! -e "$1" ]; then
        tell_space "$1" ''
        return 0
    fi
    words=$(stat -L -c '%d:%i %s %a %u %U|%d:%i:%s:%y:%z' "$1" 2>/dev/null)
    inode=${words%% *}
    tell_space "$1" "${inode%%:*}"
    print=${words#*|}
    words=${words%%|*}
    tell file "$inode" "${words#* }"
    # Taken before its digest: says later whether that is still true.
    tell print "$print"
    [ ! -L "$1" ] || tell link "$(readlink -f "$1")"
    [ -n "$inode" ] && [ -f "$1" ] || return 0
    want_digest "$inode" "$1" "$print"
    # What the member runs now is a program, and no script.
    if ! seen "$running" "$inode"; then
        [ "$(head -c 4 "$1" 2>/dev/null | tr -d '\0' | cut -c 2-4)" = ELF ] || return 0
    fi
    tell elf
    # Something around etcd may start it whatever its arguments are: only etcd itself is asked for its version.
    case ${1##*/} in
        etcd | etcd[0-9]* | etcd[-_.][v0-9]*) ;;
        *) return 0 ;;
    esac
    if [ -x "$1" ] && ! seen "$asked" "$inode" && ! seen "$known_versions" "$print"; then
        asked=$asked$inode$nl$1$nl
    fi
}

tell_file() {
    tell "$1" "$2"
    if [ ! -f "$2" ]; then
        tell missing
        return 0
    fi
    tell file - "$(stat -L -c '%s %a %u %U' "$2" 2>/dev/null)"
    case $1 in cert | key) ! denied "$2" || tell denied "$account" ;; esac
    if [ ! -r "$2" ]; then
        tell unreadable
        return 0
    fi
    case $1 in cert | key) tell_public_key "$1" "$2" ;; esac
    [ "$1" != key ] || return 0
    case $1 in
        cert) head -c "$most" "$2" 2>/dev/null | sed -n '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/p' | encode content ;;
        env)
            # Continued lines are joined, as systemd does.
            head -c "$most" "$2" 2>/dev/null | sed -e ':again' -e '/\\$/N; s/\\\n//; t again' | ours "$names" | encode content
            ;;
        *) head -c "$most" "$2" 2>/dev/null | encode content ;;
    esac
}

# denied FILE: whether the account that the member runs as cannot read it. Tried as that account, so folders above and
# access lists count as well: that root can read a file proves nothing. False where it cannot be tried.
denied() {
    [ -n "$account" ] && [ "$(id -u)" = 0 ] || return 1
    if [ -z "$account_ids" ]; then
        account_ids=none
        uid=$(id -u -- "$account" 2>/dev/null) || return 1
        [ "$uid" != 0 ] || return 1
        gid=$(group_id "${account_group:-$(id -g -- "$account" 2>/dev/null)}") || return 1
        groups=$gid
        IFS=' '
        for group in $(id -G -- "$account" 2>/dev/null) $account_groups; do
            group=$(group_id "$group") && groups=$groups,$group
        done
        IFS=$nl
        account_ids="$uid $gid $groups"
    fi
    [ "$account_ids" != none ] || return 1
    ids=$account_ids
    # shellcheck disable=SC2016 # for the inner shell
    can_read='if [ -r "$1" ]; then echo yes; else echo no; fi'
    verdict=$(setpriv --reuid="${ids%% *}" --regid="$gid" --groups="${ids##* }" sh -c "$can_read" sh "$1" 2>/dev/null) ||
        verdict=$(runuser -u "$account" -- sh -c "$can_read" sh "$1" 2>/dev/null)
    [ "$verdict" = no ]
}

group_id() {
    case $1 in
        '') return 1 ;;
        *[!0-9]*)
            entry=$(getent group "$1" 2>/dev/null) || return 1
            entry=${entry#*:*:}
            printf '%s\n' "${entry%%:*}"
            ;;
        *) printf '%s\n' "$1" ;;
    esac
}

# The digest of the public key that belongs to a certificate or to a private key; nothing where openssl is missing.
tell_public_key() {
    case $1 in
        cert) public=$(openssl x509 -in "$2" -noout -pubkey 2>/dev/null) ;;
        key) public=$(openssl pkey -in "$2" -passin pass: -pubout 2>/dev/null) ;;
    esac
    [ -n "$public" ] || return 0
    sum=$(printf '%s\n' "$public" | sha256sum)
    tell public-key "${sum%% *}"
}

want_digest() { # INODE PATH PRINT
    if ! seen "$digested_inodes" "$1"; then
        digested_inodes=$digested_inodes$1$nl
        [ -z "$3" ] || tell print-of "$1" "$3"
        seen "$known_digests" "$3" || digested=$digested$1$nl$2$nl
    fi
}

# Where openssl is there, it takes a third of the time.
digest() {
    # The errors go first: a process may be gone by now, and some shells say so.
    sum=$(openssl dgst -sha256 -r 2>/dev/null <"$1") || sum=$(sha256sum 2>/dev/null <"$1") || return 0
    printf '%s\n' "${sum%% *}"
}

version() {
    if command -v timeout >/dev/null 2>&1; then
        env -i ETCD_UNSUPPORTED_ARCH="$goarch" timeout 5 "$1" --version 2>/dev/null </dev/null | head -n 1 | cut -c 1-120
    else
        env -i ETCD_UNSUPPORTED_ARCH="$goarch" "$1" --version 2>/dev/null </dev/null | head -n 1 | cut -c 1-120
    fi
}

# What takes longest, all at once. Each job writes one short line, so lines do not mix.
heavy() {
    # shellcheck disable=SC2086 # lists of lines, split on purpose
    (
        set -- $digested
        while [ $# -ge 2 ]; do
            { tell sha256 "$1" "$(digest "$2")"; } &
            shift 2
        done
        set -- $asked
        while [ $# -ge 2 ]; do
            { tell version "$1" "$(version "$2")"; } &
            shift 2
        done
        for file in $measured; do
            {
                size=$(du -sk "$file" 2>/dev/null)
                tell size "${size%%[!0-9]*}" "$file"
            } &
        done
        readable=${unit_files:+yes}
        for file in $unit_files; do
            [ -r "$file" ] || readable=
        done
        if [ -n "$readable" ]; then
            {
                case $unit_files in
                    *"$nl"?*) sum=$(cat $unit_files | sha256sum) ;;
                    *) sum=$(sha256sum <"${unit_files%"$nl"}") ;;
                esac
                tell unit-sha256 "${sum%% *}"
            } &
        fi
        wait
    )
}

# The ports that somebody listens on (state 0A), hexadecimal, as the kernel writes them.
tell_listening() {
    # shellcheck disable=SC2046 # a word each, split on purpose
    tell listening $(awk '$4 == "0A" { n = split($2, part, ":"); print part[n] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null | sort -u | head -n 1024)
}

tell_store() {
    # Where a v2 backup is made before it is pulled.
    tell scratch /var/tmp
    tell_space /var/tmp ''
    tell store "$store"
    tell_space "$store" ''
    set +f
    staged=
    for file in "$store"/*/etcd; do
        [ ! -f "$file" ] || staged=$staged$file$nl
    done
    notes=
    for file in "$store"/*/settings.*.json; do
        [ ! -f "$file" ] || notes=$notes$file$nl
    done
    set -f
    count=0
    for file in $notes; do
        count=$((count + 1))
        [ "$count" -le 64 ] || break
        head -c "$most" "$file" 2>/dev/null | encode "kept-settings $file"
    done
    count=0
    for file in $staged; do
        count=$((count + 1))
        [ "$count" -le 32 ] || break
        inode=$(stat -L -c '%d:%i|%d:%i:%s:%y:%z' "$file" 2>/dev/null)
        print=${inode#*|}
        inode=${inode%%|*}
        version=${file%/etcd}
        tell staged "$inode" "${version##*/}"
        want_digest "$inode" "$file" "$print"
    done
}

tell_host() {
    system='' machine=''
    { IFS= read -r system </proc/sys/kernel/ostype && IFS= read -r machine </proc/sys/kernel/arch; } 2>/dev/null || {
        system=$(uname -s)
        machine=$(uname -m)
    }
    case $machine in
        x86_64) goarch=amd64 ;;
        aarch64) goarch=arm64 ;;
        i?86) goarch=386 ;;
        *) goarch=$machine ;;
    esac
    tell machine "$system" "$machine"
    hostname=
    IFS= read -r hostname 2>/dev/null </proc/sys/kernel/hostname
    tell hostname "$hostname"
    [ ! -d /run/systemd/system ] || tell systemd
}

answer_wanted() {
    todo=$wanted
    answered=
    rounds=0
    # A config file names further paths, so what is wanted can grow while it is answered.
    while [ -n "$todo" ] && [ "$rounds" -lt 3 ]; do
        rounds=$((rounds + 1))
        for item in $todo; do
            case $item in
                data=*) tell_data "${item#*=}" ;;
                binary=*) tell_binary "${item#*=}" ;;
                config=*)
                    tell_file config "${item#*=}"
                    consider_config "${item#*=}" "$base"
                    ;;
                env=*)
                    tell_file env "${item#*=}"
                    words=$(grep -aE '^[[:space:]]*ETCD_' "${item#*=}" 2>/dev/null | head -c "$most" | tr -d '\r')
                    consider_variables "$base"
                    ;;
                *) tell_file "${item%%=*}" "${item#*=}" ;;
            esac
            answered=$answered$item$nl
        done
        todo=
        for item in $wanted; do
            seen "$answered" "$item" || todo=$todo$item$nl
        done
    done
}

main() {
    LC_ALL=C
    export LC_ALL
    PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    export PATH
    IFS=$nl
    set -f
    nonce=$1 mode=$2 name=$3 object=$4 dir=$5 store=$6
    shift 6
    wanted='' wanted_count=0 main_pid='' file_pid='' base='' names='' unit_files=''
    running='' spaces=''
    digested='' digested_inodes='' asked='' measured='' goarch='' known_digests='' known_versions=''
    account='' account_group='' account_groups='' account_ids='' gid=''
    if [ "$mode" = look ]; then
        [ "$name" = - ] || account=$name
        [ "$object" = - ] || account_group=$object
        [ "$dir" = - ] || account_groups=$dir
    fi
    for item in "$@"; do
        case $item in
            data=/* | binary=/* | config=/* | cert=/* | key=/* | secret=/* | env=/*) want "${item%%=*}" "${item#*=}" ;;
            digest-of=?*) known_digests=$known_digests${item#*=}$nl ;;
            version-of=?*) known_versions=$known_versions${item#*=}$nl ;;
        esac
    done
    printf '\n@begin %s 1\n' "$nonce"
    for tool in base64 sha256sum stat readlink grep head tr; do
        command -v "$tool" >/dev/null 2>&1 || tell lacks "$tool"
    done
    tell_host
    case $mode in
        systemd) tell_unit ;;
        process) tell_managed ;;
    esac
    if [ "$mode" != look ]; then
        tell_processes
        tell_store
        # Whoever starts a member for the first time has to know which ports are taken.
        [ -n "$running" ] || tell_listening
    fi
    answer_wanted
    heavy
    printf '@end %s\n' "$nonce"
}

main "$@" </dev/null
