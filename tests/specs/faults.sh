# shellcheck shell=bash
# What the tests of faults share: an apply in the background that is held still
# at one line of its journal while the world around it changes.
# Sourced after tests/specs/lib.sh.

# begin VERSION [OPTION...]: apply in the background, until its run has begun;
# its process is $CONTROLLER, what it says is in $WORK/apply.
begin() {
  local version=$1
  shift
  runs_before=$(journals)
  "${IN_NET[@]}" env --default-signal=INT,HUP,TERM "${CONTROLLER_ENV[@]}" "$QUORATE" -chdir="$SPEC" apply -auto-approve \
    -var "release=$version" "$@" >"$WORK/apply" 2>&1 </dev/null &
  APPLY=$!
  on_exit end_process "$APPLY"
  wait_for 90 "the run's journal" its_journal_or_end
  its_journal || fail "apply ended before its run began: $(cat "$WORK/apply")"
  JOURNAL=$(journal)
  # The process itself, below what runs it in a lab's network.
  CONTROLLER=$(jq -r 'select(.entry == "run-started") | .pid' "$JOURNAL")
  on_exit end_controller "$CONTROLLER"
}
CONTROLLER_ENV=()
# A test that failed has no use for a safe end.
end_controller() { [[ $(readlink "/proc/$1/exe") != "$QUORATE" ]] || kill -9 "$1"; }
its_journal() { [[ $(journals) -gt $runs_before ]] && grep -q '"run-started"' "$(journal)"; }
its_journal_or_end() { its_journal || ! kill -0 "$APPLY"; }

# at ENTRY EFFECT [NUMBER]: so many lines of the journal are of this entry and
# effect, e.g. `at intent stop 2`: the second member is being stopped.
at() { [[ $(grep -cE "$(entry_of "$1" "$2")" "$JOURNAL") -ge ${3:-1} ]]; }

# wait_in_run WHAT CMD...: until CMD holds, while the apply goes on.
wait_in_run() {
  local deadline=$((SECONDS + 120))
  until "${@:2}" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "not within 120 s: $1; $(tail -n 20 "$WORK/apply")"
    kill -0 "$APPLY" 2>/dev/null || fail "apply ended before: $1: $(tail -n 30 "$WORK/apply")"
    sleep 0.02
  done
}

# hold_at ENTRY EFFECT [NUMBER]: waits for that line, and holds the controller
# still. What it has begun on a host goes on there.
hold_at() {
  journal_reaches "$APPLY" "${3:-1}" "$(entry_of "$1" "$2")"
  at "$@" || fail "apply ended before: $*: $(tail -n 30 "$WORK/apply")"
  kill -STOP "$CONTROLLER"
}
# hold_when_down NUMBER: as hold_at, when that member's process has just ended.
# For clusters of plain processes.
hold_when_down() {
  local member pid number=$1
  declare -A pids=()
  for member in m1 m2 m3; do pids[$member]=$(pid_of "$member"); done
  hold_at intent stop "$number"
  member=$(in_hand)
  pid=${pids[$member]}
  resume
  # The copy, the swap and the start that follow take a tenth of a second and more.
  until [[ ! -e /proc/$pid/exe ]]; do :; done
  kill -STOP "$CONTROLLER"
}
resume() { kill -CONT "$CONTROLLER" 2>/dev/null || true; }

# ended STATUS [WORD...]: apply ends with it, and has said each word.
ended() {
  local status=0 word
  wait "$APPLY" || status=$?
  SAID=$(squeezed "$(cat "$WORK/apply")")
  [[ $status == "$1" ]] || fail "apply ended with $status, expected $1: $(tail -n 40 "$WORK/apply")"
  for word in "${@:2}"; do assert_contains "$SAID" "$word"; done
}

# Members that the newest run stopped, in order; those that it gave an old binary again.
stopped_members() { jq -r 'select(.entry == "intent" and .effect.operation.type == "stop") | .effect.member' "$JOURNAL" | xargs; }
put_back_members() { jq -r 'select(.entry == "intent" and .effect.effect == "put-back") | .effect.member' "$JOURNAL" | xargs; }
# The member in hand: the last one that was stopped.
in_hand() { stopped_members | awk '{ print $NF }'; }
