#!/usr/bin/env bash
# From 2.1.1 to 3.5.33 under writing clients: v2 from the start, v3 from the moment
# that 3.0 serves it. One apply goes to 3.2.32, with all of both there at the end.
# Keys of the v2 API stand in the way of 3.4, which is told at 2.1.1; without them
# one more apply goes to 3.5.33.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

runs() { find "$SPEC/.quorate/runs" -name journal.jsonl | wc -l; }
backups() { find "$SPEC/.quorate/backups" -mindepth 1 -maxdepth 1 -type d | wc -l; }
serves_v3() { [[ $(curl -fsS -m 2 "$(endpoint m1)/version" | text_field etcdcluster) == 3.[012].* ]] && etcdctl3 put data/first v3; }
remove_v2() { curl -fsS -m 10 -o /dev/null -X DELETE "$(endpoint m1)/v2/keys$1?recursive=true"; }

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5 2.3.8 3.0.17 3.1.20 3.2.32 3.3.27 3.4.23 3.5.33
use_process_spec climb 'soak = "0s"' 'v2_settle = "0s"' 'via = { "3.4" = "3.4.23" }'
apply 2.1.1
put_data_v2 "$(endpoint m1)"
V2=$(data_v2 "$(endpoint m2)")
refused 3.5.33 v2-backup-possible "on the way from 3.3.27 to 3.4.23: 4 keys of the v2 API" "or declare 3.3.27, to stop before this rung"
run_expect 2 quorate plan -detailed-exitcode -var release=3.2.32
assert_contains "$OUT" "2.1.1 -> 2.2.5 -> 2.3.8 -> 3.0.17 -> 3.1.20 -> 3.2.32"

say "2.1.1 -> 3.2.32"
start_writer v2 "$(endpoints)" --api v2
in_background apply -auto-approve -var release=3.2.32
wait_for 120 "3.0 serves the v3 API" serves_v3
put_data_v3
V3=$(data_v3)
start_writer v3 "$(endpoints)" --api v3
run_ended 0
assert_eq "$(grep -c '^Done in ' "$WORK/run")" 5 "rungs done"
at_version 3.2.32
nothing_left 3.2.32
assert_eq "$(data_v2 "$(endpoint m3)")" "$V2" "v2 data"
assert_eq "$(data_v3)" "$V3" "v3 data"
stop_writer v2

say "3.2.32 -> 3.5.33, without v2 keys"
# Nobody has taken a raft snapshot since 2.1.1. What 3.5 would make of that log is told; from 3.3 on each takes one.
for member in m1 m2 m3; do
  assert_eq "$(find "$SPEC/members/$member/data/member/snap" -name '*.snap')" "" "raft snapshots of $member"
  echo "--snapshot-count=500" >>"$SPEC/members/$member/args"
done
for key in $(curl -fsS -m 10 "$(endpoint m1)/v2/keys/" | jq -r '.node.nodes[].key'); do remove_v2 "$key"; done
run_expect 2 quorate plan -detailed-exitcode -var release=3.5.33
assert_contains "$OUT" log-from-before-3.0
apply 3.5.33
stop_writer v3
at_version 3.5.33
assert_eq "$(data_v3)" "$V3" "v3 data"
echo "note: $(runs) runs, $(backups) backups from 2.1.1 to 3.5.33"
