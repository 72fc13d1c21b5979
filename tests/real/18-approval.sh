#!/usr/bin/env bash
# The question before a cluster is touched, asked on a terminal: only 'yes' goes on.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# The terminal is python's: only this test needs it.
python3 -c 'import pty' 2>/dev/null || skip_for_now "needs python3 with its pty module"

# answered STATUS ANSWER [OPTION...]: apply on a terminal.
answered() {
  local status=$1 answer=$2
  shift 2
  run_expect "$status" "$TESTS/tools/on-a-terminal" "$answer" "$QUORATE" -chdir="$SPEC" apply -var release=3.2.32 "$@"
  OUT=$(squeezed "$OUT")
  assert_contains "$OUT" "Only 'yes' will be accepted to approve."
}

# On the host there is at most the folder where the lock was.
untouched() { assert_eq "$(find "$SPEC/members" -mindepth 1 ! -path "$SPEC/members/.quorate" 2>/dev/null)" "" "left on the host"; }

runs() { find "$SPEC/.quorate/runs" -name journal.jsonl 2>/dev/null | wc -l; }

"$TESTS/fixtures/release-dir" "$RELEASES" 3.2.32
use_process_spec approval

say "anything but yes"
for answer in $'no\n' $'y\n' $'YES\n' $'\n' $'yes please\n' EOF; do
  answered 1 "$answer"
  assert_contains "$OUT" "apply was not approved: nothing was changed"
  assert_eq "$(runs)" 0 "runs after the answer '$answer'"
  untouched
done

# faults: C2
say "Ctrl-C at the question"
answered 130 SIGINT
assert_eq "$(runs)" 0 "runs after Ctrl-C"
untouched

say "yes"
answered 0 $'yes\n'
assert_contains "$OUT" "is created at 3.2.32"
assert_eq "$(runs)" 1 "runs after yes"
nothing_left 3.2.32

say "where nothing is to do, nobody is asked"
run_expect 125 "$TESTS/tools/on-a-terminal" $'no\n' "$QUORATE" -chdir="$SPEC" apply -var release=3.2.32
assert_contains "$(squeezed "$OUT")" "No changes."

# faults: C3
say "without a terminal"
run_expect 1 quorate apply -var release=3.2.32
assert_contains "$(squeezed "$ERR")" "nobody can be asked"
