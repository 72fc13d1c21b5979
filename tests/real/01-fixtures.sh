#!/usr/bin/env bash
# Where the tests get their etcd from: upstream's release is taken where it is to
# be had and its sum is right, two at once do not disturb each other, and a
# release folder looks like upstream's.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

arch=$([[ $(uname -m) == aarch64 ]] && echo arm64 || echo amd64)
name=etcd-v3.2.32-linux-$arch

say "a release folder"
"$TESTS/fixtures/release-dir" "$WORK/upstream/v3.2.32" 3.2.32
(cd "$WORK/upstream/v3.2.32" && sha256sum --quiet -c SHA256SUMS)
listing=$(tar -tzf "$WORK/upstream/v3.2.32/$name.tar.gz")
for file in etcd etcdctl README.md; do assert_contains "$listing" "$name/$file"; done

say "two at once, from a release"
export QUORATE_FIXTURES=$WORK/cache QUORATE_RELEASES=file://$WORK/upstream
"$TESTS/fixtures/get" 3.2.32 >"$WORK/first" &
"$TESTS/fixtures/get" 3.2.32 >"$WORK/second"
wait $!
assert_eq "$(cat "$WORK/first")" "$(cat "$WORK/second")"
dir=$(cat "$WORK/first")
assert_eq "$(cat "$dir/SOURCE")" "upstream release" source
assert_contains "$("$dir/etcd" --version)" "etcd Version: 3.2.32"
assert_file "$dir/etcdctl"
assert_eq "$(find "$WORK/cache" -name '*.part.*')" "" "parts that stayed"

say "a release with a wrong sum is not taken"
sed -i 's/^....../000000/' "$WORK/upstream/v3.2.32/SHA256SUMS"
rm -rf "$WORK/cache"
# No Go either, so that nothing is built in its place.
mkdir "$WORK/nogo"
printf '#!/bin/sh\nexit 1\n' >"$WORK/nogo/go"
chmod +x "$WORK/nogo/go"
run_expect 1 env PATH="$WORK/nogo:$PATH" "$TESTS/fixtures/get" 3.2.32
assert_contains "$ERR" "SHA256SUMS says 000000"
assert_eq "$OUT" "" "a folder printed for a release that was refused"

say "a version without a recipe"
run_expect 1 "$TESTS/fixtures/get" 9.9.9
assert_contains "$ERR" "no recipe for etcd 9.9.9"
