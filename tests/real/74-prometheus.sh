#!/usr/bin/env bash
# What quorate says to Prometheus and to an Alertmanager, told to those themselves:
# promtool reads the metrics and tries the rules of examples/drift, and an
# Alertmanager takes the alerts of `drift -every`, tells people, and ends them.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

TOOLS=$("$TESTS/fixtures/prometheus-tools" 2>"$WORK/why") || {
  status=$?
  cat "$WORK/why"
  why=$(tail -n 1 "$WORK/why")
  if [[ $status == 77 ]]; then skip "$why"; else skip_for_now "$why"; fi
}
promtool() { "$TOOLS/promtool" "$@" >"$WORK/promtool" 2>&1; }

# The test of the rules holds, and does not where one of them is another.
rules() {
  local dir=$WORK/rules change
  say "$("$TOOLS/promtool" --version 2>&1 | sed -n 1p)"
  promtool check rules "$REPO/examples/drift/alerts.yaml" || fail "rules: $(cat "$WORK/promtool")"
  promtool test rules "$TESTS/specs/alerts-test.yaml" || fail "rules: $(cat "$WORK/promtool")"
  mkdir -p "$dir/examples/drift" "$dir/tests/specs"
  cp "$TESTS/specs/alerts-test.yaml" "$dir/tests/specs/"
  cp "$REPO/examples/drift/alerts.yaml" "$dir/examples/drift/"
  promtool test rules "$dir/tests/specs/alerts-test.yaml" || fail "unchanged, in another folder: $(cat "$WORK/promtool")"
  while read -r change; do
    sed "$change" "$REPO/examples/drift/alerts.yaml" >"$dir/examples/drift/alerts.yaml"
    ! cmp -s "$REPO/examples/drift/alerts.yaml" "$dir/examples/drift/alerts.yaml" || fail "this changes no rule: $change"
    promtool check rules "$dir/examples/drift/alerts.yaml" || fail "no rules any more: $change: $(cat "$WORK/promtool")"
    ! promtool test rules "$dir/tests/specs/alerts-test.yaml" || fail "nobody sees that a rule is another: $change"
  done <<'CHANGES'
s/quorate_drift_up == 0/quorate_drift_up <= 1/
s/quorate_drift_up == 0/quorate_drift_up < 0/
s/for: 30m/for: 29m/
s/for: 30m/for: 31m/
s/> 3600/>= 3600/
s/> 3600/> 3660/
s/looked_at_seconds > 3600/looked_at_seconds{cluster="watched"} > 3600/
s/for: 5m/for: 4m/
s/for: 5m/for: 6m/
s/for: 1h/for: 59m/
s/for: 1h/for: 61m/
s/{severity="critical"} > 0 unless.*/{severity="critical"} > 0/
s/{severity="warning"} > 0 unless.*/{severity="warning"} > 0/
/="critical"} > 0/s/unless on (cluster)/unless on ()/
/="warning"} > 0/s/unless on (cluster)/unless on ()/
/="critical"} > 0/s/unless on (cluster)/unless/
/="critical"} > 0/s/way == 1/way == 0/
/="warning"} > 0/s/way == 1/way == 0/
s/{severity="critical"} > 0/{severity="critical"} >= 0/
s/{severity="warning"} > 0/{severity="warning"} > 2/
s/finding{severity="warning"} > 0/finding > 0/
s/finding{severity="critical"} > 0/finding > 0/
s/< 14 \*/<= 14 */
s/< 14 \*/< 13 */
s/gt \$value 0.0/gt $value -9999.0/
CHANGES
}

# well_formed FILE: metrics as Prometheus wants them, no series twice.
well_formed() {
  grep -q '^quorate_drift_up{' "$1" || fail "no metrics: $(cat "$1")"
  promtool check metrics <"$1" || fail "metrics: $(cat "$WORK/promtool" "$1")"
  assert_eq "$(sed '/^#/d; s/ [^ ]*$//' "$1" | sort | uniq -d)" "" "series that are there twice in $1"
}

metrics() {
  run_expect 0 quorate backup -var release=3.2.32
  drift 0 "-prometheus=$WORK/drift.prom"
  grep -q '^quorate_backup_newest_seconds' "$WORK/drift.prom" || fail "no backup: $(cat "$WORK/drift.prom")"
  well_formed "$WORK/drift.prom"
  # Those of a cluster with certificates are in a snapshot, the first page of two.
  sed -n '/^# HELP quorate_/,/^$/p; /^quorate_certificate/q' \
    "$REPO/src/view/snapshots/quorate__view__drift_tests__drift_for_other_readers.snap" >"$WORK/snapshot.prom"
  grep -q '^quorate_certificate' "$WORK/snapshot.prom" || fail "no certificate: $(cat "$WORK/snapshot.prom")"
  well_formed "$WORK/snapshot.prom"
  # It does refuse what is none.
  sed 's/cluster="test"}/cluster=test}/' "$WORK/drift.prom" >"$WORK/broken.prom"
  ! promtool check metrics <"$WORK/broken.prom" || fail "promtool takes labels without quotes"
  sed '/^# HELP quorate_drift_up /d' "$WORK/drift.prom" >"$WORK/broken.prom"
  ! promtool check metrics <"$WORK/broken.prom" || fail "promtool takes a metric without help"
}

drift() { run_expect "$1" quorate drift -var release=3.2.32 "${@:2}"; }
served() { curl -fsS -m 5 "http://127.0.0.1:$SERVICE/metrics"; }
up_is() { served | grep -xF "quorate_drift_up{cluster=\"test\"} $1"; }
looks() { served | sed -n 's/^quorate_drift_looks_total //p'; }
looks_reach() { (($(looks) >= $1)); }

alerts() { curl -fsS -m 5 "http://127.0.0.1:$ALERTMANAGER/api/v2/alerts"; }
# alert_tells FILTER, none: of those that hold.
alert_tells() { alerts | jq -e "any(.[]; .status.state == \"active\" and ($1))"; }
no_alerts() { [[ $(alerts) == "[]" ]]; }
DOWN='.labels.check == "member-running"'
BLIND='.labels.alertname == "QuorateLookFailed"'
# people_heard STATUS FILTER: how many times the Alertmanager has told people of such an alert.
people_heard() { jq -s "map(.alerts[] | select(.status == \"$1\" and ($2))) | length" "$WORK/heard"; }
people_hear() { (($(people_heard "$1" "$2") > 0)); }

# To whom the Alertmanager tells what it is told: each message a line of JSON.
cat >"$WORK/people.py" <<'PY'
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        text = self.rfile.read(int(self.headers['content-length']))
        with open(sys.argv[2], 'ab') as out:
            out.write(text.replace(b'\n', b' ') + b'\n')
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
PY

start_alertmanager() {
  "$TOOLS/alertmanager" "--config.file=$WORK/alertmanager.yml" "--storage.path=$WORK/alertmanager" \
    "--web.listen-address=127.0.0.1:$ALERTMANAGER" --cluster.listen-address= >>"$WORK/alertmanager.log" 2>&1 </dev/null &
  MANAGER=$!
  on_exit end_process "$MANAGER"
  wait_for 30 "the Alertmanager serves" alerts
}

# An Alertmanager, whom it tells, and the service that tells it.
watched() {
  local ports
  mapfile -t ports < <("$TESTS/tools/free-ports" 3)
  ALERTMANAGER=${ports[0]} SERVICE=${ports[1]}
  touch "$WORK/heard"
  python3 -u "$WORK/people.py" "${ports[2]}" "$WORK/heard" >"$WORK/people" 2>&1 </dev/null &
  on_exit end_process $!
  cat >"$WORK/alertmanager.yml" <<YAML
route: { receiver: people, group_by: ["..."], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers: [{ name: people, webhook_configs: [{ url: "http://127.0.0.1:${ports[2]}/" }] }]
YAML
  start_alertmanager
  sed -i "s|^  backup {|  drift {\n    alertmanager = \"http://127.0.0.1:$ALERTMANAGER\"\n  }\n\n  backup {|" "$SPEC/cluster.hcl"
  "$QUORATE" "-chdir=$SPEC" drift -every=1s "-listen=127.0.0.1:$SERVICE" -var release=3.2.32 >"$WORK/log" 2>&1 </dev/null &
  on_exit end_process $!
  wait_for 30 "the first look" up_is 1
  no_alerts || fail "alerts where there is no drift: $(alerts)"
}

# The alert is the finding, as `drift -json` has it. It is told to people once, however many looks find it.
tells() {
  # Not the leader: an election would be a change of its own.
  run_expect 0 quorate status -json -var release=3.2.32
  FOLLOWER=$(json "$WORK/OUT" '[.status.members[] | select(.role == "follower")][0].name')
  end_by_hand "$FOLLOWER"
  wait_for 40 "the Alertmanager tells of the member that is down" alert_tells "$DOWN"
  drift 2 -json
  local of='select(.check == "member-running")' alert
  alert=$(alerts | jq "[.[] | select($DOWN)] | .[0]")
  assert_eq "$(jq -cS .labels <<<"$alert")" \
    "$(jq -cS ".drift.findings[] | $of | {alertname: \"QuorateDrift\", cluster: \"test\", check, severity, member}" "$WORK/OUT")" "labels"
  assert_eq "$(jq -cS '.annotations | del(.summary)' <<<"$alert")" \
    "$(jq -cS ".drift.findings[] | $of | {declared, found, todo}" "$WORK/OUT")" "annotations"
  assert_eq "$(jq -r .annotations.summary <<<"$alert")" "$FOLLOWER on local: member-running" "summary"
  SINCE=$(jq -r .startsAt <<<"$alert")
  wait_for 40 "people are told" people_hear firing "$DOWN"
  wait_for 40 "three looks more" looks_reach $(($(looks) + 3))
  assert_eq "$(people_heard firing "$DOWN")" 1 "times that people were told"
  served >"$WORK/served.prom"
  grep -q '^quorate_drift_finding{.*check="member-running"' "$WORK/served.prom" || fail "no finding: $(cat "$WORK/served.prom")"
  well_formed "$WORK/served.prom"
}

# It keeps alerts in memory only: what holds is there again after the next look, with its beginning.
tells_again() {
  kill "$MANAGER"
  wait "$MANAGER" || true
  wait_for 40 "a notice does not get through" grep -F "the Alertmanager was not told" "$WORK/log"
  start_alertmanager
  wait_for 60 "the alert is there again" alert_tells "$DOWN"
  assert_eq "$(alerts | jq -r "[.[] | select($DOWN)] | .[0].startsAt")" "$SINCE" "since when"
}

# Whoever cannot look says that, and ends nothing that was found before.
blind() {
  mv "$SPEC/cluster.hcl" "$WORK/aside"
  echo 'cluster "test" {' >"$SPEC/cluster.hcl"
  wait_for 40 "the Alertmanager tells that nobody can look" alert_tells "$BLIND"
  assert_eq "$(alerts | jq -c ".[] | select($BLIND) | .labels" | jq -cS .)" \
    '{"alertname":"QuorateLookFailed","cluster":"test","severity":"critical"}' "labels"
  alert_tells "$DOWN" >/dev/null || fail "the finding is gone: $(alerts)"
  served >"$WORK/blind.prom"
  well_formed "$WORK/blind.prom"
  mv "$WORK/aside" "$SPEC/cluster.hcl"
  wait_for 40 "people are told that looks can be taken again" people_hear resolved "$BLIND"
  alert_tells "$DOWN" >/dev/null || fail "the finding is gone: $(alerts)"
}

ends() {
  assert_eq "$(people_heard resolved "$DOWN")" 0 "times that people were told of an end"
  start_by_hand "$FOLLOWER"
  wait_for 60 "the Alertmanager has no alerts any more" no_alerts
  wait_for 40 "people are told of the end" people_hear resolved "$DOWN"
  assert_eq "$(jq -rs 'map(.alerts[].labels | [.alertname, .cluster] | join(" ")) | unique | join(", ")' "$WORK/heard")" \
    "QuorateDrift test, QuorateLookFailed test" "all that people were told of"
  ! grep -F "the Alertmanager was not told: it answers" "$WORK/log" || fail "the Alertmanager refused something"
}

rules
"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec prometheus 'verify = "hash"'
apply 3.2.32
say metrics
metrics
"$TOOLS/alertmanager" --version >"$WORK/why" 2>&1 || skip "all but the Alertmanager is checked: it does not start here: $(tail -n 1 "$WORK/why")"
for part in watched tells tells_again blind ends; do
  say "$part"
  "$part"
done
