# Completions of quorate for bash: source <(quorate completion bash)
# or put this file into /etc/bash_completion.d or
# ~/.local/share/bash-completion/completions/quorate

_quorate() {
    local at='' awaiting='' word i cur=${COMP_WORDS[COMP_CWORD]} IFS=$' \t\n'
    local commands='' options='' arguments=''
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            # Where bash takes "=" for a word: the option before it waits.
            =) continue ;;
            -*=*) awaiting='' ;;
            -*)
                word=${word#-}
                word=${word#-}
                case $word in
                    @TAKES_VALUE@) awaiting=$word ;;
                    *) awaiting='' ;;
                esac
                ;;
            *)
                if [[ -n $awaiting ]]; then
                    awaiting=''
                else
                    case "$at $word" in
                        @DEEPER@) at="${at:+$at }$word" ;;
                    esac
                fi
                ;;
        esac
    done
    # -out=FILE where "=" is no word of its own.
    if [[ -z $awaiting && $cur == -*=* ]]; then
        word=${cur%%=*}
        word=${word#-}
        awaiting=${word#-}
        cur=${cur#*=}
    fi
    [[ $cur != = ]] || cur=''
    if [[ -n $awaiting ]]; then
        case $awaiting in
            @FILES@) _quorate_paths -f ;;
            @FOLDERS@) _quorate_paths -d ;;
        esac
        return
    fi
    case $at in
@PLACES@
    esac
    if [[ $cur == -* ]]; then
        # Two dashes are as good as one.
        [[ $cur != --* ]] || options="-${options// -/ --}"
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
        return
    fi
    case $arguments in
        files) _quorate_paths -f ;;
        folders) _quorate_paths -d ;;
        asked) _quorate_asked "$1" ;;
        asked-or-folders)
            _quorate_asked "$1"
            _quorate_paths -d
            ;;
        '') COMPREPLY=($(compgen -W "$commands" -- "$cur")) ;;
        *) COMPREPLY=($(compgen -W "$arguments" -- "$cur")) ;;
    esac
}

# Ids and names: quorate says which may stand here, the newest first. They hold nothing that a shell would expand.
_quorate_asked() {
    COMPREPLY+=($(compgen -W "$("$1" __candidates "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "$cur"))
    compopt -o nosort 2>/dev/null
}

_quorate_paths() {
    local IFS=$'\n'
    COMPREPLY+=($(compgen "$1" -- "$cur"))
    compopt -o filenames 2>/dev/null
}

complete -F _quorate quorate
