#!/usr/bin/env bash
# A creation that failed because a port was taken goes on; a binary that is gone
# is refused while its member runs; a run that was interrupted before the point
# of no return is followed by one that is held there, and only then by the last.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

plan_says() {
  run_expect 0 quorate plan -var release=3.2.32
  assert_contains "$(squeezed "$OUT")" "$1"
}
versions() {
  local member
  for member in m1 m2 m3; do curl -fsS -m 2 "$(endpoint "$member")/version" | text_field etcdserver; done | sort | uniq -c | xargs
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec held 'hold_before = "no-return"'

# squat: somebody else listens where m1 is to; unsquat: no more.
squat() {
  python3 -m http.server --bind 127.0.0.1 "$(endpoint m1 | sed 's/.*://')" >/dev/null 2>&1 &
  squatter=$!
  on_exit end_process "$squatter"
  wait_for 10 "the port is taken" curl -fsS -o /dev/null "$(endpoint m1)"
}
unsquat() {
  kill "$squatter"
  wait "$squatter" || true
}

say "a port is taken"
squat
refused 3.1.20 ports-free "$(endpoint m1)"
unsquat

say "a port is taken while the cluster is made"
in_background apply -auto-approve -var release=3.1.20
journal_reaches "$RUN" 1 "$(entry_of intent stage)"
kill -STOP "$RUN"
squat
kill -CONT "$RUN"
run_ended 1
assert_contains "$(squeezed "$(cat "$WORK/run")")" "address already in use"
assert_contains "$(squeezed "$(cat "$WORK/run")")" " apply -var release=3.1.20"
unsquat
apply 3.1.20
put_data_v3

say "a binary that is gone"
pid=$(pid_of m2)
rm "$SPEC/members/m2/etcd"
for version in 3.1.20 3.2.32; do
  run_expect 1 quorate plan -var "release=$version"
  assert_contains "$OUT$ERR" "binary-on-disk"
  assert_contains "$(squeezed "$OUT$ERR")" "cp /proc/$pid/exe $SPEC/members/m2/etcd"
done
cp "/proc/$pid/exe" "$SPEC/members/m2/etcd"
nothing_left 3.1.20

say "interrupted before the hold"
in_background apply -auto-approve -var release=3.2.32
journal_reaches "$RUN" 2 "$(entry_of intent stop)"
kill -INT "$RUN"
run_ended 130
assert_eq "$(versions)" "1 3.1.20 2 3.2.32"
plan_says 'the run stops here (hold_before = "no-return")'
run_expect 0 quorate apply -auto-approve -var release=3.2.32
assert_contains "$OUT" "Held after"
assert_eq "$(versions)" "1 3.1.20 2 3.2.32" "after the hold"
# What was staged by the run before is not sent again, nor said to be.
assert_eq "$(jq -c 'select(.effect.effect == "stage" and .entry == "outcome") | .result.detail | [.bytes, .already_there]' "$(journal)")" "[0,1]"
held=$(basename "$(dirname "$(journal)")")
plan_says "run $held was held here"
apply 3.2.32
