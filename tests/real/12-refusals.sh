#!/usr/bin/env bash
# What is refused on real clusters, before anything is touched: versions that
# cannot be reached, members that are not well, addresses that the target does
# not take, and saved plans that no longer hold.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

versions() {
  refused 3.0.17 no-step-down "m1 runs 3.1.20"
  refused 9.9.9 release-known "nothing is known of 9.9"
  # A patch that does not exist: no source has it.
  run_expect 1 quorate plan -var release=3.2.99
  assert_contains "$OUT$ERR" "3.2.99"
  run_expect 1 quorate plan -var release=3.2
  assert_contains "$OUT$ERR" '"3.2"'
}

# faults: N5
# A process that is there and does not answer, alone and with another one gone: what is
# down could be started (17-two-down), what hangs could not.
members_that_are_not_well() {
  local pid
  pid=$(pid_of m2)
  kill -STOP "$pid"
  refused 3.2.32 member-answers "the process of m2 runs and etcd does not answer"
  kill -CONT "$pid"
  wait_for 20 "m2 answers again" answers m2
  end_by_hand m2 KILL
  pid=$(pid_of m3)
  kill -STOP "$pid"
  refused 3.2.32 member-answers "the process of m3 runs and etcd does not answer"
  kill -CONT "$pid"
  start_by_hand m2
  for member in m1 m2 m3; do wait_for 20 "$member answers again" answers "$member"; done
}

# A member that is only down is brought up by a step of the plan, before the rung.
a_member_that_is_down() {
  end_by_hand m2 KILL
  # Should it have led, there is an election first.
  wait_for 30 "a plan without m2" has_a_plan
  run_expect 2 quorate plan -detailed-exitcode -var release=3.2.32
  assert_contains "$(squeezed "$OUT")" "m2 is down; the rung begins with all members healthy"
  start_by_hand m2
  wait_for 20 "m2 answers again" answers m2
}

nothing_to_do() { quorate plan -detailed-exitcode -var "release=$1"; }
has_a_plan() {
  local status=0
  quorate plan -detailed-exitcode -var release=3.2.32 || status=$?
  [[ $status == 2 ]]
}

# Its members are to be made below that folder: on the ports of those that run.
in_another_folder() {
  local here=$SPEC
  mkdir "$WORK/elsewhere"
  cp "$SPEC"/*.hcl "$SPEC"/*.hclvars "$WORK/elsewhere/"
  SPEC=$WORK/elsewhere
  run_expect 1 quorate plan -detailed-exitcode -var release=3.1.20
  assert_contains "$OUT$ERR" "ports-free"
  run_expect 1 quorate apply -auto-approve -var release=3.1.20
  assert_no_file "$SPEC/members/m1"
  SPEC=$here
}

registered() { etcdctl3 member add m4 --peer-urls=http://127.0.0.1:9; }

# stale WORD: the saved plan is refused, with WORD among what differs.
stale() {
  local before
  before=$(running)
  run_expect 1 quorate apply "$WORK/saved"
  assert_contains "$(squeezed "$OUT$ERR")" "made for another state of the cluster"
  assert_contains "$(squeezed "$OUT$ERR")" "$1"
  assert_eq "$(running)" "$before" "processes after a refusal"
}

# faults: E8
saved_plans() {
  run_expect 0 quorate plan -var release=3.2.32 "-out=$WORK/saved"
  assert_eq "$(stat -c %a "$WORK/saved")" 600 "mode of the plan"
  not_a_plan "cut short" head -c "$(($(stat -c %s "$WORK/saved") / 2))" "$WORK/saved"
  not_a_plan "cut by its last byte" head -c -2 "$WORK/saved"
  not_a_plan "edited" sed 's/3\.2\.32/3.2.31/g' "$WORK/saved"
  not_a_plan "empty" true
  not_a_plan "something else" cat "$QUORATE"
  # A member restarted with another flag.
  local flags=$SPEC/members/m3/args
  cp "$flags" "$WORK/flags"
  echo "--snapshot-count=5000" >>"$flags"
  end_by_hand m3
  start_by_hand m3
  wait_for 20 "m3 answers again" answers m3
  stale "m3: options was"
  cp "$WORK/flags" "$flags"
  end_by_hand m3
  start_by_hand m3
  wait_for 20 "m3 answers again" answers m3
  # Another member list: one more is registered, and never comes.
  # etcd takes one only when all have been connected for a while.
  wait_for 30 "a fourth member is registered" registered
  local added
  added=$(etcdctl3 member list | sed -n 's|^\([0-9a-f]*\),.*http://127.0.0.1:9,.*|\1|p')
  stale "the member list was"
  refused 3.2.32 member-started "was added and has never started"
  etcdctl3 member remove "$added"
  # And what is as it was is taken again.
  start_writer saving "$(endpoints)"
  run_expect 0 quorate apply "$WORK/saved"
  stop_writer saving
  nothing_left 3.2.32
  # Twice the same plan is a stale one.
  stale "m1: version was 3.1.20, is 3.2.32"
}

# not_a_plan WHAT CMD...: what CMD prints is refused as a plan, by show as well.
not_a_plan() {
  local before
  before=$(running)
  "${@:2}" >"$WORK/not a plan" || fail "$*"
  run_expect 1 quorate apply "$WORK/not a plan"
  assert_contains "$ERR" "not a plan"
  run_expect 1 quorate show "$WORK/not a plan"
  assert_eq "$(running)" "$before" "processes after a plan that is $1"
}

# 3.1 listens on the address of a name, 3.2 exits.
listens_on_a_name() {
  local name
  name=$(awk '$1 ~ /^127\./ { for (i = 2; i <= NF; i++) if ($i != "localhost") print $i }' /etc/hosts | sed -n 1p)
  if [[ -z $name ]]; then
    echo "note: /etc/hosts has no name of this machine but localhost; labtests/12 tests it on hosts"
    return
  fi
  # quorate itself makes none that does.
  use_process_spec named "address = \"$name\""
  apply 3.1.20
  run_expect 2 quorate plan -detailed-exitcode -var release=3.2.32
  # Somebody else does.
  local member
  for member in m1 m2 m3; do
    end_by_hand "$member"
    sed -i "s|^\(--listen-client-urls=http://\)[^:]*:|\1$name:|" "$SPEC/members/$member/args"
    start_by_hand "$member"
    wait_for 20 "$member answers again" answers "$member"
  done
  wait_for 30 "all see one leader" nothing_to_do 3.1.20
  refused 3.2.32 listen-urls-are-ips "http://$name:" m1 m2 m3
  # localhost is an exception that 3.2 makes.
  use_process_spec localhost 'address = "localhost"'
  apply 3.1.20
  run_expect 2 quorate plan -detailed-exitcode -var release=3.2.32
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.0.17 3.1.20 3.2.32 3.3.27
use_process_spec refusals
apply 3.1.20
say "the same spec in another folder"
in_another_folder
say "versions"
versions
say "members"
members_that_are_not_well
a_member_that_is_down
say "saved plans"
saved_plans
say "listen URLs by name"
listens_on_a_name
