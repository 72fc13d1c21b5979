#!/usr/bin/env bash
# status tells a cluster as it is: well, with a member down, without quorum, in the
# middle of an upgrade; in text and JSON, with the exit codes that are documented;
# and changes nothing.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

status() { run_expect "$1" quorate status -var release=3.2.32 "${@:2}"; }

# What lies on the hosts but for data and logs, which grow by themselves; and the lock of the state.
hosts() { find "$SPEC/members" "$SPEC/.quorate/lock" \( -name data -o -name log \) -prune -o -printf '%p %y %m %s %T@ %l\n' | sort; }

well() {
  local before lead began took
  before=$(hosts)
  status 0
  for word in "Cluster test: well. 3 members serve" "3 of 3 voters serve, 2 needed: 1 may fail" "3.2.32 declared" "cluster version 3.2.0" \
    "etcd 3.2.32 · healthy" "behind the leader" "2.0 GB quota" "$SPEC/members/m1/etcd 3.2.32"; do
    assert_contains "$(squeezed "$OUT")" "$word"
  done
  assert_eq "$(grep -c '  leader ' "$WORK/OUT")" 1 "leaders"
  began=$(date +%s%N)
  status 0 -json
  took=$((($(date +%s%N) - began) / 1000000))
  echo "note: status of three local members: $took ms"
  assert_at_most "$took" 5000 "milliseconds of status"
  assert_eq "$(json "$WORK/OUT" '[.type, .format, .well, .status.quorum.may_fail, (.status.members | length)] | @csv')" '"status",1,true,1,3' "status -json"
  lead=$(json "$WORK/OUT" .status.leader)
  assert_eq "$(json "$WORK/OUT" '[.status.members[] | select(.role == "leader") | .name] | join(" ")')" "$lead" "who leads"
  assert_eq "$(json "$WORK/OUT" '[.status.members[] | select(.version == "3.2.32" and .pid > 0 and .raft_index > 0 and .db_size > 0)] | length')" 3 "members"
  assert_eq "$(hosts)" "$before" "what lies on the hosts"
}

not_well() {
  end_by_hand m3
  status 2
  assert_contains "$(squeezed "$OUT")" "it serves, and 1 thing is not well."
  assert_contains "$(squeezed "$OUT")" "2 of 3 voters serve, 2 needed: none may fail"
  assert_contains "$(squeezed "$OUT")" "m3 on local: member-running (critical)"
  assert_contains "$OUT" "DOWN"
  end_by_hand m2 KILL
  status 2 -json
  assert_eq "$(json "$WORK/OUT" '[.well, .status.quorum.serving, .status.quorum.may_fail, .status.leader] | tostring')" '[false,1,null,null]' "without quorum"
  assert_eq "$(json "$WORK/OUT" '[.status.wrong[].check] | unique | join(" ")')" "member-running members-healthy one-leader" "what is wrong"
  status 2
  assert_contains "$(squeezed "$OUT")" "no quorum: it takes no writes."
  start_by_hand m2
  start_by_hand m3
  wait_for 30 "all answer" all_answer
  wait_for 30 "all is well" quorate status -var release=3.2.32
}
all_answer() { answers m1 && answers m2 && answers m3; }

# What only is not as declared is no matter of health; a cluster of two versions is.
mixed() {
  run_expect 0 quorate status -var release=3.3.27
  use_process_spec mixed 'verify = "hash"' 'hold_before = "no-return"'
  run_expect 0 quorate apply -auto-approve -var release=3.1.20
  run_expect 0 quorate apply -auto-approve -var release=3.2.32
  status 2
  assert_contains "$(squeezed "$OUT")" "the whole cluster: one-version (warning)"
  assert_contains "$(squeezed "$OUT")" "cluster version 3.1.0"
}

errors() {
  run_expect 1 quorate status -var release=nonsense
  assert_contains "$ERR" "nonsense"
  run_expect 1 quorate status -json
  assert_eq "$(json "$WORK/OUT" .type)" diagnostics "a spec without its variable"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec status 'verify = "hash"'
apply 3.2.32
say "well"
well
say "errors"
errors
say "not well"
not_well
say "two versions"
mixed
