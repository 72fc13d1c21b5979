# shellcheck shell=bash
# What the tests of going back share: a client that writes numbered keys and
# remembers when each was acknowledged, and the data of each member for itself.
# Sourced after tests/specs/lib.sh.

# begin_sequence API: writes seq/000001, seq/000002, ... (v2 or v3) until
# end_sequence; each acknowledged one becomes a line "KEY NANOSECONDS" in $WORK/seq.
begin_sequence() {
  : >"$WORK/seq"
  rm -f "$WORK/seq.stop"
  sequence "$1" "$(endpoints)" &
  SEQUENCE=$!
  on_exit end_process "$SEQUENCE"
  wait_for 20 "the first numbered key" test -s "$WORK/seq"
}
end_sequence() {
  touch "$WORK/seq.stop"
  wait "$SEQUENCE" || fail "the numbered keys' client ended with $?"
}
# Some twenty a second: at full speed its programs would take a processor for themselves.
sequence() {
  local api=$1 urls url number=0 key tick
  IFS=, read -ra urls <<<"$2"
  exec {tick}<> <(:)
  until [[ -e $WORK/seq.stop ]]; do
    number=$((number + 1))
    printf -v key 'seq/%06d' "$number"
    for url in "${urls[@]}"; do
      if "put_$api" "$url" "$key" >/dev/null 2>&1; then
        echo "$key ${EPOCHREALTIME/[.,]/}000" >>"$WORK/seq"
        break
      fi
    done
    read -rt 0.04 -u "$tick" || true
  done
}
put_v2() { curl -fsS -m 3 -X PUT -d "value=$2" "$1/v2/keys/$2"; }
put_v3() {
  local key
  key=$(printf '%s' "$2" | base64)
  curl -fsS -m 3 "$1/v3alpha/kv/put" -d "{\"key\":\"$key\",\"value\":\"$key\"}"
}

# data_of MEMBER API: all that this one member holds, without asking the others.
data_of() {
  case $2 in
    v2) curl -fsS -m 10 "$(endpoint "$1")/v2/keys/?recursive=true&sorted=true" | jq -cS 'del(.. | .ttl?)' ;;
    v3)
      ETCDCTL_API=3 "$("$TESTS/fixtures/get" 3.2.32)/etcdctl" --endpoints "$(endpoint "$1")" \
        get --prefix "" --consistency=s -w json | jq -cS '[.kvs[] | [.key, .value, .mod_revision, .lease]]'
      ;;
  esac
}
sequence_of() {
  case $2 in
    v2) data_of "$1" v2 | jq -r '.. | .key? // empty | select(startswith("/seq/")) | .[1:]' ;;
    v3) data_of "$1" v3 | jq -r '.[] | .[0] | @base64d | select(startswith("seq/"))' ;;
  esac | sort
}

# members_hold_the_same API: while nobody writes.
members_hold_the_same() {
  local member
  for member in m1 m2 m3; do data_of "$member" "$1" >"$WORK/data.$member"; done
  for member in m2 m3; do
    cmp -s "$WORK/data.m1" "$WORK/data.$member" || fail "m1 and $member hold different data ($1)"
  done
}

# When the last member of the newest run was asked to stop, in nanoseconds.
last_stop() {
  date -d "$(jq -r 'select(.entry == "intent" and .effect.operation.type == "stop") | .at' "$(journal)" | tail -n 1)" +%s%N
}

# nothing_lost_before NANOSECONDS API: what was acknowledged before then is there,
# on every member. What came later may be gone.
nothing_lost_before() {
  local member acknowledged missing
  acknowledged=$(awk -v before="$1" '$2 < before { print $1 }' "$WORK/seq" | sort)
  [[ $(wc -l <<<"$acknowledged") -gt 10 ]] || fail "hardly any numbered key before the last stop"
  for member in m1 m2 m3; do
    missing=$(comm -23 <(echo "$acknowledged") <(sequence_of "$member" "$2"))
    [[ -z $missing ]] || fail "acknowledged before the last copy, and not on $member: $(head -n 5 <<<"$missing" | xargs) ($(wc -l <<<"$missing") keys)"
  done
}

no_notes() { assert_eq "$(find "$SPEC/members" -name '*.quorate-replacing' -o -name '*.quorate-in-*')" "" "notes and copies left"; }
