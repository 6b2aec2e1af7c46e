# SPDX-License-Identifier: PostgreSQL
# doctor --purge: what stays on the host when the package is purged. (What doctor checks: image.bats, command_line.bats.)
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/xdg
	export LABCTL_CONFIG=$BATS_TEST_TMPDIR/system.yaml
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# left WHAT: "WHERE: REMEDY" of each
left() {
	"$LABCTL" --json doctor --purge | jq -r --arg what "$1" '.left[] | select(.what == $what) | "\(.where): \(.remedy)"'
}

@test "labs of every state directory that uses the cache, also damaged ones, and kept data" {
	mkdir -p state/labs/{one,kept} "other state/labs/two" cache/users
	: >state/labs/one/lab.yaml
	: >"other state/labs/two/lab.yaml"
	ln -s "$PWD/state" cache/users/0123456789ab
	ln -s "$PWD/other state" cache/users/123456789abc
	ln -s "$PWD/gone" cache/users/23456789abcd
	[ "$(left lab)" = "$PWD/state/labs/one: LABCTL_STATE=$PWD/state labctl -l one destroy
$PWD/other state/labs/two: LABCTL_STATE='$PWD/other state' labctl -l two destroy" ]
	[ "$(left 'data of a lab')" = "$PWD/state/labs/kept: rm -r $PWD/state/labs/kept" ]
	[ "$(left cache)" = "$PWD/cache: rm -r $PWD/cache" ]
	[ "$(left 'records of labs')" = "$PWD/state: rm -r $PWD/state" ]
}

@test "configuration files; a table" {
	mkdir -p xdg/labctl
	: >system.yaml
	: >xdg/labctl/config.yaml
	[ "$(left 'system configuration')" = "$PWD/system.yaml: rm $PWD/system.yaml" ]
	[ "$(left 'user configuration')" = "$PWD/xdg/labctl/config.yaml: rm $PWD/xdg/labctl/config.yaml" ]
	run -0 "$LABCTL" doctor --purge
	[[ $output == "After a purge of labctl these stay:"*WHAT*"REMOVED BY"*"rm $PWD/system.yaml"* ]]
}

@test "nothing" {
	[ -z "$(find /run/labctl-sandbox -mindepth 1 -maxdepth 1 ! -name 'run-*' 2>/dev/null)" ] || skip "this host has a sandbox"
	run -0 "$LABCTL" doctor --purge
	[ "$output" = "After a purge of labctl nothing of it stays." ]
}

# checked CHECK...: "RESULT FOUND | REMEDY" of each result
checked() { "$LABCTL" --connect test:///default --json doctor "$@" 2>/dev/null | jq -r '.checks[] | "\(.result) \(.found) | \(.remedy)"'; }

@test "one check by its name; --fix shows and runs what mends it, asks first, and checks again" {
	mkdir -p state/leases
	printf '22222222-2222-2222-2222-222222222222 lost\n' >state/leases/10.88.9.0-24
	[ "$(checked leases)" = "warn 1 of 1 belongs to no lab | labctl -y gc" ]
	run -2 "$LABCTL" doctor leasse
	[[ $output == *leases* ]]
	run -2 "$LABCTL" doctor --fix --purge
	run -2 "$LABCTL" --connect test:///default doctor --fix leases </dev/null
	[[ $output == *"labctl -y gc"*"labctl -y doctor --fix"* ]]
	run -0 "$LABCTL" --connect test:///default -n doctor --fix leases
	[[ $output == *"leases: 1 of 1 belongs to no lab"*"labctl -y gc"* ]]
	[ -e state/leases/10.88.9.0-24 ]
	mkdir bin
	ln -s "$LABCTL" bin/labctl
	PATH=$PWD/bin:$PATH LABCTL_CONNECT=test:///default run -0 "$LABCTL" -y doctor --fix leases
	[[ $output == *"1 command run; checking again"*leases*pass* ]]
	[ ! -e state/leases/10.88.9.0-24 ]
	# nothing to mend
	run -0 "$LABCTL" -y --connect test:///default doctor --fix leases
	[[ $output == *"0 commands run"* ]]
}

@test "the installers of every release of Debian are found; the host's own is named" {
	local version
	version=$(. /etc/os-release && echo "$VERSION_ID")
	# shellcheck disable=SC2016  # the inner shell's variables
	in_usr_lib() {
		unshare --map-root-user --mount sh -ec 'mkdir -p t; mount -t tmpfs none t; mkdir t/up t/work
			mount -t overlay none -o "lowerdir=/usr/lib,upperdir=$PWD/t/up,workdir=$PWD/t/work" /usr/lib
			rm -rf /usr/lib/debian-installer
			for n; do
				mkdir -p "/usr/lib/debian-installer/images/$n/amd64/text/debian-installer/amd64"
				: >"/usr/lib/debian-installer/images/$n/amd64/text/debian-installer/amd64/linux"
			done
			"$LABCTL" --connect test:///default --json doctor "installations of Debian"' sh "$@" 2>/dev/null |
			jq -r '.checks[] | "\(.result) \(.found) | \(.remedy)"'
	}
	[ "$(in_usr_lib)" = "warn not installed | apt-get install debian-installer-$version-netboot-amd64" ]
	[[ $(in_usr_lib 13) == "pass netboot kernel of debian13 | "* ]]
	[[ $(in_usr_lib 12 13) == "pass netboot kernel of debian12, debian13 | "* ]]
}

@test "a lab that wants to start or to end by itself, and nothing that does it" {
	mkdir -p state/labs/one
	printf '%s\n' 'lab: one' 'nodes: 1' 'hypervisor: qemu' >state/labs/one/lab.yaml
	[ -z "$(checked autostart)" ]
	[ -z "$(checked lifetimes)" ]
	printf 'autostart: true\n' >>state/labs/one/lab.yaml
	"$LABCTL" -l one extend 8h
	if [ -d /run/systemd/system ]; then
		unit=$(systemd-escape -p "$PWD/state")
		[[ $(checked autostart) == "warn labctl-autostart@$unit.service is not enabled | systemctl enable '"* ]]
		[[ $(checked lifetimes) == "warn labctl-expire@$unit.timer is not active | systemctl enable --now '"* ]]
	else
		[[ $(checked autostart) == "warn no systemd here"*"| in /etc/cron.d/labctl: @reboot root LABCTL_STATE=$PWD/state labctl autostart" ]]
		[[ $(checked lifetimes) == "pass no systemd here; somebody looked "* ]]
		unshare --time true 2>/dev/null || skip "no time namespace"
		later=$(unshare --time --boottime 7200 "$LABCTL" --json doctor lifetimes | jq -r '.checks[0] | "\(.result) \(.found) | \(.remedy)"')
		[[ $later == "warn no systemd here; somebody looked 2h ago | in /etc/cron.d/labctl: */10 * * * * root LABCTL_STATE="*" labctl -y gc --expired" ]]
	fi
}

@test "the instance of a unit is what systemd-escape makes of the directory" {
	[ ! -d /run/systemd/system ] || skip "systemd runs here"
	command -v systemd-escape >/dev/null || skip "no systemd-escape"
	# What doctor would ask systemctl for: a program of that name says it. /run/systemd/system, in a mount namespace, is there.
	[ "$(id -u)" = 0 ] || skip "needs root for a mount namespace"
	mkdir -p "odd dir/x-y.z" bin
	printf '#!/bin/sh\nprintf "%%s\\n" "$3" >>%s/units\nexit 1\n' "$PWD" >bin/systemctl
	chmod 755 bin/systemctl
	mkdir -p "odd dir/x-y.z/labs/one"
	printf '%s\n' 'lab: one' 'nodes: 1' 'hypervisor: qemu' 'autostart: true' >"odd dir/x-y.z/labs/one/lab.yaml"
	PATH=$PWD/bin:$PATH LABCTL_STATE="$PWD/odd dir/x-y.z" LABCTL_SANDBOX='' unshare --mount --propagation private sh -ec '
		mount -t tmpfs tmpfs /run
		mkdir -p /run/systemd/system
		"$0" --connect test:///default doctor autostart' "$LABCTL" || true
	[ "$(cat units)" = "labctl-autostart@$(systemd-escape -p "$PWD/odd dir/x-y.z").service" ]
}

@test "the kernel's NFS server that is installed and does not run is started, not replaced" {
	[ "$(id -u)" = 0 ] || skip "needs root for a mount namespace"
	mkdir bin
	# shellcheck disable=SC2016  # the inner shell's variables
	remedy() {
		unshare --mount --propagation private sh -ec 'mount -t tmpfs tmpfs /run; mkdir -p "$2"
			PATH=$1; exec "$0" --connect test:///default --json doctor "nfs server"' "$LABCTL" "$PWD/bin" "$1" 2>/dev/null |
			jq -r '.checks[].remedy'
	}
	[ "$(remedy /run/systemd/system)" = "apt-get install nfs-ganesha nfs-ganesha-vfs" ]
	ln -s /bin/true bin/exportfs
	[ "$(remedy /run/other)" = "apt-get install nfs-ganesha nfs-ganesha-vfs" ]
	[ "$(remedy /run/systemd/system)" = "systemctl start nfs-server" ]
}
