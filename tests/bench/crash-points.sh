#!/usr/bin/env bash
# Every place at which the controller can die, on real etcd, one after the other:
#   tests/bench/crash-points.sh [upgrade|rollback|restore] [FIRST [STEP]]
# An upgrade 3.1.20 -> 3.2.32, the way back with rollback points, and a restore, each
# of three members as plain processes, is killed (SIGKILL)
#   - each time it puts its journal on the disk, which it does before every effect and at
#     the end: on the way into that call (by strace: the Nth of them), so after all that
#     came before, and before all after;
#   - after each line of its journal, as soon as that is seen;
#   - in the middle of each effect: after half of the time that it takes.
# Then the same command is run again and must finish; nothing that was acknowledged is
# lost, all members hold the same. Every time it begins from the same folders. With
# FIRST and STEP only every STEPth place. Takes an hour for all; prints a line a place,
# and at the end how many there were. Not part of tests/run: some places, drawn anew
# each time, are in tests/real/14, 32 and 41.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/restore.sh
. "$TESTS/specs/restore.sh"
# shellcheck source=tests/specs/rollback.sh
. "$TESTS/specs/rollback.sh"

what=${1:-upgrade} first=${2:-1} step=${3:-1}
command -v strace >/dev/null || fail "needs strace"

# --- one command of each kind: how it is run, what is true when it has finished

# shellcheck disable=SC2317 # called by name
upgrade() { run_here apply -auto-approve -var release=3.2.32; }
upgraded() {
  at_version 3.2.32
  all_there "$HELD_V3"
}
# A run that was killed before its note is on the hosts has to be asked for the points again.
rollback() { run_here rollback -points -auto-approve -var release=3.2.32; }
rolled_back() {
  at_version 3.1.20
  members_hold_the_same v3
  all_there "$HELD_V3"
}
restore_backup() { run_here restore -auto-approve -var release=3.1.20 "$BACKUP"; }
restored() {
  at_version 3.1.20
  as_of_backup "$HELD_V3" -
}
# What was there at the beginning is there, whatever came on top.
all_there() {
  local member missing
  for member in m1 m2 m3; do
    missing=$(jq -c --slurpfile held <(echo "$1") '$held[0] - .' <<<"$(own_v3 "$member")")
    assert_eq "$missing" "[]" "missing on $member"
  done
}

# --- the folders that every place begins from

# save: what is there now, while nothing runs.
save() {
  "$TESTS/cluster/stop" "$SPEC"
  rm -rf "$WORK/begin"
  cp -a "$SPEC" "$WORK/begin"
}
begin_again() {
  "$TESTS/cluster/stop" "$SPEC"
  rm -rf "$SPEC"
  cp -a "$WORK/begin" "$SPEC"
  local member
  for member in m1 m2 m3; do start_by_hand "$member"; done
  for member in m1 m2 m3; do wait_for 30 "$member answers" answers "$member"; done
}

prepare() {
  use_process_spec points 'soak = "0s"' 'verify = "hash"'
  apply 3.1.20
  put_data_v3
  HELD_V3=$(own_v3 m1)
  case $what in
    upgrade) command=upgrade check=upgraded ;;
    rollback)
      apply 3.2.32
      command=rollback check=rolled_back
      ;;
    restore)
      backup_now 3.1.20
      write_after_v3
      command=restore_backup check=restored
      ;;
    *) fail "upgrade, rollback or restore, not $what" ;;
  esac
  save
}

# --- places

# run_here COMMAND...: under what $TRACE says, in the background; its process is $RUN.
run_here() {
  "${TRACE[@]}" "$QUORATE" -chdir="$SPEC" "$@" >"$WORK/run" 2>&1 </dev/null &
  RUN=$!
  on_exit end_process "$RUN"
}
TRACE=()
await_end() {
  STATUS=0
  wait "$RUN" 2>/dev/null || STATUS=$?
}
# finished PLACE: the same command again; what must be true then.
finished() {
  wait_for 60 "what it had begun on the hosts has ended" scripts_ended
  TRACE=()
  "$command"
  await_end
  [[ $STATUS == 0 ]] || fail "$1: the next $command ended with $STATUS: $(tail -n 30 "$WORK/run")"
  "$check"
}

# Only the controller's own thread is traced: what it starts runs on.
at_each_sync() {
  local number
  for ((number = first; ; number += step)); do
    begin_again
    runs_before=$(journals)
    TRACE=(strace -qq -o /dev/null -e trace=fdatasync -e "inject=fdatasync:signal=SIGKILL:when=$number")
    "$command"
    await_end
    [[ $STATUS != 0 ]] || break
    [[ $STATUS == 137 ]] || fail "sync $number: ended with $STATUS: $(tail -n 30 "$WORK/run")"
    echo "$what, at sync $number: $(last_line)"
    finished "sync $number"
    syncs=$((syncs + 1))
  done
}
last_line() {
  if [[ $(journals) -gt $runs_before ]]; then tail -n 1 "$(journal)" | cut -c1-150; else echo "before its journal"; fi
}

# undisturbed: how many lines the journal of a run has that nobody kills ($lines), and in $WORK/effects for each effect
# the line of its intent, and half of the seconds that it takes.
undisturbed() {
  # What is killed from here on is quorate itself, not what traces it.
  TRACE=()
  begin_again
  "$command"
  await_end
  [[ $STATUS == 0 ]] || fail "undisturbed, it failed: $(tail "$WORK/run")"
  "$check"
  lines=$(wc -l <"$(journal)")
  jq -r 'select(.entry == "outcome") | "\(.seq - 1) \(.took_ms / 2000)"' "$(journal)" >"$WORK/effects"
}

# killed_after LINE SECONDS: so long after that line was written.
killed_after() {
  begin_again
  runs_before=$(journals)
  "$command"
  wait_for 90 "its journal" begun_or_ended "$runs_before"
  journal_reaches "$RUN" "$1"
  [[ $2 == 0 ]] || sleep "$2"
  kill -9 "$RUN" 2>/dev/null || true
  await_end
  echo "$what, $2 s after line $1: $(last_line)"
  finished "line $1"
}

after_each_line() {
  local number
  for ((number = first; number <= lines; number += step)); do
    killed_after "$number" 0
    lines_tried=$((lines_tried + 1))
  done
}

in_the_middle_of_each_effect() {
  local line took count=0
  while read -r line took; do
    count=$((count + 1))
    ((count >= first && (count - first) % step == 0)) || continue
    killed_after "$line" "$took"
    effects=$((effects + 1))
  done <"$WORK/effects"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
prepare
syncs=0 lines_tried=0 effects=0
at_each_sync
undisturbed
after_each_line
in_the_middle_of_each_effect
echo "$what: killed at $syncs syncs of the journal, after $lines_tried of its lines and in the middle of $effects effects, finished each time, nothing lost"
