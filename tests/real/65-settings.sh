#!/usr/bin/env bash
# Options that the new version does not accept, on a live member of the last version
# that takes them: refused while the spec keeps settings, with the change that
# would do; rewritten in the member's step where it allows that; back with the old
# binary, when the new one does not come up and by a rollback.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# with_options MEMBER OPTION...: it is started with these besides, one a line.
with_options() {
  local member=$1
  shift
  end_by_hand "$member"
  printf '%s\n' "$@" >>"$SPEC/members/$member/args"
  start_by_hand "$member"
  wait_for 30 "$member answers with its options" answers "$member"
}
args() { cat "$SPEC/members/$1/args"; }
argv() { tr '\0' '\n' <"/proc/$(pid_of "$1")/cmdline" | tail -n +2; }

# runs_with MEMBER OPTION...: its process, and its file, have these and none of $GONE.
runs_with() {
  local member=$1 option
  shift
  assert_eq "$(argv "$member")" "$(args "$member")" "what $member runs with"
  for option in "$@"; do grep -qxF -- "$option" <<<"$(args "$member")" || fail "$member lacks $option: $(args "$member")"; done
  for option in "${GONE[@]}"; do ! grep -qE -- "^--$option(=|\$)" <<<"$(args "$member")" || fail "$member has $option"; done
}

# The names of options among arguments.
names() { for option in "$@"; do [[ $option != --* ]] || { option=${option#--} && echo "${option%%=*}"; }; done; }

# certificates DIR: an authority, and a certificate of 127.0.0.1 that it has signed.
certificates() {
  mkdir -p "$1"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=m1 -keyout "$1/m1.key" -out "$1/m1.csr" 2>/dev/null
  openssl x509 -req -in "$1/m1.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 2 -out "$1/m1.crt" \
    -extfile <(echo "subjectAltName=IP:127.0.0.1") 2>/dev/null
}

rewrite=(-auto-approve -var settings_policy=rewrite)

# refused_with OPTION...: of m1, each is named, with the change of its file.
refused_with() {
  local option
  for option in $(names "$@"); do refused "$TO" option-removed "--$option is set as an argument of m1"; break; done
  for option in $(names "$@"); do assert_contains "$(squeezed "$ERR$OUT")" "--$option is set as an argument of m1"; done
  assert_contains "$OUT$ERR" "+++ $SPEC/members/m1/args"
  assert_contains "$(squeezed "$OUT$ERR")" 'settings = "rewrite"'
}

from_3_3_to_3_4() {
  local ca=$WORK/pki TO=3.4.23
  certificates "$ca"
  use_process_spec tls 'soak = "0s"' 'verify = "hash"'
  apply 3.3.27
  # A database that was never written would stop the rung to 3.5.
  etcdctl3 put begun yes >/dev/null
  # They speak for URLs of TLS only; these members have none.
  with_options m1 "--ca-file=$ca/ca.crt" --peer-ca-file "$ca/ca.crt"
  GONE=(ca-file peer-ca-file)
  refused_with --ca-file --peer-ca-file
  run_expect 0 quorate apply "${rewrite[@]}" -var release=3.4.23
  runs_with m1 "--trusted-ca-file=$ca/ca.crt" --client-cert-auth=true "--peer-trusted-ca-file=$ca/ca.crt" --peer-client-cert-auth=true
  at_version 3.4.23
}

# Goes on where the other has ended: it takes no longer than a fresh cluster.
from_3_4_to_3_5() {
  local TO=3.5.33 before options=(--debug --log-package-levels=etcdserver=DEBUG --log-output=stderr
    --experimental-backend-bbolt-freelist-type map --logger=zap)
  with_options m1 "${options[@]}"
  GONE=(debug log-package-levels log-output experimental-backend-bbolt-freelist-type)
  refused_with "${options[@]:0:4}"
  before=$(args m1)
  run_expect 2 quorate plan -detailed-exitcode -json -var release=3.5.33 -var settings_policy=rewrite
  assert_contains "$(jq -r '.. | objects | .hunks? // empty | .[].new[]' <<<"$OUT")" --log-level=debug
  run_expect 0 quorate apply "${rewrite[@]}" -var release=3.5.33
  runs_with m1 --log-level=debug --log-outputs=stderr --backend-bbolt-freelist-type map
  at_version 3.5.33

  say "back to the rollback points"
  run_expect 0 quorate rollback -points -auto-approve -var release=3.5.33
  at_version 3.4.23
  assert_eq "$(args m1)" "$before" "the file after the rollback"
  assert_eq "$(argv m1)" "$before" "what m1 runs with"
}

from_3_5_to_3_6() {
  local TO=3.6.14 before
  # Few entries between two raft snapshots: few no-ops until they hold nothing of the v2 store.
  use_process_spec from_3_5 'soak = "0s"' 'verify = "hash"' 'settings = { snapshot-count = "1000" }'
  apply 3.5.33
  local options=(--enable-v2=false --experimental-enable-v2v3= --proxy off --proxy-dial-timeout=0 --proxy-failure-wait=0
    --proxy-read-timeout=0 --proxy-refresh-interval=0 --proxy-write-timeout=0)
  with_options m1 "${options[@]}"
  GONE=(enable-v2 experimental-enable-v2v3 proxy proxy-dial-timeout proxy-failure-wait proxy-read-timeout
    proxy-refresh-interval proxy-write-timeout)
  refused_with "${options[@]}"

  say "back in the mixed state"
  before=$(args m1)
  run_expect 0 quorate apply "${rewrite[@]}" -var release=3.6.14 -var hold_before=no-return
  runs_with m1
  run_expect 0 quorate rollback "${rewrite[@]}" -var release=3.6.14
  at_version 3.5.33
  assert_eq "$(args m1)" "$before" "the file after the rollback"
  assert_eq "$(argv m1)" "$before" "what m1 runs with"

  say "all the way"
  run_expect 0 quorate apply "${rewrite[@]}" -var release=3.6.14
  runs_with m1
  at_version 3.6.14
}

from_3_6_to_3_7() {
  local TO=3.7.1 before file config=$SPEC/members/m2/etcd.yml
  local switches=(compact-hash-check-enabled enable-distributed-tracing enable-lease-checkpoint enable-lease-checkpoint-persist
    initial-corrupt-check peer-skip-client-san-verification stop-grpc-service-on-defrag txn-mode-write-with-shared-buffer)
  local options=("${switches[@]/#/--experimental-}" --experimental-memory-mlock=false --discovery-proxy=
    --experimental-bootstrap-defrag-threshold-megabytes=100 --experimental-compact-hash-check-time=2m
    --experimental-compaction-batch-limit=500 --experimental-compaction-sleep-interval=20ms --experimental-corrupt-check-time=10m
    --experimental-distributed-tracing-address=127.0.0.1:4317 --experimental-distributed-tracing-instance-id=i
    --experimental-distributed-tracing-sampling-rate=1 --experimental-distributed-tracing-service-name=s
    --experimental-downgrade-check-time=6s --experimental-snapshot-catchup-entries=6000
    --experimental-warning-apply-duration=200ms --experimental-warning-unary-request-duration=400ms
    --experimental-watch-progress-notify-interval=7m --discovery=)
  with_options m1 "${options[@]}"
  mapfile -t GONE < <(names "${options[@]}")
  refused_with "${options[@]}"
  # Whoever is taken first has something to be rewritten.
  with_options m3 --experimental-memory-mlock=false

  say "a config file"
  end_by_hand m2
  { sed -n -e 's/^--\([a-z-]*\)=\([0-9]*\)$/\1: \2 # was an argument/p' -e t -e 's/^--\([a-z-]*\)=\(.*\)$/\1: "\2" # was an argument/p' \
    "$SPEC/members/m2/args" &&
    printf 'experimental-initial-corrupt-check: true\n# lease\nexperimental-corrupt-check-time: 600000000000\nexperimental-enable-lease-checkpoint: false\n'; } >"$config"
  chmod 640 "$config"
  # The second is for the bad binary, which looks for it; beside a config file etcd does not.
  printf '%s\n' "--config-file=$config" "--data-dir=$SPEC/members/m2/data" >"$SPEC/members/m2/args"
  start_by_hand m2
  wait_for 30 "m2 answers" answers m2

  say "a binary that does not come up"
  before=$(args m1 && args m3)
  file=$(cat "$config")
  run_expect 1 quorate apply "${rewrite[@]}" -var release=3.7.1 -var "releases=$WORK/exits" -var ready_timeout=5s
  assert_contains "$OUT" "this disk does not please me"
  wait_for 30 "all answer" eval 'answers m1 && answers m2 && answers m3'
  at_version 3.6.14
  assert_eq "$(jq -r 'select(.entry == "outcome" and .effect.operation.type == "rewrite-settings") | .result.result' "$(journal)")" \
    "done" "what was rewritten before the start"
  assert_eq "$(args m1 && args m3)" "$before" "the files after one was put back"
  assert_eq "$(argv m1 && argv m3)" "$before" "what they run with"
  assert_eq "$(cat "$config")" "$file" "the config file"

  say "a file that was changed since"
  run_expect 0 quorate plan -out="$WORK/stale.plan" -var release=3.7.1 -var settings_policy=rewrite
  echo "# me" >>"$config"
  run_expect 1 quorate apply "$WORK/stale.plan"
  assert_contains "$OUT$ERR" "m2: files that set its options was"

  say "all the way"
  run_expect 0 quorate apply "${rewrite[@]}" -var release=3.7.1
  runs_with m1 --enable-distributed-tracing --peer-skip-client-san-verification --corrupt-check-time=10m \
    --feature-gates=CompactHashCheck=true,LeaseCheckpoint=true,LeaseCheckpointPersist=true,InitialCorruptCheck=true,StopGRPCServiceOnDefrag=true,TxnModeWriteWithSharedBuffer=true
  assert_contains "$(cat "$config")" 'feature-gates: "InitialCorruptCheck=true,LeaseCheckpoint=false"
# lease
corrupt-check-time: 600000000000
# me'
  assert_eq "$(stat -c %a "$config")" 640 "mode of the config file"
  at_version 3.7.1
  [[ -z $(find "$SPEC/members" -name '*.quorate-new') ]] || fail "something was left beside a file"
  nothing_left 3.7.1
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.3.27 3.4.23 3.5.33 3.6.14 3.7.1
BAD_VERSION=3.7.1 BAD_BESIDE=3.6.14 bad_release "$WORK/exits" EVERYWHERE=0 HANGS=0
say "3.3 to 3.4"
from_3_3_to_3_4
say "3.4 to 3.5"
from_3_4_to_3_5
"$TESTS/cluster/stop" "$SPEC"
say "3.5 to 3.6"
from_3_5_to_3_6
say "3.6 to 3.7"
from_3_6_to_3_7
