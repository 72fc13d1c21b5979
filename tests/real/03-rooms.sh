#!/usr/bin/env bash
# The rooms' own tests that need real etcd: the client of 2.1 to 3.7, backups under
# a writing client, looks at real clusters, members of the process runtime, and
# whether each binary knows the options, and refuses the newer data, that modules/etcd
# says it does.
set -euo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

versions=(2.1.1 2.2.5 2.3.8 3.0.17 3.1.20 3.2.32 3.3.27 3.4.23 3.5.33 3.6.14 3.7.1)
mkdir "$WORK/etcd"
for version in "${versions[@]}"; do
  ln -s "$("$TESTS/fixtures/get" "$version")" "$WORK/etcd/$version"
done
cd "$REPO"
export QUORATE_TEST_ETCD=$WORK/etcd
cargo test --locked --lib -- --nocapture etcd:: knowledge::tests::binaries knowledge::tests::guards backup:: observe::real runtime::testing::real >"$WORK/log" 2>&1 ||
  fail "$(grep -E '^test .*FAILED|panicked|^failures' -A3 "$WORK/log" | tail -n 60)"
# A room's test that skips itself for want of etcd would prove nothing.
if grep 'skipped: .*QUORATE_TEST_ETCD' "$WORK/log"; then fail "tests on real etcd were skipped"; fi
say "$(grep '^test result' "$WORK/log")"
