#!/usr/bin/env bash
# Both guides over real SSH, as the calling user, by what an ssh config says:
# quorate makes clusters of plain processes there, and upgrades them under a
# writing client.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# roll NAME FROM TO PUT...: PUTs are functions that put data, with the endpoint.
roll() {
  local name=$1 from=$2 to=$3
  use_spec "$name" process-ssh < <(
    process_variables "ssh_config = \"$WORK/sshd/ssh_config\"" "dir = \"$WORK/on hosts/$name\""
  )
  MEMBERS="$WORK/on hosts/$name"
  on_exit "$TESTS/cluster/stop" "$MEMBERS"
  apply "$from"
  put_data_v2 "$(endpoint m1)"
  local v2
  v2=$(data_v2 "$(endpoint m2)")
  start_writer "$name" "$(endpoints)"
  apply "$to"
  stop_writer "$name"
  assert_eq "$(data_v2 "$(endpoint m2)")" "$v2" "v2 data"
  local member
  for member in m1 m2 m3; do
    assert_contains "$(curl -fsS -m 2 "$(endpoint "$member")/version")" "\"etcdserver\":\"$to\""
  done
  # Nothing of ssh's stays behind: no master connection, no socket.
  wait_for 5 "no ssh of quorate's is left" no_masters
  assert_eq "$(find "$SPEC/.quorate" -type s | wc -l)" 0 "sockets left"
}
no_masters() { ! pgrep -u "$(id -u)" -f "ssh.*$SPEC/.quorate"; }

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5 3.1.20 3.2.32
start_sshd sshd m1 m2 m3
say "3.1.20 -> 3.2.32"
roll ssh31 3.1.20 3.2.32
say "2.1.1 -> 2.2.5"
roll ssh21 2.1.1 2.2.5
