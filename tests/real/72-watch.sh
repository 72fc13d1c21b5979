#!/usr/bin/env bash
# drift as a service: looks on its schedule, serves metrics, health and a page, tells
# a webhook and an Alertmanager of what changed and of nothing else, goes on when the
# spec is broken for a while, and ends cleanly. Prometheus' own tools: 74-prometheus.sh.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# Keeps each request as a line of JSON: path, body. As strict as Alertmanager's API:
# what it would refuse is answered with 400.
cat >"$WORK/receiver.py" <<'PY'
import datetime, http.server, json, re, sys

def checked(path, body):
    if path == '/am/api/v2/alerts':
        assert isinstance(body, list) and body
        for alert in body:
            assert set(alert) <= {'labels', 'annotations', 'startsAt', 'endsAt', 'generatorURL'}, alert
            assert alert['labels'] and 'alertname' in alert['labels']
            for name, value in alert['labels'].items():
                assert re.fullmatch('[a-zA-Z_][a-zA-Z0-9_]*', name) and isinstance(value, str) and value, alert
            assert all(isinstance(value, str) for value in alert['annotations'].values())
            times = [datetime.datetime.fromisoformat(alert[name].replace('Z', '+00:00')[:26].rstrip('0').rstrip('.').split('+')[0]) for name in ('startsAt', 'endsAt')]
            assert times[0] <= times[1], alert
    else:
        assert path == '/hook?token=s3cret' and body['type'] == 'drift-change' and body['format'] == 1, (path, body)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        text = self.rfile.read(int(self.headers['content-length']))
        try:
            assert self.headers['content-type'] == 'application/json'
            body = json.loads(text)
            checked(self.path, body)
        except Exception as error:
            print('refused:', repr(error), file=sys.stderr)
            self.send_response(400)
            self.end_headers()
            return
        with open(sys.argv[2], 'a') as out:
            out.write(json.dumps({'path': self.path, 'body': body}) + '\n')
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
PY

get() { curl -sS -m 5 "http://127.0.0.1:$PORT$1"; }
metric() { get /metrics | sed -n "s/^$1 //p"; }
hooks() { { grep -F '"/hook' "$WORK/told" || true; } | wc -l; }
looks() { metric quorate_drift_looks_total; }
metric_is() { [[ $(metric "$1") == "$2" ]]; }
looks_after() { (($(looks) > $1)); }
# hooks_tell FILTER: how many notices of the webhook it holds for. A member that ends or starts may be
# seen half way: there may be a notice more, of that.
hooks_tell() { jq -s "map(select(.path | startswith(\"/hook\")) | .body | select($1)) | length" "$WORK/told"; }
hook_tells() { [[ $(hooks_tell "$1") == 1 ]]; }

watched() {
  mapfile -t ports < <("$TESTS/tools/free-ports" 2)
  PORT=${ports[0]}
  touch "$WORK/told"
  python3 -u "$WORK/receiver.py" "${ports[1]}" "$WORK/told" >/dev/null 2>"$WORK/receiver" </dev/null &
  on_exit end_process $!
  sed -i "s|^  backup {|  drift {\n    webhook = \"http://127.0.0.1:${ports[1]}/hook?token=s3cret\"\n    alertmanager = \"http://127.0.0.1:${ports[1]}/am/\"\n  }\n\n  backup {|" "$SPEC/cluster.hcl"
  "$QUORATE" "-chdir=$SPEC" drift -every=1s "-listen=127.0.0.1:$PORT" -var release=3.2.32 "-prometheus=$WORK/drift.prom" >"$WORK/log" 2>&1 </dev/null &
  WATCH=$!
  on_exit end_process "$WATCH"
  wait_for 20 "the first look" metric_is 'quorate_drift_up{cluster="test"}' 1
}

serves() {
  assert_eq "$(get /healthz)" ok "health"
  assert_contains "$(get /)" "Cluster test: no drift."
  assert_eq "$(metric 'quorate_drift_findings{cluster="test",severity="critical"}')" 0 "findings"
  assert_eq "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT/etc/passwd")" 404 "another path"
  assert_eq "$(curl -s -o /dev/null -w '%{http_code}' -X POST "http://127.0.0.1:$PORT/")" 405 "another method"
  # Who sends nothing keeps nobody else from being served.
  local i
  for i in 1 2 3 4 5 6; do
    (exec 3<>"/dev/tcp/127.0.0.1/$PORT" && exec sleep 20) >/dev/null 2>&1 &
    on_exit end_process $!
  done
  assert_eq "$(get /healthz)" ok "health beside silent connections"
  assert_eq "$(hooks)" 0 "notices while nothing changed"
}

tells() {
  # Not the leader: an election would be a change of its own.
  run_expect 0 quorate status -json -var release=3.2.32
  FOLLOWER=$(json "$WORK/OUT" '[.status.members[] | select(.role == "follower")][0].name')
  end_by_hand "$FOLLOWER"
  wait_for 20 "the member that is down is seen" metric_is 'quorate_drift_finding{cluster="test",check="member-running",severity="critical",member="'"$FOLLOWER"'"}' 1
  local down="any(.check == \"member-running\" and .member == \"$FOLLOWER\")" now told
  wait_for 40 "the webhook is told" hook_tells ".appeared | $down"
  assert_contains "$(get /)" "<td>member-running</td>"
  now=$(looks)
  wait_for 20 "a look more" looks_after "$now"
  now=$(looks) told=$(hooks)
  wait_for 20 "two more looks" looks_after $((now + 1))
  assert_eq "$(hooks)" "$told" "notices while nothing changed again"
  start_by_hand "$FOLLOWER"
  wait_for 30 "it is seen that it is back" metric_is 'quorate_drift_findings{cluster="test",severity="critical"}' 0
  wait_for 40 "the webhook is told of it" hook_tells ".gone | $down"
  wait_for 40 "the Alertmanager is told of the end" over
  assert_eq "$(jq -r 'select(.path | startswith("/am")) | .body[].labels.alertname' "$WORK/told" | sort -u)" QuorateDrift "alerts"
}
over() { jq -es --arg now "$(date -u -d '+5 sec' +%FT%T)" 'map(select(.path | startswith("/am"))) | last | .body[0].endsAt < $now' "$WORK/told"; }

# Looks that fail are told of once; the service goes on, and so does what it serves.
goes_on() {
  mv "$SPEC/cluster.hcl" "$WORK/aside"
  echo 'cluster "test" {' >"$SPEC/cluster.hcl"
  wait_for 20 "a look fails" metric_is 'quorate_drift_up{cluster="test"}' 0
  wait_for 20 "the file of metrics says so" grep -qxF 'quorate_drift_up{cluster="test"} 0' "$WORK/drift.prom"
  assert_eq "$(get /healthz)" ok "health of the service"
  assert_contains "$(get /)" "cannot be looked at"
  wait_for 40 "the webhook is told" hook_tells '.sight == "lost"'
  mv "$WORK/aside" "$SPEC/cluster.hcl"
  wait_for 20 "looks succeed again" metric_is 'quorate_drift_up{cluster="test"}' 1
  wait_for 40 "the webhook is told again" hook_tells '.sight == "back"'
}

# What lies in examples/drift: units that systemd takes, rules and a dashboard that ask for metrics that there are.
examples() {
  local dir=$REPO/examples/drift file name
  mkdir "$WORK/units"
  for file in "$dir"/*.service "$dir"/*.timer; do
    sed "s|/usr/local/bin/quorate|$QUORATE|" "$file" >"$WORK/units/${file##*/}"
  done
  if command -v systemd-analyze >/dev/null; then
    systemd-analyze verify "$WORK"/units/* >"$WORK/verified" 2>&1 || fail "units: $(cat "$WORK/verified")"
    [[ ! -s $WORK/verified ]] || fail "units: $(cat "$WORK/verified")"
    # It does see what is wrong.
    sed 's/^ExecStart=/ExecStrat=/' "$WORK/units/quorate-watch.service" >"$WORK/quorate-broken.service"
    systemd-analyze verify "$WORK/quorate-broken.service" >"$WORK/verified" 2>&1 || true
    assert_contains "$(cat "$WORK/verified")" ExecStrat
  fi
  jq -e '.panels | length > 5 and all(.targets | length > 0)' "$dir/dashboard.json" >/dev/null || fail "the dashboard"
  local names
  mapfile -t names < <(grep -ohE 'quorate_[a-z_]+' "$dir/alerts.yaml" "$dir/dashboard.json" | sort -u)
  [[ ${#names[@]} -gt 5 ]] || fail "metrics of the examples: ${names[*]}"
  for name in "${names[@]}"; do
    grep -qF "| \`$name\` |" "$REPO/docs/reference/commands.md" || fail "no metric $name is documented"
    [[ $name == quorate_certificate_* ]] || get /metrics | grep -qE "^# TYPE $name gauge" || fail "no metric $name"
  done
}

ends() {
  local status=0 rss
  rss=$(awk '/VmRSS/ { print $2 }' "/proc/$WATCH/status")
  echo "note: the service has $((rss / 1024)) MB after $(looks) looks"
  assert_at_most "$rss" 300000 "KB of the service"
  kill -TERM "$WATCH"
  wait "$WATCH" || status=$?
  assert_eq "$status" 0 "exit code after SIGTERM"
  ! get /healthz 2>/dev/null || fail "it still serves"
  assert_contains "$(squeezed "$(cat "$WORK/log")")" "$FOLLOWER on local: member-running"
  [[ ! -s $WORK/receiver ]] || fail "refused: $(cat "$WORK/receiver")"
  jq -c 'select(.path | startswith("/hook")) | .body' "$WORK/told" >"$WORK/hooks"
  as_schemas_say "$WORK/hooks"
  assert_not_contains "$(cat "$WORK/log")$(find "$SPEC/.quorate" -type f -name '*.json*' -exec cat {} +)" s3cret
  run_expect 1 quorate drift -listen=127.0.0.1:1 -var release=3.2.32
  run_expect 1 quorate drift -every=1ms -var release=3.2.32
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec watch 'verify = "hash"'
apply 3.2.32
for part in watched serves tells goes_on examples ends; do
  say "$part"
  "$part"
done
command -v systemd-analyze >/dev/null || {
  why="all but the units of examples/drift is checked: no systemd-analyze here (apt-get install systemd)"
  if command -v apt-get >/dev/null; then skip_for_now "$why"; else skip "$why"; fi
}
