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
# shellcheck source=tests/specs/faults.sh
. "$TESTS/specs/faults.sh"

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
  begin 3.2.32
  assert_eq "$(locks | wc -l)" 3 "locks"
  # The hosts do not see yet that it stands still.
  hold_at outcome stop
  from_other refused_by_lock
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
  begin 3.2.32
  wait_in_run "a member is done and healthy" member_is_done
  kill -STOP "$CONTROLLER"
  wait_for 120 "the hosts have given the locks away" no_locks
  resume
  ended 1 "is lost"
  each_lab_host wait_for 30 "all are healthy" is_healthy
  apply 3.2.32
}
member_is_done() { at outcome start && each_lab_host is_healthy; }

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
