#!/usr/bin/env bash
# Every rung by itself, under a writing client: one member up and back, two up, held
# before the last, and back, then all up. (2.3 -> 3.0, where no binary can be put back:
# its own test. That the old binary refuses what the new one has written: the tests of
# the knowledge, real/03.)
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/rollback.sh
. "$TESTS/specs/rollback.sh"

# who_runs: how many members run which version, such as `2 3.1.20, 1 3.2.32`.
who_runs() {
  local member
  for member in m1 m2 m3; do curl -fsS -m 2 "$(endpoint "$member")/version" | text_field etcdserver; done |
    sort | uniq -c | awk '{ printf "%s%s %s", sep, $1, $2; sep = ", " }'
}

# back FROM TO NUMBER: so many members are on TO, and are put back.
back() {
  assert_eq "$(who_runs)" "$(printf '%s\n%s\n' "$((3 - $3)) $1" "$3 $2" | awk '{ printf "%s%s", sep, $0; sep = ", " }')" "on the way"
  run_expect 0 quorate rollback -auto-approve -var "release=$2"
  at_version "$1"
}

rung() {
  local from=$1 to=$2 api=$3 writer=r${1//./}
  say "$from -> $to"
  use_process_spec "$writer" 'soak = "0s"' 'verify = "hash"' 'v2_settle = "0s"' 'settings = { snapshot-count = "2000" }'
  apply "$from"
  "put_data_$api" "$(endpoint m1)"
  start_writer "$writer" "$(endpoints)" --api "$api"

  in_background apply -auto-approve -var "release=$to"
  journal_reaches "$RUN" 1 "$(entry_of intent stop)"
  kill -INT "$RUN"
  run_ended 130
  back "$from" "$to" 1

  run_expect 0 quorate apply -auto-approve -var "release=$to" -var hold_before=no-return
  back "$from" "$to" 2

  apply "$to"
  at_version "$to"
  stop_writer "$writer"
  members_hold_the_same "$api"
  "$TESTS/cluster/stop" "$SPEC"
}

# 3.5 takes members for removed ones where it replays the whole log into a database that was never written.
nothing_written() {
  say "nothing written before 3.5"
  use_process_spec unwritten 'soak = "0s"' 'verify = "hash"'
  apply 3.4.23
  refused 3.5.33 members-taken-for-removed "nothing was ever written through the v3 API"
  etcdctl3 put written once >/dev/null
  etcdctl3 del written >/dev/null
  apply 3.5.33
  ! grep -h "Removing zombie member" "$SPEC"/members/*/log || fail "members were taken for removed ones"
  "$TESTS/cluster/stop" "$SPEC"
}

cluster_version_is() {
  local member
  [[ $(for member in m1 m2 m3; do curl -fsS -m 2 "$(endpoint "$member")/version" | text_field etcdcluster; done | sort -u) == "$1" ]]
}

# Where it has done so, the backup tells: nobody is stopped for 3.6.
taken_for_removed() {
  local member release
  say "members that the database takes for removed"
  use_process_spec removed 'soak = "0s"' 'settings = { snapshot-count = "2000" }'
  apply 3.4.23
  release=$("$TESTS/fixtures/get" 3.5.33)
  for member in m1 m2 m3; do
    end_by_hand "$member"
    cp "$release/etcd" "$SPEC/members/$member/etcd"
    start_by_hand "$member"
    wait_for 30 "$member answers" answers "$member"
  done
  wait_for 30 "the cluster is at 3.5" cluster_version_is 3.5.0
  etcdctl3 put written too-late >/dev/null
  run_expect 1 quorate apply -auto-approve -var release=3.6.14
  assert_contains "$(squeezed "$OUT")" "for removed, though they are members"
  assert_eq "$(jq -r 'select(.entry == "intent" and .effect.operation.type == "stop") | .effect.member' "$(journal)")" "" "members stopped"
  at_version 3.5.33
  "$TESTS/cluster/stop" "$SPEC"
}

rungs=("2.1.1 2.2.5 v2" "2.2.5 2.3.8 v2" "3.0.17 3.1.20 v3" "3.1.20 3.2.32 v3" "3.2.32 3.3.27 v3" "3.3.27 3.4.23 v3"
  "3.4.23 3.5.33 v3" "3.5.33 3.6.14 v3" "3.6.14 3.7.1 v3")
versions=()
for rung in "${rungs[@]}"; do
  read -r from to api <<<"$rung"
  versions+=("$from" "$to")
done
mapfile -t versions < <(printf '%s\n' "${versions[@]}" | sort -uV)
"$TESTS/fixtures/release-dir" "$RELEASES" "${versions[@]}"
for rung in "${rungs[@]}"; do
  read -r from to api <<<"$rung"
  rung "$from" "$to" "$api"
done
nothing_written
taken_for_removed
