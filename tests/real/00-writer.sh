#!/usr/bin/env bash
# The writer, which judges all other tests, is itself to be trusted: it loses
# nothing when a member dies, through both APIs, and it sees a loss where there
# is one.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# A member is killed and comes back while the client writes.
survives_a_killed_member() {
  local version=$1 api=$2 writer=w${1//./}$2 cluster=$WORK/c${1//./}$2
  start_cluster "c${1//./}$2" "$version"
  start_writer "$writer" "$(cat "$cluster/endpoints")" --api "$api" --interval-ms 20 --read-interval-ms 40
  "$TESTS/cluster/member" "$cluster" m1 kill
  "$TESTS/cluster/member" "$cluster" m1 start
  "$TESTS/cluster/member" "$cluster" m1 await 30
  "$TESTS/cluster/member" "$cluster" m2 stop
  "$TESTS/cluster/member" "$cluster" m2 start
  "$TESTS/cluster/member" "$cluster" m2 await 30
  stop_writer "$writer"
  assert_eq "$(json "$WORK/$writer/verdict" .lost)" 0 lost
  assert_eq "$(json "$WORK/$writer/verdict" .stale)" 0 stale
  assert_eq "$(json "$WORK/$writer/verdict" .api)" "${3:-$api}" api
  [[ $(json "$WORK/$writer/verdict" .acknowledged) -gt 20 ]] || fail "hardly any writes"
  [[ $(json "$WORK/$writer/verdict" .errors) -gt 0 ]] || fail "two members went away, and no request failed"
  "$TESTS/cluster/stop" "$cluster"
}

# The cluster is stopped and comes back empty, as after a botched restore.
sees_a_wiped_cluster() {
  local version=$1 name=wiped${1//./} member
  local cluster=$WORK/$name
  start_cluster "$name" "$version"
  start_writer "w$name" "$(cat "$cluster/endpoints")"
  for member in m1 m2 m3; do "$TESTS/cluster/member" "$cluster" "$member" stop; done
  rm -rf "$cluster"/m?/data
  for member in m1 m2 m3; do "$TESTS/cluster/member" "$cluster" "$member" start; done
  for member in m1 m2 m3; do "$TESTS/cluster/member" "$cluster" "$member" await 30; done
  stop_writer "w$name" 1
  [[ $(json "$WORK/w$name/verdict" .lost) -gt 0 ]] || fail "the data is gone, and the writer did not see it"
  "$TESTS/cluster/stop" "$cluster"
}

# A cluster that never answers proves nothing, and that is no success.
refuses_to_judge_without_a_cluster() {
  local port
  port=$("$TESTS/tools/free-ports" 1)
  run_expect 3 "$WRITER" --endpoints "http://127.0.0.1:$port" --api v3 --duration 1 --read-back-seconds 1
}

say "3.2.32, v3: a member dies"
survives_a_killed_member 3.2.32 auto v3
say "2.2.5, v2: a member dies"
survives_a_killed_member 2.2.5 auto v2
say "3.2.32, v2: a member dies"
survives_a_killed_member 3.2.32 v2
say "data wiped"
sees_a_wiped_cluster 3.2.32
sees_a_wiped_cluster 2.2.5
refuses_to_judge_without_a_cluster
