# shellcheck shell=bash
# What the tests of the whole tool share: specs made from tests/specs/KIND, the
# commands run on them, clusters that quorate made of plain processes, data to
# be found again. Sourced after tests/lib.sh; each test has one spec at a time.

# shellcheck disable=SC2034 # OUT and ERR are set by run_expect
RELEASES=$WORK/releases

# use_spec NAME KIND: $SPEC is a copy of tests/specs/KIND, with the variables
# that are on stdin.
use_spec() {
  SPEC=$WORK/$1
  mkdir -p "$SPEC"
  cp "$TESTS/specs/$2"/*.hcl "$SPEC/"
  cat >"$SPEC/test.auto.hclvars"
}

# use_process_spec NAME [LINE...]: a spec of plain processes with ports of its
# own; LINEs are further variables. Whatever runs below is stopped at the end.
use_process_spec() {
  use_spec "$1" process < <(process_variables "${@:2}")
  on_exit "$TESTS/cluster/stop" "$SPEC"
}

process_variables() {
  local ports
  mapfile -t ports < <("$TESTS/tools/free-ports" 6)
  printf 'releases = "%s"\nports = { m1_client = %s, m1_peer = %s, m2_client = %s, m2_peer = %s, m3_client = %s, m3_peer = %s }\n' \
    "$RELEASES" "${ports[@]}"
  [[ $# -eq 0 ]] || printf '%s\n' "$@"
}

# The client URLs of a process spec.
endpoints() {
  local member list=()
  for member in m1 m2 m3; do list+=("$(endpoint "$member")"); done
  (IFS=, && echo "${list[*]}")
}
endpoint() { echo "http://127.0.0.1:$(sed -n "s/^ports = .*$1_client = \([0-9]*\).*/\1/p" "$SPEC/test.auto.hclvars")"; }

quorate() {
  local command=$1
  shift
  "${IN_NET[@]}" "$QUORATE" -chdir="$SPEC" "$command" "$@"
}

# bad_release DIR DEFINE...: the 3.2.32 of DIR has the etcd of bad_etcd.c. BAD_REAL:
# where the real one is, where that is not this machine. BAD_VERSION and BAD_BESIDE:
# another version than 3.2.32, and than the 3.1.20 that lies beside it.
bad_release() {
  local dir=$1 name real version=${BAD_VERSION:-3.2.32}
  shift
  real=$("$TESTS/fixtures/get" "$version")
  "$TESTS/fixtures/release-dir" "$dir" "${BAD_BESIDE:-3.1.20}" "$version"
  name=$(cd "$dir" && echo "etcd-v$version"-*.tar.gz)
  tar -C "$dir" -xzf "$dir/$name"
  cc -O1 -static "${@/#/-D}" "-DREAL=\"${BAD_REAL:-$real/etcd}\"" -o "$dir/${name%.tar.gz}/etcd" "$TESTS/specs/bad_etcd.c"
  tar -C "$dir" -I 'gzip -1' -cf "$dir/$name" "${name%.tar.gz}"
  rm -r "${dir:?}/${name%.tar.gz}"
  (cd "$dir" && sha256sum -- *.tar.gz >SHA256SUMS)
}

# apply VERSION [OPTION...]: must succeed, and leave nothing to do.
apply() {
  local version=$1
  shift
  run_expect 0 quorate apply -auto-approve -var "release=$version" "$@"
  APPLIED=$OUT
  note_done "$version: "
  nothing_left "$version"
}

# note_done [PREFIX]: the last command says that it did its work; that line.
note_done() {
  grep -qE '^Done in ' "$WORK/OUT" || fail "no 'Done in': $OUT"
  echo "note: ${1-}$(grep -E '^Done in ' "$WORK/OUT")"
}

# Nothing is left to do. What plan says besides is in $OUT.
nothing_left() {
  run_expect 0 quorate plan -detailed-exitcode -var "release=$1"
  assert_contains "$OUT" "No changes."
}

# A script that a controller had begun goes on when that is killed: none is left.
scripts_ended() { ! pgrep -f "sh -s -- [0-9a-f]{24} $SPEC/members" >/dev/null; }

# refused VERSION RULE WORD...: plan and apply exit with 1, name RULE, and say
# every WORD; nothing runs differently than before.
refused() {
  local version=$1 rule=$2 word before
  shift 2
  before=$(running)
  run_expect 1 quorate plan -detailed-exitcode -var "release=$version"
  assert_contains "$OUT$ERR" "$rule"
  for word in "$@"; do assert_contains "$(squeezed "$OUT$ERR")" "$word"; done
  assert_contains "$OUT$ERR" "Nothing was changed."
  run_expect 1 quorate apply -auto-approve -var "release=$version"
  assert_contains "$OUT$ERR" "$rule"
  assert_eq "$(running)" "$before" "processes after a refusal"
}

# at_version VERSION: every member runs it, and the cluster version is its minor.
at_version() {
  local member version
  for member in m1 m2 m3; do
    version=$(curl -fsS -m 2 "$(endpoint "$member")/version")
    assert_eq "$(text_field etcdserver <<<"$version")" "$1" "version of $member"
    assert_eq "$(text_field etcdcluster <<<"$version" | cut -d. -f1-2)" "${1%.*}" "cluster version at $member"
  done
}

# Lines may be broken anywhere between words.
squeezed() { tr -s ' \n' ' ' <<<"$1"; }

# `PID EXE` of each etcd below the spec, sorted.
running() {
  { find /proc -maxdepth 2 -path '/proc/[0-9]*/exe' -lname "$SPEC/*/etcd" -printf '%h %l\n' 2>/dev/null || true; } |
    sed 's|^/proc/||' | sort -k2
}
pid_of() { running | awk -v exe="$SPEC/members/$1/etcd" '$2 == exe { print $1 }'; }

# Starts a member of a process spec by hand, as somebody does who knows no
# quorate, with its arguments as they are in its folder now.
start_by_hand() {
  local dir=$SPEC/members/$1 args
  mapfile -t args <"$dir/args"
  (cd "$dir" && exec setsid --fork "$dir/etcd" "${args[@]}" >>"$dir/log" 2>&1 </dev/null)
}
end_by_hand() {
  local pid
  pid=$(pid_of "$1")
  kill "-${2:-TERM}" "$pid"
  wait_for 20 "$1 has ended" test ! -e "/proc/$pid/exe"
}
answers() { curl -fsS -m 2 "$(endpoint "$1")/health" | grep true; }

# etcdctl3 / etcdctl2 ARG...: of the API, against all members of a process spec.
etcdctl3() { ETCDCTL_API=3 "$("$TESTS/fixtures/get" 3.2.32)/etcdctl" --endpoints "$(endpoints)" "$@"; }

# put_data_v2 URL, put_data_v3: some of everything that a cluster may hold.
put_data_v2() {
  local i curl=(curl -fsS -m 5 -o /dev/null "${CURL_TLS[@]}")
  for i in 1 2 3; do
    "${IN_NET[@]}" "${curl[@]}" -X PUT -d value="v2 value $i ♥" "$1/v2/keys/data/dir%20$i/key"
  done
  "${IN_NET[@]}" "${curl[@]}" -X PUT -d dir=true "$1/v2/keys/data/empty"
  "${IN_NET[@]}" "${curl[@]}" -X PUT -d value= "$1/v2/keys/data/nothing"
  "${IN_NET[@]}" "${curl[@]}" -X PUT -d value=hidden "$1/v2/keys/data/_hidden"
  "${IN_NET[@]}" "${curl[@]}" -X PUT -d value=passing -d ttl=3600 "$1/v2/keys/data/passing"
  "${IN_NET[@]}" "${curl[@]}" -X DELETE "$1/v2/keys/data/nothing"
}
put_data_v3() {
  local i lease
  for i in 1 2 3; do etcdctl3 put "data/$i" "v3 value $i ♥" >/dev/null; done
  lease=$(etcdctl3 lease grant 3600 | awk '{ print $2 }')
  etcdctl3 put --lease="$lease" data/leased value >/dev/null
  etcdctl3 put data/gone value >/dev/null
  etcdctl3 del data/gone >/dev/null
  head -c 200000 /dev/zero | tr '\0' x | etcdctl3 put data/large >/dev/null
}
CURL_TLS=()

# What put_data_* left, as one text; what passes with time is left out.
data_v2() {
  "${IN_NET[@]}" curl -fsS -m 5 "${CURL_TLS[@]}" "$1/v2/keys/data?recursive=true&sorted=true&quorum=true" |
    jq -cS 'del(.. | .ttl?)'
}
data_v3() { etcdctl3 get --prefix data/ -w json | jq -cS '[.kvs[] | [.key, .value, .mod_revision, .lease]]'; }

# The newest run's journal, and how many runs have one.
journal() {
  local all=("$SPEC"/.quorate/runs/*/journal.jsonl)
  if [[ -e ${all[0]} ]]; then echo "${all[-1]}"; fi
}
journals() {
  local all=("$SPEC"/.quorate/runs/*/journal.jsonl)
  if [[ -e ${all[0]} ]]; then echo "${#all[@]}"; else echo 0; fi
}

# in_background ARG...: quorate with these arguments; returns when its run has begun, or it has ended. Its process is
# $RUN, what it says in $WORK/run.
in_background() {
  local before
  before=$(journals)
  # A shell's background jobs ignore SIGINT; one that a person starts does not.
  env --default-signal=INT,HUP,TERM "$QUORATE" -chdir="$SPEC" "$@" >"$WORK/run" 2>&1 </dev/null &
  RUN=$!
  on_exit end_process "$RUN"
  wait_for 90 "the run's journal" begun_or_ended "$before"
}
begun_or_ended() { [[ $(journals) -gt $1 ]] || ! kill -0 "$RUN" 2>/dev/null; }
# run_ended STATUS: what goes on in the background ends so.
run_ended() {
  local status=0
  wait "$RUN" || status=$?
  assert_eq "$status" "$1" "exit code; $(tail -n 30 "$WORK/run")"
}

# journal_reaches PID NUMBER [PATTERN]: until so many lines of the newest journal match the extended regular expression
# (any, by default), or the process has ended. Returns with the line: nothing is polled.
journal_reaches() {
  local seen
  seen=$(grep -c -m "$2" -E "${3:-^}" < <(exec timeout 120 tail --pid="$1" -s 0.2 -n +1 -F "$(journal)" 2>/dev/null)) || true
  [[ $seen -ge $2 ]] || ! kill -0 "$1" 2>/dev/null || fail "not within 120 s: $2 lines of the journal like ${3:-any}"
}
# entry_of ENTRY EFFECT: what such a line looks like, e.g. `entry_of intent stop`.
entry_of() { echo "\"entry\":\"$1\".*\"(type|effect)\":\"$2\""; }

# use_lab_spec NAME KIND [LINE...]: a spec of the lab's hosts.
use_lab_spec() {
  use_spec "$1" "$2" < <(printf '%s\n' "releases = \"$RELEASES\"" "${@:3}")
  ln -s "$LAB_DIR/ssh_config" "$SPEC/ssh_config"
}

# each_lab_host CMD...: CMD with the name of each host.
each_lab_host() {
  local host
  for host in h1 h2 h3; do "$@" "$host"; done
}
