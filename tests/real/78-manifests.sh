#!/usr/bin/env bash
# The CronJob and the dashboard of examples/drift, held against the code of those that
# load them: Kubernetes' API server takes the one without a word, the other is a
# dashboard by Grafana's types, and asks for metrics that there are. No etcd.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

CHECK=$("$TESTS/fixtures/manifest-check/get" 2>"$WORK/why") || {
  status=$?
  cat "$WORK/why"
  why=$(tail -n 1 "$WORK/why")
  if [[ $status == 77 ]]; then skip "$why"; else skip_for_now "$why"; fi
}
CRONJOB=$REPO/examples/drift/cronjob.yaml
DASHBOARD=$REPO/examples/drift/dashboard.json

# What is checked of a file: takes its path.
check_cronjob() { "$CHECK" cronjob "$1"; }
check_dashboard() { "$CHECK" dashboard "$WORK/metrics.prom" "$1"; }

# is_found CHANGE FILE CHANGED KIND TEXT: the file is another by now, and what is said of it is TEXT.
is_found() {
  local status=0
  ! cmp -s "$2" "$3" || fail "this changes nothing: $1"
  "check_$4" "$3" >"$WORK/said" 2>&1 || status=$?
  [[ $status == 1 ]] || fail "nobody sees it (exit $status): $1: $(cat "$WORK/said")"
  grep -qF -- "$5" "$WORK/said" || fail "'$5' is not said of $1: $(cat "$WORK/said")"
}

holds() {
  "check_$1" "$2" >"$WORK/said" 2>&1 || fail "${2#"$REPO/"}: $(cat "$WORK/said")"
  assert_eq "$(cat "$WORK/said")" "" "what is said of ${2#"$REPO/"}"
}

# Each line: a change by sed, and what is said then.
cronjob() {
  local line change
  holds cronjob "$CRONJOB"
  while read -r line; do
    change=${line%% => *}
    sed "$change" "$CRONJOB" >"$WORK/changed.yaml"
    is_found "$change" "$CRONJOB" "$WORK/changed.yaml" cronjob "${line#* => }"
  done <<'CHANGES'
s/concurrencyPolicy/concurencyPolicy/ => unknown field "spec.concurencyPolicy"
s/workingDir/workdir/ => unknown field "spec.jobTemplate.spec.template.spec.containers[0].workdir"
s/^  concurrencyPolicy:.*/&\n&/ => key "concurrencyPolicy" already set
s/batch\/v1/batch\/v1beta1/ => is not a CronJob of batch/v1
s/batch\/v1/batch\/v3/ => no kind "CronJob" is registered for version "batch/v3"
s/kind: CronJob/kind: Cronjob/ => no kind "Cronjob" is registered
s/^  schedule/\tschedule/ => found character that cannot start any token
$s/$/\n---\nkind: Secret/ => 2 documents
s/quorate-drift/quorate_drift/ => metadata.name
s/\*\/15 \* \* \* \*/*\/15 * * */ => spec.schedule: Invalid value
s/\*\/15 \* \* \* \*/*\/15 25 * * */ => spec.schedule: Invalid value
s/\*\/15 \* \* \* \*/TZ=UTC *\/15 * * * */ => spec.schedule
s/Forbid/Never/ => spec.concurrencyPolicy: Unsupported value
s/DeadlineSeconds: 300/DeadlineSeconds: -1/ => spec.startingDeadlineSeconds: Invalid value
s/backoffLimit: 0/backoffLimit: -1/ => spec.jobTemplate.spec.backoffLimit: Invalid value
s/restartPolicy: Never/restartPolicy: Always/ => spec.jobTemplate.spec.template.spec.restartPolicy
/restartPolicy: Never/d => spec.jobTemplate.spec.template.spec.restartPolicy
s/cpu: 50m/cpu: 50 m/ => quantities must match
s/memory: 64Mi/memory: 512Mi/ => must be less than or equal to memory limit
s/^            - name: state/            - name: stat/ => volumeMounts[1].name: Not found: "state"
s/^            - name: tmp/            - name: ssh/ => volumes[3].name: Duplicate value
s/mountPath: \/tmp/mountPath: \/state/ => must be unique
s/secretName: .*/optional: true/ => secret.secretName: Required value
s/defaultMode: 0440/defaultMode: 01440/ => secret.defaultMode: Invalid value
s/mountPath: \/spec/mountPath: ""/ => volumeMounts[0].mountPath: Required value
s/runAsNonRoot: true/runAsNonRoot: "true"/ => runAsNonRoot
s/runAsUser: 65532/runAsUser: 0/ => runAsUser=0
/seccompProfile/,+1d => seccompProfile
s/drop: .*/drop: ["NET_RAW"]/ => unrestricted capabilities
s/quorate:0.1.0/Quorate:0.1.0/ => invalid reference format
CHANGES
}

# Each line: a change by jq, and what is said then.
dashboard() {
  local line change
  # All that the page of metrics can have, with certificates, is in a snapshot, the first page of two.
  sed -n '/^# HELP quorate_/,/^$/p; /^quorate_certificate/q' \
    "$REPO/src/view/snapshots/quorate__view__drift_tests__drift_for_other_readers.snap" >"$WORK/metrics.prom"
  grep -q '^quorate_certificate' "$WORK/metrics.prom" || fail "no certificate: $(cat "$WORK/metrics.prom")"
  holds dashboard "$DASHBOARD"
  while read -r line; do
    change=${line%% => *}
    jq "$change" "$DASHBOARD" >"$WORK/changed.json" || fail "no change for jq: $change"
    is_found "$change" "$DASHBOARD" "$WORK/changed.json" dashboard "${line#* => }"
  done <<'CHANGES'
.titel = "x" => unexpected field 'titel'
.schemaVersion = "39" => schemaVersion: json: cannot unmarshal string
.panels[0].titel = "x" => unexpected field 'titel'
.panels[0].options.colourMode = "x" => panels[0].options
.panels[5].fieldConfig.defaults.custom.fillOpacty = 1 => panels[5].fieldConfig.defaults.custom
.panels[0].fieldConfig.defaults.units = "s" => unexpected field 'units'
.panels[0].fieldConfig.defaults.mappings[0].type = "values" => panels[0].fieldConfig
.panels[0].fieldConfig.defaults.thresholds.mode = "relative" => there is no mode relative
.panels[3].fieldConfig.defaults.thresholds.steps[1].value = 3600 => step 2 is not above the one before
.panels[3].fieldConfig.defaults.thresholds.steps[0].value = 0 => the first step has a value
del(.panels[0].options.textMode) => panels[0].options.textMode: required field is missing
del(.panels[0].type) => discriminator field 'type' not found
.panels[0].type = "stats" => there is no type of panel stats
.panels[1].id = 1 => panels[1]: a second panel with id 1
.panels[1].gridPos.x = 0 => panels[1]: it lies on panels[0]
.panels[3].gridPos.x = 20 => panels[3]: it ends in column 26 of 24
.panels[0].gridPos.width = 6 => unexpected field 'width'
.panels[0].datasource.uid = "${source}" => panels[0]: the data source ${source}
.panels[0].targets[0].datasource.type = "loki" => panels[0].targets[0]: the data source ${datasource} of type loki
(.panels[0] | .datasource, .targets[0].datasource).type = "none" => panels[0].targets[0]: no query for Prometheus
del(.panels[0].targets[0].datasource) => panels[0].targets[0]: no data source
.panels[0].targets[0].exprs = "up" => unexpected field 'exprs'
del(.panels[0].targets) => panels[0]: no query
.panels[0].targets += .panels[0].targets => panels[0].targets[1]: no refId, or that of another
.panels[0].targets[0].expr += ")" => parse error
.panels[0].targets[0].expr |= sub("quorate_drift_up"; "rate(quorate_drift_up") => parse error
.panels[0].targets[0].expr = "rate(quorate_drift_up)" => expected type range vector
.panels[0].targets[0].expr = "time()" => asks for no metric
.panels[0].targets[0].expr |= sub("drift_up"; "drift_upp") => there is no metric quorate_drift_upp
.panels[0].targets[0].expr += " unless etcd_server_has_leader" => there is no metric etcd_server_has_leader
.panels[1].targets[0].expr |= sub("severity"; "level") => quorate_drift_findings has no label level
.panels[0].targets[0].expr |= sub("=~"; "=") => $cluster may have several values
.panels[0].targets[0].expr |= sub("cluster\""; "clusters\"") => there is no variable clusters
.panels[5].targets[0].legendFormat = "{{level}}" => panels[5].targets[0].legendFormat: no label level
.panels[4].transformations[0].options.renameByName.value = "n" => renameByName: there is no column value
.panels[4].transformations[0].options.renamebyname = {} => organize has no option renamebyname
.templating.list[0].query = "loki" => the data source ${datasource} of type prometheus
.templating.list[1].query.query = "label_values(quorate_drift_up, name)" => the definition
.templating.list[1] |= (.definition |= sub("cluster"; "name") | .query.query = .definition) => no label name
.templating.list[1].name = "datasource" => a second variable datasource
CHANGES
  sed 's/"uid": "quorate-drift",/&\n  "uid": "other",/' "$DASHBOARD" >"$WORK/changed.json"
  is_found "a field that is there twice" "$DASHBOARD" "$WORK/changed.json" dashboard 'duplicate field "uid"'
}

# What the container is told to run is a command line of quorate, and reads a spec where the kubelet has put it: names
# that are links, in a folder nobody writes to. No host is there to be looked at.
command_line() {
  local words dir=$WORK/spec
  mapfile -t words < <(sed -n 's/^ *command: //p' "$CRONJOB" | jq -r '.[]')
  assert_eq "${words[0]:-}" quorate "the program of the container"
  mkdir -p "$dir/..2026_01_02"
  sed 's/10\.0\.0\./127.0.0./' "$REPO/examples/drift/cluster.hcl" >"$dir/..2026_01_02/cluster.hcl"
  echo "quorate {
  state \"local\" {
    path = \"$WORK/state\"
  }
}" >>"$dir/..2026_01_02/cluster.hcl"
  ln -s ..2026_01_02 "$dir/..data"
  ln -s ..data/cluster.hcl "$dir/cluster.hcl"
  cd "$dir"
  run_expect 1 env "HOME=$WORK" "$QUORATE" "${words[@]:1}"
  assert_contains "$(squeezed "$ERR")" "no host of cluster prod can be looked at"
  assert_eq "$(ls "$dir")" cluster.hcl "what is in the folder of the spec"
  run_expect 1 env "HOME=$WORK" "$QUORATE" "${words[@]:1}" -no-colour
  assert_not_contains "$(squeezed "$ERR")" "can be looked at"
}

for part in cronjob dashboard command_line; do
  say "$part"
  "$part"
done
