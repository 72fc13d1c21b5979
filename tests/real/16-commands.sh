#!/usr/bin/env bash
# The other ways to go: a backup on demand, a plan that is saved, shown and
# applied; both guides, each from a saved plan.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# backup_now: takes one, and its manifest is $MANIFEST.
backup_now() {
  local version=$1 dir
  run_expect 0 quorate backup -json -var "release=$version"
  dir=$(jq -r 'select(.type == "backup") | .backup.dir' "$WORK/OUT")
  as_schemas_say "$dir/manifest.json"
  MANIFEST=$(cat "$dir/manifest.json")
  BACKUP=$dir
  assert_contains "$(jq -r 'select(.type == "backup") | .backup.checks[]' "$WORK/OUT")" "trial restore"
  assert_eq "$(find "$dir" -perm /077 | wc -l)" 0 "files of a backup that others may read"
}

backups_of_3_1() {
  local revision
  backup_now 3.1.20
  revision=$(etcdctl3 endpoint status -w json | jq -s '[.[][].Status.header.revision] | min')
  assert_file "$BACKUP/snapshot.db"
  assert_eq "$(jq '[.. | .revision? // empty] | max' <<<"$MANIFEST")" "$revision" "revision in the manifest"
  # By etcd's own reading as well.
  assert_eq "$(ETCDCTL_API=3 "$("$TESTS/fixtures/get" 3.2.32)/etcdctl" snapshot status -w json "$BACKUP/snapshot.db" |
    jq .revision)" "$revision" "revision in the snapshot"
  # v2 keys are there as well, so there are two.
  assert_file "$BACKUP/v2.tar.gz"
  # Text says where it is.
  run_expect 0 quorate backup -var release=3.1.20
  assert_contains "$(squeezed "$OUT")" "$SPEC/.quorate/backups/"
}

backups_of_2_1() {
  backup_now 2.1.1
  assert_file "$BACKUP/v2.tar.gz"
  assert_no_file "$BACKUP/snapshot.db"
  # 2.x listens on TCP only: the way into its network is quorate itself.
  if unshare -rn true 2>/dev/null; then
    assert_contains "$(jq -r '.checks[].result' <<<"$MANIFEST")" "restored in a network of its own"
  fi
}

# What was shown, up to the sum at its end.
the_plan() { sed '/^Plan: /q' "$WORK/OUT"; }

# json_of STATUS TYPE ARGS...: of each command, what it writes for programs; run_expect holds it against the schema.
json_of() {
  local status=$1 type=$2
  shift 2
  run_expect "$status" quorate "$@" -json
  assert_eq "$(jq -r .type "$WORK/OUT" | sort -u | grep -cxF -- "$type")" 1 "$* -json writes a $type"
}

# all_json VERSION: of whatever changes nothing, after an upgrade to it.
all_json() {
  local var=release=$1 run
  json_of 0 runs runs -var "$var"
  run=$(jq -r '.runs[-1].id' "$WORK/OUT")
  json_of 0 run runs show "$run" -var "$var"
  json_of 0 report report -var "$var"
  json_of 0 status status -var "$var"
  json_of 0 plan plan -var "$var"
  json_of 1 rollback-choices rollback -var "$var"
  json_of 0 plan plan -rollback -points -var "$var"
  json_of 0 backups backup list -var "$var"
  json_of 0 backup-verify backup verify all -var "$var"
  json_of 0 backup-prune backup prune -dry-run -var "$var"
  json_of 0 clean clean -dry-run -var "$var"
  json_of 0 unlock unlock -var "$var"
  json_of 0 diagnostics validate -var "$var"
  json_of 1 diagnostics validate
  json_of 1 error runs show nothing-like-it -var "$var"
  run_expect 0 "$QUORATE" explain -json
  run_expect 0 "$QUORATE" version -json
}

# by_saved_plan NAME TO: plan -out, show, show -json, apply FILE.
by_saved_plan() {
  local name=$1 to=$2 saved=$WORK/$1.plan before
  before=$(running)
  run_expect 2 quorate plan -detailed-exitcode -var "release=$to" "-out=$saved"
  as_schemas_say "$saved"
  the_plan >"$WORK/planned"
  # Without the spec's variables, in another folder: the plan is all it takes.
  run_expect 0 "$QUORATE" show "$saved"
  diff <(the_plan) "$WORK/planned" || fail "show differs from plan"
  run_expect 0 "$QUORATE" show -json "$saved"
  assert_eq "$(jq -r '[.type, .plan.summary.to] | join(" ")' "$WORK/OUT")" "plan $to" "show -json"
  assert_eq "$(running)" "$before" "processes after plan and show"
  start_writer "$name" "$(endpoints)"
  # For programs as well: each line is held against its schema.
  run_expect 0 quorate apply "$saved" -json
  assert_eq "$(jq -r 'select(.type == "summary") | .summary.ending.ending' "$WORK/OUT")" succeeded "apply -json"
  assert_contains "$(jq -r 'select(.type == "event") | .event.event' "$WORK/OUT")" journal
  echo "note: $to: done in $(jq 'select(.type == "summary") | .summary.took_ms' "$WORK/OUT") ms"
  all_json "$to"
  stop_writer "$name"
  nothing_left "$to"
}

"$TESTS/fixtures/release-dir" "$RELEASES" 2.1.1 2.2.5 3.1.20 3.2.32
say "3.1.20: backups, then a saved plan"
use_process_spec v31
apply 3.1.20
put_data_v3
put_data_v2 "$(endpoint m1)"
backups_of_3_1
by_saved_plan v31 3.2.32
say "2.1.1: a backup, then a saved plan"
use_process_spec v21
apply 2.1.1
put_data_v2 "$(endpoint m1)"
backups_of_2_1
by_saved_plan v21 2.2.5
