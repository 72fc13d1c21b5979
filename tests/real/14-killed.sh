#!/usr/bin/env bash
# quorate is killed (SIGKILL) at random moments of an upgrade, and once right
# after it stopped a member; apply again finishes, and nothing is lost. The same
# moments again: QUORATE_SEED=N. Then the polite way: Ctrl-C while a member is down.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

RANDOM=${QUORATE_SEED:=$RANDOM}
echo "note: seed $QUORATE_SEED"
stopped_one=$(entry_of outcome stop)

# faults: C1
# killed NUMBER [PATTERN]: kill -9, as soon as so many lines of the journal match. A run
# that was quicker than that, which only random moments allow, has succeeded.
killed() {
  local status=0
  in_background apply -auto-approve -var release=3.2.32
  journal_reaches "$RUN" "$@"
  kill -9 "$RUN" 2>/dev/null || true
  wait "$RUN" 2>/dev/null || status=$?
  [[ $status == 137 || ($status == 0 && $# == 1) ]] || fail "apply ended with $status: $(tail "$WORK/run")"
  echo "killed after: $(tail -n 1 "$(journal)" | cut -c1-200)"
}

# faults: C2
interrupted() {
  local member
  in_background apply -auto-approve -var release=3.2.32
  journal_reaches "$RUN" 1 "$stopped_one"
  kill -INT "$RUN"
  run_ended 130
  member=$(jq -r 'select(.effect.operation.type == "stop") | .effect.member' "$(journal)" | sort -u)
  assert_contains "$(squeezed "$(cat "$WORK/run")")" "at a safe place"
  # A safe place: the member that was in hand is up again, on whichever binary.
  wait_for 5 "$member answers" answers "$member"
  for member in m1 m2 m3; do answers "$member" >/dev/null || fail "$member does not answer"; done
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32

say "SIGKILL"
use_process_spec killed
apply 3.1.20
put_data_v3
start_writer killing "$(endpoints)"
killed 1 "$stopped_one"
# A run that is begun again has some sixty lines, less those of members that are done.
for moment in $((RANDOM % 45 + 2)) $((RANDOM % 28 + 2)) $((RANDOM % 20 + 2)); do
  say "killed at line $moment"
  killed "$moment"
done
# The last of them may have finished it.
run_expect 0 quorate apply -auto-approve -var release=3.2.32
nothing_left 3.2.32
stop_writer killing
data_v3 >/dev/null
assert_eq "$(find "$SPEC/.quorate/scratch" -mindepth 1 | wc -l)" 0 "left in scratch"
"$TESTS/cluster/stop" "$SPEC"

say "SIGINT"
use_process_spec interrupted
apply 3.1.20
start_writer interrupted "$(endpoints)"
interrupted
apply 3.2.32
stop_writer interrupted
