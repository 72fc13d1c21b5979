#!/usr/bin/env bash
# The rung 2.3 -> 3.0, where a member that has run 3.0 cannot go back with its
# data: it leaves the cluster and joins it again, empty, with its 2.3. By itself
# where 3.0 does not come up; by rollback, of two members, of one, and killed in
# the middle of it. Under a writing client.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# By whoever answers.
members_listed() {
  local member
  for member in m1 m2 m3; do
    if curl -fsS -m 5 "$(endpoint "$member")/v2/members" 2>/dev/null; then return; fi
  done
}
ids() { members_listed | jq -r '.members[] | select(.name != "") | .id'; }
# The member that a run has stopped first; last.
stopped() { jq -r 'select(.entry == "intent" and .effect.operation.type == "stop") | .effect.member' "$(journal)"; }
# Nothing was deleted: what it had under 3.0 is beside its data, and no note is left.
set_aside() {
  local aside=("$SPEC/members/$1"/data.quorate-replaced-*)
  assert_file "${aside[-1]}/member/snap/db"
  assert_no_file "$SPEC/members/$1/data/member/snap/db"
  assert_no_file "$SPEC/members/$1/data.quorate-replacing"
}
three_members() { assert_eq "$(ids | grep -c .)" 3 "members that are listed"; }

# faults: E1
a_new_binary_does_not_come_up() {
  local before first was others
  before=$(running)
  run_expect 1 quorate apply -auto-approve -var release=3.0.17 -var "releases=$WORK/briefly"
  first=$(stopped)
  assert_eq "$(wc -l <<<"$first")" 1 "members that were stopped: $first"
  was=$(jq -r 'select(.entry == "outcome" and .effect.effect == "put-back") | .result.detail.kind' "$(journal)")
  assert_eq "$was" readded "how it was put back"
  assert_contains "$(squeezed "$OUT")" "has joined it again with its old binary, empty"
  set_aside "$first"
  three_members
  others=$(grep -v "/$first/etcd" <<<"$before")
  assert_eq "$(running | grep -v "/$first/etcd")" "$others" "the other members' processes"
  at_version 2.3.8
  nothing_left 2.3.8
  # What it said for one start is in nobody's configuration.
  assert_not_contains "$(cat "$SPEC/members/$first/args")" existing
  end_by_hand "$first"
  run_expect 0 quorate apply -auto-approve -var release=2.3.8
  at_version 2.3.8
}

two_up_and_back() {
  local before after member
  before=$(ids)
  run_expect 0 quorate plan -var release=3.0.17
  assert_contains "$(squeezed "$OUT")" "goes back to 2.3 without its data"
  run_expect 0 quorate apply -auto-approve -var release=3.0.17 -var hold_before=no-return
  assert_contains "$(squeezed "$OUT")" "the spec says hold_before"
  assert_eq "$(stopped | wc -l)" 2 "members that were stopped"
  run_expect 0 quorate rollback -auto-approve -var release=3.0.17
  note_done "two back: "
  at_version 2.3.8
  three_members
  after=$(ids)
  assert_eq "$(grep -cFxf <(echo "$before") <<<"$after")" 1 "ids that stayed"
  for member in $(stopped); do set_aside "$member"; done
}

# killed_at ENTRY EFFECT: a rollback is killed there.
killed_at() {
  in_background rollback -auto-approve -var release=3.0.17
  journal_reaches "$RUN" 1 "$(entry_of "$1" "$2")"
  kill -9 "$RUN" 2>/dev/null || true
  wait "$RUN" 2>/dev/null || true
  wait_for 60 "what it had begun on the hosts has ended" scripts_ended
  assert_file "$SPEC/members/$3/data.quorate-replacing"
}

# One member up; its way back is killed twice, and gone on with.
# faults: C1
killed_twice() {
  local member status=0
  in_background apply -auto-approve -var release=3.0.17
  journal_reaches "$RUN" 1 "$(entry_of outcome start)"
  kill -INT "$RUN"
  wait "$RUN" || status=$?
  assert_eq "$status" 130 "exit status of apply"
  member=$(stopped)
  assert_eq "$(wc -l <<<"$member")" 1 "members that were stopped: $member"
  killed_at outcome leave-cluster "$member"
  run_expect 2 quorate status -var release=3.0.17
  assert_contains "$(squeezed "$OUT")" "the re-adding of $member, back to 2.3.8, is under way"
  killed_at intent set-data-aside "$member"
  # The note says it all; what finishes it need not be what began it.
  mv "$SPEC/.quorate" "$WORK/state"
  run_expect 0 quorate apply -auto-approve -var release=3.0.17
  rm -rf "$SPEC/.quorate"
  mv "$WORK/state" "$SPEC/.quorate"
  at_version 2.3.8
  three_members
  set_aside "$member"
}

# With it off the list all others would run 3.0: the last one is not put back.
the_last_one_does_not_come_up() {
  local last
  run_expect 0 quorate apply -auto-approve -var release=3.0.17 -var hold_before=no-return
  run_expect 1 quorate apply -auto-approve -var release=3.0.17 -var "releases=$WORK/briefly"
  last=$(stopped)
  assert_eq "$(wc -l <<<"$last")" 1 "members that were stopped: $last"
  assert_contains "$(squeezed "$OUT")" "of the other members none runs 2.3"
  assert_contains "$(squeezed "$OUT")" "mend what keeps $last from coming up"
  assert_no_file "$SPEC/members/$last/data.quorate-replacing"
  three_members
  run_expect 1 quorate rollback -auto-approve -var release=3.0.17
  assert_contains "$OUT$ERR" way-back-by-adding-again
  # Somebody mends what kept it from coming up.
  cp "$("$TESTS/fixtures/get" 3.0.17)/etcd" "$SPEC/members/$last/etcd.good"
  mv "$SPEC/members/$last/etcd.good" "$SPEC/members/$last/etcd"
}

# The points of all members have never seen 3.0: put back all together they are 2.3 again.
points_of_all() {
  run_expect 0 quorate rollback -points -auto-approve -var release=3.0.17
  note_done "by the rollback points: "
  assert_contains "$OUT" "the data of 3 members is equal, every key read"
  at_version 2.3.8
  assert_eq "$(data_v2 "$(endpoint m2)")" "$V2" "v2 data"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 2.3.8 3.0.17
BAD_VERSION=3.0.17 BAD_BESIDE=2.3.8 bad_release "$WORK/briefly" EVERYWHERE=0 HANGS=0 BRIEFLY=1
use_process_spec to30 'v2_settle = "0s"' 'soak = "0s"' 'ready_timeout = "20s"' 'verify = "hash"'
apply 2.3.8
put_data_v2 "$(endpoint m1)"
V2=$(data_v2 "$(endpoint m2)")
start_writer w "$(endpoints)" --api v2
say "3.0 does not come up"
a_new_binary_does_not_come_up
say "two up and back"
two_up_and_back
say "one up, and killed on the way back: left, and not added; added, and not started"
killed_twice
say "the last one does not come up"
the_last_one_does_not_come_up
say "up"
apply 3.0.17
at_version 3.0.17
stop_writer w
assert_eq "$(data_v2 "$(endpoint m2)")" "$V2" "v2 data"
run_expect 1 quorate rollback -auto-approve -var release=3.0.17
assert_contains "$(squeezed "$OUT$ERR")" "-points"
say "completed, and back by the rollback points"
points_of_all
