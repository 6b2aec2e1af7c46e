#compdef labctl
# SPDX-License-Identifier: PostgreSQL
# zsh completion of labctl, which says itself what may stand at the cursor.

_labctl() {
	local line word
	local -a plain explained
	for line in "${(@f)$("${words[1]}" complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
		case $line in
		'') ;;
		:files) _files ;;
		:directories) _files -/ ;;
		*)
			word=${line%%$'\t'*}
			plain+=("$word")
			if [[ $line == *$'\t'* ]]; then
				explained+=("$word  -- ${line#*$'\t'}")
			else
				explained+=("$word")
			fi
			;;
		esac
	done
	(( ! $#plain )) || compadd -l -d explained -- "${plain[@]}"
}

# Loaded by compinit it is the completion itself; sourced, it only says so.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_labctl "$@"
else
	compdef _labctl labctl
fi
