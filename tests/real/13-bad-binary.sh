#!/usr/bin/env bash
# A release whose etcd does not come up: it is found before the first stop where
# the trial restore starts it; else the member is put back on its old binary,
# the others are never touched, and with a good release apply finishes.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

log_line="this disk does not please me"

# faults: E1 E2
# put_back HOW VARIABLE...: with a release that is bad for members only.
put_back() {
  local how=$1 before others first
  before=$(running)
  run_expect 1 quorate apply -auto-approve -var release=3.2.32 -var "releases=$WORK/$how" -var ready_timeout=4s
  first=$(jq -r 'select(.entry == "intent" and .effect.operation.type == "stop") | .effect.member' "$(journal)" | sort -u)
  assert_eq "$(wc -l <<<"$first")" 1 "members that were stopped: $first"
  assert_contains "$(squeezed "$OUT")" "put back $first runs its old binary again"
  assert_contains "$OUT" "$log_line"
  assert_contains "$(squeezed "$OUT")" ", member $first: "
  others=$(grep -v "/$first/etcd" <<<"$before")
  assert_eq "$(running | grep -v "/$first/etcd")" "$others" "the other members' processes"
  wait_for 10 "$first answers" answers "$first"
  assert_contains "$(curl -fsS "$(endpoint "$first")/version")" '"etcdserver":"3.1.20"'
  assert_eq "$("$SPEC/members/$first/etcd" --version | sed -n 1p)" "etcd Version: 3.1.20" "its binary"
  # What is there is a healthy 3.1 cluster, and nothing is left to do to be one.
  nothing_left 3.1.20
}

found_by_the_trial_restore() {
  local before
  before=$(running)
  run_expect 1 quorate apply -auto-approve -var release=3.2.32 -var "releases=$WORK/everywhere" -var verify=restore
  assert_contains "$OUT$ERR" "$log_line"
  assert_eq "$(running)" "$before" "processes after a backup that failed"
  assert_eq "$(jq -c 'select(.effect.operation.type == "stop")' "$(journal)")" "" "stops in the journal"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
bad_release "$WORK/everywhere" EVERYWHERE=1 HANGS=0
bad_release "$WORK/exits" EVERYWHERE=0 HANGS=0
bad_release "$WORK/hangs" EVERYWHERE=0 HANGS=1
use_process_spec bad
apply 3.1.20
put_data_v3
start_writer bad "$(endpoints)"
say "found before the first stop"
found_by_the_trial_restore
say "exits at start"
put_back exits
say "never serves"
put_back hangs
say "a good release"
apply 3.2.32
stop_writer bad
