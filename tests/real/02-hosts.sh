#!/usr/bin/env bash
# Hosts without root: an sshd of the user's own, and plain-process clusters,
# with TLS too; both end without a trace.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

say "sshd on loopback"
start_sshd hosts h1 h2
ssh_h() { ssh -F "$WORK/hosts/ssh_config" -o BatchMode=yes "$@" </dev/null; }
assert_eq "$(ssh_h h2 id -un)" "$(id -un)" user
# shellcheck disable=SC2016 # the other side expands it
assert_eq "$(ssh_h h1 'echo "$SSH_CONNECTION"' | cut -d' ' -f4)" "$(cat "$WORK/hosts/port")" port
# Another key than its own is refused: known_hosts is really looked at.
sed -i 's/ssh-ed25519 .*/ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/' \
  "$WORK/hosts/known_hosts"
run_expect 255 ssh_h h1 true
pid=$(cat "$WORK/hosts/pid")
"$TESTS/sshd/stop" "$WORK/hosts"
wait_for 5 "sshd is gone" test ! -e "/proc/$pid"

say "cluster with TLS"
start_cluster secure 3.2.32 --tls --set snapshot-count=1000
pki=$WORK/secure/pki
start_writer w "$(cat "$WORK/secure/endpoints")" --ca "$pki/ca.crt" --cert "$pki/client.crt" --key "$pki/client.key"
stop_writer w
# Without a certificate nobody gets in.
run_expect 3 "$WRITER" --endpoints "$(cat "$WORK/secure/endpoints")" --api v3 --ca "$pki/ca.crt" \
  --duration 1 --read-back-seconds 1
"$TESTS/cluster/stop" "$WORK/secure"
for member in m1 m2 m3; do
  # One that ended and was not waited for yet has no binary any more.
  assert_eq "$(readlink "/proc/$("$TESTS/cluster/member" "$WORK/secure" "$member" pid)/exe" || true)" "" "still runs"
done
