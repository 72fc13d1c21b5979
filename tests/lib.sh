# shellcheck shell=bash
# What the test scripts share: paths, assertions, waiting, cleaning up, the
# writing client. Sourced by tests/real/*.sh, tests/labtests/*.sh and the
# benchmarks; each of those is one test with a folder of its own, $WORK.

set -euo pipefail

# shellcheck disable=SC2034 # these are for the scripts that source this
{
  REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
  TESTS=$REPO/tests
  BUILD=${CARGO_TARGET_DIR:-$REPO/target}/${QUORATE_PROFILE:-debug}
  QUORATE=$BUILD/quorate
  WRITER=$BUILD/examples/writer
}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/quorate-test.XXXXXX")

# What to undo at the end, last first. A script adds with: on_exit CMD ARG...
undo=()
on_exit() { undo+=("$(printf '%q ' "$@")"); }
run_undo() {
  local status=$? i
  # From here on every step is tried, whatever became of the one before.
  set +e
  for ((i = ${#undo[@]} - 1; i >= 0; i--)); do eval "${undo[i]}"; done
  if [[ -n ${QUORATE_KEEP:-} || ($status != 0 && $status != 77 && -n ${QUORATE_KEEP_FAILED:-}) ]]; then
    echo "kept: $WORK"
  else
    rm -rf "$WORK"
  fi
  exit "$status"
}
trap run_undo EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

say() { echo "-- $*"; }

fail() {
  echo "FAILED at ${BASH_SOURCE[-1]##*/}:${BASH_LINENO[-2]}: $*"
  exit 1
}

# skip REASON: this machine cannot do it. skip_for_now REASON: it could.
skip() {
  echo "SKIP-CANNOT: $*"
  exit 77
}
skip_for_now() {
  echo "SKIP: $*"
  exit 77
}

need_root() { [[ $(id -u) == 0 ]] || skip "needs root"; }

assert_eq() { [[ $1 == "$2" ]] || fail "${3:-values differ}: expected '$2', got '$1'"; }
assert_contains() { [[ $1 == *"$2"* ]] || fail "'$2' is not in: $1"; }
assert_not_contains() { [[ $1 != *"$2"* ]] || fail "'$2' is in: $1"; }
assert_file() { [[ -e $1 ]] || fail "no file $1"; }
assert_no_file() { [[ ! -e $1 ]] || fail "there is a file $1"; }
# assert_at_most NUMBER BOUND WHAT: decimals are fine.
assert_at_most() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a <= b) }' || fail "$3: $1, allowed are $2"; }

# run_expect STATUS CMD...: runs it, checks its exit status; what it wrote is in
# $OUT (stdout) and $ERR (stderr), and in files of these names below $WORK. JSON of
# quorate is held against the schemas.
# shellcheck disable=SC2034 # OUT and ERR are for the caller
run_expect() {
  local expected=$1 status=0
  shift
  "$@" >"$WORK/OUT" 2>"$WORK/ERR" </dev/null || status=$?
  OUT=$(cat "$WORK/OUT")
  ERR=$(cat "$WORK/ERR")
  [[ $status == "$expected" ]] ||
    fail "exit $status, expected $expected: $*"$'\n'"$(tail -n 40 "$WORK/OUT" "$WORK/ERR")"
  # Of an error of the command line there is none.
  [[ " $* " != *quorate*" -json "* || -z $OUT ]] || as_schemas_say "$WORK/OUT"
}

# as_schemas_say FILE...: each line of JSON in them is as docs/reference/schema says; so are saved plans, and a manifest.json.
as_schemas_say() { "$BUILD/examples/schema" "$@" || fail "JSON is not as its schema says: $*"; }

# wait_for SECONDS WHAT CMD...: until CMD holds; fails the test when it does not.
wait_for() {
  local seconds=$1 what=$2 deadline tries=0
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "not within $seconds s: $what"
    # What takes longer than a moment is not asked for so often: asking takes processors from what is waited for.
    if ((tries++ < 10)); then sleep 0.02; else sleep 0.1; fi
  done
}

json() { jq -r "$2" "$1"; }

# text_field NAME: the first text of that name in the JSON on standard input. Starts nothing: jq takes longer to start
# than etcd to answer, and what is waited for is asked for often.
text_field() {
  local text
  IFS= read -r -d '' text || true
  [[ $text =~ \"$1\":\ *\"([^\"]*)\" ]] && echo "${BASH_REMATCH[1]}"
}

# start_cluster NAME VERSION [OPTION...]: a cluster of plain processes below
# $WORK/NAME (see tests/cluster/start), stopped at the end.
start_cluster() {
  local name=$1 version=$2
  shift 2
  on_exit "$TESTS/cluster/stop" "$WORK/$name"
  "$TESTS/cluster/start" "$WORK/$name" "$version" "$@"
}

# start_sshd NAME [HOST...]: ssh to this machine; config in $WORK/NAME/ssh_config.
start_sshd() {
  on_exit "$TESTS/sshd/stop" "$WORK/$1"
  "$TESTS/sshd/start" "$WORK/$1" "${@:2}"
  quick_cipher "$WORK/$1/ssh_config"
}

# start_lab N [--tls]: boots real hosts h1..hN in $LAB_DIR (see tests/lab/up), and
# runs what follows as IN_NET in their network. Ended with the test.
start_lab() {
  need_root
  export LAB_DIR=$WORK/lab
  IN_NET=("$TESTS/lab/net")
  on_exit "$TESTS/lab/down"
  "$TESTS/lab/up" "$@"
  quick_cipher "$LAB_DIR/ssh_config"
}
# Half of what ssh costs is its default cipher, and most of the rest the exchange of keys that holds against quantum
# computers. Benchmarks take what people have.
quick_cipher() {
  [[ ${QUORATE_PROFILE:-} == release ]] || printf '%s\n' 'Host *' '  Ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com' \
    '  KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256' >>"$1"
}
on_host() { "$TESTS/lab/exec" "$@"; }

# lab_etcd VERSION [OPTION...]: installs etcd as somebody else would have (see
# tests/lab/install-etcd); sets ENDPOINTS, UNIT, BINARY, DATA, CURL_TLS, WRITER_TLS.
lab_etcd() {
  "$TESTS/lab/install-etcd" "$@"
  # shellcheck source=/dev/null
  . "$LAB_DIR/etcd.env"
}

# start_writer NAME ENDPOINTS [OPTION...]: returns when the first write is
# acknowledged. IN_NET (an array) is put before it, to run it in a lab's network.
# Each of its workers waits 80 ms between two writes (readers 160): at full speed members and
# writers would take all of the processors from the scripts that run beside it.
start_writer() {
  local name=$1 endpoints=$2
  shift 2
  mkdir -p "$WORK/$name"
  rm -f "$WORK/$name"/{ready,stop,verdict}
  "${IN_NET[@]}" "$WRITER" --endpoints "$endpoints" --out "$WORK/$name/verdict" \
    --ready-file "$WORK/$name/ready" --stop-file "$WORK/$name/stop" --interval-ms 80 --read-interval-ms 160 "$@" \
    >"$WORK/$name/stdout" 2>"$WORK/$name/stderr" </dev/null &
  eval "writer_$name=$!"
  on_exit end_process $!
  wait_for 60 "the writer's first write" test -e "$WORK/$name/ready"
}
IN_NET=()

# stop_writer NAME [STATUS]: ends it, prints its line, checks its exit status
# (0: nothing lost, nothing stale). The numbers: json "$WORK/NAME/verdict" .lost
stop_writer() {
  local name=$1 expected=${2:-0} status=0 pid=writer_$1
  touch "$WORK/$name/stop"
  wait "${!pid}" || status=$?
  # A loss that a test brings about is no figure of the run.
  sed "s/^/$([[ $expected == 0 ]] || echo 'as intended: ')/" "$WORK/$name/stderr"
  [[ $status == "$expected" ]] || fail "the writer ended with $status, expected $expected"
}

# Only a child of ours: the number of one that has ended may be somebody else's by now.
end_process() {
  [[ $(sed -n 's/^PPid:\t//p' "/proc/$1/status" 2>/dev/null) != "$$" ]] || kill "$1" 2>/dev/null || true
}
