#!/usr/bin/env bash
# Compares quorate with a hand-written script, in one run, on three real hosts:
#   tests/bench/rolling-upgrade.sh [RUNS] [FROM TO]
# Each turn: install FROM on the bare hosts, then the upgrade to TO under a writing
# client, by the script (tests/baseline) and by quorate in turn. Soak is off and
# backups are verified by hash on both sides; then once more with quorate's defaults
# for the backup, to state what the trial restore costs. Needs root (the lab).
# Prints a table of medians; each run's figures stand in lines before it.
set -euo pipefail
QUORATE_PROFILE=release
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

runs=${1:-5} from=${2:-3.1.20} to=${3:-3.2.32}
need_root
start_lab 3
"$TESTS/fixtures/release-dir" "$WORK/releases" "$to" >/dev/null

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# install: the cluster as somebody else left it; ENDPOINTS and the like from its env file.
install() {
  "$TESTS/lab/remove-etcd" >/dev/null 2>&1 || true
  # What an earlier turn staged would spare this one the transfer.
  local host
  while read -r host _; do on_host "$host" rm -rf /usr/local/lib/quorate </dev/null; done <"$LAB_DIR/hosts"
  lab_etcd "$from" >/dev/null
  # shellcheck source=/dev/null
  . "$LAB_DIR/etcd.env"
}

spec() {
  local verify=$1
  rm -rf "$WORK/spec"
  mkdir -p "$WORK/spec"
  cat >"$WORK/spec/cluster.hcl" <<EOF
cluster "bench" {
  version = "$to"
  connection "ssh" {
    config_file = "$LAB_DIR/ssh_config"
  }
  runtime "systemd" {
    unit  = "${UNIT%.service}.service"
    adopt = true
  }
  release {
    url        = "file://$WORK/releases/etcd-v\${version}-linux-\${arch}.tar.gz"
    sha256sums = "file://$WORK/releases/SHA256SUMS"
  }
EOF
  local host address
  while read -r host address _; do
    cat >>"$WORK/spec/cluster.hcl" <<EOF
  member "$host" {
    address = "$address"
    connection "ssh" {
      host = "$host"
    }
  }
EOF
  done <"$LAB_DIR/hosts"
  cat >>"$WORK/spec/cluster.hcl" <<EOF
  rollout {
    soak = "0s"
  }
  backup {
    verify = "$verify"
  }
}
EOF
}

net() { LAB_DIR=$LAB_DIR "$TESTS/lab/net" "$@"; }

# under_writer NAME CMD...: runs CMD while a client writes; STALL is its longest stall.
under_writer() {
  local out=$WORK/$1.writer
  shift
  rm -f "$WORK/stop"
  # shellcheck disable=SC2153 # from etcd.env
  net "$WRITER" --endpoints "$ENDPOINTS" "${WRITER_TLS[@]}" --stop-file "$WORK/stop" --ready-file "$WORK/ready" --out "$out" >"$out.log" 2>&1 &
  local writer=$!
  wait_for 20 "the writer writes" test -e "$WORK/ready"
  "$@"
  sleep 0.5
  touch "$WORK/stop"
  wait "$writer" || fail "the writer lost something: $(cat "$out.log")"
  rm -f "$WORK/ready"
  STALL=$(grep -o '"longest_stall_ms":[0-9.]*' "$out.log" | head -1 | cut -d: -f2)
}


by_script() {
  LINE=$(net "$TESTS/baseline/rolling-upgrade.sh" "$to" "$WORK/script-backup")
  TOTAL=$(grep -o '"total_s":[0-9.]*' <<<"$LINE" | cut -d: -f2)
  MOVED=$(grep -o '"cluster_version_s":[0-9.]*' <<<"$LINE" | cut -d: -f2)
}

# TOTAL: until the last member was done; MOVED: until the run ended.
by_quorate() {
  local begin=$EPOCHREALTIME
  rm -f "$WORK/time"
  net /usr/bin/time -o "$WORK/time" -f '%M' "$QUORATE" -chdir="$WORK/spec" apply -auto-approve -json >"$WORK/events" 2>"$WORK/errors" ||
    fail "apply: $(tail -n 3 "$WORK/events" "$WORK/errors")"
  MOVED=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }')
  # What etcd itself took to move the cluster version: the wait of the last gate.
  local run waited
  run=$(find "$WORK/spec/.quorate/runs" -name journal.jsonl)
  waited=$(grep '"entry":"step-done"' "$run" | tail -n 1 | grep -o '"waited_ms":[0-9]*' | cut -d: -f2)
  TOTAL=$(awk -v a="$MOVED" -v w="$waited" 'BEGIN { printf "%.3f", a - w / 1000 }')
  MEMORY=$(tail -n 1 "$WORK/time")
}

# As somebody would: a plan is read first, and has the release in the cache then. Its second run is timed: three cold
# hosts, one connection each.
look() {
  net "$QUORATE" -chdir="$WORK/spec" plan >/dev/null
  local begin=$EPOCHREALTIME
  net "$QUORATE" -chdir="$WORK/spec" plan >/dev/null
  echo "plan $(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }')" | tee -a "$WORK/rows"
}

: >"$WORK/rows"
for ((turn = 1; turn <= runs; turn++)); do
  install
  under_writer script by_script
  echo "script $TOTAL $MOVED $STALL" | tee -a "$WORK/rows"
  install
  spec hash
  look
  under_writer quorate by_quorate
  echo "quorate $TOTAL $MOVED $STALL $MEMORY" | tee -a "$WORK/rows"
  find "$WORK/spec/.quorate/runs" -name journal.jsonl -exec cp {} /work/tmp/journal.q.$turn \;
  install
  spec hash
  QUORATE_SAVED=$QUORATE QUORATE=$ALT
  look
  under_writer alt by_quorate
  QUORATE=$QUORATE_SAVED
  echo "alt $TOTAL $MOVED $STALL $MEMORY" | tee -a "$WORK/rows"
  find "$WORK/spec/.quorate/runs" -name journal.jsonl -exec cp {} /work/tmp/journal.alt.$turn \;
done

column_median() { grep "^$1 " "$WORK/rows" | cut -d' ' -f"$2" | median; }
column_max() { grep "^$1 " "$WORK/rows" | cut -d' ' -f"$2" | sort -n | tail -n 1; }
echo
echo "rolling upgrade $from -> $to, three hosts, $runs runs, medians"
printf '%-34s %8s %8s %14s %10s\n' "" "upgrade" "+ bump" "stall (max)" "memory"
for kind in script quorate alt; do
  case $kind in
    script) label="hand-written script" ;;
    quorate) label="quorate, backup by hash" ;;
    alt) label="quorate, other binary" ;;
  esac
  memory=-
  [[ $kind == script ]] || memory=$(awk -v kb="$(column_max "$kind" 5)" 'BEGIN { printf "%.0f MB", kb / 1024 }')
  printf '%-34s %6.2f s %6.2f s %5.0f (%4.0f) ms %10s\n' "$label" "$(column_median "$kind" 2)" "$(column_median "$kind" 3)" \
    "$(column_median "$kind" 4)" "$(column_max "$kind" 4)" "$memory"
done
printf 'plan of three cold hosts: %.2f s (slowest %.2f s)\n' "$(column_median plan 2)" "$(column_max plan 2)"
awk -v q="$(column_median quorate 2)" -v s="$(column_median script 2)" 'BEGIN { printf "ratio quorate / script: %.2f\n", q / s }'

awk -v q="$(column_median alt 2)" -v s="$(column_median script 2)" 'BEGIN { printf "ratio alt / script: %.2f\n", q / s }'
