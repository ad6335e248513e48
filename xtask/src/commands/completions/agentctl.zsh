#compdef agentctl
# Completions of agentctl for zsh: the program itself is asked for each of them.

_agentctl() {
    local -a lines whole open
    local line value typed=("${(@Q)words}")
    # A quote that is still open.
    typed[CURRENT]=${typed[CURRENT]#[\'\"]}
    lines=("${(@f)$(AGENTCTL_COMPLETE=zsh _CLAP_COMPLETE_INDEX=$((CURRENT - 1)) _CLAP_IFS=$'\n' \
        command agentctl -- "${typed[@]}" 2>/dev/null)}")
    for line in $lines; do
        # A colon begins the help, unless a backslash is before it.
        value=${${line//\\:/$'\1'}%%:*}
        # A parameter and a folder go on behind these.
        if [[ $value == *[=/] ]]; then
            open+=("$line")
        else
            whole+=("$line")
        fi
    done
    (( $#open )) && _describe -V 'to go on' open -S ''
    (( $#whole )) && _describe -V 'whole words' whole
}

# Read by `source`, this defines the completion; found by zsh in its path, it is the completion.
if [[ ${funcstack[1]} == _agentctl ]]; then
    _agentctl "$@"
else
    compdef _agentctl agentctl
fi
