# SPDX-License-Identifier: PostgreSQL
# For the tests of tuning/pgxc: runs the scripts, as `labctl render` writes them, against fakes with the faults of
# Postgres-XC's programs, on nodes that are private mount, network and process namespaces. Each script runs as labctl runs
# it: on bash's standard input; its output is a pipe that must close. With the first bash of LABCTL_BASHES, if that is set:
# an old one (tests/link/lib_sh.bats).
# shellcheck shell=bash disable=SC2154,SC2314

FAKES=${SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/fake-pgxc

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root for namespaces"
	WORK=$BATS_TEST_TMPDIR
	export LABCTL_STATE=$WORK/state LABCTL_CACHE=$WORK/cache
	mkdir "$WORK/bin"
	cp "$FAKES"/{initdb,initgtm,gtm_ctl,pg_ctl,pg_controldata} "$WORK/bin/"
	for name in gtm gtm_proxy postgres psql; do cp "$FAKE_PGXC_DAEMON" "$WORK/bin/$name"; done
	{ grep -v -e ^pgxc: -e :65533: /etc/passwd && echo "pgxc:x:65533:65533::/home/pgxc:/bin/bash"; } >"$WORK/passwd"
	{ grep -v -e ^pgxc: -e :65533: /etc/group && echo "pgxc:x:65533:"; } >"$WORK/group"
	nodes=() holders=()
}

teardown() {
	# unshare ignores gentler signals; its namespaces die with it.
	for holder in "${holders[@]}"; do kill -9 "$holder" 2>/dev/null || true; done
	wait 2>/dev/null || true
}

# up N [LINE OF THE LAB FILE...]: makes a lab of N empty nodes.
up() {
	local count=$1 n
	shift
	printf '%s\n' "lab: fakes" "nodes: $count" "hypervisor: lxc" "network: {subnet: 10.88.7.0/24}" \
		"data: {mount: /mnt/data}" "cluster:" "  kind: pgxc" "$@" >"$WORK/lab.yaml"
	"$LABCTL" -f "$WORK/lab.yaml" render --out "$WORK/render" >/dev/null
	for ((n = 1; n <= count; n++)); do start_node "$n"; done
}

start_node() {
	local n=$1 i
	unshare --mount --net --pid --fork --kill-child --mount-proc "$FAKES/node" "$WORK" "node$n" \
		"$(readlink /proc/self/ns/mnt)" "$(readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/pid)" \
		</dev/null >"$WORK/node$n.log" 2>&1 3>&- &
	holders+=($!)
	for ((i = 0; i < 200; i++)); do [ ! -e "$WORK/node$n.ready" ] || break && sleep 0.05; done
	[ -e "$WORK/node$n.ready" ] || { cat "$WORK/node$n.log" && false; }
	nodes[n]=$(pgrep -P "${holders[-1]}")
	if ((n == 1)); then
		link 1 add br0 type bridge
	else
		link 1 add "v$n" type veth peer name br0 netns "${nodes[n]}"
		link 1 set "v$n" master br0 up
	fi
	nsenter -t "${nodes[n]}" -n ip address add "10.88.7.$((10 + n))/24" dev br0
	link "$n" set br0 up
}

link() { nsenter -t "${nodes[$1]}" -n ip link "${@:2}"; }

# on NODE COMMAND...: runs it inside the node as root, after checking that it is inside.
on() {
	nsenter -t "${nodes[$1]}" -m -n -p -- /bin/bash -c \
		'[ "$(findmnt -nro SOURCE --direction backward --first-only --mountpoint /mnt)" = fake-pgxc ] || exit 99; cd /; exec "$@"' on "${@:2}"
}

# The same as the database's user.
as_user() { on "$1" setpriv --reuid=65533 --regid=65533 --clear-groups "${@:2}"; }

node_bash() { local all=${LABCTL_BASHES:-bash}; echo "${all%%:*}"; }

rule_file() { echo "$WORK/render/nodes/node$1/scripts/"*-"$2.sh"; }

# play NODE RULE [SECONDS]: runs the rule's script; status 124 if its output is not closed in time.
play() {
	local file
	file=$(rule_file "$1" "$2")
	[ -f "$file" ] || { echo "no script $file" && return 1; }
	sed -e "s/<value:next_xid>/${NEXT_XID-0}/" -e "s/<value:unclean>/${UNCLEAN-0}/" -e 's/<value:forgot>/0/' \
		-e "s/<value:restored>/${RESTORED-1}/" -e "s/<value:reached>/${REACHED-0}/" -e 's/<value:joins>/0/' \
		-e "s/<value:sequences>/${SEQUENCES-0}/" -e 's/<secret:postgres>/secret/' "$file" >"$WORK/script.sh"
	export -f on
	# shellcheck disable=SC2016
	timeout -k 1 "${3-30}" bash -c 'set -o pipefail; nodes[1]=$1; on 1 "$3" -s <"$2" 2>&1 | cat' _ "${nodes[$1]}" \
		"$WORK/script.sh" "$(node_bash)"
}

# bring_up: runs all rules on all nodes in the order of the plan; their output is in $WORK/said. The fakes have no sequences to
# compare: RESTORED=0 says that this failed.
bring_up() {
	local rule n said name value
	: >"$WORK/said"
	UNCLEAN=0 REACHED=0
	for rule in gtm.init gtm_standby.init gtm_proxy.init datanode.init coordinator.init datanode.xid coordinator.xid gtm.look \
		sequences.count coordinator.shut gtm.start gtm_standby.start gtm_proxy.start datanode.start coordinator.start \
		coordinator.open gtm.recovered gtm_standby.health datanode.health coordinator.health; do
		[ "$rule ${RESTORED-1}" != "coordinator.open 0" ] || continue
		for n in "${!nodes[@]}"; do
			[ -f "$(rule_file "$n" "$rule")" ] || continue
			said=$(play "$n" "$rule") || { echo "node$n $rule: $said" && return 1; }
			[ -z "$said" ] || sed "s/^/node$n $rule /" <<<"$said" >>"$WORK/said"
			while read -r _ name value; do
				if [[ $name == next_xid ]] && ((value > ${NEXT_XID-0})); then NEXT_XID=$value; fi
				if [[ $name == reached ]]; then REACHED=$value; fi
			done < <(grep "^::value " <<<"$said")
			if [[ $said == "::value unclean 1" ]]; then UNCLEAN=1; fi
		done
	done
	! grep ::fail "$WORK/said"
}

unchanged() {
	bring_up
	! grep -e ::changed -e ::skipped "$WORK/said"
}

sql() { as_user "$1" timeout "${DEADLINE-10}" /opt/pgxc/bin/psql -h "/mnt/data/pgxc_$2" -p "$3" -c "$4"; }

pid_of() { on "$1" head -n 1 "/mnt/data/$2"; }

# Checks that nothing connected to the proxy's port without a request.
no_probe() {
	! on "$1" grep "without a startup message" /mnt/data/pgxc_gtm_proxy/gtm_proxy.log
}
