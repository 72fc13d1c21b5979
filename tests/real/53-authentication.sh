#!/usr/bin/env bash
# Authentication: who is not let in is refused before anything is done, and told what is missing; as a user who may, a
# cluster is upgraded while a client writes, its backup is restored on trial, and the password is nowhere.
# shellcheck disable=SC2016 # backquotes of messages
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/restore.sh
. "$TESTS/specs/restore.sh"

PASSWORD=pw-6f1d0c93ab274e58
export QUORATE_VAR_password=$PASSWORD QUORATE_LOG=trace
printf 'user = "root:%s"\n' "$PASSWORD" >"$WORK/curl-root"

# declare_client LINE...: what the `client` block says from now on; without lines there is none.
declare_client() {
  sed -i '/^  client {/,/^  }/d' "$SPEC/cluster.hcl"
  printf 'variable "password" {\n  type = string\n  sensitive = true\n}\n' >"$SPEC/password.hcl"
  [[ $# -gt 0 ]] || return 0
  { echo "  client {" && printf '    %s\n' "$@" && echo "  }"; } >"$WORK/client"
  sed -i "/^  connection \"local\" {}/r $WORK/client" "$SPEC/cluster.hcl"
}
declare_user() { declare_client "user = \"$1\"" "password = ${2:-var.password}"; }

# ctl VERSION ARG...: etcdctl of that version, as $CTL_USER (USER:PASSWORD), by its environment: a list of
# processes must not show it; by TLS with the certificate of $CTL_CERT.
ctl() (
  local urls tls=()
  urls=$(endpoints)
  if [[ -n $CTL_CERT ]]; then
    urls=${urls//http:/https:} tls=(--cacert "$WORK/pki/ca.crt" --cert "$CTL_CERT.crt" --key "$CTL_CERT.key")
  fi
  export ETCDCTL_API=3 ETCDCTL_USER=$CTL_USER
  [[ -n $CTL_USER ]] || unset ETCDCTL_USER
  "$("$TESTS/fixtures/get" "$1")/etcdctl" --endpoints "$urls" "${tls[@]}" "${@:2}" 2>"$WORK/ctl"
)
CTL_USER='' CTL_CERT=''

# ctl_each VERSION: a command on each line of stdin.
ctl_each() {
  local line
  while read -r line; do
    # shellcheck disable=SC2086 # words of a command
    ctl "$1" $line >"$WORK/ctl-out" || fail "etcdctl $line: $(cat "$WORK/ctl")"
  done
}

# turn_on VERSION: root; and ann, who may read and write some keys, and nothing else.
turn_on() {
  ctl_each "$1" <<COMMANDS
role add root
user add root:$PASSWORD
user grant-role root root
user add ann:$PASSWORD
role add all
user grant-role ann all
role grant-permission all readwrite data/ data0
auth enable
COMMANDS
  CTL_USER=root:$PASSWORD
}

data() { ctl "$1" get --prefix data/ -w json | jq -cS '[.kvs[] | [.key, .value, .mod_revision, .lease]]'; }

# write_on VERSION: puts keys of its own until told to stop. What was acknowledged is in $WORK/acknowledged.
write_on() {
  local number=0 tick
  exec {tick}<> <(:)
  while [[ ! -e $WORK/enough ]]; do
    number=$((number + 1))
    ! ctl "$1" put "written/$number" "$number" >/dev/null || echo "written/$number" >>"$WORK/acknowledged"
    read -rt 0.1 -u "$tick" || true
  done
}
watch_processes() {
  renice -n 19 "$BASHPID" >/dev/null
  while [[ ! -e $WORK/enough ]]; do ps -eo args >>"$WORK/said/processes"; done
}

# keep NAME: what the last command said.
keep() { cat "$WORK/OUT" "$WORK/ERR" >"$WORK/said/$1"; }

# nowhere WHERE...: the password is in none of these; but for the data directories of members, which are etcd's own.
nowhere() {
  local found
  found=$(grep -rlaF --exclude-dir='data*' "$PASSWORD" "$@" || true)
  [[ -z $found ]] || fail "the password is in: $found: $(grep -roaF --exclude-dir='data*' "$PASSWORD" "$@" | head -n 3 | cut -c1-200)"
}

# faults: E10
with_a_user() {
  local before writer watcher
  use_process_spec v31
  declare_user root
  # Authentication is off: nobody logs in.
  apply 3.1.20
  put_data_v3
  turn_on 3.1.20
  before=$(data 3.1.20)
  assert_contains "$before" '["'

  say "who is not let in"
  declare_client
  refused 3.2.32 let-in m1 Range "denied to a client without a user" 'set `user` and `password` in the `client` block'
  declare_user nobody
  refused 3.2.32 let-in m2 Authenticate 'denied to user "nobody"' 'check `user` and `password`'
  declare_user root '"not-the-password"'
  refused 3.2.32 let-in m3 Authenticate 'denied to user "root"' "it has another password"
  run_expect 1 quorate plan -var release=3.2.32
  assert_not_contains "$OUT$ERR" not-the-password
  declare_user ann
  refused 3.2.32 let-in m1 'denied to user "ann"' "permission denied" 'etcdctl user grant-role ann root'
  run_expect 1 quorate backup -var release=3.2.32
  assert_contains "$OUT$ERR" 'etcdctl user grant-role ann root'
  keep refused

  say "who is: a password from a file, a saved plan, a client that writes"
  declare_user root "chomp(file(\"$WORK/password\"))"
  write_on 3.1.20 &
  writer=$!
  watch_processes &
  watcher=$!
  on_exit touch "$WORK/enough"
  run_expect 0 quorate plan "-out=$WORK/said/saved" -var release=3.2.32
  keep plan
  run_expect 0 "$QUORATE" show -json "$WORK/said/saved"
  keep show
  run_expect 0 quorate apply "$WORK/said/saved" -var release=3.2.32
  keep apply
  note_done "3.2.32: "
  assert_contains "$(squeezed "$OUT")" "trial restore"
  touch "$WORK/enough"
  wait "$writer" "$watcher"
  nothing_left 3.2.32
  at_version 3.2.32
  assert_eq "$(data 3.2.32)" "$before" "data"
  written
  run_expect 0 quorate backup -json -var release=3.2.32
  keep backup
  run_expect 0 quorate runs show "$(basename "$(dirname "$(journal)")")" -json -var release=3.2.32
  keep runs
  [[ $(wc -l <"$WORK/said/processes") -gt 1000 ]] || fail "the process list was not watched"
  nowhere "$WORK/said" "$SPEC/.quorate" "$SPEC/members"
}

# Every key that was acknowledged is there.
written() {
  [[ $(wc -l <"$WORK/acknowledged") -gt 10 ]] || fail "only $(wc -l <"$WORK/acknowledged") writes were acknowledged"
  ctl 3.2.32 get --prefix written/ --keys-only | sed '/^$/d' | sort >"$WORK/there"
  assert_eq "$(sort "$WORK/acknowledged" | comm -23 - "$WORK/there")" "" "acknowledged writes that are lost"
  echo "note: $(wc -l <"$WORK/acknowledged") writes acknowledged, none lost"
}

# By HashKV from 3.3 on, and tokens that a restart forgets; then the rung that upstream does not support.
# faults: E10
several_rungs() {
  local before
  before=$(data 3.2.32)
  apply 3.4.23
  assert_eq "$(data 3.4.23)" "$before" "data"
  # All keys to ann: what is left is what takes the role root.
  ctl 3.4.23 role grant-permission all readwrite --prefix '' >"$WORK/ctl-out" || fail "etcdctl role: $(cat "$WORK/ctl")"
  declare_user ann
  refused 3.5.33 let-in 'Snapshot: denied to user "ann"' 'etcdctl user grant-role ann root'
  declare_user root
  refused 3.5.33 auth-frozen-3.5 "authentication is enabled"
  # The members' logs begin anew: tokens of before are worse than none.
  backup_now 3.4.23
  ctl_each 3.4.23 <<<"put data/1 overwritten"
  restore 3.4.23
  assert_eq "$(data 3.4.23)" "$before" "data"
}

# Since 2026 a member says nothing at all to whom it does not know.
# faults: E10
closed_members() {
  use_process_spec v35
  declare_user root
  apply 3.5.33
  CTL_USER=''
  turn_on 3.5.33
  declare_client
  refused 3.6.14 let-in m1 Status "denied to a client without a user"
  declare_user root '"not-the-password"'
  refused 3.6.14 let-in m1 Authenticate 'denied to user "root"'
  declare_user root
  run_expect 2 quorate plan -detailed-exitcode -var release=3.6.14
}

# A certificate whose common name is a user's. 3.2 looks at that alone, 3.3 at user and password first.
# faults: E10
by_certificate() {
  local client=("ca   = file(\"$WORK/pki/ca.crt\")" "cert = file(\"$WORK/pki/client.crt\")" "key  = file(\"$WORK/pki/client.key\")")
  "$TESTS/tools/pki" "$WORK/pki" m:127.0.0.1
  use_process_spec tls \
    "settings = { trusted-ca-file = \"$WORK/pki/ca.crt\", cert-file = \"$WORK/pki/m/server.crt\", key-file = \"$WORK/pki/m/server.key\", client-cert-auth = \"true\" }"
  sed -i 's|client_url = "http:|client_url = "https:|' "$SPEC/cluster.hcl"
  declare_client "${client[@]}"
  apply 3.2.32
  # The certificate of the members names m: who it is administered by.
  CTL_USER='' CTL_CERT=$WORK/pki/m/server
  ctl_each 3.2.32 <<COMMANDS
put data/a 1
role add root
user add root:$PASSWORD
user grant-role root root
user add m:$PASSWORD
user grant-role m root
user add etcd-client:$PASSWORD
auth enable
COMMANDS
  refused 3.3.27 let-in Range 'denied to a client by its certificate, which names "etcd-client"' \
    'etcdctl user grant-role etcd-client root'
  declare_client "${client[@]}" 'user = "root"' "password = var.password"
  refused 3.3.27 let-in 'denied to user "root"' 'the member goes by the common name of the client certificate, "etcd-client"'
  ctl_each 3.2.32 <<<"user grant-role etcd-client root"
  declare_client "${client[@]}"
  refused 3.3.27 trial-let-in 'verify = "hash"'
  QUORATE_VAR_verify='hash' apply 3.3.27
  ctl_each 3.3.27 <<<"user revoke-role etcd-client root"
  QUORATE_VAR_verify='hash' refused 3.4.23 let-in 'which names "etcd-client"'
  declare_client "${client[@]}" 'user = "root"' "password = var.password"
  apply 3.4.23
  assert_eq "$(data 3.4.23 | jq length)" 1 "keys"
}

# The v2 API: HTTP Basic. Guests may do nothing.
# faults: E10
by_the_v2_api() {
  local before url
  use_process_spec v21
  declare_user root
  apply 2.1.1
  url=$(endpoint m1)
  put_data_v2 "$url"
  set_v2 users/root "{\"user\": \"root\", \"password\": \"$PASSWORD\"}"
  set_v2 users/ann "{\"user\": \"ann\", \"password\": \"$PASSWORD\"}"
  set_v2 enable ''
  CURL_TLS=(-K "$WORK/curl-root")
  set_v2 roles/guest '{"role": "guest", "revoke": {"kv": {"read": ["*"], "write": ["*"]}}}'
  before=$(data_v2 "$url")
  assert_contains "$before" "v2 value"
  declare_client
  refused 2.2.5 let-in m1 /v2/keys/ "denied to a client without a user" 'set `user` and `password`'
  declare_user root '"not-the-password"'
  refused 2.2.5 let-in /v2/keys/ 'denied to user "root"' 'check `user` and `password`'
  declare_user ann
  refused 2.2.5 let-in /v2/keys/ 'denied to user "ann"' "user grant --roles root ann"
  declare_user root
  apply 2.2.5
  assert_contains "$(squeezed "$APPLIED")" "trial restore"
  apply 2.3.8
  at_version 2.3.8
  assert_eq "$(data_v2 "$url")" "$before" "v2 data"
  # A cluster is made of the backup, and changes of its members take the role root.
  backup_now 2.3.8
  curl -fsS -m 5 "${CURL_TLS[@]}" -o "$WORK/v2" -X PUT -d value=overwritten "$url/v2/keys/data/dir%201/key"
  restore 2.3.8
  assert_eq "$(data_v2 "$url")" "$before" "v2 data"
  nowhere "$SPEC/.quorate" "$SPEC/members"
}
set_v2() {
  curl -fsS -m 5 "${CURL_TLS[@]}" -o "$WORK/v2" -X PUT "$(endpoint m1)/v2/auth/$1" -H 'Content-Type: application/json' -d "$2" ||
    fail "v2 auth: $1: $(cat "$WORK/v2")"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5 2.3.8 3.1.20 3.2.32 3.3.27 3.4.23 3.5.33 3.6.14
mkdir "$WORK/said"
# The search itself finds what is there.
printf '%s\n' "$PASSWORD" >"$WORK/password"
grep -qaF "$PASSWORD" "$WORK/password" || fail "the search would find nothing"
say "user and password: 3.1.20 -> 3.2.32"
with_a_user
say "3.2.32 -> 3.3.27 -> 3.4.23"
several_rungs
say "members of 3.5.33"
closed_members
say "certificates: 3.2.32 -> 3.3.27 -> 3.4.23"
by_certificate
say "the v2 API: 2.1.1 -> 2.2.5 -> 2.3.8"
by_the_v2_api
