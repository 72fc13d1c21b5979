#!/usr/bin/env bash
# A cluster that quorate makes on empty hosts, as systemd units, and takes on to
# the next minor; and the hosts where it must not: something is there already.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# A host without what quorate made, or a test put there.
clear_host() {
  on_host "$1" 'systemctl --quiet disable --now etcd.service 2>/dev/null || true
    rm -rf /etc/systemd/system/etcd.service /var/lib/etcd* /usr/local/bin/etcd* /usr/local/lib/quorate
    systemctl daemon-reload; systemctl reset-failed'
}

# not_created WORD...: creation is refused, and no host gets a unit of ours.
not_created() {
  local word host
  run_expect 1 quorate apply -auto-approve -var release=3.1.20
  assert_contains "$OUT$ERR" "Nothing was changed."
  for word in "$@"; do assert_contains "$(squeezed "$OUT$ERR")" "$word"; done
  for host in h1 h3; do
    run_expect 0 on_host "$host" 'test ! -e /etc/systemd/system/etcd.service && test ! -e /var/lib/etcd'
  done
}

# faults: N3 H7
something_is_there() {
  say "an etcd of another unit runs on h2"
  lab_etcd 3.1.20 --hosts h2 --unit other.service --data /var/lib/other
  not_created "h2" "a running etcd, pid"
  start_writer other "http://10.77.0.12:2379"
  stop_writer other
  "$TESTS/lab/remove-etcd"
  say "data of a member is on h2, and no unit"
  on_host h2 'mkdir -p /var/lib/etcd/member/snap /var/lib/etcd/member/wal && echo x >/var/lib/etcd/member/snap/db'
  not_created "h2" "/var/lib/etcd"
  run_expect 0 on_host h2 test -s /var/lib/etcd/member/snap/db
  clear_host h2
  say "a unit of that name is on h2, and was never started"
  on_host h2 'printf "[Service]\nExecStart=/bin/true\n" >/etc/systemd/system/etcd.service && systemctl daemon-reload'
  not_created "h2" "etcd.service"
  assert_contains "$(on_host h2 cat /etc/systemd/system/etcd.service)" "ExecStart=/bin/true"
  clear_host h2
  say "h2 cannot be reached"
  "$TESTS/lab/power" h2 off
  not_created "h2"
  "$TESTS/lab/power" h2 on
  wait_for 60 "h2 is back" on_host h2 true
}

as_declared() {
  local unit
  assert_eq "$(on_host "$1" 'systemctl is-active etcd.service; systemctl is-enabled etcd.service' | xargs)" \
    "active enabled" "the unit on $1"
  assert_eq "$(on_host "$1" stat -c %U:%a /var/lib/etcd)" etcd:700 "data directory on $1"
  assert_eq "$(on_host "$1" stat -c %U:%a /usr/local/bin/etcd)" root:755 "binary on $1"
  # shellcheck disable=SC2016 # the host expands it
  assert_eq "$(on_host "$1" 'stat -c %U /proc/$(systemctl show -p MainPID --value etcd.service)')" etcd "who runs it on $1"
  unit=$(on_host "$1" cat /etc/systemd/system/etcd.service)
  assert_contains "$unit" "snapshot-count=5000"
}

created() {
  say "created, and upgraded"
  apply 3.1.20
  each_lab_host as_declared
  local urls="http://10.77.0.11:2379,http://10.77.0.12:2379,http://10.77.0.13:2379"
  put_data_v2 "http://10.77.0.11:2379"
  start_writer created "$urls"
  apply 3.2.32
  stop_writer created
  each_lab_host as_declared
  # A member of a cluster that exists is never made anew, empty.
  on_host h2 'systemctl stop etcd.service && rm -rf /var/lib/etcd'
  run_expect 1 quorate apply -auto-approve -var release=3.2.32
  run_expect 0 on_host h2 test ! -e /var/lib/etcd/member
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_lab 3
use_lab_spec created create
something_is_there
created
