#!/usr/bin/env bash
# README's first command does what README says, keeps what it is told to keep,
# and leaves nothing behind, not even when it is stopped halfway.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

export QUORATE_BUILD=$BUILD TMPDIR=$WORK
quickstart=$REPO/examples/quickstart/run

left_behind() { find "$WORK" -maxdepth 1 -name 'quorate-quickstart.*'; }
running() { find /proc -maxdepth 2 -path '/proc/[0-9]*' -name exe -lname "$WORK/*" 2>/dev/null || true; }

say "all of it"
run_expect 0 "$quickstart"
assert_contains "$OUT" "cluster quickstart is created at 3.1.20"
assert_contains "$OUT" "cluster quickstart is at 3.2.32"
assert_contains "$OUT" " 0 lost, "
assert_contains "$OUT" " 0 stale; "
assert_contains "$OUT" "all 100 keys are there"
assert_contains "$OUT" "No changes."
assert_eq "$(left_behind)" "" "left behind"
assert_eq "$(running)" "" "still running"
sed -n 's/^writer (/&/p' "$WORK/OUT"
seconds=$(sed -n 's/^== Done in \([0-9]*\) s.*/\1/p' "$WORK/OUT")
echo "note: quickstart took $seconds s beyond building"
assert_at_most "$seconds" 120 "seconds of the quickstart"

say "stopped while it upgrades"
"$quickstart" >"$WORK/stopped" 2>&1 </dev/null &
pid=$!
on_exit end_process "$pid"
wait_for 120 "the upgrade" grep -q '^\$ quorate apply upgrade.plan' "$WORK/stopped"
# What a terminal does at Ctrl-C reaches the program in front as well.
kill -TERM "$pid"
pkill -TERM -P "$pid" -x quorate || true
status=0
wait "$pid" || status=$?
assert_eq "$status" 143 "exit status"
assert_eq "$(left_behind)" "" "left behind"
assert_eq "$(running)" "" "still running"

say "kept, then removed"
run_expect 0 "$quickstart" --keep
dir=$(sed -n 's/^== Kept in //p' "$WORK/OUT")
assert_file "$dir/cluster.hcl"
run_expect 0 "$QUORATE" -chdir="$dir" plan -detailed-exitcode -var etcd_version=3.2.32
run_expect 0 "$quickstart" --remove "$dir"
assert_no_file "$dir"
assert_eq "$(running)" "" "still running"

say "nothing else is ever removed"
mkdir "$WORK/mine"
run_expect 1 "$quickstart" --remove "$WORK/mine"
assert_contains "$ERR" "was not made by this quickstart"
assert_file "$WORK/mine"
