#!/usr/bin/env bash
# The rolling upgrade as somebody would write it by hand: the bare minimum, over
# one SSH master connection a host. The lower bound that quorate is compared to.
#   LAB_DIR=DIR tests/lab/net tests/baseline/rolling-upgrade.sh TO_VERSION OUT_DIR
# The cluster is what tests/lab/install-etcd left. Prints one JSON line:
# seconds of each part, of the whole, and until the cluster version had moved.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab_dir=${LAB_DIR:?LAB_DIR names the folder of the lab}
to=${1:?usage: LAB_DIR=DIR tests/lab/net tests/baseline/rolling-upgrade.sh TO_VERSION OUT_DIR}
out=${2:?the folder for the backup}
# shellcheck source=/dev/null
. "$lab_dir/etcd.env"
poll=0.01
step_seconds=60

mapfile -t hosts < <(cut -d' ' -f1 "$lab_dir/hosts")
fixture=$("$here/../fixtures/get" "$to")
work=$(mktemp -d)
mkdir -p "$out"
close_masters() {
  local h
  for h in "${hosts[@]}"; do remote "$h" -O exit 2>/dev/null || true; done
  rm -rf "$work"
}
trap close_masters EXIT

# remote HOST ARG...: ARGs are of ssh, or words of the remote command.
remote() { ssh -F "$lab_dir/ssh_config" -o BatchMode=yes -o ControlMaster=auto -o ControlPersist=60 -o ControlPath="$work/%n" "$@"; }
now() { echo "$EPOCHREALTIME"; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.3f", b - a }'; }
each_host() {
  local h pids=()
  for h in "${hosts[@]}"; do
    "$@" "$h" &
    pids+=($!)
  done
  for h in "${pids[@]}"; do wait "$h"; done
}

curl="curl -fsS -m 2"
url=http://127.0.0.1:2379
# shellcheck disable=SC2153 # from etcd.env
etcdctl="$(printf %q "${BINARY%/*}/etcdctl")"
if [[ $ENDPOINTS == https:* ]]; then
  url=https://127.0.0.1:2379
  curl+=" --cacert /etc/etcd/pki/ca.crt --cert /etc/etcd/pki/client.crt --key /etc/etcd/pki/client.key"
  etcdctl+=" --cacert=/etc/etcd/pki/ca.crt --cert=/etc/etcd/pki/client.crt --key=/etc/etcd/pki/client.key"
fi
binary=$(printf %q "$BINARY")
# shellcheck disable=SC2153 # from etcd.env
data=$(printf %q "$DATA")

connect() { remote "$1" true; }
copy() { remote "$1" "cat >$binary.new && chmod 755 $binary.new" <"$fixture/etcd"; }

# Followers first: the name of the leader comes last.
upgrade_order() {
  local h leader=""
  for h in "${hosts[@]}"; do
    if remote "$h" "$curl $url/v2/stats/self" | grep StateLeader >/dev/null; then leader=$h; else echo "$h"; fi
  done
  echo "$leader"
}

backup() {
  local h=${hosts[0]}
  if [[ $to == 2.* ]]; then
    remote "$h" "$(printf %q "${BINARY%/*}/etcdctl") backup --data-dir $data --backup-dir /tmp/backup >/dev/null &&
      tar -C /tmp/backup -cf - . && rm -rf /tmp/backup" >"$out/backup.tar"
    return
  fi
  remote "$h" "ETCDCTL_API=3 $etcdctl --endpoints=$url snapshot save /tmp/snapshot >/dev/null &&
    cat /tmp/snapshot && rm -f /tmp/snapshot" >"$out/snapshot.db"
  # The last 32 bytes are the SHA-256 of the rest.
  [[ $(head -c -32 "$out/snapshot.db" | sha256sum | cut -d' ' -f1) == \
    "$(tail -c 32 "$out/snapshot.db" | od -An -v -tx1 | tr -d ' \n')" ]] || {
    echo "baseline: the snapshot's hash is wrong" >&2
    exit 1
  }
}

# On the host, in one go: stop, swap, start, and until it is healthy.
upgrade() {
  remote "$1" "set -e; systemctl stop $UNIT; mv $binary.new $binary; systemctl start $UNIT
    timeout $step_seconds sh -c 'until $curl $url/health 2>/dev/null | grep -q true; do sleep $poll; done'"
}

cluster_version_moved() {
  timeout "$step_seconds" bash -c "until $curl ${CURL_TLS[*]} ${ENDPOINTS%%,*}/version 2>/dev/null |
    grep -q '\"etcdcluster\":\"${to%.*}\\.'; do sleep $poll; done"
}

begin=$(now)
each_host connect
connected=$(since "$begin")
from=$(now)
backup
backed_up=$(since "$from")
from=$(now)
each_host copy
copied=$(since "$from")
members=()
order=$(upgrade_order)
for host in $order; do
  from=$(now)
  upgrade "$host"
  members+=("\"$host\":$(since "$from")")
done
total=$(since "$begin")
cluster_version_moved
moved=$(since "$begin")
printf '{"connect_s":%s,"backup_s":%s,"copy_s":%s,"members_s":{%s},"total_s":%s,"cluster_version_s":%s}\n' \
  "$connected" "$backed_up" "$copied" "$(IFS=, && echo "${members[*]}")" "$total" "$moved"
