#!/usr/bin/env bash
# How long a member is away whose new binary is killed: three booted hosts, 3.1.20 ->
# 3.2.32 under a writing client; the first member's new process gets SIGKILL while quorate
# watches it (its soak). Measured until the member answers as healthy on its old binary:
#   tests/bench/put-back.sh [RUNS]
# Prints a line a run, and the median. Needs root (the lab).
QUORATE_PROFILE=release
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/faults.sh
. "$TESTS/specs/faults.sh"

runs=${1:-7}; QUORATE=/work/tmp/bin/quorate-new
need_root

answer() { "${IN_NET[@]}" curl -fsS -m 1 "http://10.77.0.1${1#h}:2379/$2" 2>/dev/null; }
runs_new() { answer "$1" version | grep 3.2.32; }
back() { answer "$1" version | grep 3.1.20 && answer "$1" health | grep true; }

# one: kills the new binary of the member in hand; $AWAY is the milliseconds that it was away.
one() {
  local host killed
  begin 3.2.32
  wait_in_run "a new binary runs" at outcome start
  host=$(in_hand)
  wait_in_run "$host serves" runs_new "$host"
  # shellcheck disable=SC2016 # the host expands it
  killed=$(on_host "$host" 'kill -KILL $(systemctl show -p MainPID --value etcd.service) && date +%s%N')
  wait_for 60 "$host is back on its old binary" back "$host"
  AWAY=$((($(date +%s%N) - killed) / 1000000))
  mkdir -p /work/tmp/pb; cp "$(ls -d "$SPEC"/.quorate/runs/*/ | tail -n 1)journal.jsonl" "/work/tmp/pb/$AWAY.$host.jsonl"; on_host "$host" journalctl -u etcd.service -o short-precise --no-pager -n 200 >"/work/tmp/pb/$AWAY.$host.log" || true
  ended 1 "runs its old binary again"
  assert_eq "$(put_back_members)" "$host" "members that were put back"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_lab 3
lab_etcd 3.1.20
use_lab_spec killed adopt
sed -i 's/soak = "1s"/soak = "30s"/' "$SPEC/cluster.hcl"
# shellcheck disable=SC2153 # from etcd.env
start_writer killed "$ENDPOINTS" "${WRITER_TLS[@]}"
for ((turn = 1; turn <= runs; turn++)); do
  one
  echo "away $AWAY ms" | tee -a "$WORK/rows"
done
stop_writer killed
cut -d' ' -f2 "$WORK/rows" | sort -n | awk '{ v[NR] = $1 }
  END { printf "median of %d: %d ms (fastest %d, slowest %d)\n", NR, NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2, v[1], v[NR] }'
