#!/usr/bin/env bash
# The runtime room's own tests on a booted host: units that start, die, hang, are
# masked; by SSH as a user with sudo.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

mkdir "$WORK/etcd"
for version in 3.1.20 3.2.32; do
  ln -s "$("$TESTS/fixtures/get" "$version")" "$WORK/etcd/$version"
done
cd "$REPO"
cargo test --locked --lib --no-run >"$WORK/build" 2>&1 || fail "$(tail -n 20 "$WORK/build")"
start_lab 1
QUORATE_TEST_LAB=$LAB_DIR QUORATE_TEST_ETCD=$WORK/etcd "${IN_NET[@]}" \
  cargo test --locked --lib -- --nocapture --test-threads=1 runtime::testing::systemd >"$WORK/log" 2>&1 ||
  fail "$(tail -n 60 "$WORK/log")"
if grep 'skipped: .*QUORATE_TEST_' "$WORK/log"; then fail "tests on a host were skipped"; fi
grep -E '^test result: ok\. [1-9]' "$WORK/log" || fail "no test ran: $(tail -n 5 "$WORK/log")"
