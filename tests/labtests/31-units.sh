#!/usr/bin/env bash
# Hosts as others have made them: a binary that is a link, that a package owns, of
# another owner and mode; units with drop-ins, wrappers, Restart=always; file
# systems that are read-only or execute nothing; a memory limit; a second etcd.
# Kept as they were, or refused, or put back; the second etcd is never touched.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/faults.sh
. "$TESTS/specs/faults.sh"

store=/usr/local/lib/quorate
is_healthy() { "${IN_NET[@]}" curl -fsS -m 2 "http://10.77.0.1${1#h}:2379/health" | grep true; }
all_healthy() { is_healthy h1 && is_healthy h2 && is_healthy h3; }
version_of() { "${IN_NET[@]}" curl -fsS -m 2 "http://10.77.0.1${1#h}:2379/version" | text_field etcdserver; }
unit_started() { on_host "$1" systemctl show -p ActiveEnterTimestampMonotonic --value etcd.service; }
nothing_was_started() { assert_eq "$(each_lab_host unit_started)" "$started" "starts of etcd after $1"; }
refused_on_host() {
  local word
  run_expect 1 quorate apply -auto-approve -var release=3.2.32
  for word in "$@"; do assert_contains "$(squeezed "$OUT$ERR")" "$word"; done
  nothing_was_started "$*"
}

# faults: H7
a_second_etcd() {
  on_host h2 'mkdir -p /opt/second /srv/second && cp /usr/bin/etcd /opt/second/etcd &&
    systemd-run --quiet --unit=second.service /opt/second/etcd --name second --data-dir /srv/second \
      --listen-client-urls http://127.0.0.1:12379 --advertise-client-urls http://127.0.0.1:12379 \
      --listen-peer-urls http://127.0.0.1:12380 --initial-advertise-peer-urls http://127.0.0.1:12380 \
      --initial-cluster second=http://127.0.0.1:12380'
  wait_for 20 "the second etcd takes a key" on_host h2 'curl -fsS -m 2 -X PUT -d value=mine http://127.0.0.1:12379/v2/keys/whose'
  second=$(what_is_second)
}
# shellcheck disable=SC2016 # the host expands it
what_is_second() {
  on_host h2 'systemctl show -p MainPID -p ActiveEnterTimestampMonotonic second.service
    sha256sum /opt/second/etcd; stat -c "%i %U %a" /opt/second/etcd /srv/second; curl -fsS -m 2 http://127.0.0.1:12379/version
    curl -fsS -m 2 http://127.0.0.1:12379/v2/keys/whose'
}

# faults: H2 H6
as_others_made_them() {
  # A link; and a drop-in with a variable of its own.
  on_host h1 'mkdir -p /opt/etcd-3.1.20 /etc/systemd/system/etcd.service.d && mv /usr/bin/etcd /opt/etcd-3.1.20/etcd &&
    ln -s /opt/etcd-3.1.20/etcd /usr/bin/etcd &&
    printf "[Service]\nEnvironment=ETCD_SNAPSHOT_COUNT=7000\n" >/etc/systemd/system/etcd.service.d/ours.conf'
  # A package's; started by a wrapper.
  on_host h2 'mkdir -p /root/p/DEBIAN /root/p/usr/bin && cp /usr/bin/etcd /root/p/usr/bin/etcd &&
    printf "Package: etcd-of-ours\nVersion: 3.1.20\nArchitecture: all\nMaintainer: us\nDescription: etcd\n" >/root/p/DEBIAN/control &&
    dpkg-deb -Znone --build /root/p /root/p.deb >/dev/null && dpkg -i /root/p.deb >/dev/null &&
    printf "#!/bin/sh\nulimit -n 9000\nexec /usr/bin/etcd \"\$@\"\n" >/opt/run-etcd && chmod 755 /opt/run-etcd &&
    sed -i "s|^ExecStart=/usr/bin/etcd|ExecStart=/opt/run-etcd|" /etc/systemd/system/etcd.service'
  # Of another owner and mode.
  on_host h3 'chown root:etcd /usr/bin/etcd && chmod 750 /usr/bin/etcd'
  local host
  for host in h1 h2 h3; do
    on_host "$host" 'systemctl daemon-reload && systemctl restart etcd.service'
    wait_for 30 "all are healthy" all_healthy
  done
  nothing_left 3.1.20
}

# faults: H2 H6
refusals() {
  on_host h1 "mkdir -p $store && mount -t tmpfs -o noexec,mode=755 none $store"
  refused_on_host h1 noexec
  on_host h1 "mount -o remount,ro $store"
  refused_on_host h1 "Read-only file system"
  on_host h1 "umount $store"
  on_host h3 'mount --bind /usr/bin /usr/bin && mount -o remount,bind,ro /usr/bin'
  refused_on_host h3 "Read-only file system"
  on_host h3 'umount -l /usr/bin'
  on_host h1 'echo "# changed" >>/etc/systemd/system/etcd.service'
  refused_on_host unit-reloaded "etcd.service was changed on disk and systemd has not read it again"
  on_host h1 'systemctl daemon-reload'
}

# A 3.2.32 that takes more memory than a host has, as a member. The real one, which
# it is elsewhere, has the same path here and on the hosts.
hungry_release() {
  local host
  install -D -m 755 "$("$TESTS/fixtures/get" 3.2.32)/etcd" "$WORK/real/etcd"
  for host in h1 h2 h3; do
    on_host "$host" "mkdir -p $WORK/real && cat >$WORK/real/etcd && chmod -R 755 $WORK" <"$WORK/real/etcd"
  done
  BAD_REAL=$WORK/real/etcd bad_release "$WORK/hungry" EVERYWHERE=0 HANGS=1 EATS=900 'WHERE="/var/lib/etcd"'
}

# faults: H4
out_of_memory() {
  local host
  for host in h1 h2 h3; do
    "$TESTS/lab/power" "$host" memory 500 || { echo "note: the memory of a host cannot be limited here" && return; }
  done
  hungry_release
  run_expect 1 quorate apply -auto-approve -var release=3.2.32 -var "releases=$WORK/hungry"
  JOURNAL=$(journal)
  host=$(stopped_members)
  assert_eq "$(put_back_members)" "$host" "members put back"
  # systemd tells it by cgroups of version 2; by those of version 1 it sees a signal.
  grep -qE "killed by the kernel: out of memory|by the kernel for want of memory" <<<"$(squeezed "$OUT")" ||
    fail "the reason is not named: $OUT"
  assert_contains "$(squeezed "$OUT")" "$host runs its old binary again"
  assert_eq "$(version_of "$host")" 3.1.20 "version of $host"
  for host in h1 h2 h3; do "$TESTS/lab/power" "$host" memory 8000; done
  wait_for 30 "all are healthy" all_healthy
}

# faults: H6
a_start_that_fails() {
  local host host_down
  for host in h1 h2 h3; do
    on_host "$host" 'mkdir -p /etc/systemd/system/etcd.service.d &&
      printf "[Service]\nExecStartPre=/bin/sh -c \"echo the mount is missing; exit 3\"\n" >/etc/systemd/system/etcd.service.d/pre.conf && systemctl daemon-reload'
  done
  run_expect 1 quorate apply -auto-approve -var release=3.2.32
  JOURNAL=$(journal)
  host_down=$(stopped_members)
  assert_contains "$(squeezed "$OUT")" "the mount is missing"
  assert_eq "$(wc -w <<<"$host_down")" 1 "members stopped: $host_down"
  assert_contains "$(squeezed "$OUT")" " apply -var release=3.2.32"
  for host in h1 h2 h3; do
    on_host "$host" 'rm /etc/systemd/system/etcd.service.d/pre.conf && systemctl daemon-reload'
  done
  # A script around etcd does not tell its options while it is stopped; the others are brought up by apply.
  if [[ $host_down == h2 ]]; then
    on_host h2 'systemctl stop etcd.service'
    run_expect 1 quorate plan -var release=3.2.32
    assert_contains "$(squeezed "$OUT$ERR")" "the member's options cannot be seen"
    assert_contains "$(squeezed "$OUT$ERR")" "systemctl start etcd.service"
    on_host h2 'systemctl reset-failed etcd.service; systemctl start etcd.service'
  fi
}

# faults: H2 H6 H7
as_they_were() {
  local host
  assert_contains "$APPLIED" "belongs to the package etcd-of-ours"
  assert_eq "$(on_host h1 'stat -c %F /usr/bin/etcd; readlink /usr/bin/etcd' | xargs)" "symbolic link $store/3.2.32/etcd" "h1's binary"
  assert_eq "$(on_host h2 'stat -c %F:%U:%a /usr/bin/etcd')" "regular file:root:755" "h2's binary"
  assert_eq "$(on_host h3 'stat -c %U:%G:%a /usr/bin/etcd')" root:etcd:750 "h3's binary"
  for host in h1 h2 h3; do assert_eq "$(version_of "$host")" 3.2.32 "version of $host"; done
  # shellcheck disable=SC2016 # the host expands it
  assert_contains "$(on_host h1 'tr "\0" "\n" </proc/$(systemctl show -p MainPID --value etcd.service)/environ')" "ETCD_SNAPSHOT_COUNT=7000"
  # shellcheck disable=SC2016
  assert_contains "$(on_host h2 'cat /proc/$(systemctl show -p MainPID --value etcd.service)/limits')" 9000
  assert_eq "$(what_is_second)" "$second" "the second etcd"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_lab 3
lab_etcd 3.1.20 --config flags --user etcd --binary /usr/bin/etcd --unit-line Restart=always
use_lab_spec units adopt
# shellcheck disable=SC2153 # from etcd.env
start_writer units "$ENDPOINTS" "${WRITER_TLS[@]}"
say "as others made them"
a_second_etcd
as_others_made_them
started=$(each_lab_host unit_started)
say "refusals"
refusals
say "out of memory"
out_of_memory
say "a start that fails whatever the binary"
a_start_that_fails
say "upgraded"
apply 3.2.32
as_they_were
stop_writer units
