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
            __fish_complete_path $current | string match -rv '(^|/)\.git/'
        case directories
            __fish_complete_directories $current | string match -rv '(^|/)\.git/'
    end
end
complete -c gitsyncctl -f -k -a '(__gitsyncctl_complete)'
complete -c gitsync -f -k -a '(__gitsyncctl_complete)'
