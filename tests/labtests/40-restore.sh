#!/usr/bin/env bash
# Restores on real hosts, members run by systemd: an adopted 3.1 with v2 and v3
# keys by sudo, TLS, an account and a data directory of its own; an adopted 2.2; a
# created 3.5 with one host that was replaced. Units, binaries and owners stay.
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# shellcheck disable=SC2153 # from etcd.env
lab_endpoint() { tr , '\n' <<<"$ENDPOINTS" | sed -n "${1#h}p"; }
lab_v2() {
  "${IN_NET[@]}" curl -fsS -m 5 "${CURL_TLS[@]}" "$(lab_endpoint "$1")/v2/keys/?recursive=true&sorted=true" |
    jq -cS '[.. | select(.key? and (.dir | not)) | [.key, .value]]'
}
lab_put() { "${IN_NET[@]}" curl -fsS -m 5 -o /dev/null "${CURL_TLS[@]}" -X PUT -d "value=$2" "$(lab_endpoint h1)/v2/keys/$1"; }
# shellcheck disable=SC2153 # from etcd.env
unit_of() { on_host "$1" "systemctl cat $UNIT; stat -c '%U:%G %a' $(printf %q "$BINARY")" | sha256sum; }
owner_of() { on_host "$1" "stat -c '%U:%G %a' $(printf %q "$DATA"); find $(printf %q "$DATA") -printf '%U:%G\n' | sort -u"; }

backup_now() {
  run_expect 0 quorate backup -json -var "release=$1"
  BACKUP=$(jq -r 'select(.type == "backup") | .backup.id' "$WORK/OUT")
}

# restored VERSION: nothing is left to do, and of each host only the data changed.
restored() {
  local host
  run_expect 0 quorate restore -auto-approve -var "release=$1" "$BACKUP"
  echo "note: $(grep -E '^Done in ' "$WORK/OUT")"
  nothing_left "$1"
  for host in h1 h2 h3; do
    assert_eq "$(lab_v2 "$host")" "$V2" "keys of $host"
    assert_eq "$(unit_of "$host")" "${UNITS[$host]}" "unit and binary of $host"
    assert_eq "$(owner_of "$host" | sort -u | xargs)" "${OWNERS[$host]}" "owner of the data on $host"
    assert_eq "$(on_host "$host" "systemctl is-active $UNIT")" active "$UNIT on $host"
    run_expect 0 on_host "$host" "ls -d $(printf %q "$DATA").quorate-replaced-*"
    run_expect 1 on_host "$host" "ls -d $(printf %q "$DATA").quorate-replacing $(printf %q "$DATA").quorate-in-* 2>/dev/null | grep ."
  done
}

# adopted NAME VERSION KIND [LINE...] -- OPTION...
adopted() {
  local name=$1 version=$2 kind=$3 lines=() host before
  shift 3
  while [[ $1 != -- ]]; do lines+=("$1") && shift; done
  shift
  say "$name: $version, $*"
  lab_etcd "$version" "$@"
  put_data_v2 "$(lab_endpoint h1)"
  declare -gA UNITS OWNERS
  for host in h1 h2 h3; do
    UNITS[$host]=$(unit_of "$host")
    OWNERS[$host]=$(owner_of "$host" | sort -u | xargs)
  done
  use_lab_spec "$name" "$kind" "${lines[@]}"
  V2=$(lab_v2 h2)
  backup_now "$version"
  lab_put after/1 x
  lab_put "data/dir%201/key" overwritten
  restored "$version"

  say "$name: killed while data is replaced"
  lab_put after/2 x
  before=$(journal)
  "${IN_NET[@]}" "$QUORATE" -chdir="$SPEC" restore -auto-approve -var "release=$version" "$BACKUP" >"$WORK/killed" 2>&1 </dev/null &
  local run=$!
  on_exit end_process "$run"
  wait_for 120 "the first host is replaced" replacing "$run" "$before"
  kill -9 "$run" 2>/dev/null || true
  wait "$run" 2>/dev/null || true
  run_expect 1 quorate plan -var "release=$version"
  assert_contains "$OUT$ERR" "replacement-under-way"
  # A host that comes up again in between starts its member by itself.
  "$TESTS/lab/power" h3 off
  "$TESTS/lab/power" h3 on
  wait_for 60 "h3 is back" on_host h3 true
  restored "$version"
  "$TESTS/lab/remove-etcd"
  for host in h1 h2 h3; do on_host "$host" "rm -rf $(printf %q "$DATA").quorate-* /usr/local/lib/quorate"; done
}
replacing() {
  [[ $(journal) != "$2" ]] && { grep -q '"effect":"replace-data"' "$(journal)" || ! kill -0 "$1" 2>/dev/null; }
}

one_host_was_replaced() {
  local v3 host
  say "created, 3.5.33: h2 is replaced by an empty host"
  use_lab_spec created create
  apply 3.5.33
  ENDPOINTS=http://10.77.0.11:2379,http://10.77.0.12:2379,http://10.77.0.13:2379 CURL_TLS=()
  put3 data/1 one
  put3 data/2 two
  v3=$(all3 10.77.0.12)
  backup_now 3.5.33
  put3 data/1 later
  on_host h2 'systemctl --quiet disable --now etcd.service; userdel etcd
    rm -rf /etc/systemd/system/etcd.service /var/lib/etcd* /usr/local/bin/etcd* /usr/local/lib/quorate; systemctl daemon-reload'
  run_expect 0 quorate restore -auto-approve -var release=3.5.33 "$BACKUP"
  nothing_left 3.5.33
  for host in 11 12 13; do assert_eq "$(all3 "10.77.0.$host")" "$v3" "keys of 10.77.0.$host"; done
  assert_eq "$(on_host h2 'systemctl is-enabled etcd.service; stat -c %U:%a /var/lib/etcd' | xargs)" "enabled etcd:700" "h2"
}
ctl3() { ETCDCTL_API=3 "${IN_NET[@]}" "$("$TESTS/fixtures/get" 3.5.33)/etcdctl" "$@"; }
put3() { ctl3 --endpoints 10.77.0.11:2379 put "$1" "$2" >/dev/null; }
all3() { ctl3 --endpoints "$1:2379" get '' --prefix --consistency=s -w json | jq -cS '[.kvs[] | [.key, .value, .mod_revision]]'; }

host_client='client = { ca = "/etc/etcd/pki/ca.crt", cert = "/etc/etcd/pki/client.crt", key = "/etc/etcd/pki/client.key" }'

"$TESTS/fixtures/release-dir" "$RELEASES" 2.2.5 3.1.20 3.5.33
start_lab 3 --tls
adopted env_tls_sudo 3.1.20 adopt-all 'user = "deploy"' 'become = "sudo"' "$host_client" 'unit = "etcd-main"' -- \
  --config env --tls --user etcd --unit etcd-main.service --data "/srv/etcd data"
adopted v2_flags 2.2.5 adopt -- --config flags
one_host_was_replaced
