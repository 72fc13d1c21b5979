#!/usr/bin/env bash
# Both guides on real hosts with clusters that somebody else installed: flags,
# environment file or config file; plain or TLS; as root, or a user with sudo.
# The client that writes all the way loses nothing, plan is empty afterwards, and
# of each host nothing changed but the binary, which keeps its owner and mode.
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# What a host is, but for logs, data, quorate's own store and what systemd keeps
# for itself: every path with type, mode, owner, size and time, folders without
# the last two; and a digest of every file that is not of the base system.
# shellcheck disable=SC2016 # the host expands these
picture='set -eu
data=$1 binary=$2
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/log \
  -o -path /usr/local/lib/quorate -o -path /var/lib/systemd -o -path /var/lib/private -o -path "$data" \
  -o -path "$data.quorate-*" \) -prune -o -path "$binary" -printf "%p %y %m %u:%g\n" \
  -o -type d -printf "%p %y %m %u:%g\n" -o -printf "%p %y %m %u:%g %s %T@ %l\n" | sort
find /etc /opt /srv /root /home /usr/local \( -path /usr/local/lib/quorate -o -path "$data" -o -path "$data.quorate-*" \) -prune \
  -o -type f ! -path "$binary" -exec sha256sum {} + | sort -k2'
take_picture() {
  on_host "$2" sh -s -- "$(printf '%q ' "$DATA" "$BINARY")" <<<"$picture" >"$WORK/$2.$1"
  [[ $(wc -l <"$WORK/$2.$1") -gt 5000 ]] || fail "the picture of $2 is too small"
}
same_picture() {
  diff "$WORK/$1.before" "$WORK/$1.after" >"$WORK/diff" || fail "$1 is not as it was: $(cat "$WORK/diff")"
}

# A mode and group that nobody would choose by chance.
odd_owner() { on_host "$1" "chown root:adm $(printf %q "$BINARY") && chmod 755 $(printf %q "$BINARY")"; }

runs_version() {
  assert_contains "$("${IN_NET[@]}" curl -fsS -m 5 "${CURL_TLS[@]}" "$(lab_endpoint "$1")/version")" "\"etcdserver\":\"$TO\""
  assert_eq "$(on_host "$1" systemctl is-active "$UNIT")" active "$UNIT"
}
# shellcheck disable=SC2153 # from etcd.env
lab_endpoint() { tr , '\n' <<<"$ENDPOINTS" | sed -n "${1#h}p"; }

# No line of a private key in what quorate keeps, or said.
no_secret() {
  local key
  [[ -f $LAB_DIR/pki/client.key ]] || fail "the lab has no keys"
  for key in "$LAB_DIR"/pki/*.key "$LAB_DIR"/pki/h?/*.key; do
    sed '/-----/d' "$key" >"$WORK/secret"
    if grep -raFl -f "$WORK/secret" "$SPEC/.quorate" "$WORK/OUT" "$WORK/ERR" "$WORK/said"; then fail "$key is in there"; fi
  done
}

# faults: H6
# adopted NAME FROM TO KIND [LINE...] -- OPTION...: OPTIONs are of install-etcd.
adopted() {
  local name=$1 from=$2 kind=$4 lines=()
  TO=$3
  shift 4
  while [[ $1 != -- ]]; do lines+=("$1") && shift; done
  shift
  say "$name: $from -> $TO, $*"
  local began=$SECONDS
  lab_etcd "$from" "$@"
  put_data_v2 "$(lab_endpoint h1)"
  local before
  before=$(data_v2 "$(lab_endpoint h2)")
  each_lab_host odd_owner
  each_lab_host take_picture before
  use_lab_spec "$name" "$kind" "${lines[@]}"
  # shellcheck disable=SC2153 # from etcd.env
  start_writer "$name" "$ENDPOINTS" "${WRITER_TLS[@]}"
  run_expect 2 quorate plan -detailed-exitcode -var "release=$TO" "-out=$WORK/saved"
  cat "$WORK/OUT" >"$WORK/said"
  apply "$TO"
  echo "$APPLIED" >>"$WORK/said"
  stop_writer "$name"
  assert_eq "$(data_v2 "$(lab_endpoint h2)")" "$before" "v2 data"
  each_lab_host runs_version
  each_lab_host take_picture after
  each_lab_host same_picture
  cat "$WORK/saved" >>"$WORK/said"
  no_secret
  "$TESTS/lab/remove-etcd"
  each_lab_host forget "$DATA"
  echo "note: $name took $((SECONDS - began)) s"
}
forget() { on_host "$2" "rm -rf $(printf %q "$1").quorate-* /usr/local/lib/quorate"; }

host_client='client = { ca = "/etc/etcd/pki/ca.crt", cert = "/etc/etcd/pki/client.crt", key = "/etc/etcd/pki/client.key" }'
deploy='user = "deploy"' sudo='become = "sudo"'

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5 3.1.20 3.2.32
start_lab 3 --tls
adopted plain 3.1.20 3.2.32 adopt -- --config flags
adopted env_tls_sudo 3.1.20 3.2.32 adopt-all "$deploy" "$sudo" "$host_client" 'unit = "etcd-main"' -- \
  --config env --tls --user etcd --unit etcd-main.service --binary /opt/etcd/bin/etcd
adopted file_tls_root 3.1.20 3.2.32 adopt-all "pki = \"$LAB_DIR/pki\"" 'data_dir = "/srv/etcd data"' -- \
  --config file --tls --user etcd --data "/srv/etcd data"
adopted flags_tls_sudo 3.1.20 3.2.32 adopt-all "$deploy" "$sudo" -- --config flags --tls
adopted v2_flags_sudo 2.1.1 2.2.5 adopt-all "$deploy" "$sudo" 'unit = "etcd2.service"' -- --config flags --unit etcd2.service
adopted v2_env_tls_root 2.1.1 2.2.5 adopt-all "$host_client" -- --config env --tls --user etcd --data "/srv/etcd data"
