#!/usr/bin/env bash
# After completion: all members go back to their rollback points, while a client
# writes on. What was acknowledged before the last copy is on every member, all
# members hold the same, and the cluster goes up and back again.
# Started in another order, acknowledged writes are gone: that is shown as well.
# QUORATE_REPEAT: how often, by default once.
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/rollback.sh
. "$TESTS/specs/rollback.sh"

# up_and_back FROM TO API
up_and_back() {
  local from=$1 to=$2 api=$3 stopped lost
  begin_sequence "$api"
  run_expect 0 quorate apply -auto-approve -var "release=$to"
  stopped=$(last_stop)
  # Later writes, which will be gone, on members of the new version.
  wait_for 20 "some writes after completion" written_since "$stopped"
  run_expect 1 quorate rollback -auto-approve -var "release=$to"
  assert_contains "$(squeezed "$OUT")" "do quorate rollback -points -to $from"
  assert_contains "$(squeezed "$OUT")" "do quorate restore "
  run_expect 1 quorate rollback -json -auto-approve -var "release=$to"
  assert_eq "$(json "$WORK/OUT" '.type, .points_missing, (.points.set.members | length), .restore.id != null' | xargs)" "rollback-choices [] 3 true"
  run_expect 0 quorate rollback -points -auto-approve -var "release=$to"
  note_done
  assert_contains "$OUT" "the data of 3 members is equal, every key read"
  end_sequence
  at_version "$from"
  members_hold_the_same "$api"
  nothing_lost_before "$stopped" "$api"
  lost=$(comm -23 <(cut -d' ' -f1 "$WORK/seq" | sort) <(sequence_of m1 "$api") | wc -l)
  [[ $lost -gt 0 ]] || fail "nothing was lost at all: was anything put back?"
  no_notes
  echo "note: all stopped within $(jq -r 'select(.entry == "outcome" and .effect.effect == "stop-all") | .took_ms' "$(journal)") ms"
  # 2.x logs whole seconds only, and never hands over.
  [[ $api == v2 ]] || leader_stopped_last
}

# Asked together with the others, a leader would try for seconds to hand over to one of them.
leader_stopped_last() {
  local member led at ended leaders=0 asked='' others=''
  for member in m1 m2 m3; do
    read -r led at ended < <(awk '
      / received terminated signal/ { led = 0; at = ended = $2 }
      / starts leadership transfer / { led = 1 }
      / rafthttp: stopped peer / { ended = $2 }
      END { print led, at, ended }' "$SPEC/members/$member/log")
    if [[ $led == 1 ]]; then
      leaders=$((leaders + 1)) asked=$at
    elif [[ $ended > $others ]]; then
      others=$ended
    fi
  done
  # One that has noticed that it is alone has stepped down, and hands over nothing.
  [[ $leaders != 0 ]] || return 0
  assert_eq "$leaders" 1 "members that led when all were stopped"
  [[ $asked > $others ]] || fail "the leader was asked to stop at $asked, and the last of the others ended at $others"
}
written_since() { [[ $(awk -v since="$1" '$2 > since' "$WORK/seq" | wc -l) -gt 20 ]]; }

# cycles FROM TO API
cycles() {
  local turn
  use_process_spec "points${1//./}" 'v2_settle = "0s"' 'soak = "300ms"' 'verify = "hash"'
  apply "$1"
  for ((turn = 1; turn <= ${QUORATE_REPEAT:-1}; turn++)); do
    say "$1 <- $2, turn $turn"
    up_and_back "$1" "$2" "$3"
  done
  # Without any state: the points on the hosts are enough.
  run_expect 0 quorate apply -auto-approve -var "release=$2"
  rm -rf "$SPEC/.quorate/runs" "$SPEC/.quorate/backups"
  run_expect 1 quorate rollback -auto-approve -var "release=$2"
  assert_contains "$(squeezed "$OUT")" "this state knows of none"
  # One point was run on, or is gone: then there is no such way any more.
  local point
  point=$(find "$SPEC/members/m2" -maxdepth 1 -name "data.quorate-*-v$1" | sort | tail -n 1)
  find "$SPEC/members/m2" -maxdepth 1 -name "data.quorate-*-v$1" ! -path "$point" -exec rm -r {} +
  touch "$point"/member/wal/*.wal
  run_expect 1 quorate rollback -points -to "$1" -auto-approve -var "release=$2"
  assert_contains "$(squeezed "$OUT$ERR")" "was written to after it was taken"
  rm -r "$point" "$point.json"
  run_expect 1 quorate rollback -points -to "$1" -auto-approve -var "release=$2"
  assert_contains "$(squeezed "$OUT$ERR")" "m2: no rollback point of $1"
  at_version "$2"
  "$TESTS/cluster/stop" "$SPEC"
}

# Any other order, by hand: all copies put back, and a quorum of the older ones is
# up first. They elect one of themselves, and what only the newest copy has is
# gone, though it was acknowledged before that copy was taken. (Started all at
# once, who wins is left to chance: then members may differ and all be healthy.)
another_order() {
  local member newest older=() acknowledged stopped
  use_process_spec order 'v2_settle = "0s"' 'soak = "2s"' 'verify = "hash"'
  apply 2.1.1
  begin_sequence v2
  run_expect 0 quorate apply -auto-approve -var release=2.2.5
  stopped=$(last_stop)
  end_sequence
  newest=$(jq -r 'select(.entry == "intent" and .effect.operation.type == "stop") | .effect.member' "$(journal)" | tail -n 1)
  for member in m1 m2 m3; do
    [[ $member == "$newest" ]] || older+=("$member")
    end_by_hand "$member"
    rm -rf "$SPEC/members/$member/data"
    cp -a "$(echo "$SPEC/members/$member"/data.quorate-*-v2.1.1)" "$SPEC/members/$member/data"
    cp "$SPEC/members/.quorate/2.1.1/etcd" "$SPEC/members/$member/etcd.old"
    mv "$SPEC/members/$member/etcd.old" "$SPEC/members/$member/etcd"
  done
  for member in "${older[@]}"; do start_by_hand "$member"; done
  for member in "${older[@]}"; do wait_for 20 "$member answers" answers "$member"; done
  acknowledged=$(awk -v before="$stopped" '$2 < before' "$WORK/seq" | wc -l)
  for member in "${older[@]}"; do
    [[ $(sequence_of "$member" v2 | wc -l) -lt $acknowledged ]] ||
      fail "$member has all $acknowledged keys though the newest copy was not started: is the one safe order still needed?"
  done
  echo "note: another order: $acknowledged keys acknowledged before the last copy, $(sequence_of "${older[0]}" v2 | wc -l) are there"
  "$TESTS/cluster/stop" "$SPEC"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5 3.1.20 3.2.32
cycles 3.1.20 3.2.32 v3
cycles 2.1.1 2.2.5 v2
say "another order"
another_order
