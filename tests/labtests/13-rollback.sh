#!/usr/bin/env bash
# Going back on real hosts, on a cluster that somebody else installed (systemd, a
# user with sudo, TLS, a data directory with a blank in its name): all members'
# rollback points, over SSH. quorate is killed when the first member has its old
# data again, and that host is powered off and on, so that systemd starts the
# member by itself. rollback then finishes from the notes alone.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# shellcheck disable=SC2153 # from etcd.env
lab_endpoint() { tr , '\n' <<<"$ENDPOINTS" | sed -n "${1#h}p"; }
runs_version() { "${IN_NET[@]}" curl -fsS -m 5 "${CURL_TLS[@]}" "$(lab_endpoint "$2")/version" | grep "\"etcdserver\":\"$1\""; }
is_well() { "${IN_NET[@]}" curl -fsS -m 5 "${CURL_TLS[@]}" "$(lab_endpoint "$1")/health" | grep true; }
owner_and_mode() { on_host "$1" "stat -c '%U:%G %a' '$DATA' '$DATA/member' '$BINARY'"; }
has_replaced_one() {
  jq -e -s 'any(.entry == "outcome" and .effect.effect == "replace-binary")' "$(journal)" || ! kill -0 "$1"
}
runs_something() { on_host "$1" "systemctl show -p MainPID '$UNIT' | grep '=[1-9]'"; }
no_note() { on_host "$1" "! ls '$DATA'.quorate-replacing '$DATA'.quorate-in-*" >/dev/null 2>&1; }

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_lab 3 --tls
lab_etcd 3.1.20 --config flags --tls --user etcd --data "/srv/etcd data"
put_data_v2 "$(lab_endpoint h1)"
before=$(data_v2 "$(lab_endpoint h2)")
each_lab_host owner_and_mode >"$WORK/owners.before"
use_lab_spec back adopt-all 'user = "deploy"' 'become = "sudo"' 'data_dir = "/srv/etcd data"' \
  'client = { ca = "/etc/etcd/pki/ca.crt", cert = "/etc/etcd/pki/client.crt", key = "/etc/etcd/pki/client.key" }'
apply 3.2.32
"${IN_NET[@]}" curl -fsS -m 5 -o /dev/null "${CURL_TLS[@]}" -X PUT -d value=late "$(lab_endpoint h1)/v2/keys/data/late"
run_expect 1 quorate rollback -auto-approve -var release=3.2.32
assert_contains "$(squeezed "$OUT")" "do quorate rollback -points -to 3.1.20"

# faults: C1
say "killed when h1 has its old data again"
"${IN_NET[@]}" "$QUORATE" -chdir="$SPEC" rollback -points -auto-approve -var release=3.2.32 >"$WORK/killed" 2>&1 </dev/null &
pid=$!
on_exit end_process "$pid"
wait_for 120 "the first member is replaced" has_replaced_one "$pid"
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
run_expect 1 quorate plan -var release=3.2.32
assert_contains "$OUT$ERR" replacement-under-way

# faults: H3
say "h1 is powered off and on"
"$TESTS/lab/power" h1 cycle
# It finds no quorum, so it never says that it serves.
wait_for 60 "systemd has started the member of h1" runs_something h1
rm -rf "$SPEC/.quorate"
run_expect 0 quorate rollback -auto-approve -var release=3.2.32
note_done
assert_contains "$OUT" "the data of 3 members is equal, every key read"
each_lab_host runs_version 3.1.20 >"$WORK/versions"
each_lab_host is_well >"$WORK/health"
each_lab_host no_note
assert_eq "$(data_v2 "$(lab_endpoint h3)")" "$before" "v2 data"
each_lab_host owner_and_mode >"$WORK/owners.after"
diff "$WORK/owners.before" "$WORK/owners.after" || fail "owners or modes are not as they were"
nothing_left 3.1.20
run_expect 0 quorate rollback -auto-approve -var release=3.2.32
assert_contains "$OUT" "Nothing to roll back."
