# SPDX-License-Identifier: PostgreSQL
# Configuration files: precedence, what `labctl config` says, and what is refused.
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	export LABCTL_CONFIG=$BATS_TEST_TMPDIR/system.yaml XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/xdg
	USERS=$XDG_CONFIG_HOME/labctl/config.yaml
	mkdir -p "${USERS%/*}" "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || exit 1
	printf 'hypervisor: qemu\nmirror: http://deb.example.org/debian\ndefaults: {memory: 2GiB, disk: 30GiB}\n' >"$LABCTL_CONFIG"
	unset LABCTL_MIRROR LABCTL_HYPERVISOR
}

labctl() { "$LABCTL" "$@"; }

# force [OPTION...] KEY: "VALUE FROM"
force() { labctl --json "${@:1:$#-1}" config | jq -r --arg key "${!#}" '.values[] | select(.key == $key) | "\(.value) \(.from)"'; }

@test "an option wins over the environment, then lab file, user, system, built-in" {
	[ "$(force hypervisor)" = "qemu $LABCTL_CONFIG:1" ]
	printf '# mine\nhypervisor: lxc\ndefaults: {memory: 3GiB}\n' >"$USERS"
	[ "$(force hypervisor)" = "lxc $USERS:2" ]
	[ "$(force defaults.memory)" = "3GiB $USERS:3" ]
	[ "$(force defaults.disk)" = "30GiB $LABCTL_CONFIG:3" ]
	[ "$(force defaults.cpus)" = "1 built-in" ]
	printf 'hypervisor: kvm\n' >labctl.yaml
	[ "$(force hypervisor)" = "kvm labctl.yaml:1" ]
	[ "$(LABCTL_HYPERVISOR=lxc force hypervisor)" = "lxc LABCTL_HYPERVISOR" ]
	[ "$(LABCTL_HYPERVISOR=lxc force --hypervisor qemu hypervisor)" = "qemu --hypervisor" ]
	[ "$(force mirror)" = "http://deb.example.org/debian $LABCTL_CONFIG:2" ]
	[ "$(LABCTL_MIRROR=http://other.example.org/debian force mirror)" = "http://other.example.org/debian LABCTL_MIRROR" ]
	rm "$LABCTL_CONFIG" "$USERS"
	LABCTL_CONFIG='' force mirror | grep -q 'null built-in\|null /etc/labctl'
}

@test "a table, and the files; without any file everything is built-in" {
	run --separate-stderr -0 labctl config
	[[ ${lines[0]} == KEY*VALUE*FROM && $output == *"mirror "*"http://deb.example.org/debian"*"$LABCTL_CONFIG:2"* ]]
	# shellcheck disable=SC2154  # set by run
	[[ $stderr == *"system configuration: $LABCTL_CONFIG"*"user configuration: $USERS (does not exist)"* ]]
	[ "$(labctl config --json | jq -c '[.v, (.files | map(.found))]')" = '[1,[true,false]]' ]
	: >"$LABCTL_CONFIG"
	[ "$(labctl config --json | jq -r '.values[].from' | sort -u)" = built-in ]
	HOME=$BATS_TEST_TMPDIR/home XDG_CONFIG_HOME='' run -0 labctl config
	[[ $output == *"user configuration: $BATS_TEST_TMPDIR/home/.config/labctl/config.yaml (does not exist)"* ]]
}

@test "a new lab has the values; the mirror reaches the program that makes images" {
	run -0 labctl render postgres --out out
	grep -q '<domain type="qemu">' out/host/node1.xml
	grep -q '<memory unit="KiB">2097152<' out/host/node1.xml
	run -0 labctl -n image install own --kickstart debian12 --media netboot
	[[ $output == *"mirror/http/hostname string deb.example.org"* ]]
}

@test "doctor looks at the image and the mirror that new labs use" {
	printf 'image: debian13\n' >"$USERS"
	[[ $(labctl doctor 'default image') == *"debian13"* ]]
	LABCTL_CONFIG='' XDG_CONFIG_HOME=/none run labctl doctor 'default image'
	[[ $output == *"debian12"* ]]
	printf 'mirror: http://deb.example.org/debian http://deb.example.org/debian-security\n' >"$LABCTL_CONFIG"
	[[ $(labctl doctor "Debian's packages") == *"mirror of the configuration"* ]]
}

@test "all mistakes of a file at once, before anything is done; commands on existing labs work" {
	printf 'hypervisr: lxc\ndefaults: {memory: 8}\n' >"$LABCTL_CONFIG"
	for command in "config" "-n create 2" "create 2" "image build" "-n bootstrap postgres"; do
		# shellcheck disable=SC2086
		run labctl $command
		case $command in
		*bootstrap*) [ "$status" = 4 ] ;; # there is no lab
		*) [[ $status == 3 && $output == *"$LABCTL_CONFIG:1: hypervisr: unknown key (did you mean hypervisor?)"*"$LABCTL_CONFIG:2: defaults.memory: must be"* ]] ;;
		esac
	done
	[ ! -e "$LABCTL_STATE/labs" ]
	labctl list
	rm "$LABCTL_CONFIG"
	run -4 labctl config
	LABCTL_CONFIG=here.yaml run -2 labctl config
	[[ $output == *"must be an absolute path"* ]]
}

@test "a file that others own or can write is refused" {
	printf 'hypervisor: lxc\n' >"$USERS"
	chmod 646 "$USERS"
	run -5 labctl config
	[[ $output == *"$USERS is writable by others"*"chmod go-w $USERS"* ]]
	[ "$(id -u)" = 0 ] || skip "files of others are made by root only"
	chmod 644 "$USERS"
	chown 1234 "$USERS"
	run -5 env -u SUDO_UID "$LABCTL" config
	[[ $output == *"belongs to another user (uid 1234)"* ]]
	SUDO_UID=1234 run -0 labctl config
	mkdir "$BATS_TEST_TMPDIR/dir"
	LABCTL_CONFIG=$BATS_TEST_TMPDIR/dir run -2 labctl config
	[[ $output == *"is not a file"* ]]
}
