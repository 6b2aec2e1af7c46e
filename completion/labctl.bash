# SPDX-License-Identifier: PostgreSQL
# shellcheck shell=bash
# bash completion of labctl, which says itself what may stand at the cursor.

_labctl() {
	local line kept words=() i cur typed
	# Readline splits words at '=' and ':'; labctl wants them whole.
	for ((i = 1; i <= COMP_CWORD; i++)); do
		if ((i > 1)) && [[ ${COMP_WORDS[i]} == [=:]* || ${COMP_WORDS[i - 1]} == *[=:] ]] && ((${#words[@]})); then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
		fi
	done
	cur=${words[-1]}
	# What stands before the last of these stays on the line.
	kept=${cur%"${cur##*[=:]}"}
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${cur#"$kept"}") && compopt -o filenames ;;
		:directories) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "${cur#"$kept"}") && compopt -o filenames ;;
		*)
			typed=${line%%$'\t'*}
			COMPREPLY+=("$(printf %q "${typed#"$kept"}")")
			;;
		esac
	done < <("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null)
}
complete -F _labctl labctl
