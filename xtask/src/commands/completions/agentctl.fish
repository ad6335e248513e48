# Completions of agentctl for fish: the program itself is asked for each of them.

function __agentctl_complete
    set --local before (commandline --tokenize --cut-at-cursor --current-process)
    set --local word (commandline --current-token --cut-at-cursor)
    # The program reads words without their quotes; one may still be open.
    if test -n "$word"
        set word (string unescape -- $word; or string trim --left --chars "'\"" -- $word)
    end
    AGENTCTL_COMPLETE=fish command agentctl -- $before "$word"
end

complete --command agentctl --no-files --keep-order --arguments '(__agentctl_complete)'
