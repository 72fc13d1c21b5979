#!/usr/bin/env bash
# Help: completions in real shells, on a terminal; manual pages as man and mandoc
# read them; how long the help takes.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

PATH=$(dirname "$QUORATE"):$PATH
mkdir "$WORK/place" "$WORK/zsh"
cd "$WORK/place"
mkdir prod
touch prod.plan

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
LINES
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

# The help reads nothing. What it takes of a processor, the least of 20 starts: whatever else the machine does.
time_of_help() {
  local TIMEFORMAT='%3U %3S' user system took least=1000000
  for _ in {1..20}; do
    read -r user system < <({ time quorate --help >/dev/null; } 2>&1)
    took=$((10#${user/./} + 10#${system/./}))
    ((took >= least)) || least=$took
  done
  echo "note: quorate --help takes $least ms of a processor, the least of 20"
  ((least < 20)) || fail "quorate --help takes $least ms"
}

in_bash
in_zsh
in_fish
manual_pages
time_of_help
