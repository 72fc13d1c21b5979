#!/usr/bin/env bash
# Two people cannot collide: a second apply is refused from the same state and
# from another one, and told who is at work since when; commands that only look
# are not. A lock goes with its holder, also by kill -9: then apply works at once.
# A lock that is lost in the middle of a run ends it at a safe place.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

begin_apply() { in_background apply -auto-approve -var "release=$1"; }
# until_a_stop: until the run in the background has stopped a member.
until_a_stop() { journal_reaches "$RUN" 1 "$(entry_of outcome stop)"; }
all_answer() {
  local member
  for member in m1 m2 m3; do wait_for 20 "$member answers" answers "$member"; done
}

# refused_by_lock WORD...: an apply is refused at once, and says each word.
refused_by_lock() {
  local word
  run_expect 1 quorate apply -auto-approve -var release=3.2.32
  for word in "$(id -un)" "$(cat /proc/sys/kernel/hostname)" "process $RUN" "since 20" "quorate apply" "do:" "$@"; do
    assert_contains "$(squeezed "$ERR")" "$word"
  done
}

# The same cluster, by another spec with a state of its own.
use_other_state() {
  OTHER=$WORK/other
  mkdir -p "$OTHER"
  sed "s|dir = \"members\"|dir = \"$SPEC/members\"|" "$SPEC/cluster.hcl" >"$OTHER/cluster.hcl"
  cp "$SPEC"/*.hclvars "$OTHER/"
}
from_other() { SPEC=$OTHER "$@"; }

# faults: C7
a_second_apply() {
  begin_apply 3.2.32
  refused_by_lock "the state is in use" "$(basename "$(dirname "$(journal)")")"
  from_other refused_by_lock "somebody else is at work on this host" "$(basename "$(dirname "$(journal)")")"
  run_expect 1 quorate backup -var release=3.2.32
  assert_contains "$ERR" "the state is in use"
  run_expect 1 quorate unlock -var release=3.2.32
  assert_contains "$(squeezed "$ERR")" "the holder of the lock lives"
  # Who only looks needs no lock.
  run_expect 0 quorate runs -var release=3.2.32
  assert_contains "$OUT" "goes on right now"
  run_expect 0 quorate backup list -var release=3.2.32
  run_expect 0 quorate validate -var release=3.2.32
  until_a_stop
  kill -9 "$RUN"
  run_ended 137
}

# faults: C7
after_kill() {
  local dead
  dead=$(basename "$(dirname "$(journal)")")
  # At once, from the other state: the lock on the host is gone as well.
  from_other run_expect 0 quorate apply -auto-approve -var release=3.2.32
  assert_contains "$OUT" "Done in"
  assert_eq "$(find "$SPEC/members/.quorate" -name '*.lock*' | wc -l)" 0 "locks left on the host"
  run_expect 0 quorate runs show "$dead" -var release=3.2.32
  assert_contains "$(squeezed "$OUT")" "Ended without a word"
  run_expect 0 quorate runs show -json "$dead" -var release=3.2.32
  assert_eq "$(json "$WORK/OUT" '.run.state')" died "state of the killed run"
  assert_eq "$(json "$WORK/OUT" '.journal[0].entry')" run-started "its first line"
  # Who takes over the state is told of whom.
  run_expect 0 quorate apply -auto-approve -var release=3.2.32
  assert_contains "$(squeezed "$ERR")" "ended without giving the state back"
}

records_of_others() {
  local record
  begin_apply 3.2.32
  record=$(cat "$SPEC/.quorate/lock")
  kill -9 "$RUN"
  run_ended 137
  jq -c '.controller = "ops-elsewhere"' <<<"$record" >"$SPEC/.quorate/lock"
  run_expect 1 quorate apply -auto-approve -var release=3.2.32
  assert_contains "$(squeezed "$ERR")" "ops-elsewhere"
  assert_contains "$(squeezed "$ERR")" "quorate unlock"
  run_expect 1 quorate unlock -var release=3.2.32
  assert_contains "$(squeezed "$OUT")" "who $(id -un) on ops-elsewhere"
  assert_contains "$(squeezed "$ERR")" "quorate unlock -force"
  run_expect 0 quorate unlock -force -json -var release=3.2.32
  assert_eq "$(json "$WORK/OUT" '[.state, .unlocked] | @csv')" '"left",true' "unlock -json"
  run_expect 0 quorate unlock -var release=3.2.32
  assert_contains "$OUT" "nothing to unlock"
}

# Who has the lock's file open on the host.
lock_holders() {
  { find /proc -maxdepth 3 -path '/proc/[0-9]*/fd/*' -lname "$SPEC/members/.quorate/members.lock" 2>/dev/null || true; } |
    cut -d/ -f3 | sort -u
}

kill_holder() {
  local holder
  holder=$(lock_holders)
  [[ -n $holder ]] && kill -9 "$holder"
}

a_lost_lock() {
  begin_apply "$1"
  until_a_stop
  wait_for 10 "somebody holds the lock, and is killed" kill_holder
  run_ended 1
  assert_contains "$(squeezed "$(cat "$WORK/run")")" "is lost"
  assert_eq "$(jq -r 'select(.entry == "lock-lost") | .entry' "$(journal)")" lock-lost "the journal's entry"
  # One member was in hand, and is up again; no other was stopped.
  assert_eq "$(jq -r 'select(.entry == "outcome" and .effect.operation.type == "stop") | .effect.member' "$(journal)" | wc -l)" 1 \
    "members stopped"
  all_answer
}

# faults: C3
interrupted() {
  begin_apply "$1"
  until_a_stop
  kill "-$2" "$RUN"
  run_ended "$3"
  all_answer
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
# Long enough for all that is tried meanwhile.
use_process_spec locks 'soak = "6s"' 'verify = "hash"'
use_other_state
apply 3.1.20
start_writer locks "$(endpoints)"

say "a second apply"
a_second_apply
say "after kill -9"
after_kill
stop_writer locks

say "SIGHUP, a lost lock, and records of other machines"
"$TESTS/cluster/stop" "$SPEC"
use_process_spec lost 'verify = "hash"'
use_other_state
apply 3.1.20
start_writer lost "$(endpoints)"
records_of_others
interrupted 3.2.32 HUP 129
a_lost_lock 3.2.32

# faults: C3
say "nobody reads"
quorate apply -auto-approve -var release=3.2.32 2>&1 | head -n 1 >"$WORK/head"
[[ ${PIPESTATUS[0]} == 0 ]] || fail "apply with its output closed"
nothing_left 3.2.32
stop_writer lost
