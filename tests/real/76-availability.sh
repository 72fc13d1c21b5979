#!/usr/bin/env bash
# What clients meet during an upgrade: reads go on through every member, and are told of in the summary, in JSON and in the
# report, and drawn on a terminal. A stall that is longer than the spec bears ends the run with nobody down, and apply goes on.
# shellcheck disable=SC2016 # backquotes of messages
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# declare_rollout LINE...: besides what the rollout block says.
declare_rollout() {
  sed -i '/^  rollout {/,/^  }/ { /# watched/d }' "$SPEC/cluster.hcl"
  local line
  for line in "$@"; do sed -i "s/^  rollout {/&\n    $line # watched/" "$SPEC/cluster.hcl"; done
}

# of_journal FILTER: what jq makes of all lines of the newest journal.
of_journal() { jq -rs "$1" "$(journal)"; }

# On a terminal: a strip for each member, redrawn, and the summary after it.
an_upgrade_draws_a_strip_on_a_terminal() {
  local said command
  printf -v command 'stty rows 50 cols 100; exec env TERM=xterm %q -chdir=%q apply -auto-approve -var release=3.2.32' "$QUORATE" "$SPEC"
  script -qec "$command" "$WORK/screen" >/dev/null </dev/null || fail "apply on a terminal: $(tail -n 30 "$WORK/screen")"
  # What is drawn, without its escape codes.
  said=$(sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' "$WORK/screen" | tr '\r' '\n')
  assert_contains "$said" ". answered  o 0.1 s"
  local member
  for member in m1 m2 m3; do
    grep -qE "^ +$member +[.oOx-]*\.\.[.oOx-]* " <<<"$said" || fail "no strip of $member on the terminal"
  done
  grep -qE '^  clients +[0-9,]+ reads through 3 members' <<<"$said" || fail "no figures in the summary"
  assert_contains "$(squeezed "$said")" "longest stall of the cluster"
}

# By step, and of all of it; of every member. The key that is read is not made.
the_run_has_its_figures() {
  local whole
  whole=$(of_journal 'map(select(.entry == "availability" and .step == null))[0].answers')
  assert_eq "$(jq -r '.members | keys | join(" ")' <<<"$whole")" "m1 m2 m3" "members"
  jq -e '[.members[] | .tries > 5 and .errors < .tries and .p50_ms > 0] | all' <<<"$whole" >/dev/null || fail "figures: $whole"
  jq -e '.strip.members | map_values(contains(".")) | all' <<<"$whole" >/dev/null || fail "strip: $whole"
  assert_eq "$(of_journal 'map(select(.entry == "availability")) | last | .step')" null "the last one is of the run"
  [[ $(of_journal 'map(select(.entry == "availability" and .step != null)) | length') -ge 3 ]] || fail "figures by step"
  grep -q 'What clients met' "$(dirname "$(journal)")/report.html" || fail "no figures in the report"
  assert_eq "$(etcdctl3 get quorate-availability)" "" "a read makes no key"
}

# faults: E15
# While the first member is done the others are frozen: nobody answers until the run has seen that it is too long.
a_stall_that_is_too_long_ends_the_run_with_nobody_down() {
  declare_rollout 'slo { max_stall = "600ms" }'
  in_background apply -auto-approve -var release=3.3.27
  journal_reaches "$RUN" 1 "$(entry_of outcome start)"
  local member first
  first=$(of_journal 'map(select(.entry == "intent" and .effect.operation.type == "start"))[0].effect.member')
  for member in m1 m2 m3; do
    if [[ $member != "$first" ]]; then
      frozen+=("$(pid_of "$member")")
    fi
  done
  kill -STOP "${frozen[@]}"
  journal_reaches "$RUN" 1 '"entry":"stall-too-long"'
  kill -CONT "${frozen[@]}"
  run_ended 1
  local said
  said=$(squeezed "$(cat "$WORK/run")")
  assert_contains "$said" "no member answered for"
  assert_contains "$said" "apply -var release=3.3.27\` goes on with what is left"
  assert_contains "$said" '`quorate rollback'
  assert_eq "$(running | wc -l)" 3 "members that run"
  assert_eq "$(of_journal 'map(select(.entry == "intent" and .effect.operation.type == "stop")) | length')" 1 "members that were stopped"
}
frozen=()

# read_through MEMBER: by quorum. On 3.2 a read that was under way when the leader was lost holds up those behind it for seconds.
read_through() {
  ETCDCTL_API=3 "$("$TESTS/fixtures/get" 3.2.32)/etcdctl" --endpoints "$(endpoint "$1")" get data/1
}
revision() { etcdctl3 get data/1 -w json | jq .header.revision; }

# It goes on from there. Written instead of read: the key is there meanwhile, and gone afterwards.
writes_go_on_and_leave_nothing() {
  declare_rollout 'availability = "write"' 'availability_rate = 10' 'slo { max_stall = "30s" }'
  local before after member
  for member in m1 m2 m3; do wait_for 40 "a read through $member, which was frozen" read_through "$member"; done
  before=$(revision)
  run_expect 0 quorate apply -json -auto-approve -var release=3.3.27
  as_schemas_say "$WORK/OUT"
  after=$(revision)
  jq -se 'map(select(.type == "summary"))[0].summary.availability | .probe == "write" and .cluster.tries > 20' "$WORK/OUT" >/dev/null ||
    fail "writes: $(tail -c 2000 "$WORK/OUT")"
  [[ $after -gt $((before + 10)) ]] || fail "nothing was written: revision $before, then $after"
  assert_eq "$(etcdctl3 get quorate-availability)" "" "the key that was written"
}

# faults: E15
# 2.x elects a new leader when the old one, the last member, is stopped, which takes longer than is borne here.
an_election_that_takes_too_long_ends_the_run_safely() {
  declare_rollout 'slo { max_stall = "600ms" }'
  run_expect 1 quorate apply -auto-approve -var release=2.2.5
  local said
  said=$(squeezed "$OUT$ERR")
  assert_contains "$said" "no member answered for"
  assert_contains "$said" "max_stall"
  assert_contains "$said" 'apply -var release=2.2.5` goes on with what is left'
  assert_contains "$said" '`quorate rollback'
  assert_eq "$(of_journal 'map(select(.entry == "stall-too-long")) | length')" 1 "stalls in the journal"
  assert_eq "$(running | wc -l)" 3 "members that run"
  for member in m1 m2 m3; do
    curl -fsS -m 5 "$(endpoint "$member")/v2/keys/data?quorum=true" >/dev/null || fail "$member does not serve"
  done
}

apply_goes_on_with_a_longer_bound() {
  declare_rollout 'slo { max_stall = "30s" }'
  # But for the cluster version all is done, and that moves by itself.
  run_expect 0 quorate apply -auto-approve -var release=2.2.5
  at_version 2.2.5
}

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5 3.1.20 3.2.32 3.3.27
use_process_spec terminal 'verify = "hash"'
apply 3.1.20
put_data_v3
say "3.1.20 -> 3.2.32 on a terminal"
an_upgrade_draws_a_strip_on_a_terminal
the_run_has_its_figures
say "3.2.32 -> 3.3.27, members frozen, then by writes"
a_stall_that_is_too_long_ends_the_run_with_nobody_down
writes_go_on_and_leave_nothing
say "2.1.1 -> 2.2.5 with a bound"
use_process_spec elections 'verify = "hash"'
apply 2.1.1
put_data_v2 "$(endpoint m1)"
an_election_that_takes_too_long_ends_the_run_safely
apply_goes_on_with_a_longer_bound
