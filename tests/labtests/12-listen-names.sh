#!/usr/bin/env bash
# Members that listen on a name, which 3.1 does and 3.2 does not: refused before
# anything is touched.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

listen_on_name() {
  on_host "$1" "sed -i 's|listen-client-urls=http://10.77.0.1${1#h}:2379|listen-client-urls=http://$1:2379|' \
    /etc/systemd/system/etcd.service && systemctl daemon-reload && systemctl restart etcd.service"
}
is_healthy() { "${IN_NET[@]}" curl -fsS -m 2 "http://10.77.0.1${1#h}:2379/health" | grep true; }
unit_started() { on_host "$1" systemctl show -p ActiveEnterTimestampMonotonic --value etcd.service; }

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_lab 3
lab_etcd 3.1.20 --config flags
for host in h1 h2 h3; do
  listen_on_name "$host"
  wait_for 30 "$host is healthy" is_healthy "$host"
done
use_lab_spec names adopt
started=$(each_lab_host unit_started)
refused 3.2.32 listen-urls-are-ips "http://h1:2379" "h2" "h3"
assert_eq "$(each_lab_host unit_started)" "$started" "starts of etcd"
nothing_left 3.1.20
