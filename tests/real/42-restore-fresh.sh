#!/usr/bin/env bash
# A restore where members are gone: all of them, or one; and what is refused
# before anything is stopped.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/restore.sh
. "$TESTS/specs/restore.sh"

lose() {
  local pid
  pid=$(pid_of "$1")
  if [[ -n $pid ]]; then
    end_by_hand "$1" KILL
    # Its runner writes down how it ended, and would do so into a folder that is being removed.
    wait_for 10 "the runner of $1 has written" test -s "$SPEC/members/$1/exit"
  fi
  rm -rf "${SPEC:?}/members/$1"
}

# refused_restore RULE-OR-WORD [ARG...]: exits with 1, says it; nothing runs differently.
refused_restore() {
  local word=$1 before
  shift
  before=$(running)
  run_expect 1 quorate restore -auto-approve "$@"
  assert_contains "$(squeezed "$OUT$ERR")" "$word"
  assert_eq "$(running)" "$before" "processes after a refusal"
  assert_eq "$(find "$SPEC/members" -maxdepth 2 -name '*.quorate-*' | wc -l)" 0 "left beside the data"
}

use_process_spec fresh
"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.5.33 3.6.14
apply 3.1.20
put_data_v3
put_data_v2 "$(endpoint m1)"
v3=$(own_v3 m1) v2=$(own_v2 m1)
backup_now 3.1.20

say "refusals"
refused_restore "there is no backup nothing" -var release=3.1.20 nothing
refused_restore restore-known -var release=3.5.33 "$BACKUP"
cp -a "$BACKUP_DIR" "$WORK/damaged"
printf x | dd of="$WORK/damaged/snapshot.db" bs=1 seek=20000 conv=notrunc status=none
refused_restore "damaged" -var release=3.1.20 "$WORK/damaged"
run_expect 1 quorate restore -var release=3.1.20 "$BACKUP"
assert_contains "$ERR" "needs somebody to approve"

say "one member is gone"
lose m3
# It may have led: what is asked for before there is another leader is lost.
writes() { curl -fsS -m 2 -o /dev/null -X PUT -d value=x "$(endpoint m1)/v2/keys/after/0"; }
wait_for 60 "the others to take writes" writes
write_after_v2
restore 3.1.20
as_of_backup "$v3" "$v2"

say "all members are gone"
for member in m1 m2 m3; do lose "$member"; done
restore 3.1.20
as_of_backup "$v3" "$v2"
"$TESTS/cluster/stop" "$SPEC"

say "3.5.33, all members are gone; the quorum is lost, one is left"
use_process_spec fresh35
apply 3.5.33
put_data_v3
v3=$(own_v3 m1)
backup_now 3.5.33
for member in m1 m2 m3; do lose "$member"; done
restore 3.5.33
as_of_backup "$v3" -
lose m1
lose m2
restore 3.5.33
as_of_backup "$v3" -
# A backup of a newer minor is not taken down.
refused_down() {
  use_process_spec down
  apply 3.6.14
  put_data_v3
  backup_now 3.6.14
  refused_restore restore-known -var release=3.5.33 "$BACKUP"
}
"$TESTS/cluster/stop" "$SPEC"
say "from 3.6 to 3.5"
refused_down
