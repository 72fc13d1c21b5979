#!/usr/bin/env bash
# SSH connections that are cut on the host's side: while a bad binary is put back,
# and right after a stop. quorate connects again and brings the member up; its
# lock went with the connection, so the run ends there, and apply goes on. A host
# that stays away is given up in bounded time.
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# end_sessions: every connection of the sshd, which itself stays.
end_sessions() {
  local pid
  for pid in $(ps -o pid= --ppid "$(cat "$WORK/sshd/pid")"); do kill -9 "$pid" 2>/dev/null || true; done
}

begin_apply() {
  runs_before=$(find "$SPEC/.quorate/runs" -name journal.jsonl | wc -l)
  "$QUORATE" -chdir="$SPEC" apply -auto-approve "$@" >"$WORK/apply" 2>&1 </dev/null &
  APPLY=$!
  on_exit end_process "$APPLY"
  wait_for 60 "the run's journal" its_journal
}
its_journal() { [[ $(find "$SPEC/.quorate/runs" -name journal.jsonl | wc -l) -gt $runs_before ]]; }
# happens WHAT N: the Nth entry of that kind (stop, copy-data-dir, start, put-back) has begun.
happens() {
  local seen
  seen=$(jq -c "select(.entry == \"intent\" and (.effect.operation.type == \"$1\" or .effect.effect == \"$1\"))" "$(journal)" | wc -l)
  [[ $seen -ge $2 ]] || ! kill -0 "$APPLY"
}
ended() { # STATUS
  local status=0
  wait "$APPLY" || status=$?
  assert_eq "$status" "$1" "exit code; $(tail -n 30 "$WORK/apply")"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_sshd sshd m1 m2 m3
use_spec lost process-ssh < <(process_variables "ssh_config = \"$WORK/sshd/ssh_config\"" "dir = \"$WORK/members/hosts\"")
on_exit "$TESTS/cluster/stop" "$WORK/members/hosts"
apply 3.1.20
put_data_v3
start_writer lost "$(endpoints)"

# faults: N1
say "cut while a member is put back"
bad_release "$WORK/bad" EVERYWHERE=0 HANGS=0
begin_apply -var release=3.2.32 -var "releases=$WORK/bad"
wait_for 120 "put-back" happens put-back 1
end_sessions
ended 1
assert_contains "$(squeezed "$(cat "$WORK/apply")")" "runs its old binary again"
for member in m1 m2 m3; do
  assert_contains "$(curl -fsS -m 2 "$(endpoint "$member")/version")" '"etcdserver":"3.1.20"'
done

say "cut right after a stop"
begin_apply -var release=3.2.32
wait_for 120 "a stop" happens stop 1
end_sessions
ended 1
assert_contains "$(squeezed "$(cat "$WORK/apply")")" "lock on"
assert_contains "$(squeezed "$(cat "$WORK/apply")")" " apply -var release=3.2.32"
assert_eq "$(jq -c 'select(.entry == "lock-lost")' "$(journal)" | wc -l)" 1 "entries of a lost lock"
for member in m1 m2 m3; do
  assert_contains "$(curl -fsS -m 2 "$(endpoint "$member")/health")" true
done

# faults: N4
say "a host that stays away while a member is down"
begin_apply -var release=3.2.32
wait_for 120 "a copy" happens copy-data-dir 1
"$TESTS/sshd/stop" "$WORK/sshd"
ended 1
assert_contains "$(squeezed "$(cat "$WORK/apply")")" "it could not be made again"
assert_contains "$(squeezed "$(cat "$WORK/apply")")" "once its host can be reached"
"$TESTS/sshd/start" "$WORK/sshd" m1 m2 m3

say "once the host is back, the same command finishes"
begin_apply -var release=3.2.32
ended 0
nothing_left 3.2.32
stop_writer lost
for member in m1 m2 m3; do
  assert_contains "$(curl -fsS -m 2 "$(endpoint "$member")/version")" '"etcdserver":"3.2.32"'
  assert_eq "$(pgrep -fc "^$WORK/members/hosts/$member/etcd")" 1 "processes of $member"
done
