#!/usr/bin/env bash
# Leadership moves to the member that is next, right before its turn: it is put off, the
# one that led before is taken first, and who leads at last hands over before it stops.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/faults.sh
. "$TESTS/specs/faults.sh"

etcdctl34() { ETCDCTL_API=3 "$("$TESTS/fixtures/get" 3.4.23)/etcdctl" "$@"; }
# `NAME ID LEADS` of each member.
members() {
  local member
  for member in m1 m2 m3; do
    etcdctl34 --endpoints "$(endpoint "$member")" endpoint status | awk -F', ' -v name="$member" '{ print name, $2, $5 }'
  done
}
leader() { members | awk '$3 == "true" { print $1 }'; }
leads() { [[ $(leader) == "$1" ]]; }
id_of() { members | awk -v name="$1" '$1 == name { print $2 }'; }

# faults: E4
the_next_one_leads() {
  local led next
  led=$(leader)
  begin 3.4.23
  hold_at outcome start
  # The follower that is still to come, and is next by the plan.
  next=$(printf '%s\n' m1 m2 m3 | grep -vx -e "$led" -e "$(in_hand)")
  etcdctl34 --endpoints "$(endpoint "$led")" move-leader "$(id_of "$next")" >/dev/null
  wait_for 10 "$next leads" leads "$next"
  resume
  ended 0 "is at 3.4.23"
  assert_eq "$(stopped_members | cut -d' ' -f2-)" "$led $next" "who was stopped after the first"
  assert_eq "$(jq -r 'select(.entry == "outcome" and .result.detail.kind == "handed-over") | .effect.member' "$JOURNAL")" "$next" "who handed over"
  assert_eq "$(jq -r 'select(.entry == "intent" and .effect.operation.type == "stop") | .step' "$JOURNAL" | uniq | wc -l)" 3 "stops"
  nothing_left 3.4.23
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.3.27 3.4.23
use_process_spec moves 'soak = "2s"' 'verify = "hash"'
apply 3.3.27
put_data_v3
start_writer moves "$(endpoints)"
the_next_one_leads
stop_writer moves
