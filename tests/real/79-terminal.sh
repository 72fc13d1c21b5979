#!/usr/bin/env bash
# An apply in a real terminal (tmux): one live line a member, drawn over in place, gone at the end, and nothing of what was
# said is lost. Ctrl-C, as a key, leaves the terminal whole.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

command -v tmux >/dev/null || skip_for_now "needs tmux"

# Captures, of hundreds, that may find a drawing half done.
MOST_HALF=5

# A server of its own, with nobody's settings. -u: what is captured is UTF-8, whatever the locale.
export TMUX_TMPDIR=$WORK
unset TMUX
in_tmux() { tmux -u -L terminal -f /dev/null "$@"; }
on_exit tmux -L terminal kill-server

# open_pane COLUMNS ROWS: `quorate apply` to 3.2.32 in a pane of that size. Its process is $RUN; its exit status will be in
# $PANE/status, the raw bytes of the pane in $PANE/raw. Returns when its run has begun; the pane stays when it has ended.
open_pane() {
  local before
  before=$(journals)
  NAME=${SPEC##*/}
  PANE=$WORK/pane-$NAME
  mkdir "$PANE" "$PANE/seen"
  {
    printf '%s=%q\n' NAME "$NAME" PANE "$PANE" SPEC "$SPEC" QUORATE "$QUORATE"
    cat <<'END'
# As a person's shell does, it outlives Ctrl-C. What it finds afterwards is how the terminal was left.
trap : INT
stty -a >"$PANE/stty-before"
tmux wait-for "$NAME"
(
  echo "$BASHPID" >"$PANE/pid.new" && mv "$PANE/pid.new" "$PANE/pid"
  exec "$QUORATE" -chdir="$SPEC" apply -auto-approve -var release=3.2.32
)
echo $? >"$PANE/status.new"
stty -a >"$PANE/stty-after"
mv "$PANE/status.new" "$PANE/status"
exec cat
END
  } >"$PANE/script"
  in_tmux new-session -d -x "$1" -y "$2" -s "$NAME" "exec bash '$PANE/script'"
  in_tmux pipe-pane -t "$NAME" "cat >'$PANE/raw'"
  in_tmux wait-for -S "$NAME"
  wait_for 60 "the pane's command" test -s "$PANE/pid"
  RUN=$(<"$PANE/pid")
  look_on &
  LOOKER=$!
  on_exit end_process "$LOOKER"
  wait_for 90 "the run's journal" begun_or_ended "$before"
}

# Many times a second what stands in the pane, until its command has ended: in its first line columns and rows.
look_on() {
  local number=10000
  until [[ -e $PANE/status ]]; do
    in_tmux display-message -p -t "$NAME" "#{pane_width} #{pane_height}" \; capture-pane -p -t "$NAME" >"$PANE/seen/$number"
    number=$((number + 1))
    sleep 0.03
  done
}

# ended STATUS: the command in the pane ends so, and the terminal is as it was.
ended() {
  wait_for 120 "the end of apply in the pane" test -e "$PANE/status"
  wait "$LOOKER"
  in_tmux capture-pane -p -S - -t "$NAME" >"$PANE/all"
  assert_eq "$(<"$PANE/status")" "$1" "exit code; $(tail -n 30 "$PANE/all")"
  assert_eq "$(in_tmux display-message -p -t "$NAME" '#{cursor_flag} #{alternate_on} #{wrap_flag} #{insert_flag} #{origin_flag}')" "1 0 1 0 0" \
    "cursor shown, alternate screen, wrapping, inserting, origin"
  assert_eq "$(<"$PANE/stty-after")" "$(<"$PANE/stty-before")" "settings of the terminal"
  # The shell goes on at the left, below all that was said.
  assert_eq "$(in_tmux display-message -p -t "$NAME" '#{cursor_x}')" 0 "column of the cursor"
}

# How live rows begin: a spinner and the step, what the letters mean, a member's strip.
SPINNER='^[^ []( [[][0-9]+/[0-9]+[]] (m[0-9]+: )?)'
LEGEND='^ +[.] answered'
STRIP='^ +m[0-9]+ +[.oOx-]+( |$)'

nothing_live_is_left() {
  local left
  left=$(grep -nE "$SPINNER|not answered  - not|O 0\.5 s or|$STRIP" "$PANE/all" || true)
  assert_eq "$left" "" "live lines that are left"
}

# What is live stands at the bottom of each capture, in one piece: at most one line of what goes on in each place, what the
# letters mean, and one line of each member. $SHOWN: how many captures show the members. A capture may find the terminal in the
# middle of what it was sent; the one after it does not. Before all members were seen for the first time, some may be missing.
each_capture_is_whole() {
  local file bad half=0 last='' shown=0
  for file in "$PANE"/seen/*; do
    bad=$(awk -v shown="$shown" -v spinner="$SPINNER" -v legend="$LEGEND" -v strip="$STRIP" '
      NR == 1 { next }
      $0 ~ spinner { live = 1; match($0, spinner); place = substr($0, 2, RLENGTH); if (legends || seen[place]++) print "twice, or not above the members: " $0; next }
      $0 ~ legend { live = 1; if (legends++) print "twice: " $0; next }
      $0 ~ strip { live = 1; names = names " " $1; next }
      live && NF { print "below what is live: " $0 }
      END {
        if (shown && legends && names != " m1 m2 m3") print "members:" names
        if (!legends && names) print "members without what the letters mean:" names
      }' "$file")
    if grep -qE '^ +m3 +[.oOx-]+ ' "$file"; then shown=1; fi
    if [[ -z $bad ]]; then
      last=
      continue
    fi
    half=$((half + 1))
    [[ -z $last && $half -le $MOST_HALF ]] || fail "$last$bad; seen:"$'\n'"$(<"$file")"
    last="$bad; and then: "
  done
  SHOWN=$({ grep -lE "$LEGEND" "$PANE"/seen/* || true; } | wc -l)
}

# said_once PATTERN: a line that fits stands in the pane, or has scrolled out of it, exactly once.
said_once() { assert_eq "$(grep -cE -- "$1" "$PANE/all")" 1 "lines like '$1' in $PANE/all"; }

# Nothing that was said is drawn over: each step, and each thing that was done to a member, in the words of the journal.
all_that_was_said_stands() {
  local step member pid
  while read -r step; do
    said_once "^\\[$step/8\\] .*: ready(;|,|$)"
    said_once "^\\[$step/8\\] .*: done(,|$)"
  done < <(jq -r 'select(.entry == "step-done") | .step' "$(journal)")
  while read -r member pid; do
    said_once "^\\[[0-9]/8\\] $member: stopped in "
    said_once "^\\[[0-9]/8\\] $member: rollback point "
    said_once "^\\[[0-9]/8\\] $member: .*/$member/etcd is 3.2.32 now"
    said_once "^\\[[0-9]/8\\] $member: started, pid $pid "
  done < <(jq -r 'select(.entry == "outcome" and .effect.operation.type == "start" and .result.detail.pid) | "\(.effect.member) \(.result.detail.pid)"' "$(journal)")
}

# The summary is the last that is said, from its first line to its last.
the_summary_stands_below() {
  local summary
  summary=$(sed -n "/^$1/,\$p" "$PANE/all")
  assert_contains "$summary" "$1"
  local label
  for label in run 'done' clients backup rollback logs report; do
    grep -qE "^  $label +" <<<"$summary" || fail "no '$label' in the summary: $summary"
  done
  assert_eq "$(grep -cE '^(Done in|\[|run )' <<<"$summary")" "$2" "lines of the run in the summary"
}

# The screen is never cleared, nor left for another: each redraw goes up to the first live line and writes over it.
no_flicker() {
  local codes
  codes=$(grep -aoE $'\x1b(\\[[0-9;?]*[A-Za-z]|c)' "$PANE/raw" | tr -d '\033' | sort | uniq -c)
  if grep -E '\[[0-9]*[23]J|\[[0-9;]*H| c$|\[\?(1049|1047|47)h' <<<"$codes"; then fail "the screen is cleared: $codes"; fi
  [[ $(grep -aoE $'\x1b\\[[0-9]+A' "$PANE/raw" | wc -l) -ge 20 ]] || fail "hardly a redraw in place: $codes"
}

an_upgrade_is_watched() {
  open_pane 100 30
  ended 0
  nothing_live_is_left
  each_capture_is_whole
  [[ $SHOWN -ge 30 ]] || fail "only $SHOWN captures show the members"
  all_that_was_said_stands
  the_summary_stands_below "Done in " 1
  no_flicker
  echo "note: $SHOWN captures of $(find "$PANE/seen" -type f | wc -l) show the members"
  nothing_left 3.2.32
}

# While the first member is waited for: it is up, and its step is not done.
# faults: C2
ctrl_c_as_a_key() {
  open_pane 100 30
  journal_reaches "$RUN" 1 "$(entry_of outcome start)"
  in_tmux send-keys -t "$NAME" C-c
  ended 130
  said_once '^SIGINT: the operation in hand is brought to a safe end'
  no_flicker
  assert_eq "$(running | wc -l)" 3 "members that run"
  local member
  for member in m1 m2 m3; do wait_for 20 "$member serves" answers "$member"; done
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec watched 'verify = "hash"' 'soak = "2s"'
apply 3.1.20
say "an upgrade is watched"
an_upgrade_is_watched
use_process_spec interrupted 'verify = "hash"' 'soak = "2s"'
apply 3.1.20
say "Ctrl-C as a key"
ctrl_c_as_a_key
