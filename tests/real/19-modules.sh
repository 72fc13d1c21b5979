#!/usr/bin/env bash
# A folder of the user's own: its template makes the unit of a new member, in the
# plan and in what is saved of it. (Knowledge of the user's own: tests/cli.rs.)
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# Creation is refused beside an etcd that runs, such as one of another test: here only
# our own processes are seen.
ALONE=(unshare -rpf --mount-proc)
"${ALONE[@]}" true 2>/dev/null || skip "needs namespaces of its own (unshare -rpf --mount-proc)"

"$TESTS/fixtures/release-dir" "$WORK/releases" 3.2.32
mkdir -p "$WORK/spec/own/runtime/systemd"
cat >"$WORK/spec/main.hcl" <<HCL
quorate {
  modules = "own"
}
cluster "made" {
  version = "3.2.32"
  connection "local" {}
  runtime "systemd" {
    unit    = "quorate-test-none.service"
    adopt   = false
    bin_dir = "$WORK/bin"
  }
  release {
    url        = "file://$WORK/releases/etcd-v\${version}-linux-\${arch}.tar.gz"
    sha256sums = "file://$WORK/releases/SHA256SUMS"
  }
  member "m1" {
    address  = "127.0.0.1"
    data_dir = "$WORK/data"
  }
}
HCL
template=$WORK/spec/own/runtime/systemd/etcd.service.j2
printf '# Ours.\n[Service]\nUser={{ user }}\nExecStart={{ program | systemd_word }}\n' >"$template"

find_unit() { jq -r '.plan.rungs[].steps[].action | select(.type == "create-member") | .unit_file' "$WORK/OUT"; }
run_expect 2 "${ALONE[@]}" "$QUORATE" -chdir="$WORK/spec" plan -detailed-exitcode -json "-out=$WORK/saved"
assert_eq "$(find_unit)" "$(printf '# Ours.\n[Service]\nUser=etcd\nExecStart="%s/bin/etcd"\n' "$WORK")" "the unit in the plan"
# What was planned is in the plan: also where the folder is another one by then.
echo nonsense >"$template"
run_expect 0 "$QUORATE" show -json "$WORK/saved"
assert_eq "$(find_unit | sed -n 1p)" "# Ours." "the unit in the saved plan"
assert_eq "$(jq -r .plan.modules_dir "$WORK/OUT")" "$WORK/spec/own" "the folder in the saved plan"

# A mistake in it is named, with its line.
printf '[Service]\nExecStart={{ programm }}\n' >"$template"
run_expect 1 "${ALONE[@]}" "$QUORATE" -chdir="$WORK/spec" plan
# Where the lines are broken depends on how long the path is.
assert_contains "$(tr -s ' \n' ' ' <<<"$OUT$ERR")" "etcd.service.j2: line 2: undefined value"
