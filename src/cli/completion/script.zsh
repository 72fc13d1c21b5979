#compdef quorate
# Completions of quorate for zsh: put this file as _quorate into a folder of $fpath,
# or after compinit: source <(quorate completion zsh)

# Each place on the line is a function: which commands lead on from it, which options it has.
@PLACES@
# Ids and names: quorate says which may stand here, the newest first.
_quorate_asked() {
  local -a asked=(${(f)"$(quorate __candidates "${(@)typed}" 2>/dev/null)"})
  compadd -V asked -a asked
}

_quorate_asked_or_folders() {
  _quorate_asked
  _files -/
}

_quorate() {
  # The line before the cursor: further in, only the rest of it can be seen.
  local -a typed=("${(@)words[2,CURRENT-1]}")
  _quorate_at "$@"
}

if [[ ${funcstack[1]-} == _quorate ]]; then
  _quorate "$@"
else
  compdef _quorate quorate
fi
