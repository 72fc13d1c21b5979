#!/usr/bin/env bash
# An upgrade over SSH by a slow line: 100 ms there and back, 20 Mbit/s. Slower, and
# nothing fails; a connection that is cut while a file is sent leaves no half of it.
# Slower still, by hand: QUORATE_LATENCY (milliseconds, one way), QUORATE_LINE
# (bytes a second; 125000 are 1 Mbit/s).
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/faults.sh
. "$TESTS/specs/faults.sh"

python3 -c '' 2>/dev/null || skip_for_now "needs python3, for the slow line"
line=${QUORATE_LINE:-2500000}
milliseconds=${QUORATE_LATENCY:-50}

end_sessions() {
  local pid
  for pid in $(ps -o pid= --ppid "$(cat "$WORK/sshd/pid")"); do kill -9 "$pid" 2>/dev/null || true; done
}
part_of_a_release() { [[ -n $(find "$WORK/members/hosts/.quorate" -name '*.part-*' -size +1000k) ]]; }
# Whatever has the name of a program is that program, whole.
whole_or_not_there() {
  local file release
  release=$("$TESTS/fixtures/get" 3.2.32)
  for file in "$WORK"/members/hosts/.quorate/3.2.32/*; do
    [[ ${file##*/} != *.part-* && -e $file ]] || continue
    cmp -s "$file" "$release/${file##*/}" || fail "$file is not what upstream has"
  done
}

# faults: N2
cut_while_a_file_is_sent() {
  local began=$SECONDS
  STATUS=0
  begin 3.2.32
  wait_for 90 "a part of the release is there" part_of_a_release
  end_sessions
  whole_or_not_there
  wait "$APPLY" || STATUS=$?
  whole_or_not_there
  assert_eq "$(find "$WORK/members/hosts/.quorate" -name '*.part-*')" "" "parts that stayed"
  echo "note: cut while a file was sent: apply ended with $STATUS after $((SECONDS - began)) s"
}

# faults: N7
slower_and_not_failing() {
  local began=$SECONDS
  apply 3.2.32
  echo "note: $((2 * milliseconds)) ms, $((line * 8 / 1000000)) Mbit/s: upgraded in $((SECONDS - began)) s"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_sshd sshd m1 m2 m3
use_spec slow process-ssh < <(process_variables "ssh_config = \"$WORK/sshd/ssh_config\"" "dir = \"$WORK/members/hosts\"")
on_exit "$TESTS/cluster/stop" "$WORK/members/hosts"
apply 3.1.20
put_data_v3
head -c 700000 /dev/urandom | base64 -w0 | etcdctl3 put data/random >/dev/null
# From here on the way to the hosts is slow.
sed -i "s|^  HostName .*|&\n  ProxyCommand $TESTS/tools/slow-link %h %p $milliseconds $line|" "$WORK/sshd/ssh_config"
start_writer slow "$(endpoints)"
say "cut while a file is sent"
cut_while_a_file_is_sent
# Progress with bytes and rate, while it was sent.
grep -qE "of 16 MB.*%" "$WORK/apply" || fail "no progress in: $(cat "$WORK/apply")"
say "slower, and not failing"
# One that has sent the file again, and went on, has shown it already.
[[ $STATUS == 0 ]] || slower_and_not_failing
nothing_left 3.2.32
stop_writer slow
