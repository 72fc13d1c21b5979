#!/usr/bin/env bash
# import writes the first spec of a cluster that is there, and a plan of it has nothing
# to do: plain processes here; systemd units by ssh
# in tests/labtests/14-import.sh. It writes over nothing, and says why there is none.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

import() { (cd "$WORK/new" && "$QUORATE" import "$@"); }
hosts() { find "$SPEC/members" \( -name data -o -name log \) -prune -o -printf '%p %y %m %s %T@ %l\n' | sort; }

imported() {
  local before
  before=$(hosts)
  mkdir "$WORK/new"
  run_expect 0 import "-process=$SPEC/members" -name=prod
  assert_contains "$(squeezed "$OUT")" "Wrote cluster.hcl: cluster prod, 3 members at 3.2.32: m1, m2 and m3."
  assert_contains "$OUT" "there is nothing to do"
  assert_eq "$(hosts)" "$before" "what lies on the hosts"
  cat "$WORK/new/cluster.hcl"
  run_expect 0 "$QUORATE" "-chdir=$WORK/new" validate
  run_expect 0 "$QUORATE" "-chdir=$WORK/new" fmt -check
  run_expect 0 "$QUORATE" "-chdir=$WORK/new" plan -detailed-exitcode
  assert_contains "$OUT" "No changes. Cluster prod is as declared: 3 members at 3.2.32."
  run_expect 0 "$QUORATE" "-chdir=$WORK/new" drift
  run_expect 0 "$QUORATE" "-chdir=$WORK/new" status -json
  assert_eq "$(json "$WORK/OUT" '[.status.members[].name] | join(" ")')" "m1 m2 m3" members
  # What all members are started with is declared, and held against what they run with.
  echo --snapshot-count=5000 | tee -a "$SPEC"/members/m?/args >/dev/null
  for member in m1 m2 m3; do
    end_by_hand "$member"
    start_by_hand "$member"
    wait_for 30 "$member answers" answers "$member"
  done
  run_expect 0 import "-process=$SPEC/members" -out=second.hcl -json
  assert_eq "$(json "$WORK/OUT" '[.type, .format, .version, (.problems | length)] | @csv')" '"import",1,"3.2.32",0' "import -json"
  grep -qE '^    snapshot-count += "5000"$' "$WORK/new/second.hcl" || fail "settings: $(cat "$WORK/new/second.hcl")"
}

refuses() {
  cp "$WORK/new/cluster.hcl" "$WORK/whole"
  run_expect 1 import "-process=$SPEC/members"
  assert_contains "$(squeezed "$ERR")" "nothing is ever written over"
  cmp "$WORK/new/cluster.hcl" "$WORK/whole"
  run_expect 1 import "-process=$WORK/new" -out=third.hcl
  assert_contains "$(squeezed "$ERR")" "no folder of a member is in it"
  run_expect 1 import -out=third.hcl
  assert_contains "$(squeezed "$ERR")" "no host is named"
  run_expect 1 import -out=third.hcl -- -oProxyCommand=x
  run_expect 1 import -out=third.hcl "x y"
  run_expect 1 import -out=third.hcl 127.0.0.1:1
  assert_contains "$(squeezed "$ERR")" "no spec can be made"
  end_by_hand m2
  run_expect 1 import "-process=$SPEC/members" -out=third.hcl
  assert_contains "$(squeezed "$ERR")" "m2:"
  assert_no_file "$WORK/new/third.hcl"
  start_by_hand m2
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec import
apply 3.2.32
for part in imported refuses; do
  say "$part"
  "$part"
done
