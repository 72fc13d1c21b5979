# shellcheck shell=bash
# What the cluster scripts share. A cluster is one folder; its file `members`
# has a line for each: NAME PID CLIENT_PORT PEER_PORT. Sourced, never run.

cluster_say() { echo "cluster: $*" >&2; }
cluster_die() {
  cluster_say "$*"
  exit 1
}

cluster_scheme() { cat "$1/scheme"; }
cluster_curl() {
  local dir=$1 tls=()
  shift
  if [[ $(cluster_scheme "$dir") == https ]]; then
    tls=(--cacert "$dir/pki/ca.crt" --cert "$dir/pki/client.crt" --key "$dir/pki/client.key")
  fi
  curl -fsS -m 2 "${tls[@]}" "$@"
}

# cluster_member DIR NAME: prints `PID CLIENT_PORT PEER_PORT`.
cluster_member() {
  awk -v n="$2" '$1 == n { print $2, $3, $4; found = 1 } END { exit !found }' "$1/members" ||
    cluster_die "no member $2 in $1"
}

# Whether PID is still the etcd that was started for DIR: a pid can be reused.
cluster_runs() {
  local pid=$1 dir=$2
  [[ $(readlink "/proc/$pid/cwd" 2>/dev/null) == "$(cd "$dir" && pwd -P)"/* ]]
}
