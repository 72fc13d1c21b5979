#!/usr/bin/env bash
# Half way through a rung: the first member runs the next version. Whatever
# quorate asks there, no member may end of it; and it can finish the rung.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# mixed NAME OLD NEW [VARIABLE...]: $SPEC is a cluster of OLD whose m1 runs NEW.
mixed() {
  local name=$1 old=$2 new=$3
  use_process_spec "$name" 'soak = "0s"' "${@:4}"
  run_expect 0 quorate apply -auto-approve -var "release=$old"
  wait_for 20 "cluster version ${old%.*}" cluster_version "${old%.*}"
  # A database that was never written would stop the rung to 3.5.
  etcdctl3 put begun yes >/dev/null
  end_by_hand m1
  install -m 755 "$("$TESTS/fixtures/get" "$new")/etcd" "$SPEC/members/m1/etcd"
  # An option that the next version has no more.
  sed -i '/^--enable-v2/d' "$SPEC/members/m1/args"
  start_by_hand m1
  wait_for 20 "m1 serves as $new" serves m1 "$new"
  BEFORE=$(running)
}

# Not by /health: that writes into the raft log of some versions.
serves() { [[ $(curl -fsS -m 2 "$(endpoint "$1")/version" | text_field etcdserver) == "$2" ]]; }
cluster_version() { [[ $(curl -fsS -m 2 "$(endpoint m2)/version" | text_field etcdcluster) == "$1".* ]]; }

# all_live WHAT: the same three processes, after each has had time to end: what
# is asked next must go through a quorum, and through each member's log.
all_live() {
  local member
  for member in m1 m2 m3; do
    wait_for 10 "$member follows a leader after $1" follows_a_leader "$member"
  done
  assert_eq "$(running)" "$BEFORE" "processes after $1"
}
follows_a_leader() { curl -fsS -m 2 "$(endpoint "$1")/metrics" | grep -E '^etcd_server_has_leader 1'; }

# looked_at OLD NEW STATUS: plan, which ends with STATUS, and backup.
looked_at() {
  local old=$1 new=$2
  run_expect "$3" quorate plan -detailed-exitcode -var "release=$new"
  all_live "plan"
  run_expect 0 quorate backup -var "release=$new"
  all_live "backup"
  echo "note: $old and $new: all live after plan and backup"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.0.17 3.1.20 3.2.32 3.3.27 3.4.23 3.5.33 3.6.14
for rung in "3.4.23 3.5.33 2" "3.5.33 3.6.14 2" "3.3.27 3.4.23 2" "3.0.17 3.1.20 2" "3.1.20 3.2.32 2" "3.2.32 3.3.27 2"; do
  read -r old new status <<<"$rung"
  say "$old and $new"
  mixed "at-$old" "$old" "$new"
  looked_at "$old" "$new" "$status"
  # With the gates of each step, in the mixed cluster.
  [[ $old != 3.4.23 ]] || apply "$new"
  "$TESTS/cluster/stop" "$SPEC"
done

# The machine goes while versions are mixed: plain processes do not come back by themselves.
say "3.1.20 and 3.2.32, all down"
mixed down 3.1.20 3.2.32
put_data_v3
held=$(data_v3)
for member in m1 m2 m3; do end_by_hand "$member" KILL; done
run_expect 2 quorate plan -detailed-exitcode -var release=3.2.32
assert_contains "$(squeezed "$OUT")" "members-of-two-minors"
run_expect 0 quorate apply -auto-approve -var release=3.2.32
serves m1 3.2.32 || fail "m1 was not started as it was"
serves m2 3.1.20 || fail "m2 was not started as it was"
apply 3.2.32
assert_eq "$(data_v3)" "$held" "data"
"$TESTS/cluster/stop" "$SPEC"

say "3.5.33 with the v2 API, and 3.6.14"
mixed v2 3.5.33 3.6.14 'settings = { enable-v2 = "true" }'
run_expect 1 quorate plan -var release=3.6.14
all_live "plan"
