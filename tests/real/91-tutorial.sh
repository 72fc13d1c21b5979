#!/usr/bin/env bash
# docs/tutorial/first-cluster.md as a person would go through it: its spec, and its
# commands one after the other. Releases come from a folder, ports are free ones.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

tutorial=$REPO/docs/tutorial/first-cluster.md
mkdir "$WORK/first" "$WORK/releases" "$WORK/bin"
"$TESTS/fixtures/release-dir" "$WORK/releases" 3.4.23 3.5.33

# blocks LANGUAGE: what stands in the blocks of code of this language.
blocks() { awk -v fence="\`\`\`$1" '$0 == fence { inside = 1; next } $0 == "```" { inside = 0 } inside' "$tutorial"; }

# The answer "yes" is given by an option here; everything else is typed as it stands there.
cat >"$WORK/bin/quorate" <<WRAPPER
#!/usr/bin/env bash
if [[ \$* == apply ]]; then exec "$QUORATE" apply -auto-approve; fi
exec "$QUORATE" "\$@"
WRAPPER
chmod +x "$WORK/bin/quorate"

mapfile -t ports < <("$TESTS/tools/free-ports" 6)
blocks hcl >"$WORK/first/cluster.hcl"
number=0
for port in 23791 23792 23793 23801 23802 23803; do
  grep -q ":$port\"" "$WORK/first/cluster.hcl" || fail "the tutorial has another port than $port"
  sed -i "s/:$port\"/:${ports[number]}\"/" "$WORK/first/cluster.hcl"
  number=$((number + 1))
done
sed -i "s|^  connection \"local\" {}|&\n\n  release {\n    url        = \"file://$WORK/releases/etcd-v\${version}-\${os}-\${arch}.tar.gz\"\n    sha256sums = \"file://$WORK/releases/SHA256SUMS\"\n  }|" \
  "$WORK/first/cluster.hcl"

end_members() {
  local member pid
  for member in "$WORK"/first/members/m*/; do
    pid=$(head -n 1 "$member/pid" 2>/dev/null) || continue
    if [[ $(readlink "/proc/$pid/exe") == "$WORK"/first/* ]]; then kill -9 "$pid"; fi
  done
}
on_exit end_members

blocks sh | sed "s/127.0.0.1:23791/127.0.0.1:${ports[0]}/" >"$WORK/typed"
[[ $(grep -c '^quorate' "$WORK/typed") -gt 15 ]] || fail "the commands of the tutorial are not found"
cd "$WORK/first"
PATH=$WORK/bin:$PATH run_expect 0 bash -eu "$WORK/typed"
said=$(tr -s ' \n' ' ' <<<"$OUT $ERR")
for text in "is created at 3.4.23" "No changes." "point of no return" "is at 3.5.33" "drift ends with 2" "member-running" \
  "Done in" "report.html"; do
  assert_contains "$said" "$text"
done
