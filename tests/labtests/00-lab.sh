#!/usr/bin/env bash
# The lab is itself to be trusted: hosts boot, etcd gets healthy in every way
# that somebody else may have installed it, the writer sees a hand-written
# rolling upgrade lose nothing, a host can be cut off from power and reboots,
# and nothing of the lab stays behind.
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

boots_three_hosts() {
  start_lab 3 --tls
  local host
  for host in h1 h2 h3; do assert_eq "$(on_host "$host" hostname)" "$host" hostname; done
  assert_eq "$("$TESTS/lab/net" ssh -F "$LAB_DIR/ssh_config" deploy-h2 sudo -n id -un)" root "sudo of deploy"
  run_expect 1 "$TESTS/lab/net" ssh -F "$LAB_DIR/ssh_config" -o User=nosudo h2 sudo -n true
  run_expect 1 "$TESTS/lab/net" ssh -F "$LAB_DIR/ssh_config" -o User=asksudo h2 sudo -n true
}

# installs VERSION OPTION...: gets healthy, a writer works with it, goes again.
installs() {
  lab_etcd "$@"
  writes=$((${writes:-0} + 1))
  # shellcheck disable=SC2153 # from etcd.env
  start_writer "w$writes" "$ENDPOINTS" "${WRITER_TLS[@]}"
  stop_writer "w$writes"
  assert_eq "$(on_host h1 "$(printf '%q ' "$BINARY" --version)" | sed -n 1p)" "etcd Version: $1" version
  "$TESTS/lab/remove-etcd"
}

upgrades_by_hand() {
  local from=$1 to=$2 name=by_hand_${2//./}
  shift 2
  lab_etcd "$from" "$@"
  start_writer "$name" "$ENDPOINTS" "${WRITER_TLS[@]}"
  "$TESTS/lab/net" "$TESTS/baseline/rolling-upgrade.sh" "$to" "$WORK/backup"
  stop_writer "$name"
  assert_contains "$(on_host h3 "$(printf '%q ' "$BINARY" --version)")" "$to"
  "$TESTS/lab/remove-etcd"
}

loses_power_and_reboots() {
  "$TESTS/lab/power" h3 cycle
  wait_for 30 "h3 is back after a power cut" on_host h3 true
  local before
  before=$(on_host h2 cat /proc/1/stat | cut -d' ' -f22)
  on_host h2 systemctl reboot || true
  rebooted() { [[ $(on_host h2 cat /proc/1/stat | cut -d' ' -f22) != "$before" ]]; }
  wait_for 30 "h2 is back after its reboot" rebooted
  "$TESTS/lab/power" h1 freeze
  run_expect 124 timeout 1 "$TESTS/lab/exec" h1 true
  "$TESTS/lab/power" h1 thaw
  run_expect 0 timeout 5 "$TESTS/lab/exec" h1 true
}

leaves_nothing() {
  local id
  id=q$(printf '%s' "$(cd "$LAB_DIR" && pwd -P)" | sha256sum | cut -c1-6)
  "$TESTS/lab/down"
  "$TESTS/lab/down"
  assert_eq "$(ls -A "$LAB_DIR")" "" "files of the lab"
  assert_no_file "/run/netns/$id"
  assert_eq "$(find /sys/fs/cgroup -type d -name "quorate-$id")" "" cgroups
  assert_eq "$(grep -c "$LAB_DIR" /proc/self/mounts || true)" 0 mounts
}

say "boot"
boots_three_hosts
say "every way of installing"
installs 3.1.20 --config flags
installs 3.1.20 --config env --tls --unit etcd-main.service --binary /opt/etcd/bin/etcd
installs 3.1.20 --config file --tls --user etcd --data "/srv/etcd data"
installs 3.2.32 --config flags --tls --user etcd --data "/srv/etcd data"
installs 3.2.32 --config file --user etcd --set snapshot-count=5000
installs 2.1.1 --config flags --user etcd
installs 2.1.1 --config env --tls --data "/srv/etcd data"
installs 2.2.5 --config flags --tls --unit etcd2.service
say "upgrades by a script"
upgrades_by_hand 3.1.20 3.2.32
upgrades_by_hand 3.1.20 3.2.32 --tls --user etcd --config env
upgrades_by_hand 2.1.1 2.2.5
say "power, reboot, freeze"
loses_power_and_reboots
say "clean-up"
leaves_nothing
