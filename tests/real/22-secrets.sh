#!/usr/bin/env bash
# No secret leaks: a client key that the spec reads from a file, a sensitive
# variable, a token in the environment. They are in no plan file, journal, state,
# backup, log (at the most talkative level), error or process list; and what
# quorate starts gets nothing of its environment.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

TOKEN=tok-4d9f1c7e2b8a6035
VALUE=sensitive-value-77e1c0
export QUORATE_LOG=trace SOME_TOKEN=$TOKEN QUORATE_VAR_password=$VALUE

# A cluster with TLS; the client's certificate and key are read on the controller.
use_tls_spec() {
  "$TESTS/tools/pki" "$WORK/pki" m:127.0.0.1
  use_process_spec tls \
    "settings = { trusted-ca-file = \"$WORK/pki/ca.crt\", cert-file = \"$WORK/pki/m/server.crt\", key-file = \"$WORK/pki/m/server.key\", client-cert-auth = \"true\" }"
  sed -i 's|client_url = "http:|client_url = "https:|' "$SPEC/cluster.hcl"
  sed -i "s|^  connection \"local\" {}|&\n\n  client {\n    ca   = file(\"$WORK/pki/ca.crt\")\n    cert = file(\"$WORK/pki/client.crt\")\n    key  = file(\"$WORK/pki/client.key\")\n  }|" \
    "$SPEC/cluster.hcl"
  cat >"$SPEC/secret.hcl" <<'SPEC'
variable "password" {
  type      = string
  sensitive = true
  validation {
    condition     = length(var.password) > 3
    error_message = "The password is too short."
  }
}
SPEC
}

# Every process list there is while something runs.
watch_processes() {
  renice -n 19 "$BASHPID" >/dev/null
  while [[ ! -e $WORK/enough ]]; do ps -eo args >>"$WORK/said/processes"; done
}

# secret_free WHERE...: none of the planted secrets is in these files and folders.
secret_free() {
  local found
  found=$(grep -rlaF -f "$WORK/secrets" "$@" || true)
  [[ -z $found ]] || fail "a secret is in: $found: $(grep -roaF -f "$WORK/secrets" "$@" | head -n 3 | cut -c1-200)"
}

# said NAME STATUS CMD...: keeps all that it says.
said() {
  local name=$1 status=$2
  shift 2
  run_expect "$status" "$@"
  cat "$WORK/OUT" "$WORK/ERR" >"$WORK/said/$name"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
mkdir "$WORK/said"
use_tls_spec
sed '/-----/d' "$WORK/pki/client.key" >"$WORK/secrets"
printf '%s\n' "$TOKEN" "$VALUE" >>"$WORK/secrets"
# The check itself finds what is there.
grep -qaF -f "$WORK/secrets" "$WORK/pki/client.key" || fail "the check would find nothing"

watch_processes &
on_exit end_process $!
on_exit touch "$WORK/enough"
say "create, plan, apply a saved plan, look at all of it"
said create 0 quorate apply -auto-approve -var release=3.1.20
said plan 0 quorate plan "-out=$WORK/said/saved" -var release=3.2.32
said show 0 "$QUORATE" show -json "$WORK/said/saved"
said apply 0 quorate apply "$WORK/said/saved" -var release=3.2.32
assert_contains "$(cat "$WORK/said/apply")" "Done in"
said json 0 quorate plan -json -var release=3.2.32
said backup 0 quorate backup -json -var release=3.2.32
run=$(basename "$(dirname "$(journal)")")
said runs 0 quorate runs show "$run" -json -var release=3.2.32
said clean 0 quorate clean -dry-run -var release=3.2.32
grep -q TRACE "$WORK/said/"* || grep -q DEBUG "$WORK/said/"* || echo "note: nothing is logged"

say "errors"
said short 1 env QUORATE_VAR_password= "$QUORATE" -chdir="$SPEC" plan -var release=3.2.32
said wrong_type 1 quorate plan -var release=3.2.32 -var "soak=$VALUE x" -var "password=$VALUE"
# The value of -soak is no secret to the spec: it may be quoted, and is taken out here.
# (By the shell itself: another program would have it on its command line.)
wrong_type=$(<"$WORK/said/wrong_type")
printf '%s\n' "${wrong_type//"$VALUE x"/}" >"$WORK/said/wrong_type"
said no_name 1 quorate plan -var release=3.2.32 -var "$TOKEN"
cp "$WORK/pki/client.key" "$WORK/broken.key"
sed -i '2s/^..../XXXX/' "$WORK/broken.key"
sed -i "s|pki/client.key|broken.key|" "$SPEC/cluster.hcl"
said broken_key 1 quorate plan -var release=3.2.32
touch "$WORK/enough"

[[ $(wc -l <"$WORK/said/processes") -gt 1000 ]] || fail "the process list was not watched"
# This test itself has -var arguments with secrets in them, on quorate's own command line: those are the caller's.
grep -vF -e "-var $TOKEN" -e "password=$VALUE" "$WORK/said/processes" >"$WORK/processes"
mv "$WORK/processes" "$WORK/said/processes"
secret_free "$WORK/said" "$SPEC/.quorate" "$SPEC/members"
for pid in $(running | cut -d' ' -f1); do
  if grep -aF -f "$WORK/secrets" "/proc/$pid/environ" "/proc/$pid/cmdline"; then fail "a secret is in process $pid"; fi
done
assert_eq "$(find "$SPEC/.quorate" "$WORK/said/saved" -perm /077 ! -path '*/cache/*' | wc -l)" 0 "files that others may read"
