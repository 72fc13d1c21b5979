#!/usr/bin/env bash
# Both guides on plain processes: quorate makes the cluster, data goes in, and
# it upgrades the cluster under writing clients, which lose nothing.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

from_3_1_to_3_2() {
  use_process_spec v31
  apply 3.1.20
  put_data_v3
  put_data_v2 "$(endpoint m1)"
  local v2 v3
  v2=$(data_v2 "$(endpoint m2)") v3=$(data_v3)
  start_writer v31_v3 "$(endpoints)" --api v3
  start_writer v31_v2 "$(endpoints)" --api v2
  apply 3.2.32
  stop_writer v31_v3
  stop_writer v31_v2
  assert_eq "$(data_v2 "$(endpoint m2)")" "$v2" "v2 data"
  assert_eq "$(data_v3)" "$v3" "v3 data"
  upgraded 3.2.32 3.1.20
  assert_contains "$(squeezed "$APPLIED")" "trial restore"
}

from_2_1_to_2_2() {
  use_process_spec v21
  apply 2.1.1
  put_data_v2 "$(endpoint m1)"
  local v2
  v2=$(data_v2 "$(endpoint m2)")
  start_writer v21 "$(endpoints)"
  apply 2.2.5
  stop_writer v21
  assert_eq "$(data_v2 "$(endpoint m2)")" "$v2" "v2 data"
  upgraded 2.2.5 2.1.1
}

# upgraded TO FROM: every member runs TO; the leader of the beginning came last;
# there is a backup, and a rollback point and the old binary of each member.
upgraded() {
  local member version order leader
  for member in m1 m2 m3; do
    version=$(curl -fsS -m 2 "$(endpoint "$member")/version")
    assert_eq "$(text_field etcdserver <<<"$version")" "$1" "version of $member"
    assert_eq "$(text_field etcdcluster <<<"$version" | cut -d. -f1-2)" "${1%.*}" "cluster version at $member"
    assert_file "$(echo "$SPEC/members/$member"/data.quorate-*-v"$2")/member"
  done
  assert_eq "$("$SPEC/members/.quorate/$2/etcd" --version | sed -n 1p)" "etcd Version: $2" "the old binary"
  leader=$(jq -r 'select(.entry == "ready-for" and .leader) | .leader' "$(journal)" | sed -n 1p)
  order=$(jq -r 'select(.entry == "intent" and .effect.operation.type == "stop") | .effect.member' "$(journal)" | xargs)
  assert_eq "$(wc -w <<<"$order")" 3 "members stopped"
  assert_eq "${order##* }" "$leader" "who came last, in $order"
  assert_eq "$(find "$SPEC/.quorate/backups" -mindepth 1 -maxdepth 1 -type d | wc -l)" 1 backups
  assert_eq "$(find "$SPEC/.quorate/scratch" -mindepth 1 | wc -l)" 0 "left in scratch"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5 3.1.20 3.2.32
say "3.1.20 -> 3.2.32"
from_3_1_to_3_2
say "2.1.1 -> 2.2.5"
from_2_1_to_2_2
