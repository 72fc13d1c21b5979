#!/usr/bin/env bash
# More than 50 MB of v2 data: after each member the guide's wait, as the spec
# sets it, in the plan and counted down in apply.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

values=60 value_bytes=500000

# In a raft snapshot each value stands twice: as a key, and in the history of events.
fill() {
  local i
  head -c "$value_bytes" /dev/zero | tr '\0' v >"$WORK/value"
  for i in $(seq "$values"); do
    curl -fsS -m 20 -o /dev/null -X PUT --data-urlencode "value@$WORK/value" "$(endpoint m1)/v2/keys/large/$i"
  done
}
snapshot_bytes() { find "$SPEC/members/$1/data" -name '*.snap' -printf '%s\n' | sort -n | tail -n 1; }
has_large_snapshot() { [[ $(snapshot_bytes "$1") -gt $((50 * 1024 * 1024)) ]]; }

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5
use_process_spec large 'v2_settle = "3s"' 'settings = { snapshot-count = "150" }'
apply 2.1.1
run_expect 2 quorate plan -detailed-exitcode -var release=2.2.5
assert_not_contains "$(squeezed "$OUT")" "settle"
fill
start_writer settle "$(endpoints)" --workers 1 --readers 1 --interval-ms 20
for member in m1 m2 m3; do wait_for 30 "$member has a raft snapshot over 50 MB" has_large_snapshot "$member"; done
# 2.1 says that it is not while it writes one.
for member in m1 m2 m3; do wait_for 60 "$member is healthy" answers "$member"; done
say "plan"
run_expect 2 quorate plan -detailed-exitcode -var release=2.2.5
cp "$WORK/OUT" "$WORK/plan.txt"
assert_contains "$(squeezed "$OUT")" "v2 data"
run_expect 2 quorate plan -detailed-exitcode -json -var release=2.2.5
gates=$(jq -c 'select(.type == "plan") | [.plan.rungs[].steps[].after[] | select(.type == "v2-settle") | .span]' "$WORK/OUT")
assert_eq "$gates" '["3s","3s","3s"]' "settle gates"
# faults: E9
say "apply"
apply 2.2.5
stop_writer settle
assert_contains "$APPLIED" "settling of v2 data"
# Each member that was swapped was left alone for these 3 s.
waits=$(jq -r 'select(.entry == "step-done" and .waited_ms >= 3000) | .step' "$(journal)" | wc -l)
assert_eq "$waits" 3 "waits of 3 s or more"
echo "note: $(($(snapshot_bytes m1) / 1024 / 1024)) MB of v2 data"
