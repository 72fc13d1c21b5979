#!/usr/bin/env bash
# Networks and accounts that fail: hosts and ports that cannot be reached, a member
# cut off from its peers, a member that nobody can ask for its version, keys, shells
# and sudo that refuse, banners. Told apart, each with what to do; the client that
# writes all the way loses nothing, and apply finishes when it is over.
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"
# shellcheck source=tests/specs/faults.sh
. "$TESTS/specs/faults.sh"

is_healthy() { "${IN_NET[@]}" curl -fsS -m 2 "http://10.77.0.1${1#h}:2379/health" | grep true; }
all_healthy() { is_healthy h1 && is_healthy h2 && is_healthy h3; }
unit_started() { on_host "$1" systemctl show -p ActiveEnterTimestampMonotonic --value etcd.service; }
nothing_was_started() { assert_eq "$(each_lab_host unit_started)" "$started" "starts of etcd after $1"; }

# cut WHAT...: drops frames between hosts. Those to and from the controller are on another way.
cut() { "${IN_NET[@]}" nft "add rule bridge faults forward $* drop"; }
# cut_controller WHAT...: drops what the controller sends to hosts.
cut_controller() { "${IN_NET[@]}" nft "add rule inet faults output $* drop"; }
mend() { "${IN_NET[@]}" nft flush ruleset && make_rules; }
make_rules() {
  "${IN_NET[@]}" nft -f - <<'RULES'
add table bridge faults
add chain bridge faults forward { type filter hook forward priority 0; }
add table inet faults
add chain inet faults output { type filter hook output priority 0; }
RULES
}

# said_by_plan WORD...: plan is refused in bounded time, and says each.
said_by_plan() {
  local word
  run_expect 1 quorate plan -var release=3.2.32
  for word in "$@"; do assert_contains "$(squeezed "$OUT$ERR")" "$word"; done
}

# faults: N3 N5
unreachable() {
  # Its sshd answers, its etcd does not: a firewall of its own, on the way that quorate takes as well.
  on_host h2 'systemctl kill --signal=STOP etcd.service'
  said_by_plan member-answers "the process of h2 runs and etcd does not answer" "listen-client-urls"
  assert_not_contains "$OUT$ERR" host-reachable
  on_host h2 'systemctl kill --signal=CONT etcd.service'
  wait_for 30 "all are healthy" all_healthy
  # The reverse: its etcd answers the others, and nobody gets in by SSH.
  cut_controller ip daddr 10.77.0.12 tcp dport 22
  said_by_plan host-reachable "h2" "timed out" "see that the host is up"
  assert_not_contains "$OUT$ERR" member-answers
  is_healthy h2 >/dev/null || fail "h2 is not healthy"
  mend
  # Nothing listens: refused at once, and said so.
  on_host h2 'systemctl stop ssh.socket ssh.service' || true
  said_by_plan host-reachable "h2" "Connection refused"
  "$TESTS/lab/power" h2 cycle
  wait_for 60 "h2 is back" on_host h2 true
  wait_for 60 "all are healthy" all_healthy
}

# refused_account WORD LINE...: with these lines for the spec, the connection is refused for that reason.
refused_account() {
  local word=$1
  shift
  tried=$((${tried:-0} + 1))
  use_lab_spec "account$tried" adopt-all "$@"
  said_by_plan host-reachable "$word"
}

# faults: N8
accounts() {
  local jump=$WORK/jump_config
  refused_account "sudo wants a password" 'user = "asksudo"' 'become = "sudo"'
  # sudo asks for a password before it says that one who is in no list may not.
  refused_account "sudo wants a password" 'user = "nosudo"' 'become = "sudo"'
  refused_account "the host accepts none of our keys for this user" 'user = "nobody"'
  on_host h2 'usermod -s /usr/sbin/nologin nosudo'
  refused_account "the account's login shell ended" 'user = "nosudo"'
  on_host h2 'mv /usr/bin/sudo /usr/bin/sudo.kept'
  refused_account "there is no sudo on the host" 'user = "deploy"' 'become = "sudo"'
  on_host h2 'mv /usr/bin/sudo.kept /usr/bin/sudo'
  cp "$LAB_DIR/known_hosts" "$WORK/known_hosts"
  sed -i '/h2 /s/AAAA[^ ]*/AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/' "$LAB_DIR/known_hosts"
  refused_account "the host key has changed" 'user = "root"'
  sed -i '/h2 /d' "$LAB_DIR/known_hosts"
  refused_account "the host key is unknown" 'user = "root"'
  cp "$WORK/known_hosts" "$LAB_DIR/known_hosts"
  # One session a connection, another port, and a way through h1: all the same to quorate.
  on_host h2 'printf "MaxSessions 1\nPort 22\nPort 2222\n" >/etc/ssh/sshd_config.d/faults.conf && systemctl restart ssh'
  {
    printf 'Host 10.77.0.12\n  Port 2222\n  HostKeyAlias 10.77.0.12\n  ProxyCommand ssh -F "%s" -W %%h:%%p 10.77.0.11\n' "$LAB_DIR/ssh_config"
    cat "$LAB_DIR/ssh_config"
  } >"$jump"
  cut_controller ip daddr 10.77.0.12
  use_lab_spec through adopt
  ln -sf "$jump" "$SPEC/ssh_config"
  run_expect 2 quorate plan -detailed-exitcode -var release=3.2.32
  mend
}

# faults: N9
noise() {
  on_host "$1" 'echo "Banner /etc/motd.noise" >>/etc/ssh/sshd_config.d/faults.conf
    printf "WARNING: authorized use only\n{\"format\": 1}\n" >/etc/motd.noise
    printf "echo hello from bashrc; echo and its errors >&2; export LC_ALL=de_DE.UTF-8 LANG=tr_TR.UTF-8\n" |
      tee /root/.bashrc /home/deploy/.bashrc >/dev/null
    chsh -s /bin/bash root; systemctl restart ssh'
}
is_noisy() { assert_contains "$("$TESTS/lab/exec" "$1" true 2>/dev/null)" "hello from bashrc"; }
# What this test itself asks hosts is asked without the noise.
on_host() { "$TESTS/lab/exec" "$@" 2>/dev/null | sed '/^hello from bashrc$/d'; }

# faults: N6
cut_off_from_peers() {
  # While the plan is made.
  cut ip saddr 10.77.0.13
  cut ip daddr 10.77.0.13
  wait_for 30 "h3 has no leader" no_leader h3
  said_by_plan "h3"
  grep -qE "one-leader|members-healthy|member-answers" <<<"$OUT$ERR" || fail "no rule of health: $OUT$ERR"
  nothing_was_started "h3 was cut off"
  mend
  wait_for 60 "all are healthy" all_healthy
  # While binaries are laid ready: the gate before the first stop sees it. One way only: h3 dials the others, none of them gets to it.
  begin 3.2.32
  hold_at intent prepare
  cut ip daddr 10.77.0.13 tcp dport 2380
  cut ip saddr 10.77.0.13 tcp sport 2379
  cut ip daddr 10.77.0.13 tcp sport 2380
  wait_for 60 "h3 has no leader" no_leader h3
  resume
  ended 1 "h3"
  assert_eq "$(stopped_members)" "" "members stopped while h3 was cut off"
  nothing_was_started "h3 was cut off during a run"
  mend
  wait_for 60 "all are healthy" all_healthy
}
no_leader() { on_host "$1" "curl -sS -m 2 http://127.0.0.1:2379/metrics" | grep -E '^etcd_server_has_leader 0'; }

# faults: E14
version_that_does_not_move() {
  local last address
  begin 3.2.32
  hold_at outcome stop 3
  last=$(in_hand)
  address=10.77.0.1${last#h}
  # Who leads by then asks it for its version on its peer URL, in a connection of its own. Raft goes on over those that it
  # makes itself.
  cut ip daddr "$address" tcp dport 2380 'tcp flags & (syn | ack) == syn'
  resume
  ended 1 "not yet at 3.2" "$last does not answer" "on its peer URL (http://$address:2380)"
  assert_eq "$(put_back_members)" "" "members put back"
  mend
  # Once it is asked again, it moves by itself; until then there is something to wait for.
  run_expect 0 quorate apply -auto-approve -var release=3.2.32
  nothing_left 3.2.32
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
start_lab 3
lab_etcd 3.1.20 --config flags
make_rules
started=$(each_lab_host unit_started)
# shellcheck disable=SC2153 # from etcd.env
start_writer network "$ENDPOINTS" "${WRITER_TLS[@]}"
say "accounts"
accounts
nothing_was_started accounts
say "banners, rc files, locales, from here on"
each_lab_host noise
each_lab_host is_noisy
use_lab_spec network adopt
sed -i 's/    soak = "1s"/    soak = "1s"\n    gate_timeout = "8s"\n    version_timeout = "15s"/; s/rollout { soak = "1s" }/rollout {\n  soak = "1s"\n  gate_timeout = "8s"\n  version_timeout = "15s"\n}/' "$SPEC"/*.hcl
say "a member cut off from its peers"
cut_off_from_peers
say "hosts and ports that cannot be reached"
unreachable
say "a cluster version that does not move"
version_that_does_not_move
stop_writer network
