# SPDX-License-Identifier: PostgreSQL
# The command tables and what is generated from them: help and the manual page.
# LABCTL_REGENERATE=1 rewrites the generated parts of docs/labctl.1.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# Every command that runs something, one path a line: "create", "db create".
paths() {
	local command
	for command in $("$LABCTL" help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do
		actions=$("$LABCTL" help "$command" | sed -n '/^Actions:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
		if [ -n "$actions" ]; then
			sed "s/^/$command /" <<<"$actions"
		else
			echo "$command"
		fi
	done
}

@test "labctl(1) matches the command tables" {
	page=$SOURCE_DIR/docs/labctl.1
	"$LABCTL" manual >made
	awk '/^\.\\" End of what is made/ { made = 0 }
		!made
		/^\.\\" Made by/ { made = 1; while ((getline line <"made") > 0) print line }' "$page" >whole
	[ -z "${LABCTL_REGENERATE:-}" ] || cat whole >"$page"
	diff -u "$page" whole
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W warning "$page"
	fi
}

@test "every command and action has help with its options, in all three forms" {
	[ "$(paths | wc -l)" -gt 25 ]
	while read -r path; do
		# shellcheck disable=SC2086
		"$LABCTL" help $path >one
		# shellcheck disable=SC2086
		"$LABCTL" $path --help | diff one -
		# shellcheck disable=SC2086
		"$LABCTL" -h $path | diff one -
		grep -q "^Usage: labctl \[OPTIONS\] $path" one
		# The usage line names the options that are not every command's.
		for option in $(head -n 1 one | grep -oE -- '--[a-z0-9-]+'); do
			sed -n '/^Options:/,$p' one | grep -qE -- " $option( |$)"
		done
	done < <(paths)
}

@test "an option has a value in all actions of a command, or in none: it may stand before the action" {
	for command in plan db image; do
		for action in $("$LABCTL" help "$command" | sed -n '/^Actions:/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do
			"$LABCTL" help "$command" "$action" | sed -nE '/^Options:/,$s/^ .*(--[a-z0-9-]+)( [A-Z])?.*/\1\2/p' | sed 's/ [A-Z]/ value/'
		done | sort -u >rows
		[ "$(wc -l <rows)" -gt 12 ]
		[ "$(cut -d ' ' -f 1 rows | sort | uniq -d)" = '' ]
	done
	run -0 "$LABCTL" plan --dot create 3
	[[ $output == digraph* ]]
	run -2 "$LABCTL" plan --source x create 3
	[[ $output == *"plan create takes no --source; it is an option of: bootstrap, plan bootstrap, render"* ]]
}

@test "a wrong command line: one line names the word, the nearest known one and the right form" {
	while IFS='|' read -r words expected; do
		# shellcheck disable=SC2086
		run -2 "$LABCTL" $words
		[[ ${lines[0]} == *"$expected"*"[USAGE]" ]] || { echo "labctl $words: ${lines[0]}"; false; }
	done <<-'END'
		|missing command; usage: labctl COMMAND
		db|missing action: create, drop, update-extensions, list
		db create|missing NAME; usage: labctl db create NAME [--template NAME] [--force]
		db list all|unexpected argument 'all'; did you mean 'labctl -l all db list'?
		exec node1 uptime|unexpected argument 'uptime'; did you mean 'labctl exec node1 -- uptime'?
		ssh node1 df /data|unexpected argument 'df'; did you mean 'labctl ssh node1 -- df /data'?
		exec node1|missing command after '--'; usage: labctl exec [NODES] [--role ROLE] -- COMMAND...
		psql node4 -c|unknown option '-c' of labctl psql; to pass it to the program: labctl psql node4 -- -c
		status mylab|unexpected argument 'mylab'; did you mean 'labctl -l mylab status'?
		list mylab|unexpected argument 'mylab'; usage: labctl list [--all]
		status -- ls|status takes no '--'; usage: labctl status
		db list --force|db list takes no --force; it is an option of: node remove, console, db create, db drop
		render|missing --out DIR; usage: labctl render [KIND] [--source FILE|URL] --out DIR
		create --jobs|--jobs needs a value: --jobs N
		create --json=1|--json takes no value
		help db craete|unknown command 'db craete'; did you mean 'db create'?
		help list x|labctl list has no actions
	END
}

@test "the version is an option too" {
	run -0 "$LABCTL" version
	version=$output
	for words in --version -V '-l x --version' 'create -V'; do
		# shellcheck disable=SC2086
		run -0 "$LABCTL" $words
		[ "$output" = "$version" ]
	done
	run -0 "$LABCTL" --json --version
	jq -e .labctl <<<"$output"
}

@test "options: short, joined, shortened, with =, wherever they stand" {
	for words in '-nlx create 3' '-n -l x create 3' '--dry --lab=x create 3' 'create 3 -n --lab x' 'create -nl x 3'; do
		# shellcheck disable=SC2086
		run -0 "$LABCTL" --json $words
		[ "$(jq -r .lab <<<"$output")" = x ]
	done
	# of --jobs and --json
	run -2 "$LABCTL" --j 3 list
	[[ $output == *"unknown option '--j'"* ]]
}
