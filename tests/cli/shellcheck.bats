#!/usr/bin/env bats
# SPDX-License-Identifier: PostgreSQL
# Every shell script of the tree is clean. Templates are checked as labctl would send them: placeholders are words,
# a loop's body stands once, and scripts for nodes have tuning/lib.sh in front of them.

setup() {
	command -v shellcheck >/dev/null || skip "shellcheck is not installed"
	cd "${SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}"
}

# A line of nothing but a block word goes; any other placeholder becomes a word.
plain() {
	sed -E -e '/^[[:blank:]]*@\{(each [a-z._]+|if [a-z._]+|else|end)\}[[:blank:]]*$/d' \
		-e 's/@\{(each [a-z._]+|if [a-z._]+|else|end)\}//g' \
		-e 's/@\{[a-z0-9._-]+(:[a-z]+)?\}/word/g' "$1"
}

# SC2016: $ in single quotes is another program's. SC2034, SC2154: variables that the next or the previous script of
# a node reads or sets. SC2317: functions that are called by name. SC2015: `a && b || die` is meant as it reads.
# SC2157, SC2050, SC2194: a word where a placeholder was is constant. SC2155: lines of the walk-through's login profiles.
# SC2053: patterns on purpose. SC2128, SC2178, SC2179: a name that is an array in one function and text elsewhere.
node_rules=SC2016,SC2034,SC2154,SC2317,SC2015,SC2157,SC2050,SC2194,SC2155,SC2053,SC2128,SC2178,SC2179

@test "scripts for nodes" {
	local file
	for file in tuning/*.sh tuning/*/*.sh tuning/os/*/*.sh; do plain "$file" >"$BATS_TEST_TMPDIR/${file//\//,}"; done
	cd "$BATS_TEST_TMPDIR"
	# one program for all: to start it takes longer than most of them
	shellcheck --shell=bash --severity=warning --exclude="$node_rules" -- *.sh
}

@test "scripts for nodes parse with their placeholders filled" {
	local file
	for file in tuning/*.sh tuning/*/*.sh tuning/os/*/*.sh; do
		plain "$file" | bash -n || { echo "in $file" && false; }
	done
}

# What bash 3.2 (el5) and 4.1 (el6) do not have, as patterns, and what to write instead. Those lines of lib.sh that look
# at the version first are left out.
newer_than_el5='mapfile|readarray	while IFS= read -r
;;?&	a second case
\[-[0-9]+\]	for last in ...; do :; done
\$\{[a-z_]+(,,?|\^\^?)	tr, or a pattern
EPOCH(REALTIME|SECONDS)	now_since_boot
(declare|local|typeset) -[a-zA-Z]*[Agnl]	an array, an argument
exec \{[a-z_]+\}	a number
\[\[ .*-v 	${name+is there}
&>>|\|&	>file 2>&1
(^|[^.])timeout 	within
printf .*%\([^ ]*\)T	date
read .*-[Nr]*N|read -i	read -d
wait -n|coproc|lastpipe|globstar	a loop
=~ *["'"'"']	a pattern without quotes
=~ ([^]]|\][^]])*\(	a pattern in a variable'

@test "scripts for nodes as old as CentOS 5 use no newer features, and no empty array under set -u" {
	local file text line words instead name bad=0
	for file in tuning/lib.sh tuning/os/*/*.sh tuning/pgxc/*.sh; do
		[ "$file" != tuning/pgxc/build.sh ] || continue # runs in a build image
		text=$(sed -E '/^[[:blank:]]*#/d; s/[[:blank:]]# .*//; /BASH_VERSINFO|pause_fd|timeout -k 5/d' "$file")
		! grep -qE -e "$(cut -f1 <<<"$newer_than_el5" | paste -sd'|')" <<<"$text" || while IFS=$'\t' read -r words instead; do
			line=$(grep -nE -m1 -e "$words" <<<"$text") || continue
			echo "$file: $line: $instead" && bad=1
		done <<<"$newer_than_el5"
		for name in $(grep -oE '\b[a-z_]+=\(\)' <<<"$text" | sort -u); do
			name=${name%=*}
			! grep -qF -e "\"\${$name[@]}\"" <<<"$text" || grep -qF -e "\${#$name[@]}" <<<"$text" ||
				{ echo "$file: \${$name[@]} may be empty" && bad=1; }
		done
	done
	[ "$bad" = 0 ]
}

@test "scripts of the host" {
	local file line
	local -a scripts
	for file in quickstart check .ci/run kickstart/* kickstart/*/*.sh kickstart/*/files/usr/lib/labctl/* \
		src/package/* tests/support/* tests/support/fake-pgxc/* tests/bench/* tests/trust/* tests/ondemand/*; do
		[ -f "$file" ] || continue
		read -r line <"$file" || true
		case $line in '#!'*bash* | '#!'*/sh*) scripts+=("$file") ;; esac
	done
	((${#scripts[@]} > 20))
	shellcheck --severity=warning -- "${scripts[@]}"
}

@test "manifests list existing files, and all files of a profile" {
	local profile kind source rest file
	local condition='( +(if=[a-z]+|[a-z_.]+=[a-z-]+))*'
	for profile in tuning/os/*/manifest; do
		while read -r kind source rest; do
			case $kind in
			'' | '#'*) continue ;;
			file) [[ $rest =~ ^(/|@\{)[^\ ]+\ +0[0-7]{3}\ +[a-z]+:[a-z]+$condition$ ]] || { echo "$profile: $source $rest" && false; } ;;
			script) [[ " $rest" =~ ^\ ?$condition$ ]] || { echo "$profile: $source $rest" && false; } ;;
			*) echo "$profile: $kind?" && false ;;
			esac
			[ -f "${profile%/*}/$source" ] || { echo "$profile: no $source" && false; }
		done < <(sed -E 's/ +/ /g' "$profile")
		for file in "${profile%/*}"/*; do
			case $file in */manifest) continue ;; esac
			grep -qE "^(file|script) +${file##*/}( |\$)" "$profile" || { echo "$profile does not name $file" && false; }
		done
	done
	for file in tuning/os/common/*; do
		grep -qE "^(file|script) +\.\./common/${file##*/}( |\$)" tuning/os/*/manifest || { echo "nobody names $file" && false; }
	done
}

@test "every key of the walk-through's sysctl section is in both profiles, or its absence is explained" {
	local key
	for key in kernel.msgmnb kernel.msgmax kernel.shmmax kernel.shmall kernel.shmmni kernel.sem fs.file-max \
		net.ipv4.ip_local_port_range net.core.rmem_default net.core.rmem_max net.core.wmem_default net.core.wmem_max \
		net.ipv4.tcp_tw_recycle net.ipv4.tcp_max_syn_backlog net.core.netdev_max_backlog vm.overcommit_memory \
		net.ipv4.ip_conntrack_max fs.aio-max-nr net.ipv4.tcp_timestamps; do
		grep -q "^$key = " tuning/os/classic/sysctl.conf || { echo "classic: $key" && false; }
		grep -qE "^$key = |^# Deviation:.*${key##*.}" tuning/os/modern/sysctl.conf || { echo "modern: $key" && false; }
	done
}
