#!/usr/bin/env bash
# 3.4.23 -> 3.7.1 in one declaration, on a cluster that was born on 3.4, is quiet, and
# is asked for its health all its life: what 3.6 and 3.7 cannot read is in its logs.
# Without the cure the first new member ends at its start and is put back; with it
# all rungs are climbed under a writing client, which loses nothing.
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

snapshots() { find "$SPEC/members" -path '*/data/member/snap/*.snap' | wc -l; }
cleared() { jq -c 'select(.entry == "outcome" and .effect.effect == "take-raft-snapshots") | .result.detail' "$(journal)"; }
ask_for_health() {
  local member
  for _ in 1 2 3 4 5; do
    for member in m1 m2 m3; do answers "$member" >/dev/null || fail "$member is not healthy"; done
  done
}

# Knowledge of one's own that lacks both hazards.
own_modules() {
  local rung own=$WORK/own
  cp -r "$REPO/modules" "$own"
  for rung in 3.5-3.6 3.6-3.7; do
    awk '/hazard "leftover-v2-entries/ { skip = 1 } !skip { print } skip && /^  }/ { skip = 0 }' \
      "$REPO/modules/etcd/rungs/$rung.hcl" >"$own/etcd/rungs/$rung.hcl"
  done
  # What names them goes with them.
  sed -i '/cause *= *"leftover-v2-entries/d' "$own"/etcd/logs/*.hcl
  sed -i 's/ (leftover-v2-entries[-0-9.]*)//' "$own"/etcd/*.hcl
}
with_own_modules() {
  printf 'quorate {\n  modules = "%s"\n}\n' "$WORK/own" >"$SPEC/own.hcl"
  "$@"
  rm "$SPEC/own.hcl"
}

# faults: E1
# fails_without VERSION WORD: the first member ends at its start and is put back; nothing is lost.
fails_without() {
  with_own_modules run_expect 1 quorate apply -auto-approve -var "release=$1"
  assert_contains "$(squeezed "$OUT$ERR")" "$2"
  assert_eq "$(jq -r 'select(.entry == "run-ended") | .ending.rolled_back != null' "$(journal)")" true "a member was put back"
  assert_eq "$(running | wc -l)" 3 "members that run"
}

# cleared_by COUNT: the last run has made about as many no-ops, and each member has a raft snapshot since.
cleared_by() {
  local no_ops
  no_ops=$(cleared | jq .no_ops)
  assert_at_most "$no_ops" "$(($1 + 2000))" "raft no-ops"
  assert_at_most "$(($1 - no_ops))" "$(($1 / 5))" "no-ops short of $1, of which other writes may spare some"
  [[ $(snapshots) -ge 3 ]] || fail "raft snapshots: $(snapshots)"
}

born_on_3_4() {
  local v3 began=$SECONDS
  use_process_spec quiet 'soak = "0s"' 'verify = "hash"'
  apply 3.4.23
  put_data_v3
  v3=$(data_v3)
  ask_for_health
  run_expect 2 quorate plan -detailed-exitcode -var release=3.7.1
  assert_contains "$OUT" "3.4.23 -> 3.5.33 -> 3.6.14 -> 3.7.1"
  assert_contains "$(squeezed "$OUT")" "clears leftover-v2-entries-3.6"
  assert_contains "$(squeezed "$OUT")" "clears leftover-v2-entries-3.7"
  apply 3.5.33
  assert_eq "$(snapshots)" 0 "raft snapshots before the cure"
  say "3.6 without the cure"
  fails_without 3.6.14 "detected disallowed v2 WAL"
  at_version 3.5.33
  say "3.6 and 3.7 with it"
  start_writer quiet "$(endpoints)" --api v3
  began=$SECONDS
  run_expect 0 quorate apply -auto-approve -var release=3.7.1 -until 3.6
  note_done
  cleared_by 100000
  apply 3.7.1
  cleared_by 10000
  echo "note: 3.5.33 to 3.7.1 in $((SECONDS - began)) s"
  stop_writer quiet
  at_version 3.7.1
  assert_eq "$(data_v3)" "$v3" "v3 data"
}

born_on_3_5() {
  local v3
  use_process_spec young 'soak = "0s"' 'verify = "hash"'
  apply 3.5.33
  put_data_v3
  v3=$(data_v3)
  with_own_modules apply 3.6.14
  say "3.7 without the cure"
  fails_without 3.7.1 "unmarshal should never fail"
  at_version 3.6.14
  say "3.7 with it"
  apply 3.7.1
  cleared_by 10000
  at_version 3.7.1
  assert_eq "$(data_v3)" "$v3" "v3 data"
}

# with_v2_api METHOD CURL_OPTION...: a request to the v2 API of m1, which serves it for that moment only.
with_v2_api() {
  end_by_hand m1
  printf '%s\n' --enable-v2=true >>"$SPEC/members/m1/args"
  start_by_hand m1
  wait_for 20 "m1 answers" answers m1
  curl -fsS -m 5 -o /dev/null -X "$@" "$(endpoint m1)/v2/keys/left"
  run_expect 1 quorate plan -var release=3.6.14
  assert_contains "$OUT$ERR" v2-api-off
  end_by_hand m1
  sed -i '$d' "$SPEC/members/m1/args"
  start_by_hand m1
  wait_for 20 "m1 answers" answers m1
}

# A key of the v2 API that nobody can see any more: found by the raft snapshot, before anybody is stopped.
with_v2_keys() {
  local before
  use_process_spec keys 'soak = "0s"' 'verify = "hash"' 'settings = { snapshot-count = "2000" }'
  apply 3.5.33
  with_v2_api PUT -d value=x
  before=$(running)
  run_expect 1 quorate apply -auto-approve -var release=3.6.14
  assert_contains "$(squeezed "$OUT")" "keys of the v2 API are in the v2 store still"
  assert_eq "$(running)" "$before" "processes"
  with_v2_api DELETE
  apply 3.6.14
  cleared_by 2000
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.4.23 3.5.33 3.6.14 3.7.1
own_modules
born_on_3_4
born_on_3_5
say "keys of the v2 API"
with_v2_keys
