#!/usr/bin/env bash
# What goes wrong where quorate runs: its terminal is taken away, it is asked to
# stop twice, the wall clock jumps, disks are full; and a member that takes its
# time to start. No member is left down, and apply finishes afterwards.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/faults.sh
. "$TESTS/specs/faults.sh"

all_answer() {
  local member
  for member in m1 m2 m3; do wait_for 20 "$member answers" answers "$member"; done
}
version_of() { curl -fsS -m 2 "$(endpoint "$1")/version" | text_field etcdserver; }
version_counts() { for member in m1 m2 m3; do version_of "$member"; done | sort | uniq -c | xargs; }

# faults: C3
# On 40 columns and without colours; the window is closed while the first
# member is being stopped.
the_terminal_goes() {
  local line LC_ALL=C.UTF-8
  run_expect 129 env NO_COLOR=1 "$TESTS/tools/lost-terminal" 40 '\[5/[0-9]' \
    "$QUORATE" -chdir="$SPEC" apply -auto-approve -var release=3.2.32
  JOURNAL=$(journal)
  assert_eq "$(jq -r 'select(.entry == "run-ended") | [.ending.ending, .ending.signal] | join(" ")' "$JOURNAL")" \
    "interrupted SIGHUP" "how the run ended"
  all_answer
  # Cursor movements are no text. What is drawn over fills its lines; the plan before has lines of its own, and a word
  # that is longer than a line stays whole.
  sed 's/\x1b\[[0-9;?]*[ABCDGHJKlh]/\n/g' "$WORK/OUT" >"$WORK/drawn"
  ! grep -q $'\x1b' "$WORK/drawn" || fail "colours in spite of NO_COLOR: $(grep -m 1 $'\x1b' "$WORK/drawn" | cat -v)"
  while IFS= read -r line; do
    [[ ${#line} -le 40 || $line =~ [^\ ]{20} ]] || fail "wider than 40 columns: $line"
  done < <(sed '/^Plan: /q' "$WORK/drawn")
}

# faults: C2
# Twice: at once, and what state each member was left in is said.
asked_to_stop_twice() {
  local ours
  begin 3.2.32 -var soak=1m
  hold_at intent stop
  ours=$(in_hand)
  kill -INT "$CONTROLLER"
  resume
  wait_for 10 "the first signal is noticed" grep -q '"stop-requested"' "$JOURNAL"
  # What was begun before it was noticed may be anything up to the start.
  kill -TERM "$CONTROLLER"
  ended 143 "stopped at once, by a second SIGTERM" " apply -var release=3.2.32" "runs show $(basename "$(dirname "$JOURNAL")")"
  grep -qE "^ *$ours (is down|was |serves)" "$WORK/apply" || fail "nothing of $ours in: $(tail -n 8 "$WORK/apply")"
  for member in m1 m2 m3; do
    [[ $member == "$ours" ]] || grep -qE "^ *$member (not stopped by this run|serves)" "$WORK/apply" ||
      fail "nothing of $member in: $(tail -n 8 "$WORK/apply")"
  done
  assert_eq "$(jq -r 'select(.entry == "run-ended") | .entry' "$JOURNAL")" "" "the run's last line"
}

# faults: C6
# Three hours on, then five hours back, while a member is in hand.
the_clock_jumps() {
  cc -O1 -shared -fPIC -o "$WORK/wall_clock.so" "$TESTS/tools/wall_clock.c"
  echo 0 >"$WORK/jumps"
  CONTROLLER_ENV=("LD_PRELOAD=$WORK/wall_clock.so" "JUMPS=$WORK/jumps")
  begin 3.2.32
  CONTROLLER_ENV=()
  wait_for 60 "a stop" at intent stop 1
  echo 10800 >"$WORK/jumps"
  wait_for 60 "a start" at outcome start 1
  echo -7200 >"$WORK/jumps"
  ended 0 "Done in"
  # The jumps were really seen: times in the journal go back.
  jq -s -e '[.[].at] as $at | any(range(1; $at | length); $at[.] < $at[. - 1])' "$JOURNAL" >/dev/null ||
    fail "the clock did not jump"
  assert_eq "$(jq -s '[.[].seq] == [range(1; length + 1)]' "$JOURNAL")" true "numbers of the journal's lines"
  # Nobody waited for the clock: the soak is a second, and each of the waits had a bound.
  assert_at_most "$(jq -s '[.[].waited_ms // 0] | max' "$JOURNAL")" 60000 "longest wait"
  quorate runs -var release=3.2.32 >"$WORK/runs"
  assert_eq "$(version_counts)" "3 3.2.32" "versions"
}

# faults: H1
# Where backups go, and where releases are laid, there is no room.
full_disks() {
  local before
  before=$(running)
  mkdir "$WORK/small"
  mount -t tmpfs -o size=64k,mode=700 quorate-test "$WORK/small"
  on_exit umount "$WORK/small"
  sed -i.kept "s|^    verify = var.verify|    to = \"$WORK/small/backups\"\n    verify = var.verify|" "$SPEC/cluster.hcl"
  run_expect 1 quorate apply -auto-approve -var release=3.2.32
  JOURNAL=$(journal)
  assert_contains "$(squeezed "$OUT$ERR")" "No space left on device"
  assert_eq "$(stopped_members)" "" "members stopped without a backup"
  assert_eq "$(find "$WORK/small" -type f | wc -l)" 0 "files that stayed of a backup that failed"
  run_expect 1 quorate backup -var release=3.1.20
  assert_contains "$(squeezed "$OUT$ERR")" "No space left on device"
  assert_eq "$(find "$WORK/small" -type f | wc -l)" 0 "files that stayed of a backup that failed"
  mv "$SPEC/cluster.hcl.kept" "$SPEC/cluster.hcl"
  # The store fills up after the plan was made.
  rm -rf "$SPEC/members/.quorate"
  mkdir "$SPEC/members/.quorate"
  mount -t tmpfs -o size=140m,mode=755 quorate-test "$SPEC/members/.quorate"
  run_expect 2 quorate plan -detailed-exitcode -var release=3.2.32 "-out=$WORK/saved"
  head -c 130M /dev/zero >"$SPEC/members/.quorate/fill"
  run_expect 1 quorate apply "$WORK/saved"
  assert_contains "$(squeezed "$OUT$ERR")" "No space left on device"
  assert_eq "$(find "$SPEC/members/.quorate" -name '*part*' -o -name 'etcd' | wc -l)" 0 "half of a transfer"
  # What is known before is refused by the plan.
  run_expect 1 quorate plan -var release=3.2.32
  assert_contains "$OUT$ERR" disk-store
  umount "$SPEC/members/.quorate"
  assert_eq "$(running)" "$before" "processes after full disks"
}

# faults: H5
# A member that takes ten seconds to start: waited for, and said so.
a_long_start() {
  local member pid
  begin 3.2.32 -var hold_before=no-return
  hold_at intent start
  member=$(in_hand)
  resume
  until pid=$(pid_of "$member") && [[ -n $pid ]] && kill -STOP "$pid"; do :; done
  wait_for 60 "the wait is told" grep -qE "waits 1[0-9] s, at most .* for: .*$member" "$WORK/apply"
  kill -CONT "$pid"
  ended 0 "Held after"
  assert_eq "$(put_back_members)" "" "members put back"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec controller 'verify = "hash"'
apply 3.1.20
put_data_v3
head -c 300000 /dev/urandom | base64 -w0 | etcdctl3 put data/random >/dev/null
start_writer controller "$(endpoints)"
if [[ $(id -u) == 0 ]]; then
  say "full disks"
  full_disks
else
  echo "note: not root: no disks of its own to fill up"
fi
say "the terminal goes"
if python3 -c 'import pty' 2>/dev/null; then the_terminal_goes; else echo "note: no python3: no terminal to lose"; fi
say "a long start"
a_long_start
say "asked to stop twice"
asked_to_stop_twice
say "the clock jumps"
the_clock_jumps
stop_writer controller
