#!/usr/bin/env bash
# Locks on real hosts, by real sshd, from two state folders: the second apply is
# refused and told who is at work; after kill -9 of the first one it works at once.
# A controller that is suspended loses its locks within a minute or so, and sees
# that before it touches anything again. Through sudo, and as root.
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

begin_apply() {
  mkdir -p "$SPEC/.quorate/runs"
  runs_before=$(find "$SPEC/.quorate/runs" -name journal.jsonl | wc -l)
  "${IN_NET[@]}" "$QUORATE" -chdir="$SPEC" apply -auto-approve -var release=3.2.32 >"$WORK/apply" 2>&1 </dev/null &
  APPLY=$!
  on_exit end_process "$APPLY"
  wait_for 90 "the run's journal" its_journal
  # The process itself, below what runs it in the lab's network.
  CONTROLLER=$(jq -r 'select(.entry == "run-started") | .pid' "$(journal)")
  [[ $(readlink "/proc/$CONTROLLER/exe") == "$QUORATE" ]] || fail "process $CONTROLLER is not quorate"
}
its_journal() {
  [[ $(find "$SPEC/.quorate/runs" -name journal.jsonl | wc -l) -gt $runs_before ]] && grep -q run-started "$(journal)"
}
has_stopped_one() { jq -c 'select(.entry == "outcome" and .effect.operation.type == "stop")' "$(journal)" | grep .; }
ended() {
  local status=0
  wait "$APPLY" || status=$?
  [[ $status == "$1" ]] || fail "apply ended with $status, not $1: $(tail -n 30 "$WORK/apply")"
}

use_two_specs() {
  use_lab_spec "$1" "${@:2}"
  OTHER=$WORK/$1-other
  mkdir "$OTHER"
  cp -P "$SPEC"/* "$OTHER/"
}
from_other() { SPEC=$OTHER "$@"; }
refused_by_lock() {
  run_expect 1 quorate apply -auto-approve -var release=3.2.32
  for word in "somebody else is at work on this host (/run/quorate/etcd.service.lock)" "process $CONTROLLER" "since 20"; do
    assert_contains "$(squeezed "$ERR")" "$word"
  done
}
locks() { each_lab_host lock_on; }
lock_on() { on_host "$1" 'find /run/quorate -name "*.lock*"'; }
no_locks() { [[ -z $(locks) ]]; }
forget() { on_host "$1" "rm -rf /var/lib/etcd.quorate-* /usr/local/lib/quorate"; }
is_healthy() { "${IN_NET[@]}" curl -fsS -m 2 "http://10.77.0.1${1#h}:2379/health" | grep true; }

# faults: C7
# killed NAME KIND [LINE...]
killed() {
  local began
  use_two_specs "$@"
  begin_apply
  assert_eq "$(locks | wc -l)" 3 "locks"
  from_other refused_by_lock
  wait_for 90 "a member is stopped" has_stopped_one
  kill -9 "$CONTROLLER"
  ended 137
  began=$(date +%s%N)
  from_other apply 3.2.32
  echo "note: $1: a new apply began at once after kill -9, and was done after $((($(date +%s%N) - began) / 1000000)) ms"
  no_locks || fail "locks left: $(locks)"
}

# faults: C5
suspended() {
  use_two_specs suspended adopt
  begin_apply
  wait_for 90 "a member is done" grep -q '"type":"start"' "$(journal)"
  wait_for 90 "it is healthy" member_is_done
  kill -STOP "$CONTROLLER"
  on_exit wake "$CONTROLLER"
  wait_for 120 "the hosts have given the locks away" no_locks
  kill -CONT "$CONTROLLER"
  ended 1
  assert_contains "$(squeezed "$(cat "$WORK/apply")")" "is lost"
  each_lab_host wait_for 30 "all are healthy" is_healthy
  apply 3.2.32
}
wake() { kill -CONT "$1" 2>/dev/null || true; }
member_is_done() { jq -c 'select(.entry == "outcome" and .effect.operation.type == "start")' "$(journal)" | grep . && each_lab_host is_healthy; }

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_lab 3
lab_etcd 3.1.20 --config flags
# shellcheck disable=SC2153 # from etcd.env
start_writer killed "$ENDPOINTS" "${WRITER_TLS[@]}"
killed sudo adopt-all 'user = "deploy"' 'become = "sudo"'
stop_writer killed
"$TESTS/lab/remove-etcd"
each_lab_host forget
lab_etcd 3.1.20 --config flags
start_writer suspended "$ENDPOINTS" "${WRITER_TLS[@]}"
suspended
stop_writer suspended
