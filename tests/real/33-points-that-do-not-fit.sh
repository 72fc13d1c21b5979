#!/usr/bin/env bash
# Rollback points that make no cluster together are refused, and nobody is stopped: one
# that lacks its log, and those from before a restore, which made another cluster.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# refused_points WORDS
refused_points() {
  local before
  before=$(running)
  run_expect 1 quorate rollback -points -to 3.1.20 -auto-approve -var release=3.2.32
  assert_contains "$(squeezed "$OUT$ERR")" "$1"
  assert_eq "$(running)" "$before" "processes after a refusal"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec lives 'soak = "0s"' 'verify = "hash"'
apply 3.1.20
put_data_v3
apply 3.2.32
backup=$(quorate backup list -json -var release=3.2.32 | jq -r '.backups[-1].id')

say "a point that lacks its log"
point=$(find "$SPEC/members/m2" -maxdepth 1 -type d -name 'data.quorate-*-v3.1.20')
mv "$point/member/wal" "$WORK/wal"
refused_points "it had"
mv "$WORK/wal" "$point/member/wal"

say "points from before a restore"
run_expect 0 quorate restore -auto-approve -var release=3.2.32 "$backup"
refused_points "it was restored since"
run_expect 1 quorate rollback -auto-approve -var release=3.2.32 -json
assert_eq "$(json "$WORK/OUT" '.points_missing | length')" 3 "members without a point of this cluster"
"$TESTS/cluster/stop" "$SPEC"
