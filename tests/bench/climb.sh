#!/usr/bin/env bash
# 3.4.23 -> 3.7.1 on three booted hosts over SSH, under a writing client, by one apply:
#   tests/bench/climb.sh [RUNS]
# 3.4.23 is installed by hand (flags, a systemd unit), members are asked for their health as monitoring does; soak is
# off and backups are verified by hash. Prints for each turn and rung: seconds from the begin of the
# rung's run to its end, of these etcd's own wait for the cluster version, raft no-ops, backup, the rest; and the longest
# pause of the writes. At the end medians. Needs root (the lab).
QUORATE_PROFILE=release
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

runs=${1:-5} from=3.4.23 to=3.7.1
need_root
(cd "$REPO" && cargo build --release --example writer --bin quorate 2>&1 | tail -n 1)
"$TESTS/fixtures/release-dir" "$RELEASES" 3.5.33 3.6.14 3.7.1
start_lab 3

# rungs TURN: a line for each run of the last apply, oldest first. The cluster version is what its last gate waits for.
rungs() {
  local journal begun ended
  for journal in "$SPEC"/.quorate/runs/*/journal.jsonl; do
    begun=$(date -d "$(jq -r 'select(.entry == "run-started") | .at' "$journal")" +%s%3N)
    ended=$(date -d "$(jq -r 'select(.entry == "run-ended") | .at' "$journal")" +%s%3N)
    jq -r --slurpfile verdict "$WORK/climb/verdict" --slurpfile plan "${journal%/*}/plan.json" -s \
      --argjson begun "$begun" --argjson ended "$ended" --arg turn "$1" '
      def took(effect): [.[] | select(.entry == "outcome" and .effect.effect == effect) | .took_ms] | add // 0;
      ($ended - $begun) as $all
      | [$plan[0].rungs[].steps[] | select(.action.type == "finish") | .id] as $last
      | ([.[] | select(.entry == "step-done" and (.step as $step | $last | index($step)))] | last | .waited_ms) as $moves
      | took("take-raft-snapshots") as $clears
      | took("backup") as $backup
      | ([$verdict[0].stalls[] | select(.[0] >= $begun and .[0] <= $ended) | .[1]] | max // 0) as $stall
      | [$turn, ($plan[0].summary.from // "-"), $plan[0].summary.to, $all, $moves, $clears, $backup,
         $all - $moves - $clears - $backup, ($stall | round)] | map(tostring) | join(" ")' "$journal"
  done
}

: >"$WORK/rows"
for ((turn = 1; turn <= runs; turn++)); do
  "$TESTS/lab/remove-etcd" >/dev/null 2>&1 || true
  for host in h1 h2 h3; do on_host "$host" rm -rf /usr/local/lib/quorate </dev/null; done
  lab_etcd "$from"
  use_lab_spec "climb$turn" adopt
  sed -i 's|rollout { soak = "1s" }|rollout { soak = "0s" }\n  backup { verify = "hash" }|' "$SPEC/cluster.hcl"
  # shellcheck disable=SC2153 # from etcd.env
  url=${ENDPOINTS%%,*}
  for _ in $(seq 20); do "${IN_NET[@]}" curl -fsS -m 5 -o "$WORK/health" "$url/health"; done
  start_writer climb "$ENDPOINTS" "${WRITER_TLS[@]}" --api v3 --interval-ms 5
  began=$EPOCHREALTIME
  run_expect 0 "${IN_NET[@]}" "$QUORATE" -chdir="$SPEC" apply -auto-approve -var "release=$to"
  took=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
  stop_writer climb
  echo "turn $turn: $from -> $to in $took s"
  echo "$took" >>"$WORK/totals"
  rungs "$turn" | tee -a "$WORK/rows"
done

echo
echo "climb $from -> $to, three hosts, $runs runs, medians; seconds, stall in ms"
printf '%-22s %8s %8s %8s %8s %8s %8s\n' rung all version no-ops backup ours stall
awk '
  function median(key, n, i, j, t, v) {
    n = split(values[key], v, " ")
    for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (v[i] + 0 > v[j] + 0) { t = v[i]; v[i] = v[j]; v[j] = t }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
  }
  { rung = $2 " -> " $3; if (!(rung in seen)) { order[++count] = rung; seen[rung] = 1 }
    for (c = 4; c <= 9; c++) values[rung, c] = values[rung, c] " " $c }
  END { for (r = 1; r <= count; r++) { printf "%-22s", order[r]
      for (c = 4; c <= 8; c++) printf " %8.2f", median(order[r] SUBSEP c) / 1000
      printf " %8d\n", median(order[r] SUBSEP 9) } }' "$WORK/rows"
sort -n "$WORK/totals" | awk '{ v[NR] = $1 } END { printf "all: %.1f s\n", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
