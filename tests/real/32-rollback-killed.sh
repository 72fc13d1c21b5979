#!/usr/bin/env bash
# quorate is killed (SIGKILL) at several moments of going back with the rollback
# points. Whatever it left: nothing but rollback goes on, and rollback finishes,
# without any state; all members hold the same data, never a mix of old and new.
# The same random moments again: QUORATE_SEED=N.
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/rollback.sh
. "$TESTS/specs/rollback.sh"

RANDOM=${QUORATE_SEED:=$RANDOM}
echo "note: seed $QUORATE_SEED"

# killed_at NUMBER [ENTRY EFFECT]: a rollback with points, killed as soon as its journal
# has so many lines (of this effect).
killed_at() {
  local status=0
  in_background rollback -points -auto-approve -var release=3.2.32
  journal_reaches "$RUN" "$1" ${2:+"$(entry_of "$2" "$3")"}
  kill -9 "$RUN" 2>/dev/null || true
  wait "$RUN" 2>/dev/null || status=$?
  [[ $status == 137 ]] || fail "rollback ended with $status: $(tail "$WORK/run")"
  wait_for 60 "what it had begun on the hosts has ended" scripts_ended
}

# What a killed run left is finished: by rollback alone, and by nobody else.
finished() {
  local notes=$1
  if [[ $notes == notes ]]; then
    assert_file "$SPEC/members/m1/data.quorate-replacing"
    refused 3.2.32 replacement-under-way
    refused 3.1.20 replacement-under-way
    run_expect 1 quorate backup -var release=3.2.32
    assert_contains "$OUT$ERR" replacement-under-way
    # What finishes it stays, whatever is asked for.
    run_expect 0 quorate clean -all -auto-approve -var release=3.2.32
    assert_file "$SPEC/members/.quorate/3.1.20/etcd"
    # The note on the hosts says it all: no state, no flag is needed.
    mv "$SPEC/.quorate" "$WORK/state"
    run_expect 0 quorate rollback -auto-approve -var release=3.2.32
    rm -rf "$SPEC/.quorate"
    mv "$WORK/state" "$SPEC/.quorate"
  else
    run_expect 0 quorate rollback -points -auto-approve -var release=3.2.32
  fi
  assert_contains "$OUT" "the data of 3 members is equal, every key read"
  at_version 3.1.20
  end_sequence
  members_hold_the_same v3
  no_notes
}

# faults: C1
# turn NOTES PLACE...: see killed_at
turn() {
  local notes=$1 stopped
  shift
  say "killed: $*"
  begin_sequence v3
  run_expect 0 quorate apply -auto-approve -var release=3.2.32
  stopped=$(last_stop)
  killed_at "$@"
  finished "$notes"
  nothing_lost_before "$stopped" v3
  nothing_left 3.1.20
}

# The host starts a member by itself (a reboot) while data is replaced: what ran
# on its copy is not taken for the copy any more.
a_member_came_up_by_itself() {
  local stopped
  say "killed, and a member that was put back came up by itself"
  begin_sequence v3
  run_expect 0 quorate apply -auto-approve -var release=3.2.32
  stopped=$(last_stop)
  killed_at 3 outcome replace-binary
  # One that is not of the first quorum: with its vote the second longest log could win.
  local note=$SPEC/members/m1/data.quorate-replacing member phase
  member=$(jq -r '.then[0]' "$note")
  phase=$(jq -r .phase "$note")
  [[ $phase != joining ]] || fail "the rollback was too quick to be killed in time"
  start_by_hand "$member"
  wait_for 20 "it writes into its data" newer_than_its_point "$member"
  finished notes
  assert_contains "$(find "$SPEC/members/$member" -maxdepth 1 -name 'data.quorate-replaced-*.2')" .2
  nothing_lost_before "$stopped" v3
}
newer_than_its_point() {
  local point
  point=$(jq -r ".members.$1.copy_of.data" "$SPEC/members/$1/data.quorate-replacing")
  [[ -n $(find "$SPEC/members/$1/data" -type f -newer "$point.json") ]]
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec cut 'soak = "300ms"' 'verify = "hash"'
apply 3.1.20
put_data_v3
turn none 1 outcome ready-data
turn notes 1 outcome replace-data
turn notes 2 outcome mark-replacement
turn notes 1 outcome start-together
turn notes 3 outcome mark-replacement
# Line 20 tells that the notes are on all hosts.
turn notes $((RANDOM % 15 + 20))
a_member_came_up_by_itself
