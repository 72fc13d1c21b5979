#!/usr/bin/env bash
# Certificates with which a member would not come back, and names that are not
# etcd's: refused before anything is touched, also by a saved plan.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

pki=/etc/etcd/pki
to=3.2.32
unit_started() { on_host "$1" systemctl show -p ActiveEnterTimestampMonotonic --value etcd.service; }
spoil() { on_host "$1" "cp -a $pki $pki.kept && cd $pki && $2"; }
mend() { on_host "$1" "rm -r $pki && mv $pki.kept $pki"; }

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_lab 3 --tls
lab_etcd 3.1.20 --config flags --user etcd --tls
use_lab_spec certificates adopt
started=$(each_lab_host unit_started)
nothing_left 3.1.20

# faults: H10
for spoilt in "peer.crt" "peer.key" "ca.crt"; do
  say "$spoilt that only root can read"
  spoil h2 "chown root:root $spoilt && chmod 600 $spoilt"
  refused "$to" certificate-readable h2 "$spoilt" "the account etcd"
  mend h2
done

say "a folder that only root can enter"
spoil h2 "chown root:root . && chmod 700 ."
refused "$to" certificate-readable h2 "the account etcd"
mend h2

say "a certificate of another key"
spoil h3 "cp server.crt peer.crt"
refused "$to" certificate-readable h3 "peer.crt" "does not fit its key"
mend h3

say "a saved plan, and other certificates since"
run_expect 2 quorate plan -detailed-exitcode -var release=$to "-out=$WORK/saved"
spoil h1 "cp server.crt peer.crt && cp server.key peer.key"
run_expect 1 quorate apply "$WORK/saved"
assert_contains "$(squeezed "$OUT$ERR")" "h1: certificates and keys was sha256"
mend h1

say "a label that is not the name that etcd knows"
sed -i.kept 's/member "h2"/member "m2"/' "$SPEC"/*.hcl
refused 3.1.20 member-named "m2" "is h2"
for file in "$SPEC"/*.kept; do mv "$file" "${file%.kept}"; done

assert_eq "$(each_lab_host unit_started)" "$started" "starts of etcd"
nothing_left 3.1.20
