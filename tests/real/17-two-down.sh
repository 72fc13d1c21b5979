#!/usr/bin/env bash
# Two of three members are down: one alone would wait for quorum in vain. apply
# starts both at once, on the binaries that are in place, and goes on from there.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# The member that leads, by what etcd says in the v2 API.
leader() {
  local member
  for member in m1 m2 m3; do
    if curl -fsS -m 2 "$(endpoint "$member")/v2/stats/self" | grep -q StateLeader; then echo "$member"; fi
  done
}
has_one_leader() { [[ $(leader | wc -l) == 1 ]]; }

# two_down VERSION: all but the leader are killed: what still serves says that it
# leads (for a moment, or, in old versions, for good). Without the v2 API, all but
# m3. Who serves is $UP, those that are down are $DOWN.
two_down() {
  local member
  UP=m3
  if [[ $1 != 3.5.* ]]; then
    wait_for 20 "one leader" has_one_leader
    UP=$(leader)
  fi
  mapfile -t DOWN < <(printf '%s\n' m1 m2 m3 | grep -vx "$UP")
  for member in "${DOWN[@]}"; do end_by_hand "$member" KILL; done
}

# starts_both VERSION: the plan says so, and names no leader.
starts_both() {
  run_expect 2 quorate plan -detailed-exitcode -var "release=$1" -json
  assert_eq "$(jq -r '.plan.steps // [.plan.rungs[].steps[]] | .[0].action | .type + " " + (.members | join(" "))' "$WORK/OUT")" \
    "start-together ${DOWN[*]}" "the first step"
  assert_eq "$(jq -r '.plan.summary.leader' "$WORK/OUT")" null "the leader of a cluster without quorum"
  run_expect 2 quorate plan -detailed-exitcode -var "release=$1"
  assert_contains "$(squeezed "$OUT")" "${DOWN[0]} and ${DOWN[1]}: all at once"
  assert_contains "$OUT" "2 members to start"
}

# The same version: apply only starts them.
brought_up() {
  local version=$1 before
  say "$version: brought up"
  use_process_spec "up-$version" 'verify = "hash"'
  apply "$version"
  two_down "$version"
  starts_both "$version"
  before=$(pid_of "$UP")
  apply "$version"
  assert_eq "$(pid_of "$UP")" "$before" "the process of $UP, which was up"
  assert_eq "$(running | wc -l)" 3 "members that run"
  "$TESTS/cluster/stop" "$SPEC"
}

# A rung: the same, then all of it.
upgraded() {
  say "$1 -> $2: brought up, then upgraded"
  use_process_spec "rung-$1" 'verify = "hash"'
  apply "$1"
  "put_data_$3" "$(endpoint m1)"
  two_down "$1"
  starts_both "$2"
  apply "$2"
  "data_$3" "$(endpoint m1)" >/dev/null
  "$TESTS/cluster/stop" "$SPEC"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5 3.1.20 3.2.32 3.5.33
brought_up 2.2.5
brought_up 3.2.32
brought_up 3.5.33
upgraded 2.1.1 2.2.5 v2
upgraded 3.1.20 3.2.32 v3
