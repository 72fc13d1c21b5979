# Completions of quorate for fish: quorate completion fish | source
# or put this file into ~/.config/fish/completions/quorate.fish

# The commands on the line before the cursor, such as "backup list".
function __quorate_at
    set -l at
    set -l awaiting 0
    set -l words (commandline -opc)
    for word in $words[2..]
        if string match -q -- '-*' $word
            set awaiting 0
            contains -- (string replace -r -- '^--?' '' $word) @TAKES_VALUE@
            and set awaiting 1
        else if test $awaiting = 1
            set awaiting 0
        else if contains -- (string join ' ' $at $word) @DEEPER@
            set at $at $word
        end
    end
    string join ' ' $at
end

function __quorate_is_at
    set -l at (__quorate_at)
    test "$at" = "$argv"
end

# Ids and names: quorate says which may stand here, the newest first.
function __quorate_asked
    set -l words (commandline -opc)
    quorate __candidates $words[2..] 2>/dev/null
end

complete -c quorate -f
@PLACES@
