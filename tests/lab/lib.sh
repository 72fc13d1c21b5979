# shellcheck shell=bash
# What the lab scripts share: where a lab's things are, how to run in it.
# A lab is one folder, LAB_DIR. Sourced, never run.

lab_dir=${LAB_DIR:?LAB_DIR names the folder of the lab}
mkdir -p "$lab_dir"
lab_dir=$(cd "$lab_dir" && pwd -P)
# Short, and different for each folder: interface names have 15 characters.
lab_id=q$(printf '%s' "$lab_dir" | sha256sum | cut -c1-6)
# shellcheck disable=SC2034 # used by the scripts that source this
lab_cache=${QUORATE_LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/quorate-lab}

lab_say() { echo "lab: $*" >&2; }
lab_die() {
  lab_say "$*"
  exit 1
}

lab_needs_root() {
  [[ $(id -u) == 0 ]] || lab_die "needs root: it boots machines with systemd-nspawn"
}

# lab_needs_tools: installs what is missing.
lab_needs_tools() {
  local pair missing=()
  for pair in mmdebstrap=mmdebstrap systemd-nspawn=systemd-container ssh=openssh-client \
    ip=iproute2 nft=nftables curl=curl openssl=openssl; do
    command -v "${pair%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [[ -f /usr/share/keyrings/debian-archive-keyring.gpg ]] || missing+=(debian-archive-keyring)
  [[ ${#missing[@]} -gt 0 ]] || return 0
  lab_say "installing ${missing[*]}"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Every host of the lab, one name a line.
lab_hosts() { cut -d' ' -f1 "$lab_dir/hosts"; }

# Address of a host. Each lab has a network namespace of its own, so every lab
# uses the same ones.
lab_address() {
  awk -v h="$1" '$1 == h { print $2; found = 1 } END { exit !found }' "$lab_dir/hosts" ||
    lab_die "no host $1 in $lab_dir"
}

lab_machine() { echo "$lab_id$1"; }
lab_veth() { echo "vb-$lab_id$1"; }

# Runs a command in the lab's network. Not by `ip netns exec`: that mounts
# another /sys, and nspawn then cannot tell which cgroup layout it is on.
lab_net() { nsenter --net="/run/netns/$lab_id" -- "$@"; }

lab_ssh() {
  local host=$1
  shift
  lab_net ssh -F "$lab_dir/ssh_config" -o BatchMode=yes "$host" -- "$@"
}

# lab_wait SECONDS WHAT CMD...: polls CMD until it holds, dies when it does not.
lab_wait() {
  local seconds=$1 what=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || lab_die "not within $seconds s: $what"
    sleep 0.05
  done
}

# One line for each cgroup hierarchy: the folder that the calling process is in.
lab_cgroup_parents() {
  awk '$0 ~ / - cgroup2? / {
         mount = $5; split($0, half, " - "); split(half[2], f, " ")
         print f[1], mount, f[3] }' /proc/self/mountinfo |
    while read -r kind mount options; do
      local path=
      if [[ $kind == cgroup2 ]]; then
        path=$(sed -n 's/^0:://p' /proc/self/cgroup)
      else
        path=$(awk -F: -v o=",$options," '$2 != "" && index(o, "," $2 ",") { print $3; exit }' /proc/self/cgroup)
      fi
      [[ -n $path && -d $mount$path ]] && echo "$mount${path%/}"
    done
}

# lab_cgroup_enter NAME: moves the calling process into a sub-tree of the lab's.
# Containers that share one would manage each other's services.
lab_cgroup_enter() {
  local parent dir
  lab_cgroup_parents | while read -r parent; do
    dir=$parent/quorate-$lab_id
    mkdir -p "$dir/$1"
    # A v1 cpuset takes no process before it has processors and memory.
    if [[ -f $dir/cpuset.cpus && ! -s $dir/$1/cpuset.cpus ]]; then
      local level
      for level in "$dir" "$dir/$1"; do
        cat "$parent/cpuset.cpus" >"$level/cpuset.cpus"
        cat "$parent/cpuset.mems" >"$level/cpuset.mems"
      done
    fi
    echo "$$" >"$dir/$1/cgroup.procs"
  done
}

# Every process in the lab's cgroups, or in those of one host.
lab_processes() {
  find /sys/fs/cgroup -type d -path "*/quorate-$lab_id${1:+/$1}" 2>/dev/null |
    while read -r dir; do find "$dir" -name cgroup.procs -exec cat {} + 2>/dev/null; done | sort -un
}
