#!/usr/bin/env bash
# A rollback in the mixed state, right before the point of no return, under a
# writing client: the old binaries are put back one by one, and nothing that was
# acknowledged is lost. Then the upgrade is done after all.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/rollback.sh
. "$TESTS/specs/rollback.sh"

# back_and_up FROM TO API...: holds, goes back, goes up.
back_and_up() {
  local from=$1 to=$2 api done_first
  shift 2
  use_process_spec "mixed${from//./}" 'verify = "hash"' 'v2_settle = "0s"' 'soak = "300ms"'
  apply "$from"
  run_expect 0 quorate rollback -auto-approve -var "release=$from"
  assert_contains "$OUT" "Nothing to roll back."
  for api in "$@"; do start_writer "w${from//./}$api" "$(endpoints)" --api "$api"; done
  run_expect 0 quorate apply -auto-approve -var "release=$to" -var hold_before=no-return
  assert_contains "$(squeezed "$OUT")" "the spec says hold_before"

  # A member that is on the new binary and down goes first.
  done_first=$(jq -r 'select(.entry == "intent" and .effect.operation.type == "stop") | .effect.member' "$(journal)" | sed -n 1p)
  end_by_hand "$done_first" KILL
  wait_for 30 "a leader without $done_first" rollback_is_planned
  run_expect 0 quorate rollback -auto-approve -var "release=$to"
  note_done
  assert_contains "$(squeezed "$OUT")" "$done_first: down now, $to -> $from"
  assert_contains "$OUT" "the data of 3 members is equal, every key read"
  at_version "$from"
  for api in "$@"; do
    stop_writer "w${from//./}$api"
    members_hold_the_same "$api"
  done
  assert_eq "$(jq -r 'select(.entry == "intent" and .effect.operation.type == "stop") | .effect.member' "$(journal)" | wc -l)" 1 \
    "members that were stopped to be put back"
  run_expect 0 quorate rollback -auto-approve -var "release=$to"
  assert_contains "$OUT" "all members run $from already"
  apply "$to"
  at_version "$to"
  "$TESTS/cluster/stop" "$SPEC"
}
rollback_is_planned() { quorate plan -rollback -var release="$to"; }

# A plan of the way back is a plan like any other: saved, shown, applied, refused
# when it does not fit any more.
saved() {
  use_process_spec saved 'verify = "hash"' 'soak = "300ms"'
  apply 3.1.20
  run_expect 0 quorate apply -auto-approve -var release=3.2.32 -var hold_before=no-return
  run_expect 0 quorate plan -rollback -out="$WORK/back.plan" -var release=3.2.32
  as_schemas_say "$WORK/back.plan"
  run_expect 0 quorate show "$WORK/back.plan"
  assert_contains "$OUT" "back from 3.2.32 to 3.1.20"
  run_expect 1 quorate plan -rollback -points -var release=3.2.32
  assert_contains "$OUT$ERR" points-needed
  run_expect 1 quorate plan -points -var release=3.2.32
  assert_contains "$OUT$ERR" "they need -rollback"
  run_expect 0 quorate apply "$WORK/back.plan"
  at_version 3.1.20
  run_expect 1 quorate apply "$WORK/back.plan"
  assert_contains "$OUT$ERR" "another state of the cluster"
  "$TESTS/cluster/stop" "$SPEC"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5 3.1.20 3.2.32
say "3.1.20 <- 3.2.32"
back_and_up 3.1.20 3.2.32 v3 v2
say "2.1.1 <- 2.2.5"
back_and_up 2.1.1 2.2.5 v2
say "a saved plan"
saved
