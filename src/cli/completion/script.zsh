#compdef quorate
# Completions of quorate for zsh: put this file as _quorate into a folder of $fpath,
# or after compinit: source <(quorate completion zsh)

# Each place on the line is a function: which commands lead on from it, which options it has.
@PLACES@
_quorate_names() {
  local -a names=(${(f)"$(quorate explain 2>/dev/null | sed -n 's/^\([^ ]\{1,\}\) .*/\1/p')"})
  compadd -a names
}

_quorate() {
  _quorate_at "$@"
}

if [[ ${funcstack[1]-} == _quorate ]]; then
  _quorate "$@"
else
  compdef _quorate quorate
fi
