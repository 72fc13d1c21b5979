#!/usr/bin/env bash
# A cluster with a lot of data: 3.1.20 -> 3.2.32 under a writing client, three plain
# processes on this machine.
#   tests/bench/large-data.sh [MEGABYTES]      1024 by default, in values of 1 MB
# Nothing may fail for it: waits are long, and say so. Prints how long each effect took.
# Needs some twelve times the data on the disk (TMPDIR).
QUORATE_PROFILE=release
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

megabytes=${1:-1024}
(cd "$REPO" && cargo build --release --example writer --bin quorate 2>&1 | tail -n 1)

fill() {
  local i
  head -c 750000 /dev/urandom | base64 -w0 >"$WORK/value"
  for ((i = 1; i <= megabytes; i++)); do etcdctl3 put "large/$i" <"$WORK/value" >/dev/null; done
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec large
apply 3.1.20
say "filling"
fill
echo "note: database of m1: $(($(stat -c %s "$SPEC/members/m1/data/member/snap/db") / 1048576)) MB"
start_writer large "$(endpoints)"
began=$EPOCHREALTIME
apply 3.2.32
echo "note: upgraded in $(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s, the plan after it included"
stop_writer large
jq -r 'select(.entry == "outcome" and .took_ms > 300) |
  "\(.took_ms) ms  \(.effect.effect) \(.effect.member // "") \(.effect.operation.type // "")"' "$(journal)"
jq -r 'select(.waited_ms? > 1000) | "\(.waited_ms) ms  wait of step \(.step) (\(.entry))"' "$(journal)"
