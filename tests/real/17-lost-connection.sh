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

# begin EFFECT ARG...: apply in the background, until the first such effect (stop, copy-data-dir, put-back) is announced.
begin() {
  in_background apply -auto-approve "${@:2}"
  journal_reaches "$RUN" 1 "$(entry_of intent "$1")"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_sshd sshd m1 m2 m3
use_spec lost process-ssh < <(process_variables "ssh_config = \"$WORK/sshd/ssh_config\"" "dir = \"$WORK/members/hosts\"" \
  'reconnect_for = "10s"')
on_exit "$TESTS/cluster/stop" "$WORK/members/hosts"
apply 3.1.20
put_data_v3
start_writer lost "$(endpoints)"

# faults: N1
say "cut while a member is put back"
bad_release "$WORK/bad" EVERYWHERE=0 HANGS=0
begin put-back -var release=3.2.32 -var "releases=$WORK/bad"
end_sessions
run_ended 1
assert_contains "$(squeezed "$(cat "$WORK/run")")" "runs its old binary again"
for member in m1 m2 m3; do
  assert_contains "$(curl -fsS -m 2 "$(endpoint "$member")/version")" '"etcdserver":"3.1.20"'
done

say "cut right after a stop"
begin stop -var release=3.2.32
end_sessions
run_ended 1
assert_contains "$(squeezed "$(cat "$WORK/run")")" "lock on"
assert_contains "$(squeezed "$(cat "$WORK/run")")" " apply -var release=3.2.32"
assert_eq "$(jq -c 'select(.entry == "lock-lost")' "$(journal)" | wc -l)" 1 "entries of a lost lock"
for member in m1 m2 m3; do
  assert_contains "$(curl -fsS -m 2 "$(endpoint "$member")/health")" true
done

# faults: N4
say "a host that stays away while a member is down"
begin copy-data-dir -var release=3.2.32
"$TESTS/sshd/stop" "$WORK/sshd"
run_ended 1
assert_contains "$(squeezed "$(cat "$WORK/run")")" "it could not be made again"
assert_contains "$(squeezed "$(cat "$WORK/run")")" "once its host can be reached"
"$TESTS/sshd/start" "$WORK/sshd" m1 m2 m3

say "once the host is back, the same command finishes"
run_expect 0 quorate apply -auto-approve -var release=3.2.32
nothing_left 3.2.32
stop_writer lost
for member in m1 m2 m3; do
  assert_contains "$(curl -fsS -m 2 "$(endpoint "$member")/version")" '"etcdserver":"3.2.32"'
  assert_eq "$(pgrep -fc "^$WORK/members/hosts/$member/etcd")" 1 "processes of $member"
done
