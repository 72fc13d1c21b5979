#!/usr/bin/env bash
# A whole cluster from a backup: v3, v2, both at once; to the version that was
# there before an upgrade; with etcdctl's and with etcdutl's tool.
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/restore.sh
. "$TESTS/specs/restore.sh"

# restored VERSION V3 V2 ID: as of the backup, another cluster than before.
restored() {
  local member
  for member in m1 m2 m3; do
    assert_eq "$(curl -fsS -m 2 "$(endpoint "$member")/version" | text_field etcdserver)" "$1" "version of $member"
  done
  as_of_backup "$2" "$3"
  kept_aside
}

both_of_3_1() {
  use_process_spec both
  apply 3.1.20
  put_data_v3
  put_data_v2 "$(endpoint m1)"
  local v3 v2 id
  v3=$(own_v3 m1) v2=$(own_v2 m1) id=$(cluster_id3 m1)
  backup_now 3.1.20
  write_after_v3
  write_after_v2
  restore 3.1.20
  restored 3.1.20 "$v3" "$v2"
  [[ $(cluster_id3 m1) != "$id" ]] || fail "the restored cluster has the id of the old one"
  assert_contains "$(squeezed "$RESTORED")" "hold what the backup holds"
  assert_contains "$(squeezed "$RESTORED")" "restore-loses-writes"

  say "again, from the same backup, by its path, over what was restored"
  write_after_v2
  BACKUP=$BACKUP_DIR restore 3.1.20
  restored 3.1.20 "$v3" "$v2"

  say "back to 3.1.20 after an upgrade to 3.2.32"
  apply 3.2.32
  write_after_v3
  restore 3.1.20
  restored 3.1.20 "$v3" "$v2"
  # And up again: a restored cluster is like any other.
  apply 3.2.32
}

v3_of() {
  local version=$1 writer=w${1//./_}
  use_process_spec "v3-$version"
  apply "$version"
  put_data_v3
  local v3
  v3=$(own_v3 m1)
  backup_now "$version"
  write_after_v3
  # A client that writes to the end, and goes on afterwards.
  start_writer "$writer" "$(endpoints)" --api v3
  restore "$version"
  stop_writer "$writer" 1
  local member
  for member in m1 m2 m3; do
    assert_eq "$(own_v3 "$member" | jq -cS '[.[] | select(.[0] | @base64d | startswith("data/"))]')" \
      "$(jq -cS '[.[] | select(.[0] | @base64d | startswith("data/"))]' <<<"$v3")" "keys of $member"
    assert_eq "$(own_v3 "$member" | jq '[.[] | select(.[0] | @base64d | startswith("after/"))] | length')" 0 "later keys"
  done
  kept_aside
}

v2_of() {
  local version=$1 up=$2
  use_process_spec "v2-$version"
  apply "$version"
  put_data_v2 "$(endpoint m1)"
  local v2 id
  v2=$(own_v2 m1) id=$(cluster_id m1)
  # With the tools of the version that it is going to: as before a rung.
  backup_now "$up"
  write_after_v2
  restore "$version"
  restored "$version" - "$v2"
  [[ $(cluster_id m1) != "$id" ]] || fail "the restored cluster has the id of the old one"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5 2.3.8 3.1.20 3.2.32 3.5.33 3.6.14
for case in "${@:-all}"; do
  case $case in
    all)
      say "3.1.20, v2 and v3 keys"
      both_of_3_1
      "$TESTS/cluster/stop" "$SPEC"
      say "2.1.1"
      v2_of 2.1.1 2.2.5
      "$TESTS/cluster/stop" "$SPEC"
      say "2.2.5"
      v2_of 2.2.5 2.3.8
      "$TESTS/cluster/stop" "$SPEC"
      for version in 3.2.32 3.5.33 3.6.14; do
        say "$version, while a client writes"
        v3_of "$version"
        "$TESTS/cluster/stop" "$SPEC"
      done
      ;;
    *) "$case" ;;
  esac
done
