#!/usr/bin/env bash
# quorate is killed (SIGKILL) after some lines of a restore's journal in turn (every
# seventh, from another one each time; QUORATE_STRIDE=1: after each), and run again:
# it finishes, every member holds what the backup holds, and no member with old data
# ever served beside restored ones. Meanwhile nothing else may be done to the
# cluster. Of a v2 backup at some lines only (QUORATE_SEED=N).
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/restore.sh
. "$TESTS/specs/restore.sh"

RANDOM=${QUORATE_SEED:=$RANDOM}
echo "note: seed $QUORATE_SEED"

# faults: C1 E13
# killed_at LINE VERSION: kill -9 once the journal has so many lines. True when it
# was killed; false when the run was through before.
killed_at() {
  local status=0 before
  before=$(journals)
  in_background restore -auto-approve -var "release=$2" "$BACKUP"
  [[ $(journals) -gt $before ]] || fail "restore began no run: $(tail "$WORK/run")"
  journal_reaches "$RUN" "$1"
  kill -9 "$RUN" 2>/dev/null || true
  wait "$RUN" 2>/dev/null || status=$?
  [[ $status == 137 || $status == 0 ]] || fail "restore ended with $status: $(tail "$WORK/run")"
  wait_for 60 "what it had begun on the hosts has ended" scripts_ended
  [[ $status == 137 ]]
}

has_note() { compgen -G "$SPEC/members/*/data.quorate-replacing" >/dev/null; }

# Members that serve hold either all the old keys or all the restored ones, and
# those of one kind never see those of the other.
never_mixed() {
  local member ids=()
  for member in m1 m2 m3; do
    if answers "$member" >/dev/null 2>&1; then ids+=("$("$1" "$member" 2>/dev/null || true)"); fi
  done
  [[ ${#ids[@]} -lt 2 ]] || assert_eq "$(printf '%s\n' "${ids[@]}" | sort -u | wc -l)" 1 "clusters that serve at once: ${ids[*]}"
}

nothing_else_goes() {
  has_note || return 0
  run_expect 1 quorate plan -var "release=$1"
  assert_contains "$OUT$ERR" "replacement-under-way"
  assert_contains "$(squeezed "$OUT$ERR")" "quorate restore"
  run_expect 1 quorate apply -auto-approve -var "release=$1"
  run_expect 1 quorate rollback -auto-approve -var "release=$1"
  refused_while=$((refused_while + 1))
}

at_every_line() {
  local line v3 killed=0 stride=${QUORATE_STRIDE:-7}
  refused_while=0
  use_process_spec killed
  apply 3.2.32
  put_data_v3
  v3=$(own_v3 m1)
  backup_now 3.2.32
  # shellcheck disable=SC2034 # for write_after
  for ((line = 2 + RANDOM % stride; ; line += stride)); do
    write_after_v3
    killed_at "$line" 3.2.32 || break
    killed=$((killed + 1))
    echo "killed after: $(tail -n 1 "$(journal)" | cut -c1-160)"
    never_mixed cluster_id3
    nothing_else_goes 3.2.32
    restore 3.2.32
    as_of_backup "$v3" -
  done
  [[ $killed -ge 4 ]] || fail "killed $killed times only"
  [[ $refused_while -ge 2 ]] || fail "other commands were refused $refused_while times only"
  echo "note: killed $killed times, every $stride lines"
  as_of_backup "$v3" -
}

# A member that somebody starts by hand in the middle is stopped again; one that holds what was restored already stays.
started_by_hand() {
  by_hand_after 22
  "$TESTS/cluster/stop" "$SPEC"
  by_hand_after 31
}
by_hand_after() {
  local v3 id
  use_process_spec "byhand$1"
  apply 3.1.20
  put_data_v3
  v3=$(own_v3 m1)
  backup_now 3.1.20
  write_after_v3
  # A backup that was given by its path is found by its id when the restore is finished.
  id=$BACKUP BACKUP=$WORK/moved-$1
  mv "$BACKUP_DIR" "$BACKUP"
  # After the note was written, before the last is replaced; and after that.
  killed_at "$1" 3.1.20 || fail "it was through before"
  BACKUP=$id
  local member
  for member in m1 m2 m3; do
    [[ -n $(pid_of "$member") ]] || start_by_hand "$member"
  done
  never_mixed cluster_id3
  restore 3.1.20
  as_of_backup "$v3" -
}

v2_at_some_lines() {
  local line v2
  use_process_spec v2killed
  apply 2.2.5
  put_data_v2 "$(endpoint m1)"
  v2=$(own_v2 m1)
  backup_now 2.2.5
  for line in $((RANDOM % 6 + 4)) $((RANDOM % 8 + 12)) $((RANDOM % 8 + 22)); do
    write_after_v2
    if killed_at "$line" 2.2.5; then
      echo "killed after: $(tail -n 1 "$(journal)" | cut -c1-160)"
      never_mixed cluster_id
      restore 2.2.5
    fi
    as_of_backup - "$v2"
  done
}

"$TESTS/fixtures/release-dir" "$RELEASES" 2.2.5 3.1.20 3.2.32
for case in "${@:-all}"; do
  if [[ $case == all ]]; then
    for part in at_every_line started_by_hand v2_at_some_lines; do
      say "${part//_/ }"
      "$part"
      "$TESTS/cluster/stop" "$SPEC"
    done
  else
    "$case"
  fi
done
