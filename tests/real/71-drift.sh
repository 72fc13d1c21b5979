#!/usr/bin/env bash
# drift on real members: none where there is none; and each thing that somebody
# changed by hand is found, with what is declared and what is there. Reports for
# CI and for Prometheus. Nothing on the hosts is changed by a look.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

RELEASE=3.2.32
drift() { run_expect "$1" quorate drift -var "release=$RELEASE" "${@:2}"; }

hosts() { find "$SPEC/members" \( -name data -o -name log \) -prune -o -printf '%p %y %m %s %T@ %l\n' | sort; }

# found CHECK...: exactly these, each once, sorted. What was seen is in $WORK/OUT.
found() {
  drift 2 -json
  assert_eq "$(json "$WORK/OUT" '[.drift.findings[] | .check + (if .member then "=" + .member else "" end)] | sort | join(" ")')" "$*" "findings"
}
of() { json "$WORK/OUT" ".drift.findings[] | select(.check == \"$1\") | .$2" | sed -n 1p; }

none() {
  local before
  before=$(hosts)
  drift 0
  assert_contains "$(squeezed "$OUT")" "Cluster test: no drift. It is as declared, at 3.2.32."
  drift 0 -json
  assert_eq "$(json "$WORK/OUT" '[.type, .format, .count] | @csv')" '"drift",1,0' "drift -json"
  # All of them could be made: also the one that needs the release, which is in the cache.
  assert_eq "$(json "$WORK/OUT" '[.drift.checks[] | select(.outcome != "holds")] | length')" 0 "checks that do not hold"
  assert_at_most 60 "$(json "$WORK/OUT" '.drift.checks | length')" "checks"
  assert_eq "$(hosts)" "$before" "what lies on the hosts"
}

binaries() {
  cp -p "$SPEC/members/m2/etcd" "$WORK/right"
  cp "$("$TESTS/fixtures/get" 3.1.20)/etcd" "$WORK/other"
  mv "$WORK/other" "$SPEC/members/m2/etcd"
  found binary-on-disk=m2
  assert_contains "$(of binary-on-disk found)" "the file is 3.1.20, sha256"
  assert_contains "$(of binary-on-disk declared)" "is what the process runs (3.2.32, sha256"
  # Of the right version, and not what was released.
  cp "$WORK/right" "$SPEC/members/m2/etcd.new"
  printf x >>"$SPEC/members/m2/etcd.new"
  mv "$SPEC/members/m2/etcd.new" "$SPEC/members/m2/etcd"
  found binary-of-release=m2 binary-on-disk=m2
  assert_contains "$(of binary-of-release declared)" "etcd 3.2.32, sha256"
  mv "$WORK/right" "$SPEC/members/m2/etcd"
  drift 0
}

versions() {
  RELEASE=3.3.27
  found version-as-declared=m1 version-as-declared=m2 version-as-declared=m3
  assert_eq "$(of version-as-declared declared) $(of version-as-declared found)" "3.3.27 3.2.32" "side by side"
  drift 2
  assert_contains "$(squeezed "$OUT")" "declared 3.3.27 found 3.2.32"
  RELEASE=3.2.32
}

settings() {
  drift 2 -json -var 'settings={"snapshot-count":"5000"}'
  assert_eq "$(json "$WORK/OUT" '[.drift.findings[] | .check, .declared, .found] | unique | join(" | ")')" \
    'settings-as-declared | snapshot-count = "5000" | snapshot-count is not set' "settings"
  echo --snapshot-count=5000 >>"$SPEC/members/m1/args"
  found next-start=m1
  assert_contains "$(of next-start found)" "brings snapshot-count=5000"
  sed -i '$d' "$SPEC/members/m1/args"
  drift 0
}

member_added() { etcdctl3 member add m4 --peer-urls=http://127.0.0.1:1 >"$WORK/added"; }
members() {
  local id
  # etcd takes none before its members have been connected for 5 seconds.
  wait_for 60 "etcd takes a member" member_added
  id=$(sed -n 's/^Member *\([0-9a-f]*\) added.*/\1/p' "$WORK/added")
  found member-started
  assert_contains "$(of member-started found)" "$id"
  etcdctl3 member remove "$id" >/dev/null
  drift 0
  end_by_hand m3
  found member-running=m3
  assert_eq "$(of member-running severity)" critical "severity"
  reports
  start_by_hand m3
  wait_for 30 "m3 answers" answers m3
  wait_for 30 "no drift" quorate drift -var release=3.2.32
}

# While m3 is down.
reports() {
  drift 2 -markdown "-junit=$WORK/drift.xml" "-prometheus=$WORK/drift.prom"
  assert_contains "$OUT" "| critical | m3 on local | member-running |"
  python3 - "$WORK/drift.xml" <<'PY' || fail "the JUnit report"
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot()
cases = suite.findall('./testsuite/testcase')
failed = [(case.get('classname'), case.get('name')) for case in cases if case.find('failure') is not None]
assert failed == [('test.m3', 'member-running')], failed
assert int(suite.get('tests')) == len(cases) and suite.get('failures') == '1', suite.attrib
assert len(suite.findall('.//skipped')) == int(suite.get('skipped')) > 5, suite.attrib
PY
  assert_eq "$(stat -c %a "$WORK/drift.prom")" 644 "mode of the metrics"
  for line in 'quorate_drift_up{cluster="test"} 1' 'quorate_drift_findings{cluster="test",severity="critical"} 1' \
    'quorate_drift_finding{cluster="test",check="member-running",severity="critical",member="m3"} 1'; do
    grep -qxF "$line" "$WORK/drift.prom" || fail "no line $line in $(cat "$WORK/drift.prom")"
  done
}

backups_and_certificates() {
  sed -i 's/^  backup {/  drift {\n    backup = "1h"\n  }\n\n  backup {/' "$SPEC/cluster.hcl"
  found backup-recent
  assert_contains "$(of backup-recent found)" "no backup of this cluster"
  run_expect 0 quorate backup -var release=3.2.32
  drift 0
  local manifest
  manifest=$(echo "$SPEC"/.quorate/backups/*/manifest.json)
  jq '.taken_at = "2026-01-02T03:04:05Z"' "$manifest" >"$WORK/manifest"
  cat "$WORK/manifest" >"$manifest"
  (cd "${manifest%/*}" && sha256sum manifest.json >manifest.json.sha256)
  found backup-recent
  assert_contains "$(of backup-recent found)" "is of 2026-01-02T03:04:05Z"
  sed -i 's/    backup = "1h"/    backup = "soon"/' "$SPEC/cluster.hcl"
  run_expect 1 quorate drift -var release=3.2.32
  assert_contains "$(squeezed "$ERR")" "is not an age"
}

# A run that was held leaves the cluster between two versions.
held() {
  use_process_spec held 'hold_before = "no-return"' 'verify = "hash"'
  run_expect 0 quorate apply -auto-approve -var release=3.1.20
  run_expect 0 quorate apply -auto-approve -var release=3.2.32
  drift 2 -json
  assert_eq "$(json "$WORK/OUT" '[.drift.findings[].check] | unique | join(" ")')" "one-version run-finished version-as-declared" "findings of a held run"
  assert_contains "$(of run-finished found)" "was held before the point of no return"
  run_expect 0 quorate apply -auto-approve -var release=3.2.32
  drift 0
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec drift
apply 3.2.32
for part in none binaries versions settings members backups_and_certificates held; do
  say "$part"
  "$part"
done
