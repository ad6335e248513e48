# Completions of agentctl for bash: the program itself is asked for each of them.

_agentctl() {
    local IFS=$'\n' left=${COMP_LINE:0:COMP_POINT} words=() part rest candidate quote='' inside=''

    # Bash breaks words at `=` and `:`. The program reads them whole, without their quotes.
    for part in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        rest=${left#"${left%%[![:space:]]*}"}
        # The cursor may be within a word.
        [[ $rest == "$part"* ]] || part=$rest
        if [[ $rest == "$left" && ${#words[@]} -gt 0 ]]; then
            words[${#words[@]} - 1]+=$part
        else
            words+=("$part")
        fi
        left=${rest#"$part"}
    done
    local last=$((${#words[@]} - 1)) i
    # What bash replaces is the part behind the last break.
    [[ $part == [=:] ]] && part=''
    inside=${words[last]%"$part"}
    [[ $part == [\'\"]* ]] && quote=${part:0:1}
    for i in "${!words[@]}"; do
        case ${words[i]} in
            \'* | \"*) words[i]=${words[i]#?} words[i]=${words[i]%[\'\"]} ;;
            *) words[i]=${words[i]//\\/} ;;
        esac
    done

    COMPREPLY=()
    for candidate in $(AGENTCTL_COMPLETE=bash _CLAP_COMPLETE_INDEX=$last _CLAP_IFS=$IFS \
        command agentctl -- "${words[@]}" 2>/dev/null); do
        candidate=${candidate#"$inside"}
        [[ $quote ]] || printf -v candidate %q "$candidate"
        COMPREPLY+=("$candidate")
    done
    # These go on: a value, a path.
    [[ ${COMPREPLY[0]-} == *[=/:] ]] && compopt -o nospace 2>/dev/null
    return 0
}

# `nosort` is unknown before bash 4.4.
complete -o bashdefault -o default -o nosort -F _agentctl agentctl 2>/dev/null ||
    complete -o bashdefault -o default -F _agentctl agentctl
