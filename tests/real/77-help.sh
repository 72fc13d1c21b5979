#!/usr/bin/env bash
# Help: completions in real shells, on a terminal, with the ids that are kept; manual
# pages as man and mandoc read them; how long the help and a Tab take.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

PATH=$(dirname "$QUORATE"):$PATH
mkdir "$WORK/place" "$WORK/zsh"
cd "$WORK/place"
mkdir prod
touch prod.plan
# What is kept here, and in prod.
RUN=20260101T000000Z-000aaaaa BACKUP=20260102T000000Z-000bbbbb THERE=20270203T000000Z-000ccccc
mkdir -p ".quorate/runs/$RUN" ".quorate/backups/$BACKUP" "prod/kept/runs/$THERE"
touch ".quorate/backups/$BACKUP/manifest.json"
cat >prod/prod.hcl <<'SPEC'
quorate {
  state "local" {
    path = "./kept"
  }
}
cluster "prod" {
  version = "3.5.33"
  runtime "process" {
    dir = "/srv/etcd"
  }
  connection "local" {}
  member "m1" {
    address = "127.0.0.1"
  }
}
SPEC
# Names that would do something, were a shell to expand them.
mkdir ".quorate/runs/2\$(touch hurt)" ".quorate/runs/2\`touch hurt\`" ".quorate/backups/2\$(touch hurt)"
touch ".quorate/backups/2\$(touch hurt)/manifest.json"

# tab SHELL LINE AWAITED: a Tab after LINE completes it so that AWAITED is seen.
tab() {
  local shell=$1 line=$2
  say "$shell: $line"
  case $shell in
    bash) AWAITED=$3 "$TESTS/tools/press-tab" "$line" bash --noprofile --rcfile "$WORK/bashrc" -i ;;
    zsh) AWAITED=$3 ZDOTDIR=$WORK/zsh "$TESTS/tools/press-tab" "$line" zsh -i ;;
  esac >"$WORK/seen" || fail "$shell: after \"$line\" and a Tab, \"$3\" was not seen: $(cat -v "$WORK/seen")"
}

# same_lines SHELL: what holds in each shell that completes as one types.
same_lines() {
  tab "$1" 'quorate stat' 'status '
  tab "$1" 'quorate plan -detai' '-detailed-exitcode '
  tab "$1" 'quorate -chdir=prod -no-color backup pru' 'prune '
  tab "$1" 'quorate show prod.p' 'prod.plan '
  tab "$1" 'quorate plan -var-file=prod.p' 'prod.plan '
  tab "$1" 'quorate plan -out prod.p' 'prod.plan '
  tab "$1" 'quorate completion zs' 'zsh '
  tab "$1" 'quorate help unl' 'unlock '
  tab "$1" 'quorate explain saved-plan-h' 'saved-plan-holds '
  tab "$1" 'quorate runs show 2' "$RUN "
  tab "$1" 'quorate report -out=x.html 2' "$RUN "
  tab "$1" 'quorate backup verify 2' "$BACKUP "
  tab "$1" 'quorate backup verify al' 'all '
  tab "$1" 'quorate restore -auto-approve 2' "$BACKUP "
  tab "$1" 'quorate restore pr' 'prod/'
  tab "$1" 'quorate -chdir=prod runs show 2' "$THERE "
  tab "$1" "quorate -no-color -chdir 'prod' report 2" "$THERE "
}

in_bash() {
  # Candidates are words without blanks: they may be split at blanks (SC2207).
  quorate completion bash | shellcheck -s bash -e SC2207 -
  printf 'source <(quorate completion bash)\nPS1="READY> "\n' >"$WORK/bashrc"
  same_lines bash
  # A value is no command.
  tab bash 'quorate -chdir plan stat' 'status '
  tab bash 'quorate plan --detai' '--detailed-exitcode '
}

in_zsh() {
  command -v zsh >/dev/null || { echo "note: zsh is not installed: its completions are not tried" && return; }
  mkdir "$WORK/zsh/functions"
  quorate completion zsh >"$WORK/zsh/functions/_quorate"
  cat >"$WORK/zsh/.zshrc" <<RC
fpath=($WORK/zsh/functions \$fpath)
autoload -U compinit
compinit -u -d $WORK/zsh/dump
PROMPT='READY> '
RC
  same_lines zsh
  # As it is sourced.
  printf 'autoload -U compinit\ncompinit -u -D\nsource <(quorate completion zsh)\nPROMPT="READY> "\n' >"$WORK/zsh/.zshrc"
  tab zsh 'quorate plan -detai' '-detailed-exitcode '
}

in_fish() {
  command -v fish >/dev/null || { echo "note: fish is not installed: its completions are not tried" && return; }
  quorate completion fish >"$WORK/quorate.fish"
  local line awaited
  while IFS='|' read -r line awaited; do
    say "fish: $line"
    HOME=$WORK fish --no-config -c "source $WORK/quorate.fish; complete -C '$line'" >"$WORK/seen" </dev/null
    cut -f1 "$WORK/seen" | grep -xF -- "$awaited" >/dev/null || fail "fish: \"$line\": $(cat "$WORK/seen")"
  done <<LINES
quorate stat|status
quorate plan -detai|-detailed-exitcode
quorate -chdir=prod -no-color backup pru|prune
quorate show prod.p|prod.plan
quorate plan -out prod.p|prod.plan
quorate completion zs|zsh
quorate help unl|unlock
quorate explain saved-plan-h|saved-plan-holds
quorate -chdir plan stat|status
quorate runs show 2|$RUN
quorate report -out=x.html 2|$RUN
quorate backup verify 2|$BACKUP
quorate backup verify al|all
quorate restore -auto-approve 2|$BACKUP
quorate restore pr|prod/
quorate -chdir=prod runs show 2|$THERE
quorate -no-color -chdir "prod" report 2|$THERE
LINES
}

# What the shells ask for: whatever is wrong, nothing is said, made or run; and nobody is told of it as of a command.
candidates() {
  assert_eq "$(quorate __candidates runs show)" "$RUN" "what is offered"
  local line seen
  for line in '' 'nonsense' '-chdir=nowhere runs show' '-chdir=prod.plan restore' 'explain -modules=nowhere' 'runs show -var x'; do
    # shellcheck disable=SC2086 # several words
    seen=$(quorate __candidates $line 2>&1) || fail "__candidates $line: ended with $?"
    assert_eq "$seen" "" "what is said of \"$line\""
  done
  assert_eq "$(find . -name hurt | wc -l)" 0 "names that were run"
  assert_eq "$(find prod -mindepth 1 | sort | tr '\n' ' ')" "prod/kept prod/kept/runs prod/kept/runs/$THERE prod/prod.hcl " "what is in prod"
  if { quorate help && quorate man; } | grep candidates; then fail "__candidates is told of"; fi
}

manual_pages() {
  run_expect 0 quorate man -out=man
  assert_eq "$(wc -l <"$WORK/OUT")" "$(find man -name '*.1' | wc -l)" "pages"
  assert_eq "$(quorate man backup list)" "$(cat man/quorate-backup-list.1)" "one page by itself"
  local page complaint
  for page in man/*.1; do
    if command -v man >/dev/null; then
      complaint=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
      [[ -z $complaint ]] || fail "$page: $complaint"
    fi
    if command -v mandoc >/dev/null; then
      mandoc -T lint -W error "$page" >"$WORK/lint" || fail "$page: $(cat "$WORK/lint")"
    fi
  done
  command -v man >/dev/null || echo "note: man is not installed: it did not read the pages"
  command -v mandoc >/dev/null || echo "note: mandoc is not installed: it did not read the pages"
}

# time_of ARG...: what quorate takes of a processor, the least of 20 starts: whatever else the machine does.
time_of() {
  local TIMEFORMAT='%3U %3S' user system took least=1000000
  for _ in {1..20}; do
    read -r user system < <({ time quorate "$@" >/dev/null; } 2>&1)
    took=$((10#${user/./} + 10#${system/./}))
    ((took >= least)) || least=$took
  done
  echo "note: quorate $* takes $least ms of a processor, the least of 20"
  ((least < 20)) || fail "quorate $* takes $least ms"
}

# The help reads nothing; ids are names of folders, also of a thousand.
times() {
  time_of --help
  seq -f 'prod/kept/runs/20260101T000000Z-%08.0f' 1000 | xargs mkdir
  time_of __candidates -chdir=prod runs show
}

in_bash
in_zsh
in_fish
candidates
manual_pages
times
