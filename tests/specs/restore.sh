# shellcheck shell=bash
# What the tests of restores share: a backup, writes after it, and the proof that
# each member holds what was there when it was taken. After tests/specs/lib.sh.

# backup_now VERSION: its id is $BACKUP, its folder $BACKUP_DIR.
backup_now() {
  run_expect 0 quorate backup -json -var "release=$1"
  BACKUP_DIR=$(jq -r 'select(.type == "backup") | .backup.dir' "$WORK/OUT")
  BACKUP=${BACKUP_DIR##*/}
  as_schemas_say "$BACKUP_DIR/manifest.json"
}

# restore VERSION [OPTION...]: of $BACKUP; must succeed, and leave nothing to do.
# shellcheck disable=SC2034 # RESTORED is for the caller
restore() {
  run_expect 0 quorate restore -auto-approve -var "release=$1" "${@:2}" "$BACKUP"
  RESTORED=$OUT
  note_done "restore to $1: "
  nothing_left "$1"
  no_notes
}

no_notes() {
  local found
  found=$(find "$SPEC/members" -maxdepth 2 \( -name '*.quorate-replacing*' -o -name '*.quorate-in-*' -o -name '*.quorate-restoring-*' \))
  assert_eq "$found" "" "left beside the data"
  assert_eq "$(find "$SPEC/.quorate/scratch" -mindepth 1 | wc -l)" 0 "left in scratch"
  assert_eq "$(find "$SPEC/.quorate/restores" -mindepth 1 | wc -l)" 0 "left of what was packed"
}

# Every v3 key of one member, as it alone knows it.
own_v3() {
  ETCDCTL_API=3 "$("$TESTS/fixtures/get" 3.2.32)/etcdctl" --endpoints "$(endpoint "$1")" get '' --prefix --consistency=s -w json |
    jq -cS '[.kvs // [] | .[] | [.key, .value, .create_revision, .mod_revision, .version, .lease // 0]]'
}
own_v2() {
  curl -fsS -m 5 "$(endpoint "$1")/v2/keys/?recursive=true&sorted=true" | jq -cS '[.. | select(.key? and (.dir | not)) | [.key, .value]]'
}
cluster_id() { curl -fsS -m 2 "$(endpoint "$1")/v2/members" -D - -o /dev/null | tr -d '\r' | sed -n 's/^X-Etcd-Cluster-Id: //Ip'; }
cluster_id3() { ETCDCTL_API=3 "$("$TESTS/fixtures/get" 3.2.32)/etcdctl" --endpoints "$(endpoint "$1")" endpoint status -w json | jq -r '.[0].Status.header.cluster_id'; }

# write_after_v3, write_after_v2: what a restore has to undo.
write_after_v3() {
  etcdctl3 put data/1 overwritten >/dev/null
  etcdctl3 del data/2 >/dev/null
  local i
  for i in $(seq 20); do etcdctl3 put "after/$i" x >/dev/null; done
}
write_after_v2() {
  local i
  curl -fsS -m 5 -o /dev/null -X PUT -d value=overwritten "$(endpoint m1)/v2/keys/data/dir%201/key"
  curl -fsS -m 5 -o /dev/null -X DELETE "$(endpoint m1)/v2/keys/data/dir%202/key"
  for i in $(seq 20); do curl -fsS -m 5 -o /dev/null -X PUT -d value=x "$(endpoint m1)/v2/keys/after/$i"; done
}

# as_of_backup V3 V2: each member holds exactly that; `-` for an API that it has not.
as_of_backup() {
  local member
  for member in m1 m2 m3; do
    [[ $1 == - ]] || assert_eq "$(own_v3 "$member")" "$1" "v3 keys of $member"
    [[ $2 == - ]] || assert_eq "$(own_v2 "$member")" "$2" "v2 keys of $member"
  done
}

# What was replaced is beside the data, whole.
kept_aside() {
  local member
  for member in m1 m2 m3; do
    [[ -n $(find "$SPEC/members/$member" -maxdepth 1 -path '*/data.quorate-replaced-*' -type d | head -n 1) ]] ||
      fail "nothing was kept of $member"
  done
}
