#!/usr/bin/env bash
# What quorate keeps: backups listed, verified, pruned but for those that a run
# may still need; runs told step by step, also of a damaged journal; what was left
# on hosts cleaned; all of it private. A full disk stops a run before its first
# effect, and never in the middle of one.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

q() { run_expect "$1" quorate "${@:2}" -var release=3.2.32; }
newest_run() { find "$SPEC/.quorate/runs" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tail -n 1; }
backup_ids() { q 0 backup list -json && json "$WORK/OUT" '.backups[].id'; }

backups_are_kept_and_pruned() {
  local upgrade ids victim
  for _ in 1 2 3; do run_expect 0 quorate backup -var release=3.1.20; done
  assert_eq "$(backup_ids | wc -l)" 2 "backups by keep = 2"
  apply 3.2.32
  upgrade=$(newest_run)
  for _ in 1 2 3; do q 0 backup; done
  ids=$(backup_ids)
  assert_eq "$(wc -l <<<"$ids")" 3 "the two newest, and the one of the upgrade"
  assert_contains "$ids" "$upgrade"
  assert_eq "$(json "$WORK/OUT" ".backups[] | select(.id == \"$upgrade\") | .needed")" \
    "the way back of the last run that changed the cluster" "why it stays"
  q 0 backup list
  assert_contains "$(squeezed "$OUT")" "stays the way back of the last run"
  q 0 backup prune -dry-run
  assert_contains "$OUT" "Nothing to prune."
  sed -i 's/^    keep = 2/    keep = 1/' "$SPEC/cluster.hcl"
  q 0 backup prune -dry-run -json
  assert_eq "$(json "$WORK/OUT" '[.prune.dry_run, (.prune.removed | length), (.prune.kept | length)] | @csv')" 'true,1,2' "dry run"
  assert_eq "$(backup_ids)" "$ids" "backups after a dry run"
  q 0 backup prune
  assert_contains "$OUT" "1 backup removed."
  assert_eq "$(backup_ids | wc -l)" 2 "backups after pruning"
  q 0 backup verify all
  assert_contains "$OUT" "2 backups verified."
  victim=$SPEC/.quorate/backups/$upgrade/snapshot.db
  printf 'X' | dd of="$victim" bs=1 seek=5000 conv=notrunc status=none
  q 1 backup verify "$upgrade"
  assert_contains "$OUT" "BAD"
  q 1 backup verify all -json
  assert_eq "$(json "$WORK/OUT" '[.count, .bad] | @csv')" "2,1" "verified"
  # Cut short it is still that backup, and says what is wrong with it.
  truncate -s -10 "$victim"
  q 1 backup verify "$upgrade"
  assert_contains "$(squeezed "$OUT")" "damaged"
  q 1 restore "$upgrade" -auto-approve
  assert_contains "$(squeezed "$ERR")" "damaged"
  q 1 backup verify 20260101T000000Z-none
  assert_contains "$(squeezed "$ERR")" "quorate backup list"
  UPGRADE=$upgrade
}

# faults: C8
runs_are_told() {
  local journal=$SPEC/.quorate/runs/$UPGRADE/journal.jsonl lines copy
  q 0 runs
  assert_contains "$(squeezed "$OUT")" "3.1.20 to 3.2.32, by $(id -un) on $(cat /proc/sys/kernel/hostname)"
  q 0 runs show "$UPGRADE"
  for word in "Run $UPGRADE of cluster test: 3.1.20 to 3.2.32" "rollback point" "Done in" "verified:"; do
    assert_contains "$(squeezed "$OUT")" "$word"
  done
  q 0 runs show "$UPGRADE" -json
  assert_eq "$(json "$WORK/OUT" '[.type, .run.state, .run.ending.ending, .summary.steps[-1].done] | @csv')" \
    '"run","ended","succeeded",true' "runs show -json"
  q 1 runs show 20260101T000000Z-none
  assert_contains "$(squeezed "$ERR")" "quorate runs"
  # Torn, by a crash: read without it, and cut off by the next one who holds the lock.
  lines=$(wc -l <"$journal")
  cp "$journal" "$WORK/whole"
  truncate -s -9 "$journal"
  q 0 runs show "$UPGRADE"
  assert_contains "$(squeezed "$OUT")" "cut short by a crash"
  nothing_left 3.2.32
  [[ -n $(tail -c 1 "$journal") ]] || fail "plan has changed a journal"
  q 0 apply -auto-approve
  assert_eq "$(wc -l <"$journal")" $((lines - 1)) "lines after the tail was cut"
  # Garbage in the middle, a newer format, a copied folder: the place is named.
  sed '3s/.*/}{/' "$WORK/whole" >"$journal"
  q 1 runs show "$UPGRADE"
  assert_contains "$(squeezed "$ERR")" "journal.jsonl:3:"
  q 0 runs
  assert_contains "$(squeezed "$OUT")" "cannot be read"
  sed '4s/"format":1/"format":7/' "$WORK/whole" >"$journal"
  q 1 runs show "$UPGRADE"
  assert_contains "$(squeezed "$ERR")" "journal.jsonl:4: journal format 7"
  cp "$WORK/whole" "$journal"
  copy=20991231T235959Z-00000000
  cp -a "$SPEC/.quorate/runs/$UPGRADE" "$SPEC/.quorate/runs/$copy"
  q 1 runs show "$copy"
  assert_contains "$(squeezed "$ERR")" "this folder is a copy"
  # None of that keeps anybody from working.
  q 0 apply -auto-approve
  rm -r "$SPEC/.quorate/runs/$copy"
}

all_is_private() {
  assert_eq "$(find "$SPEC/.quorate" -perm /077 | grep -cv '/cache/')" 0 "files that others may read: $(find "$SPEC/.quorate" -perm /077)"
  assert_eq "$(stat -c %a "$SPEC/.quorate")" 700 "mode of the state"
}

leftovers_go() {
  local store=$SPEC/members/.quorate data=$SPEC/members/m1/data before sleeper
  before=$(members)
  mkdir -p "$store/3.0.17" "$store/2.3.8" "$data.part.quorate-x-v3.1.20" "$data.bak" "$data.quorate-of-somebody" "$WORK/precious"
  cp "$(command -v sleep)" "$store/2.3.8/etcd"
  "$store/2.3.8/etcd" 600 &
  sleeper=$!
  on_exit end_process "$sleeper"
  echo half | tee "$store/3.2.32/etcd.part-0123" "$SPEC/members/m1/.etcd.quorate-new" "$store/notes" >"$SPEC/.quorate/scratch/left"
  echo data | tee "$WORK/precious/x" >"$data.bak/x"
  ln -s "$WORK/precious" "$data.quorate-20260101T000000Z-aa-v3.1.20"
  q 1 clean
  assert_contains "$(squeezed "$ERR")" "quorate clean -auto-approve"
  q 0 clean -dry-run
  assert_contains "$(squeezed "$OUT")" "the way back of the last run"
  assert_file "$store/3.0.17"
  q 0 clean -auto-approve
  for gone in "$store/3.0.17" "$data.part.quorate-x-v3.1.20" "$store/3.2.32/etcd.part-0123" "$SPEC/members/m1/.etcd.quorate-new" \
    "$SPEC/.quorate/scratch/left"; do
    assert_no_file "$gone"
  done
  assert_eq "$(find "$SPEC/members" -maxdepth 2 -name 'data.quorate-*-v3.1.20' -type d | wc -l)" 3 "rollback points"
  for stays in "$store/3.1.20/etcd" "$store/3.2.32/etcd" "$store/2.3.8/etcd" "$store/notes" "$data.bak/x" \
    "$data.quorate-of-somebody" "$WORK/precious/x"; do
    assert_file "$stays"
  done
  q 0 clean -all -auto-approve -json
  assert_eq "$(find "$SPEC/members" -maxdepth 2 -name 'data.quorate-*-v3.1.20*' ! -type l | wc -l)" 0 "rollback points, after -all"
  assert_eq "$(json "$WORK/OUT" '[.clean.removed[] | select(test("data.quorate-"))] | length')" 3 "rollback points in -json"
  assert_no_file "$store/3.1.20"
  for stays in "$store/2.3.8/etcd" "$store/notes" "$data.bak/x" "$data.quorate-of-somebody" "$WORK/precious/x"; do
    assert_file "$stays"
  done
  assert_eq "$(members)" "$before" "members after clean"
  q 0 clean -dry-run
  assert_contains "$(squeezed "$OUT")" "Nothing to remove."
  end_process "$sleeper"
}

members() { running | grep -v '/[.]quorate/'; }

# faults: C4
# The state on a small disk of its own; backups elsewhere.
full_disk() {
  local before state=$WORK/small
  mkdir "$state"
  mount -t tmpfs -o size=200m,mode=700 quorate-test "$state"
  on_exit umount "$state"
  use_process_spec full 'verify = "hash"'
  printf 'quorate {\n  state "local" {\n    path = "%s/state"\n  }\n}\n' "$state" >"$SPEC/state.hcl"
  sed -i "s|^    verify = var.verify|    to = \"$WORK/backups\"\n    verify = var.verify|" "$SPEC/cluster.hcl"
  run_expect 0 quorate apply -auto-approve -var release=3.1.20
  q 0 plan "-out=$WORK/full.plan"
  before=$(running)
  fill "$state"
  run_expect 1 quorate apply "$WORK/full.plan"
  assert_contains "$(squeezed "$ERR")" "No space left on device"
  assert_contains "$(squeezed "$ERR")" "do: make the state directory writable"
  assert_eq "$(running)" "$before" "processes after a refusal"
  rm "$state/fill"
  # Room for a whole run is set aside when it begins: a disk that fills up after that stops nothing.
  start_writer full "$(endpoints)"
  quorate apply -auto-approve -var release=3.2.32 >"$WORK/apply" 2>&1 </dev/null &
  local apply=$! status=0
  on_exit end_process "$apply"
  wait_for 60 "a member is being stopped" grep -rq '"type":"stop"' "$state/state/runs"
  fill "$state"
  wait "$apply" || status=$?
  assert_eq "$status" 0 "apply on a disk that fills up; $(tail -n 20 "$WORK/apply")"
  rm "$state/fill"
  stop_writer full
  "$TESTS/cluster/stop" "$SPEC"
}
fill() { dd if=/dev/zero of="$1/fill" bs=64k status=none 2>/dev/null || dd if=/dev/zero of="$1/fill" bs=1 oflag=append conv=notrunc count=100000 status=none 2>/dev/null || true; }

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec records
sed -i 's/^    verify = var.verify/    verify = var.verify\n    keep = 2/' "$SPEC/cluster.hcl"
apply 3.1.20
put_data_v3
say "backups"
backups_are_kept_and_pruned
say "runs"
runs_are_told
say "clean"
leftovers_go
all_is_private
"$TESTS/cluster/stop" "$SPEC"
if [[ $(id -u) == 0 ]]; then
  say "a full disk"
  full_disk
else
  echo "note: not root: no disk of its own to fill up"
fi
