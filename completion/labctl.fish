# SPDX-License-Identifier: PostgreSQL
# fish completion of labctl, which says itself what may stand at the cursor.

function __labctl_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] $word 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path $word
            case :directories
                __fish_complete_directories $word
            case '*'
                echo $line
        end
    end
end

complete -c labctl -f -a '(__labctl_complete)'
