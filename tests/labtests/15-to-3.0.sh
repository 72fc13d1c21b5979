#!/usr/bin/env bash
# 2.3 -> 3.0 and back on real hosts, on a cluster that somebody else installed
# (systemd, a user with sudo, TLS, a data directory with a blank in its name, a
# wrapper on one host): two members leave and join again by rollback. Units,
# owners and modes stay as they were.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# shellcheck disable=SC2153 # from etcd.env
lab_endpoint() { tr , '\n' <<<"$ENDPOINTS" | sed -n "${1#h}p"; }
runs_version() { "${IN_NET[@]}" curl -fsS -m 5 "${CURL_TLS[@]}" "$(lab_endpoint "$2")/version" | grep "\"etcdserver\":\"$1\""; }
is_well() { "${IN_NET[@]}" curl -fsS -m 5 "${CURL_TLS[@]}" "$(lab_endpoint "$1")/health" | grep true; }
owner_and_mode() { on_host "$1" "stat -c '%U:%G %a' '$DATA' '$DATA/member' '$BINARY'"; }
# shellcheck disable=SC2016 # the host expands it
unit_of() { on_host "$1" "systemctl cat '$UNIT'; systemctl show -p NeedDaemonReload -p DropInPaths '$UNIT'"; }
set_aside() { on_host "$1" "ls -d '$DATA'.quorate-replaced-* && ! ls -d '$DATA'.quorate-replacing /run/systemd/system/$UNIT.d 2>/dev/null"; }
all_back() {
  each_lab_host runs_version 2.3.8 >"$WORK/versions"
  each_lab_host is_well >"$WORK/health"
  each_lab_host unit_of >"$WORK/units.now"
  diff "$WORK/units" "$WORK/units.now" || fail "units are not as they were"
  each_lab_host owner_and_mode >"$WORK/owners.now"
  diff "$WORK/owners" "$WORK/owners.now" || fail "owners or modes are not as they were"
  assert_eq "$(data_v2 "$(lab_endpoint h3)")" "$before" "v2 data"
}
stopped() { jq -r 'select(.entry == "intent" and .effect.operation.type == "stop") | .effect.member' "$(journal)"; }

"$TESTS/fixtures/release-dir" "$RELEASES" 2.3.8 3.0.17
start_lab 3 --tls
lab_etcd 2.3.8 --config flags --tls --user etcd --data "/srv/etcd data"
# shellcheck disable=SC2016 # the host expands it
on_host h1 "printf '#!/bin/sh\nETCD_DATA_DIR=\"%s\" exec %s \"\$@\"\n' '$DATA' '$BINARY' >/opt/run-etcd && chmod 755 /opt/run-etcd &&
  sed -i 's|^ExecStart=$BINARY|ExecStart=/opt/run-etcd|' '/etc/systemd/system/$UNIT' && systemctl daemon-reload && systemctl restart '$UNIT'"
wait_for 30 "h1 is well" is_well h1
put_data_v2 "$(lab_endpoint h1)"
before=$(data_v2 "$(lab_endpoint h2)")
each_lab_host owner_and_mode >"$WORK/owners"
each_lab_host unit_of >"$WORK/units"
use_lab_spec to30 adopt-all 'user = "deploy"' 'become = "sudo"' 'data_dir = "/srv/etcd data"' \
  'client = { ca = "/etc/etcd/pki/ca.crt", cert = "/etc/etcd/pki/client.crt", key = "/etc/etcd/pki/client.key" }'

say "two up and back"
run_expect 0 quorate apply -auto-approve -var release=3.0.17 -var hold_before=no-return
assert_eq "$(stopped | wc -l)" 2 "members that were stopped"
run_expect 0 quorate rollback -auto-approve -var release=3.0.17
note_done
for host in $(stopped); do set_aside "$host"; done
all_back
nothing_left 2.3.8
# From its next start on a member goes by its data.
on_host h1 systemctl restart "$UNIT"
wait_for 30 "h1 is well" is_well h1
all_back

say "up"
apply 3.0.17
each_lab_host runs_version 3.0.17 >"$WORK/versions"
assert_eq "$(data_v2 "$(lab_endpoint h3)")" "$before" "v2 data"
