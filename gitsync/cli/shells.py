"""How each shell asks for completions and gets them. Pure but for the answer; the control command's only thread.

The scripts are short and hold no list of anything: they ask the program, so they cannot become stale.
"""

from __future__ import annotations

from gitsync import text
from gitsync.cli import complete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitsync.cli.output import Output

# The hidden command that the scripts call: "gitsync" for that program's lines, SHELL, then what that shell knows of the
# line.
QUESTION = "__complete"
# bash splits words here, so the part before must not be repeated.
BREAKS = ":="

BASH = """\
# Completion of gitsyncctl and gitsync for bash, to be sourced: eval "$(gitsyncctl completion bash)"
_gitsyncctl() {
    local more word value shown of=()
    local program=${COMP_WORDS[0]}
    if [[ ${program##*/} == gitsync ]]; then of=(gitsync); program+=ctl; fi
    COMPREPLY=()
    {
        IFS= read -r more
        while IFS= read -r word; do
            printf -v value '%q' "${word%%$'\\t'*}"
            [[ $value == '\\~/'* ]] && value=${value:1}
            # A second Tab lists the words: then with what they are.
            [[ $COMP_TYPE == 63 && $word == *$'\\t'* ]] && shown="$value  (${word#*$'\\t'})" || shown=$value
            COMPREPLY+=("$shown")
        done
    } < <("$program" __complete "${of[@]}" bash "$COMP_LINE" "$COMP_POINT" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 ]] && COMPREPLY=("${COMPREPLY[0]%%  (*}")
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/:] ]] && compopt -o nospace 2>/dev/null
    compopt -o nosort 2>/dev/null
    return 0
}
complete -F _gitsyncctl gitsyncctl gitsync
"""

ZSH = """\
#compdef gitsyncctl gitsync
# Completion of gitsyncctl and gitsync for zsh: a file _gitsyncctl in $fpath, or: source <(gitsyncctl completion zsh)
_gitsyncctl() {
    local -a answer shown of flags
    local line value program=${words[1]}
    if [[ ${program:t} == gitsync ]]; then of=(gitsync); program+=ctl; fi
    answer=("${(@f)$("$program" __complete "${(@)of}" zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for line in "${(@)answer[2,-1]}"; do
        [[ -n $line ]] || continue
        value=${line%%$'\\t'*}
        shown=("${line/$'\\t'/  }")
        flags=(-l -d shown -V gitsync)
        [[ $value == *[/:] ]] && flags+=(-S '')
        if [[ $value == '~/'* ]]; then
            compadd "${flags[@]}" -Q -- "~/${(q)value#\\~/}"
        else
            compadd "${flags[@]}" -- "$value"
        fi
    done
}
if [[ ${funcstack[1]} == _gitsyncctl ]]; then
    _gitsyncctl "$@"
else
    compdef _gitsyncctl gitsyncctl gitsync
fi
"""

FISH = """\
# Completion of gitsyncctl and gitsync for fish: gitsyncctl completion fish >~/.config/fish/completions/gitsyncctl.fish
function __gitsyncctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -l of
    if string match -qr '(^|/)gitsync$' -- $program
        set of gitsync
        set program {$program}ctl
    end
    set -e words[1]
    set -l answer ($program __complete $of fish $words "$current" 2>/dev/null)
    for line in $answer[2..-1]
        echo $line
    end
    switch "$answer[1]"
        case files
            __fish_complete_path $current | string match -rv '(^|/)\\.git/'
        case directories
            __fish_complete_directories $current | string match -rv '(^|/)\\.git/'
    end
end
complete -c gitsyncctl -f -k -a '(__gitsyncctl_complete)'
complete -c gitsync -f -k -a '(__gitsyncctl_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def answer(argv: list[str], output: Output) -> None:
    """Print the data for a shell's script: the directives for the shell, then one word per line with its description.

    Words that a line cannot carry are left out.
    """
    is_of_daemon = argv[:1] == ["gitsync"]
    shell, *rest = argv[is_of_daemon:] or [""]
    if shell == "bash":
        before, current = _split(*rest[:2]) if len(rest) >= 2 else ([], "")
    else:
        before, current = rest[:-1], rest[-1] if rest else ""
    choice = complete.choices_of_daemon(before) if is_of_daemon else complete.choices(before, current)
    kept = max((current.rfind(mark) for mark in BREAKS), default=-1) + 1 if shell == "bash" else 0
    # fish alone expands a ~ in what it lists itself.
    is_left_to_shell = shell == "fish" and current.startswith("~")
    output.painted([choice.more if is_left_to_shell else complete.NOTHING])
    listed = [] if is_left_to_shell else [(word, "") for word in choice.listed(current)]
    for word, told in [*choice.beginning(current), *listed]:
        if text.escape(word) == word and "\t" not in word:
            output.painted([word[kept:] + (f"\t{text.escape(told)}" if told else "")])


def _split(line: str, point: str) -> tuple[list[str], str]:
    """Return the words before the cursor without the program's name, and the one that is being written."""
    import shlex

    # COMP_POINT counts bytes or characters, as the locale has it; either way the rest of the line says nothing.
    begun = line[: int(point)] if point.isdigit() else line
    for closing in ("", "'", '"'):
        try:
            words = shlex.split(begun + closing)
        except ValueError:
            continue
        is_new = not words or (begun[-1:].isspace() and not begun.endswith("\\ "))
        if is_new and not closing:
            words.append("")
        return words[1:-1], words[-1]
    return [], ""
