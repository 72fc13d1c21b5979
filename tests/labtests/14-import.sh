#!/usr/bin/env bash
# import on real hosts, of clusters that somebody else installed: the spec that it writes
# is one of which a plan has nothing to do, from one host or all, under any unit, plain
# or TLS, as root or by sudo. Nothing on the hosts is changed.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

# imported NAME VERSION [IMPORT OPTION...] -- [OPTION...]: OPTIONs are of install-etcd.
imported() {
  local name=$1 version=$2 options=()
  shift 2
  while [[ $1 != -- ]]; do options+=("$1") && shift; done
  shift
  say "$name: $version, $*"
  lab_etcd "$version" "$@"
  mkdir "$WORK/$name"
  each_lab_host units before
  run_expect 0 "${IN_NET[@]}" "$QUORATE" "-chdir=$WORK/$name" import "-ssh-config=$LAB_DIR/ssh_config" "-name=$name" "${options[@]}"
  assert_contains "$(squeezed "$OUT")" "cluster $name, 3 members at $version: h1, h2 and h3."
  assert_contains "$(squeezed "$OUT")" "nothing to do"
  cat "$WORK/$name/cluster.hcl"
  run_expect 0 "${IN_NET[@]}" "$QUORATE" "-chdir=$WORK/$name" plan -detailed-exitcode
  assert_contains "$OUT" "No changes."
  run_expect 0 "${IN_NET[@]}" "$QUORATE" "-chdir=$WORK/$name" status
  assert_contains "$OUT" "$UNIT, active (running), enabled"
  run_expect 0 "${IN_NET[@]}" "$QUORATE" "-chdir=$WORK/$name" drift -json
  assert_eq "$(json "$WORK/OUT" '[.drift.checks[] | select(.outcome != "holds") | .check] | unique | join(" ")')" binary-of-release "checks that were not made"
  each_lab_host units after
  each_lab_host same_units
  drifts "$name"
  "$TESTS/lab/remove-etcd"
}

# Units, binaries and what lies beside them; not the data, which grows.
units() { on_host "$2" "find /etc/systemd /usr/local /opt /srv -xdev -path $(printf %q "$DATA") -prune -o -printf '%p %y %m %u:%g %s %T@\n' | sort" >"$WORK/$2.$1"; }
same_units() { diff "$WORK/$1.before" "$WORK/$1.after" || fail "$1 is not as it was"; }

# A unit that is disabled, and one that was changed and not read again.
drifts() {
  on_host h2 systemctl disable "$UNIT" >/dev/null 2>&1
  on_host h3 "f=\$(systemctl show -P FragmentPath $UNIT) && echo '# changed' >>\"\$f\""
  run_expect 2 "${IN_NET[@]}" "$QUORATE" "-chdir=$WORK/$1" drift -json
  assert_eq "$(json "$WORK/OUT" '[.drift.findings[] | .check + "=" + .member] | sort | join(" ")')" \
    "unit-enabled=h2 unit-reloaded=h3" "findings"
}

start_lab 3 --tls
imported one_host 3.2.32 10.77.0.11 -- --config flags
imported tls_sudo 3.5.33 -user=deploy -sudo h1=10.77.0.11 10.77.0.12 10.77.0.13 -- --config env --tls --user etcd --unit etcd-main.service --binary /opt/etcd/bin/etcd
imported file_tls 3.5.33 -user=root 10.77.0.11 -- --config file --tls --user etcd --data "/srv/etcd data"
