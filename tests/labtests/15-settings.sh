#!/usr/bin/env bash
# Options that the new version does not accept, on hosts that somebody else set up: in
# a unit over several lines, in a drop-in, in etcd's config file. Refused, rewritten
# in place, put back by a rollback; nothing else of the files changes.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

drop_in=/etc/systemd/system/etcd.service.d/10-options.conf
unit=/etc/systemd/system/etcd.service
config=/etc/etcd.yml

# Options of the old version: h1 in its unit, h2 in a drop-in, h3 in a config file.
# shellcheck disable=SC2016 # the hosts expand these
with_options() {
  on_host h1 "sed -i 's|^ExecStart=.*|&\n  --debug \\\\|' $unit"
  on_host h2 "mkdir -p ${drop_in%/*} && { echo '# ours'; echo '[Service]'; echo ExecStart=;
    sed -n '/^ExecStart=/,/[^\\\\]\$/p' $unit | tr -d '\\\\\\n'; echo ' --log-output=stderr --logger=zap'; } >$drop_in && chmod 640 $drop_in"
  on_host h3 "{ echo '# by hand'; sed -n '/^ExecStart=/,/[^\\\\]\$/p' $unit | tr -d '\\\\\"' | tr ' ' '\\n' |
    sed -n 's/^--\\([a-z-]*\\)=\\(.*\\)\$/\\1: \"\\2\"/p'; echo 'debug: true   # for a while'; } >$config &&
    sed -i '/^ExecStart=/,/[^\\\\]\$/c ExecStart=$BINARY --config-file=$config' $unit"
  local host
  for host in h1 h2 h3; do
    # shellcheck disable=SC2153 # from etcd.env
    on_host "$host" "systemctl daemon-reload && systemctl restart $UNIT"
    wait_for 60 "$host is up again" on_host "$host" systemctl is-active "$UNIT"
  done
}

# Texts of all files that were touched, with mode and owner.
files() {
  on_host h1 "cat $unit; stat -c '%a %U' $unit"
  on_host h2 "cat $drop_in; stat -c '%a %U' $drop_in"
  on_host h3 "cat $config; stat -c '%a %U' $config"
}
# What is started now, by systemd, and that it has read its units.
started_with() { on_host "$1" "systemctl show -p NeedDaemonReload $UNIT; tr '\\0' '\\n' </proc/\$(systemctl show -p MainPID --value $UNIT)/cmdline"; }

"$TESTS/fixtures/release-dir" "$RELEASES" 3.4.23 3.5.33
start_lab 3
lab_etcd 3.4.23 --config flags
# A database that was never written would stop the rung to 3.5.
"${IN_NET[@]}" curl -fsS -m 5 -o /dev/null http://10.77.0.11:2379/v3/kv/put -d '{"key": "YQ==", "value": "YQ=="}'
with_options
use_lab_spec settings adopt
before=$(files)

say "refused, with the change that would do"
run_expect 1 quorate plan -var release=3.5.33
for word in "--debug is set as an argument of h1" "--log-output is set as an argument of h2" "+++ $unit" "+++ $drop_in"; do
  assert_contains "$(squeezed "$OUT$ERR")" "$word"
done

say "rewritten, and back"
run_expect 0 quorate apply -auto-approve -var release=3.5.33 -var settings_policy=rewrite -var hold_before=no-return
assert_contains "$(squeezed "$OUT")" "the spec says hold_before"
run_expect 0 quorate rollback -auto-approve -var release=3.5.33 -var settings_policy=rewrite
assert_eq "$(files)" "$before" "the files after the rollback"

say "rewritten"
apply 3.5.33 -var settings_policy=rewrite
after=$(sed -e 's/--debug/--log-level=debug/' -e 's/--log-output=/--log-outputs=/' -e 's/^debug: true /log-level: "debug" /' <<<"$before")
assert_eq "$(files)" "$after" "the files after the upgrade"
assert_contains "$(started_with h1)" "--log-level=debug"
assert_contains "$(started_with h2)" "--log-outputs=stderr"
for host in h1 h2 h3; do assert_contains "$(started_with "$host")" "NeedDaemonReload=no"; done
