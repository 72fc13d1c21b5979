#!/usr/bin/env bash
# Hosts that lose power while their member is in hand: stopped, swapped, starting.
# systemd brings the member up as it then is; apply finishes; the client that
# writes all the way loses nothing. A unit that would not come up is warned of.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/faults.sh
. "$TESTS/specs/faults.sh"

is_healthy() { "${IN_NET[@]}" curl -fsS -m 2 "http://10.77.0.1${1#h}:2379/health" | grep true; }
all_healthy() { is_healthy h1 && is_healthy h2 && is_healthy h3; }
version_of() { "${IN_NET[@]}" curl -fsS -m 2 "http://10.77.0.1${1#h}:2379/version" | text_field etcdserver; }

# faults: H3
# loses_power ENTRY EFFECT: at that line of the journal, the host of the member in hand.
loses_power() {
  local host status=0
  begin 3.2.32
  hold_at "$1" "$2"
  host=$(in_hand)
  "$TESTS/lab/power" "$host" cycle
  wait_for 60 "$host is back" on_host "$host" true
  wait_for 60 "$host is healthy" is_healthy "$host"
  resume
  wait "$APPLY" || status=$?
  [[ $status == 0 || $status == 1 ]] || fail "apply ended with $status: $(tail -n 30 "$WORK/apply")"
  [[ $(stopped_members | wc -w) -le 3 ]] || fail "a member was stopped twice: $(stopped_members)"
  wait_for 30 "all are healthy" all_healthy
  echo "note: power lost at $1 $2 on $host: apply ended with $status; then $(for h in h1 h2 h3; do version_of $h; done | xargs)"
}

# faults: H3
not_enabled() {
  on_host h3 'systemctl --quiet disable etcd.service'
  run_expect 2 quorate plan -detailed-exitcode -var release=3.2.32
  assert_contains "$(squeezed "$OUT")" "etcd.service is not enabled on h3: after a reboot of the host the member stays down"
  on_host h3 'systemctl --quiet enable etcd.service'
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_lab 3
lab_etcd 3.1.20 --config flags --user etcd
use_lab_spec reboots adopt
# shellcheck disable=SC2153 # from etcd.env
start_writer reboots "$ENDPOINTS" "${WRITER_TLS[@]}"
say "a unit that is not enabled"
not_enabled
say "power lost while the member is stopped"
loses_power outcome stop
say "power lost after the swap"
nothing_is_left() { quorate plan -detailed-exitcode -var release=3.2.32; }
nothing_is_left >/dev/null || loses_power outcome swap-binary
say "power lost during the start"
nothing_is_left >/dev/null || loses_power intent start
nothing_is_left >/dev/null || apply 3.2.32
for host in h1 h2 h3; do assert_eq "$(version_of "$host")" 3.2.32 "version of $host"; done
stop_writer reboots
