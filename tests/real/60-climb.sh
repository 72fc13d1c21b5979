#!/usr/bin/env bash
# Several minors in one apply, under a writing client: rung by rung, each with its
# backup and its run; stopped after a rung by -until and by Ctrl-C, and gone on with.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

runs() { find "$SPEC/.quorate/runs" -name journal.jsonl | wc -l; }
backups() { find "$SPEC/.quorate/backups" -mindepth 1 -maxdepth 1 -type d | wc -l; }
# runs_on N: a run beyond N has stopped a member.
runs_on() { [[ $(runs) -gt $1 ]] && grep -q '"type":"stop"' "$(journal)"; }

from_3_0_to_3_5() {
  use_process_spec v3 'soak = "0s"' 'via = { "3.4" = "3.4.23" }'
  apply 3.0.17
  put_data_v3
  local v3 before
  v3=$(data_v3)
  start_writer v3 "$(endpoints)" --api v3

  say "not on the way"
  run_expect 1 quorate apply -auto-approve -var release=3.5.33 -until 3.6
  assert_contains "$(squeezed "$ERR")" "no rung of this plan leads to 3.6, only to 3.1, 3.2, 3.3, 3.4, 3.5"
  at_version 3.0.17

  say "until 3.2, held before each point of no return"
  local hold=(-auto-approve -var release=3.5.33 -until 3.2 -var hold_before=no-return)
  run_expect 0 quorate apply "${hold[@]}"
  assert_eq "$(running | wc -l)" 3 "members that run"
  assert_eq "$(grep -c '^Done in ' "$WORK/OUT" || true)" 0 "rungs done"
  run_expect 0 quorate apply "${hold[@]}"
  assert_eq "$(grep -c '^Done in ' "$WORK/OUT")" 1 "rungs done"
  assert_eq "$(jq -r 'select(.entry == "run-ended") | .ending.ending' "$(journal)")" held "the second rung"
  run_expect 0 quorate apply -auto-approve -json -var release=3.5.33 -until 3.2
  assert_eq "$(jq -r 'select(.type == "plan") | .plan.summary.to' "$WORK/OUT")" 3.2.32 "what is planned"
  at_version 3.2.32

  run_expect 0 quorate plan -detailed-exitcode -var release=3.5.33 -until 3.2
  assert_contains "$(squeezed "$OUT")" "No changes up to 3.2."
  run_expect 0 quorate apply -auto-approve -var release=3.5.33 -until 3.2

  say "a saved plan, and Ctrl-C in its second rung"
  run_expect 2 quorate plan -detailed-exitcode -out="$WORK/climb.plan" -var release=3.5.33
  as_schemas_say "$WORK/climb.plan"
  assert_contains "$OUT" "3.2.32 -> 3.3.27 -> 3.4.23 -> 3.5.33"
  before=$(runs)
  quorate apply "$WORK/climb.plan" >"$WORK/climb.out" 2>&1 &
  local pid=$!
  wait_for 60 "the second rung stops a member" runs_on $((before + 1))
  pkill -INT -f "$QUORATE.*apply $WORK/climb.plan"
  local status=0
  wait "$pid" || status=$?
  assert_eq "$status" 130 "exit status"
  assert_contains "$(cat "$WORK/climb.out")" "3.3.27"

  say "the rest"
  apply 3.5.33
  stop_writer v3
  at_version 3.5.33
  assert_eq "$(data_v3)" "$v3" "v3 data"
  echo "note: $(runs) runs, $(backups) backups from 3.0.17 to 3.5.33"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.0.17 3.1.20 3.2.32 3.3.27 3.4.23 3.5.33
say "3.0.17 -> 3.5.33"
from_3_0_to_3_5
