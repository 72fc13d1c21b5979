#!/usr/bin/env bash
# Down again: 3.7.1 -> 3.6.14 -> 3.5.33 in one declaration, by etcd's own downgrade
# call, under a writing client that loses nothing; killed right after etcd was told,
# and after one member; finished by apply. Up again to 3.6.14. A change of mind in
# the middle goes back up, and so does a member whose older binary does not come up.
# What etcd has no way down to is refused.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# has ENTRY EFFECT NUMBER: so many lines of the newest journal.
has() {
  [[ $(jq -c "select(.entry == \"$1\" and (.effect.effect == \"$2\" or .effect.operation.type == \"$2\"))" "$(journal)" | wc -l) -ge $3 ]] ||
    ! kill -0 "$APPLY" 2>/dev/null
}
more_journals() { [[ $(find "$SPEC/.quorate/runs" -name journal.jsonl | wc -l) -gt $1 ]]; }

# faults: C1 E1
# killed VERSION CONDITION...: apply, killed as soon as the condition on its journal holds.
killed() {
  local version=$1 status=0 runs member
  shift
  runs=$(find "$SPEC/.quorate/runs" -name journal.jsonl | wc -l)
  "$QUORATE" -chdir="$SPEC" apply -auto-approve -var "release=$version" >"$WORK/killed" 2>&1 </dev/null &
  APPLY=$!
  on_exit end_process "$APPLY"
  wait_for 60 "the run's journal" more_journals "$runs"
  wait_for 90 "$*" "$@"
  kill -9 "$APPLY" 2>/dev/null || true
  wait "$APPLY" 2>/dev/null || status=$?
  [[ $status == 137 ]] || fail "apply ended with $status: $(tail "$WORK/killed")"
  wait_for 60 "what it had begun on the hosts has ended" scripts_ended
  # It may have come to the next stop before it was killed.
  for member in m1 m2 m3; do [[ -n $(pid_of "$member") ]] || start_by_hand "$member"; done
  # Until then a plan is refused (cluster-version-decided).
  wait_for 20 "one cluster version" one_cluster_version
}
one_cluster_version() { [[ $(each_version etcdcluster | wc -w) == 2 ]]; }

# each_version FIELD: of every member, in one line: etcdserver, etcdcluster, storage.
each_version() {
  local member
  for member in m1 m2 m3; do wait_for 20 "$member answers" answers "$member"; done
  for member in m1 m2 m3; do curl -fsS -m 2 "$(endpoint "$member")/version" | jq -r ".$1"; done | sort | uniq -c | sed 's/^ *//' | paste -sd' '
}
backup_tools() { jq -r .tools_version "$(find "$SPEC/.quorate/backups" -name manifest.json | sort | tail -n 1)"; }

# with_option MEMBER OPTION CMD...: while the member runs with it, as somebody has set it by hand.
with_option() {
  local member=$1 option=$2
  shift 2
  restart_with "$member" "printf '%s\n' '$option' >>"
  "$@"
  restart_with "$member" "sed -i '\$d'"
}
restart_with() {
  end_by_hand "$1"
  eval "$2 '$SPEC/members/$1/args'"
  start_by_hand "$1"
  wait_for 20 "$1 answers" answers "$1"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.5.33 3.6.14 3.7.1
use_process_spec down 'soak = "0s"' 'settings = { snapshot-count = "2000" }'
apply 3.7.1
put_data_v3
v3=$(data_v3)

say "what is refused"
refused 3.4.45 no-step-down "etcd takes a 3.7 cluster down to 3.5 by itself, and no further" "quorate restore BACKUP"
with_option m1 --feature-gates=FastLeaseKeepAlive=true refused 3.6.14 feature-gates-3.6 FastLeaseKeepAlive

say "down, killed twice"
start_writer down "$(endpoints)" --api v3
run_expect 2 quorate plan -detailed-exitcode -var release=3.5.33
assert_contains "$OUT" "3.7.1 -> 3.6.14 -> 3.5.33"
assert_contains "$(squeezed "$OUT")" "etcd is told to go down to 3.6"
killed 3.5.33 has outcome enable-downgrade 1
assert_eq "$(each_version etcdserver)" "3 3.7.1" "versions after it was told"
assert_eq "$(backup_tools)" 3.7.1 "tools of the backup before it was told"
killed 3.5.33 has outcome start 1
assert_eq "$(each_version etcdcluster)" "3 3.6.0" "cluster versions in the middle"
run_expect 1 quorate rollback -auto-approve -var release=3.5.33
assert_contains "$OUT$ERR" downgrade-under-way
apply 3.5.33
at_version 3.5.33
assert_eq "$(data_v3)" "$v3" "v3 data"

say "up again"
apply 3.6.14
at_version 3.6.14
assert_eq "$(each_version storage)" "3 3.6.0" "storage versions"

say "down, and a change of mind after one member"
killed 3.5.33 has outcome start 1
apply 3.6.14
assert_contains "$(squeezed "$APPLIED")" "etcd does not go down to 3.5 any more"
at_version 3.6.14
say "and before the first"
killed 3.5.33 has outcome enable-downgrade 1
apply 3.6.14
at_version 3.6.14
say "an older binary that does not come up"
BAD_VERSION=3.5.33 BAD_BESIDE=3.6.14 bad_release "$WORK/exits" EVERYWHERE=0 HANGS=0
run_expect 1 quorate apply -auto-approve -var release=3.5.33 -var "releases=$WORK/exits"
assert_contains "$(squeezed "$OUT")" "runs its old binary again"
assert_contains "$(squeezed "$OUT")" "the downgrade is still enabled"
assert_eq "$(each_version etcdserver)" "3 3.6.14" "versions after it was put back"
assert_eq "$(each_version etcdcluster)" "3 3.5.0" "cluster versions after it was put back"
apply 3.6.14
at_version 3.6.14
stop_writer down
assert_eq "$(data_v3)" "$v3" "v3 data"
