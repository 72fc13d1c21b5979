#!/usr/bin/env bash
# An apply in a real terminal (tmux): one live line a member, drawn over in place, whatever becomes of the size of the window;
# gone at the end, with all that was said above, each line whole and once. Keys of a person leave the terminal whole.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

command -v tmux >/dev/null || skip_for_now "needs tmux"

# Within this a terminal whose size changed is drawn anew.
REDRAWN_WITHIN_MS=1000
# Captures in each size, with the members on them.
LEAST_CAPTURES=12
# Captures, of hundreds, that may find a drawing half done.
MOST_HALF=3

# A server of its own, with nobody's settings. -u: what is captured is UTF-8, whatever the locale.
export TMUX_TMPDIR=$WORK
unset TMUX
in_tmux() { tmux -u -L terminal -f /dev/null "$@"; }
on_exit tmux -L terminal kill-server

# open_pane NAME COLUMNS ROWS: `quorate apply` to 3.2.32 in a pane of that size. Its process is $RUN; its exit status will be in
# $PANE/status, the raw bytes of the pane in $PANE/raw. Returns when its run has begun; the pane stays when it has ended.
open_pane() {
  local before
  before=$(journals)
  NAME=$1
  PANE=$WORK/pane-$NAME
  mkdir "$PANE" "$PANE/seen"
  {
    printf '%s=%q\n' NAME "$NAME" PANE "$PANE" SPEC "$SPEC" QUORATE "$QUORATE"
    cat <<'END'
# As a person's shell does, it outlives Ctrl-C. What it finds afterwards is how the terminal was left.
trap : INT
stty -g >"$PANE/stty-before"
tmux wait-for "$NAME"
(
  echo "$BASHPID" >"$PANE/pid.new" && mv "$PANE/pid.new" "$PANE/pid"
  exec "$QUORATE" -chdir="$SPEC" apply -auto-approve -var release=3.2.32
)
echo $? >"$PANE/status.new"
stty -g >"$PANE/stty-after"
mv "$PANE/status.new" "$PANE/status"
exec cat
END
  } >"$PANE/script"
  in_tmux new-session -d -x "$2" -y "$3" -s "$NAME" "exec bash '$PANE/script'"
  in_tmux set-option -t "$NAME" history-limit 10000
  in_tmux pipe-pane -t "$NAME" "cat >'$PANE/raw'"
  in_tmux wait-for -S "$NAME"
  wait_for 60 "the pane's command" test -s "$PANE/pid"
  RUN=$(<"$PANE/pid")
  look_on &
  LOOKER=$!
  on_exit end_process "$LOOKER"
  wait_for 90 "the run's journal" begun_or_ended "$before"
}

# Many times a second what stands in the pane, until its command has ended: in its first line the size and the time.
look_on() {
  local number=10000
  until [[ -e $PANE/status ]]; do
    in_tmux display-message -p -t "$NAME" "#{pane_width}x#{pane_height} ${EPOCHREALTIME/[.,]/}" \; capture-pane -p -t "$NAME" \
      >"$PANE/seen/$number"
    number=$((number + 1))
    sleep 0.03
  done
}

# resize COLUMNS ROWS: returns when it has been looked at for a while.
resize() {
  in_tmux resize-window -t "$NAME" -x "$1" -y "$2"
  wait_for 60 "captures of $1x$2" looked_at "$1x$2"
}
looked_at() { [[ -e $PANE/status || $(grep -lE "^$1 " "$PANE"/seen/* | xargs grep -lE "$LEGEND" | wc -l) -ge $((3 * LEAST_CAPTURES)) ]]; }

# ended STATUS: the command in the pane ends so, and the terminal is as it was.
ended() {
  wait_for 120 "the end of apply in the pane" test -e "$PANE/status"
  wait "$LOOKER"
  # Lines that the terminal broke are put together again: each is one that was written.
  in_tmux capture-pane -p -J -S - -t "$NAME" >"$PANE/all"
  assert_eq "$(<"$PANE/status")" "$1" "exit code; $(tail -n 30 "$PANE/all")"
  assert_eq "$(in_tmux display-message -p -t "$NAME" '#{cursor_flag} #{alternate_on} #{wrap_flag} #{insert_flag} #{origin_flag}')" "1 0 1 0 0" \
    "cursor shown, alternate screen, wrapping, inserting, origin"
  assert_eq "$(<"$PANE/stty-after")" "$(<"$PANE/stty-before")" "settings of the terminal"
  # The shell goes on at the left, below all that was said.
  assert_eq "$(in_tmux display-message -p -t "$NAME" '#{cursor_x}')" 0 "column of the cursor"
  assert_eq "$(in_tmux capture-pane -p -t "$NAME" | sed -n "$(($(in_tmux display-message -p -t "$NAME" '#{cursor_y}') + 1)),\$p")" "" \
    "below the cursor"
  nothing_live_is_left
}

# How live rows begin: a spinner and the step, what the letters mean, a member's strip.
SPINNER='^[^ []( [[][0-9]+/[0-9]+[]] (m[0-9]+: )?)'
LEGEND='^ +[.] answered'
STRIP='^ +m[0-9]+ +[.oOx-]+( |$)'

# Not even a part of it, wherever it stands.
nothing_live_is_left() {
  local left
  left=$(grep -nE "$SPINNER|[.] answered  o|not answered  - not|O 0\.5 s or|$STRIP|[-.oOx]{4,} [0-9.]+ m?s *$" "$PANE/all" || true)
  assert_eq "$left" "" "live lines that are left"
}

# What is live stands at the bottom of each capture, in one piece: one line for each place where something goes on, what the
# letters mean, and one line of each member; none of them broken. After a change of the size that holds as soon as it is drawn anew.
# A capture may find the terminal in the middle of what it was sent; the one after it does not.
# seen_whole [SIZE...]: and there are captures with the members in each of these sizes.
seen_whole() {
  local file size at before='' changed=0 torn=0 half=0 last='' bad
  for file in "$PANE"/seen/*; do
    read -r size at <"$file"
    if [[ $size != "$before" ]]; then changed=$at before=$size; fi
    bad=$(torn "$file")
    if [[ -z $bad ]]; then
      last=
    elif [[ $size != "${1-}" && $((at - changed)) -lt $((REDRAWN_WITHIN_MS * 1000)) ]]; then
      torn=$((torn + 1))
    else
      half=$((half + 1))
      [[ -z $last && $half -le $MOST_HALF ]] || fail "$last$bad; $(((at - changed) / 1000)) ms after the change to $size:"$'\n'"$(<"$file")"
      last="$bad; and then: "
    fi
  done
  local seen=()
  for size in "$@"; do
    seen+=("$size $({ grep -lE "^$size " "$PANE"/seen/* || true; } | xargs -r grep -lE "$LEGEND" | wc -l)")
    [[ ${seen[-1]#* } -ge $LEAST_CAPTURES ]] || fail "captures with the members: ${seen[*]}"
  done
  [[ $# == 0 ]] || echo "note: captures with the members: ${seen[*]}; not drawn anew yet: $torn, half drawn: $half"
}

# torn FILE: what is not as it has to be in a capture.
torn() {
  awk -v spinner="$SPINNER" -v legend="$LEGEND" -v strip="$STRIP" '
    NR == 1 { next }
    $0 ~ spinner {
      live = 1
      match($0, spinner)
      if (legends || names || seen[substr($0, 2, RLENGTH)]++) print "twice, or not above the members: " $0
      next
    }
    $0 ~ legend { live = 1; if (legends++ || names) print "twice, or not above the members: " $0; next }
    $0 ~ strip { live = 1; names = names " " $1; next }
    live && NF { print "below what is live: " $0 }
    END { if (names != (legends ? " m1 m2 m3" : "")) print "members:" names }' "$1"
}

# said_once PATTERN: exactly one line is like this, from its beginning to its end.
said_once() { assert_eq "$(grep -cE -- "^$1 *\$" "$PANE/all")" 1 "lines like '$1' in $(sed -n '/^run /,$p' "$PANE/all")"; }

# Nothing that was said is drawn over, cut or joined: each step, and each thing that was done to a member, by the journal.
all_that_was_said_stands() {
  local step member pid took='\([0-9.]+ m?s\)'
  while read -r step; do
    said_once "\\[$step/8\\] [^:]*: ready(, after a wait of [0-9.]+ m?s)?(; m[0-9] leads)?"
    said_once "\\[$step/8\\] [^:]*: done(, after a wait of [0-9.]+ m?s)?"
  done < <(jq -r 'select(.entry == "step-done") | .step' "$(journal)")
  while read -r member pid; do
    said_once "\\[[0-9]/8\\] $member: stopped in [0-9.]+ m?s $took"
    said_once "\\[[0-9]/8\\] $member: rollback point $SPEC/members/$member/data.quorate-[^ ]*: [0-9]+ [KM]B, raft index [0-9,]+ $took"
    said_once "\\[[0-9]/8\\] $member: $SPEC/members/$member/etcd is 3.2.32 now $took"
    said_once "\\[[0-9]/8\\] $member: started, pid $pid $took"
  done < <(jq -r 'select(.entry == "outcome" and .effect.operation.type == "start" and .result.result == "done") |
    "\(.effect.member) \(.result.detail.pid)"' "$(journal)")
}

# the_summary_stands_below COLUMNS: it is the last that is said, whole, and laid out for so many columns.
the_summary_stands_below() {
  local summary label
  summary=$(sed -n '/^Done in /,$p' "$PANE/all")
  for label in run 'done' clients backup rollback logs report; do
    grep -qE "^  $label +" <<<"$summary" || fail "no '$label' in the summary: $summary"
  done
  said_once '  run +[0-9T]+Z-[0-9a-f]+'
  if grep -qE '^(\[|run )' <<<"$summary"; then fail "more is said after the summary: $summary"; fi
  # What has no paths in it.
  local line
  while read -r line; do
    [[ ${#line} -le $1 ]] || fail "longer than $1 columns: $line"
  done < <(sed -n '/^  done /,/^  backup /p' <<<"$summary" | sed 's/·/-/g; $d')
}

# The screen is never cleared, nor left for another, no line is erased before it is written anew, and a redraw erases nothing
# first, but where lines go, or the size has changed.
no_flicker() {
  local codes in_place erased_first
  codes=$(grep -aoE $'\x1b(\\[[0-9;?]*[A-Za-z]|c)' "$PANE/raw" | tr -d '\033' | sort | uniq -c)
  if grep -E '\[[0-9]*[23]J|\[[12]K|\[[0-9;]*H| c$|\[\?(1049|1047|47)h' <<<"$codes"; then fail "cleared: $codes"; fi
  in_place=$({ grep -aoE $'\r\x1b\\[K' "$PANE/raw" || true; } | wc -l)
  erased_first=$({ grep -aoE $'\r\x1b\\[J\x1b\\[K' "$PANE/raw" || true; } | wc -l)
  [[ $in_place -ge 20 && $in_place -ge $((2 * erased_first)) ]] || fail "redraws in place: $in_place, erased first: $erased_first"
}

an_upgrade_is_watched() {
  open_pane watched 100 30
  journal_reaches "$RUN" 1 "$(entry_of outcome swap-binary)"
  wait_for 60 "captures of 100x30" looked_at 100x30
  resize 60 15
  resize 200 50
  resize 40 10
  ended 0
  seen_whole 100x30 60x15 200x50 40x10
  all_that_was_said_stands
  the_summary_stands_below 40
  no_flicker
  nothing_left 3.2.32
}

# Enter only makes room, as everywhere. Ctrl-C while the first member is waited for: no script is being started, which would hear it
# before it is in a process group of its own.
# faults: C2
ctrl_c_as_a_key() {
  open_pane once 100 30
  journal_reaches "$RUN" 1 "$(entry_of intent stop)"
  in_tmux send-keys -t once Enter
  journal_reaches "$RUN" 1 "$(entry_of outcome start)"
  in_tmux send-keys -t once C-c
  ended 130
  seen_whole
  all_that_was_said_stands
  said_once 'SIGINT: the operation in hand is brought to a safe end, then the run stops; once more stops it at once'
  assert_eq "$(running | wc -l)" 3 "members that run"
  local member
  for member in m1 m2 m3; do wait_for 20 "$member serves" answers "$member"; done
}

# faults: C2
ctrl_c_twice() {
  open_pane twice 100 30
  journal_reaches "$RUN" 1 "$(entry_of outcome stop)"
  in_tmux send-keys -t twice C-c
  journal_reaches "$RUN" 1 '"entry":"stop-requested"'
  in_tmux send-keys -t twice C-c
  ended 130
  local said member
  said=$(squeezed "$(sed -n '/stopped at once/,$p' "$PANE/all")")
  for member in m1 m2 m3; do
    [[ $said =~ \ $member\ (serves|is\ down|was\ |not\ stopped) ]] || fail "in which state $member is: $(tail -n 30 "$PANE/all")"
  done
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
use_process_spec upgrade 'verify = "hash"' 'soak = "3s"'
apply 3.1.20
say "an upgrade is watched, in four sizes"
an_upgrade_is_watched
use_process_spec keys 'verify = "hash"' 'soak = "2s"'
apply 3.1.20
say "Ctrl-C as a key"
ctrl_c_as_a_key
say "Ctrl-C twice"
ctrl_c_twice
