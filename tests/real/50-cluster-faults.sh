#!/usr/bin/env bash
# The cluster changes while quorate upgrades it: an alarm, a member added, a peer
# URL changed, the new process dying in its soak, another member dying while one
# is down, a way back that is gone, a binary that somebody else replaced, a member that
somebody else starts on a release ahead. Each
# time the run halts where it should, and apply finishes afterwards; the client
# that writes all the way loses nothing.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/faults.sh
. "$TESTS/specs/faults.sh"

version_of() { curl -fsS -m 2 "$(endpoint "$1")/version" | text_field etcdserver; }
runs_version() { [[ $(version_of "$1") == "$2" ]]; }
is_down() { [[ -z $(pid_of "$1") ]]; }
all_healthy() {
  local member
  for member in m1 m2 m3; do answers "$member" || return 1; done
}
untouched() { assert_eq "$(running)" "$before" "processes after $1"; }

# halted_untouched WHAT WORD...: the run ended without stopping anybody.
halted_untouched() {
  ended 1 "${@:2}"
  assert_eq "$(stopped_members)" "" "members stopped after $1"
  untouched "$1"
}

# faults: E6
# The quota is reached while binaries are laid ready.
an_alarm() {
  local revision
  before=$(running)
  begin 3.2.32 -var gate_timeout=3s
  hold_at intent prepare
  head -c 1000000 /dev/zero | tr '\0' x >"$WORK/large"
  until ! etcdctl3 put fill/large <"$WORK/large" >/dev/null 2>&1; do :; done
  wait_for 10 "the alarm" has_alarm
  resume
  halted_untouched "an alarm" "alarm NOSPACE on"
  refused 3.2.32 no-alarm NOSPACE "etcdctl alarm disarm"
  revision=$(etcdctl3 endpoint status -w json | jq '[.[].Status.header.revision] | max')
  etcdctl3 compact "$revision" >/dev/null
  etcdctl3 defrag >/dev/null
  wait_for 10 "the alarm is gone" disarmed
  wait_for 20 "all are healthy" all_healthy
}
has_alarm() { etcdctl3 alarm list | grep NOSPACE; }
disarmed() { etcdctl3 alarm disarm && ! has_alarm; }

# faults: E7
# Somebody adds a member, or changes a peer URL, before the first stop.
changed_list() {
  local added id port
  before=$(running)
  begin 3.2.32 -var gate_timeout=3s
  hold_at intent prepare
  # etcd takes one only when all have been connected for a while.
  wait_for 90 "a fourth member is registered; $(etcdctl3 member list)" registered
  resume
  added=$(etcdctl3 member list | sed -n 's|^\([0-9a-f]*\),.*http://127.0.0.1:9,.*|\1|p')
  halted_untouched "a member was added" "lists other members than the plan was made for: new [$added at http://127.0.0.1:9], gone []"
  etcdctl3 member remove "$added" >/dev/null
  begin 3.2.32 -var gate_timeout=3s
  hold_at intent prepare
  id=$(etcdctl3 member list | sed -n 's|^\([0-9a-f]*\), started, m3,.*|\1|p')
  port=$(etcdctl3 member list | sed -n 's|.*, m3, http://127.0.0.1:\([0-9]*\),.*|\1|p')
  etcdctl3 member update "$id" --peer-urls="http://localhost:$port" >/dev/null
  resume
  halted_untouched "a peer URL was changed" "new [$id at http://localhost:$port], gone [$id at http://127.0.0.1:$port]"
  etcdctl3 member update "$id" --peer-urls="http://127.0.0.1:$port" >/dev/null
}

registered() { etcdctl3 member add m4 --peer-urls=http://127.0.0.1:9 2>>"$WORK/registering"; }

# faults: E3
# It serves, all is well, and then it dies.
dies_in_the_soak() {
  local member others
  before=$(running)
  begin 3.2.32 -var soak=1m
  wait_for 60 "a soak" grep -q "soak: " "$WORK/apply"
  member=$(in_hand)
  runs_version "$member" 3.2.32 || fail "$member does not run 3.2.32 in its soak"
  kill -9 "$(pid_of "$member")"
  ended 1 "put back $member runs its old binary again"
  assert_eq "$(version_of "$member")" 3.1.20 "version of $member"
  others=$(grep -v "/$member/etcd" <<<"$before")
  assert_eq "$(running | grep -v "/$member/etcd")" "$others" "the other members' processes"
  nothing_left 3.1.20
}

# faults: E5
# Ours is down, and another one dies: ours comes up, nothing else is touched.
another_dies() {
  local ours other
  begin 3.2.32 -var gate_timeout=5s
  hold_when_down 1
  ours=$(in_hand)
  is_down "$ours" || fail "$ours was started again before the controller was held"
  # One that does not lead, so that the writer is not kept waiting for an election.
  other=$(follower_but "$ours")
  end_by_hand "$other" KILL
  resume
  wait_for 20 "$ours serves again" answers "$ours"
  ended 1 "$other does not answer"
  assert_eq "$(stopped_members)" "$ours" "members stopped"
  assert_eq "$(put_back_members)" "" "members put back"
  is_down "$other" || fail "$other was started by the run that found it dead"
  DONE=$ours
  a_way_back_that_is_gone
}
follower_but() {
  local member id
  for member in m1 m2 m3; do
    [[ $member != "$1" ]] || continue
    id=$(curl -fsS -m 2 "$(endpoint "$member")/v2/stats/self" | jq -r .state)
    [[ $id == StateLeader ]] || { echo "$member" && return; }
  done
}

# faults: E12
# The new process dies, and so is the way back: the run says what is where, and
# what a person can do. Here the next apply does it. Begins with one member down.
a_way_back_that_is_gone() {
  local ours others
  begin 3.2.32 -var soak=8s -var hold_before=no-return
  wait_for 90 "a soak after a stop" soaks_after_a_stop
  ours=$(in_hand)
  others=$(running | grep -v "/$ours/etcd")
  kill -STOP "$CONTROLLER"
  rm -r "$SPEC/members/.quorate/3.1.20"
  kill -9 "$(pid_of "$ours")"
  resume
  ended 1 "the member could not be put back: $ours: " "$SPEC/members/.quorate/3.1.20/etcd" "by hand" " apply -var release=3.2.32"
  assert_eq "$(running | grep -v "/$ours/etcd")" "$others" "the other members' processes"
  assert_eq "$(jq -r 'select(.entry == "run-ended") | .ending.rolled_back' "$JOURNAL")" null "member said to be put back"
  SECOND=$ours
}
soaks_after_a_stop() { at outcome stop && tail -n 1 "$WORK/apply" | grep "soak: "; }

# faults: H8
# Somebody has put the new binary in place of the one that runs.
replaced_by_somebody() {
  local last
  last=$(printf '%s\n' m1 m2 m3 | grep -vx -e "$DONE" -e "$SECOND")
  assert_eq "$(version_of "$last")" 3.1.20 "version of $last"
  cp "$("$TESTS/fixtures/get" 3.2.32)/etcd" "$SPEC/members/$last/etcd.new"
  mv "$SPEC/members/$last/etcd.new" "$SPEC/members/$last/etcd"
  run_expect 2 quorate plan -detailed-exitcode -var release=3.2.32
  assert_contains "$(squeezed "$OUT")" "$SPEC/members/$last/etcd is 3.2.32 by now, the process still runs 3.1.20"
  apply 3.2.32
  for member in m1 m2 m3; do assert_eq "$(version_of "$member")" 3.2.32 "version of $member"; done
}

# faults: E7
# Somebody starts the next member on a release that is two minors ahead.
started_ahead() {
  local next pid
  begin 3.2.32
  hold_at outcome start
  next=$(follower_but "$(in_hand)")
  end_by_hand "$next"
  cp "$("$TESTS/fixtures/get" 3.3.27)/etcd" "$SPEC/members/$next/etcd"
  start_by_hand "$next"
  wait_for 20 "$next runs it" runs_version "$next" 3.3.27
  pid=$(pid_of "$next")
  resume
  ended 1 "$next runs 3.3.27 now, and the plan takes it from 3.1.20 to 3.2.32" "quorate plan"
  assert_eq "$(pid_of "$next")" "$pid" "process of $next"
  assert_eq "$(put_back_members)" "" "members put back"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec changing 'settings = { quota-backend-bytes = "16000000" }' 'verify = "hash"' 'soak = "300ms"'
apply 3.1.20
say "an alarm in the middle"
an_alarm
start_writer changing "$(endpoints)"
say "another member list in the middle"
changed_list
say "the new process dies in its soak"
dies_in_the_soak
say "another member dies while one is down, then the way back is gone"
another_dies
say "a binary that somebody replaced"
replaced_by_somebody
stop_writer changing
use_process_spec ahead 'verify = "hash"'
apply 3.1.20
say "a member that somebody starts on a release ahead"
started_ahead
