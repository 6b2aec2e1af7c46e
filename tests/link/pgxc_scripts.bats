# SPDX-License-Identifier: PostgreSQL
# The scripts of tuning/pgxc as `labctl render` writes them, run against programs that lie as those of Postgres-XC do
# (tests/support/fake-pgxc), on nodes that are mount, network and process namespaces of their own. Each runs as labctl
# runs it: on bash's standard input, its output a pipe that must end. With the first bash that LABCTL_BASHES names, if it
# is set: an old one (tests/link/lib_sh.bats).
# shellcheck disable=SC2154,SC2314
bats_require_minimum_version 1.5.0

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

# up N [LINE OF THE LAB FILE...]: a lab of N nodes, without anything on them.
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

# on NODE COMMAND...: inside, as root, if that is the inside.
on() {
	nsenter -t "${nodes[$1]}" -m -n -p -- /bin/bash -c \
		'[ "$(findmnt -nro SOURCE --direction backward --first-only --mountpoint /mnt)" = fake-pgxc ] || exit 99; cd /; exec "$@"' on "${@:2}"
}

# As the database's user.
as_user() { on "$1" setpriv --reuid=65533 --regid=65533 --clear-groups "${@:2}"; }

node_bash() { local all=${LABCTL_BASHES:-bash}; echo "${all%%:*}"; }

rule_file() { echo "$WORK/render/nodes/node$1/scripts/"*-"$2.sh"; }

# play NODE RULE [SECONDS]: runs the rule's script; status 124 when its output does not end in time.
play() {
	local file
	file=$(rule_file "$1" "$2")
	[ -f "$file" ] || { echo "no script $file" && return 1; }
	sed -e "s/<value:next_xid>/${NEXT_XID-0}/" -e "s/<value:unclean>/${UNCLEAN-0}/" \
		-e "s/<value:sequences>/${SEQUENCES-0}/" -e 's/<secret:postgres>/secret/' "$file" >"$WORK/script.sh"
	export -f on
	# shellcheck disable=SC2016
	timeout -k 1 "${3-30}" bash -c 'set -o pipefail; nodes[1]=$1; on 1 "$3" -s <"$2" 2>&1 | cat' _ "${nodes[$1]}" \
		"$WORK/script.sh" "$(node_bash)"
}

# bring_up: all rules on all nodes, in the order of the plan. What they say is in $WORK/said.
bring_up() {
	local rule n said
	: >"$WORK/said"
	for rule in gtm.init gtm_standby.init gtm_proxy.init datanode.init coordinator.init datanode.xid coordinator.xid \
		sequences.count gtm.start gtm_standby.start gtm_proxy.start datanode.start coordinator.start gtm_standby.health \
		datanode.health coordinator.health; do
		for n in "${!nodes[@]}"; do
			[ -f "$(rule_file "$n" "$rule")" ] || continue
			said=$(play "$n" "$rule") || { echo "node$n $rule: $said" && return 1; }
			[ -z "$said" ] || sed "s/^/node$n $rule /" <<<"$said" >>"$WORK/said"
			if [[ $said == *"::value next_xid "* ]] && ((${said##* } > ${NEXT_XID-0})); then NEXT_XID=${said##* }; fi
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

# Nobody ever connected to the proxy's port without a request.
no_probe() {
	! on "$1" grep "without a startup message" /mnt/data/pgxc_gtm_proxy/gtm_proxy.log
}

@test "the fake programs have the faults of Postgres-XC's" {
	up 1
	on 1 install -d -o pgxc /mnt/lies
	cp "$BATS_TEST_DIRNAME/../support/fake-pgxc/lies.sh" "$WORK/lies.sh"
	as_user 1 timeout -k 1 60 bash -s <"$WORK/lies.sh"
}

@test "one node with every role: starts, and a second run changes nothing" {
	up 1
	bring_up
	for what in "initgtm /mnt/data/pgxc_gtm" "initdb /mnt/data/pgxc_datanode" "started gtm on port 1920" \
		"started gtm_proxy on port 1924" "started datanode on port 1923" "started coordinator on port 1921"; do
		grep -F "::changed $what" "$WORK/said"
	done
	on 1 grep registered /mnt/data/pgxc_datanode/pg_log/postgresql-fake.csv
	unchanged
	no_probe 1
	# One profile for all roles of a node, which no role takes from the other: psql finds the coordinator.
	on 1 grep -x "export PGPORT=1921" /home/pgxc/.bash_profile
	[ "$(on 1 bash -c '. /home/pgxc/.bash_profile; echo "$PGHOST"')" = /mnt/data/pgxc_coordinate ]
	# What a server starts finds that server's socket, not one in /tmp.
	on 1 bash -c 'tr "\0" "\n" <"/proc/$(head -n 1 /mnt/data/pgxc_datanode/postmaster.pid)/environ"' >"$WORK/environ"
	grep -x PGHOST=/mnt/data/pgxc_datanode "$WORK/environ"
	grep -x PGPORT=1923 "$WORK/environ"
}

@test "three nodes: the standby joins, is found lost after a restart of the GTM, and joins again" {
	up 3
	bring_up
	grep -F "::changed started gtm_standby on port 1920" "$WORK/said"
	unchanged
	for n in 1 2; do on "$n" grep -x "export PGDATA=/mnt/data/pgxc_gtm" /home/pgxc/.bash_profile; done
	on 1 kill -9 "$(pid_of 1 pgxc_gtm/gtm.pid)"
	run -1 play 2 gtm_standby.health
	[[ $output == *"::fail the GTM does not replicate to its standby"* ]]
	bring_up
	grep "gtm_standby.start ::changed stopped a gtm_standby that the GTM has lost" "$WORK/said"
	grep "gtm_proxy.start ::changed stopped a gtm_proxy without a connection to the GTM" "$WORK/said"
	unchanged
	no_probe 3
}

@test "a standby without a GTM and a proxy without a GTM fail in time, with the reason" {
	up 3
	for n in 2 3; do bring_up_inits "$n"; done
	run -1 play 2 gtm_standby.start 15
	[[ $output == *"::evidence FATAL:  Failed to establish a connection to active-GTM."*"::fail the GTM standby did not start"* ]]
	run -1 play 3 gtm_proxy.start 15
	[[ $output == *"::evidence FATAL:  can not connect to GTM"*"::fail the GTM proxy did not start"* ]]
	# And again, over the stale pid files.
	run -1 play 3 gtm_proxy.start 15
	[[ $output == *"::fail the GTM proxy did not start"* ]]
}

bring_up_inits() {
	local file
	for file in "$WORK/render/nodes/node$1/scripts/"*.init.sh; do
		file=${file##*/}
		file=${file#*-}
		play "$1" "${file%.sh}" >/dev/null
	done
}

@test "a bad setting: the GTM and the datanode fail in time, with the reason" {
	up 1 "  settings:" "    gtm: {port: a'b}" "    datanode: {port: none}"
	bring_up_inits 1
	run -1 play 1 gtm.start 15
	[[ $output == *"::evidence "*"invalid value for parameter"*"::fail the GTM did not start"* ]]
	run -1 play 1 datanode.start 15
	[[ $output == *"::evidence FATAL:  invalid value for parameter \"port\": \"none\""*"::fail the datanode did not start"* ]]
}

@test "a port in use by another program: every role reports it in time" {
	local rule port
	up 1
	bring_up_inits 1
	for rule in gtm:1920 gtm_proxy:1924 datanode:1923 coordinator:1921; do
		port=${rule#*:}
		on 1 mkdir -p "/mnt/other$port"
		on 1 bash -c "printf '%s\n' 'port = $port' 'nodename = other' 'startup = ACT' >/mnt/other$port/gtm.conf"
		on 1 bash -c "/opt/pgxc/bin/gtm -D /mnt/other$port </dev/null >/dev/null 2>&1 & sleep 0.3"
		run -1 play 1 "${rule%:*}.start" 15
		[[ $output == *"::fail port $port is taken by another program"* ]]
	done
}

@test "stale pid files whose pids belong to other programs of the same user" {
	local stranger file
	up 1
	bring_up
	for file in pgxc_coordinate/postmaster.pid pgxc_datanode/postmaster.pid pgxc_gtm_proxy/gtm_proxy.pid; do
		on 1 kill -9 "$(pid_of 1 "$file")"
	done
	stranger=$(as_user 1 bash -c 'sleep 250 </dev/null >/dev/null 2>&1 & echo $!')
	for file in pgxc_coordinate/postmaster.pid pgxc_datanode/postmaster.pid pgxc_gtm_proxy/gtm_proxy.pid; do
		on 1 bash -c "sed -i '1s/.*/$stranger/' /mnt/data/$file"
	done
	bring_up
	[ "$(grep -c "::changed started" "$WORK/said")" = 3 ]
	on 1 kill -0 "$stranger"
	unchanged
}

@test "kill -9 of the GTM: it continues above the numbers that nodes have seen, and rows stay visible" {
	up 1
	bring_up
	for _ in 1 2 3 4 5; do sql 1 coordinate 1921 insert; done
	[ "$(sql 1 coordinate 1921 count)" = 5 ]
	on 1 kill -9 "$(pid_of 1 pgxc_gtm/gtm.pid)"
	DEADLINE=2 run -124 sql 1 coordinate 1921 "select 1"
	NEXT_XID=0
	bring_up
	((NEXT_XID == 10005))
	grep -F "::changed the GTM was not stopped cleanly: continues at transaction 1010005" "$WORK/said"
	[ "$(sql 1 coordinate 1921 count)" = 5 ]
	unchanged

	# What it would be without.
	on 1 kill -9 "$(pid_of 1 pgxc_gtm/gtm.pid)"
	on 1 rm /mnt/data/pgxc_gtm/gtm.log /mnt/data/pgxc_gtm/labctl.started
	on 1 mv /mnt/data/pgxc_gtm/gtm.pid /mnt/data/lost.pid
	NEXT_XID=0
	play 1 gtm.start
	play 1 gtm_proxy.start
	[ "$(sql 1 coordinate 1921 count)" = 0 ]
}

@test "a GTM that was not stopped cleanly keeps its mark until its sequences are correct, through any interruption" {
	up 1
	bring_up
	run ! grep "::value unclean" "$WORK/said"
	run -0 play 1 sequences
	[ -z "$output" ]
	run -0 play 1 gtm.recovered
	[ -z "$output" ]
	on 1 kill -9 "$(pid_of 1 pgxc_gtm/gtm.pid)"
	for _ in 1 2; do
		bring_up
		grep -x "node1 gtm.start ::value unclean 1" "$WORK/said"
	done
	run -0 play 1 gtm.recovered
	[ "$output" = "::changed the GTM has recovered from a stop that was not clean" ]
	unchanged
	! grep "::value unclean" "$WORK/said"
}

@test "a GTM that was killed while it stopped, when its pid file is gone already, was not stopped cleanly" {
	up 1
	bring_up
	on 1 /opt/pgxc/bin/gtm_ctl stop -Z gtm -D /mnt/data/pgxc_gtm -m fast
	bring_up
	run ! grep "not stopped cleanly" "$WORK/said"
	for _ in 1 2 3; do sql 1 coordinate 1921 insert; done
	pid=$(pid_of 1 pgxc_gtm/gtm.pid)
	on 1 rm /mnt/data/pgxc_gtm/gtm.pid
	on 1 kill -9 "$pid"
	NEXT_XID=0
	bring_up
	grep -F "the GTM was not stopped cleanly: continues at transaction" "$WORK/said"
	[ "$(sql 1 coordinate 1921 count)" = 3 ]
}

@test "more sequences than a GTM of 1.0.2 can tell a standby: it runs on, without the standby" {
	up 3
	bring_up
	# One that follows is left alone.
	SEQUENCES=1025 run -0 play 2 gtm_standby.start
	[ -z "$output" ]
	on 2 kill -9 "$(pid_of 2 pgxc_gtm/gtm.pid)"
	SEQUENCES=1025 run -0 play 2 gtm_standby.start
	[[ $output == *"::warn the GTM standby was not started: there are 1025 sequences"* ]]
	run -1 play 2 gtm_standby.health
	[[ $output == *"::fail gtm_standby is not running"* ]]
	SEQUENCES=1024 run -0 play 2 gtm_standby.start
	[[ $output == *"::changed started gtm_standby"* ]]
}

@test "fewer prepared transactions than connections: a warning" {
	up 1 "  settings:" "    coordinator: {max_prepared_transactions: 16}"
	bring_up
	grep "node1 coordinator.start ::warn max_prepared_transactions = 16 of the coordinator is less than max_connections = 100" "$WORK/said"
	! grep "datanode.start ::warn" "$WORK/said"
}

@test "a clean stop and start: no transaction number is set or lost" {
	local rule
	up 1
	bring_up
	sql 1 coordinate 1921 insert
	for rule in coordinator datanode gtm_proxy gtm; do play_stop "$rule"; done
	bring_up
	run ! grep "not stopped cleanly" "$WORK/said"
	[ "$(sql 1 coordinate 1921 count)" = 1 ]
	unchanged
}

# stop.sh is in no plan: filled in as the planner would.
play_stop() {
	local dir
	case $1 in coordinator) dir=pgxc_coordinate ;; *) dir=pgxc_$1 ;; esac
	{
		cat "$FAKES/../../../tuning/lib.sh"
		sed -e "s,@{role:sh},$1,; s,@{dir:sh},/mnt/data/$dir,; s,@{user:sh},pgxc,; s,@{prefix:sh},/opt/pgxc,; s,@{nodename:sh},$1," \
			"$FAKES/../../../tuning/pgxc/stop.sh"
	} >"$WORK/stop.sh"
	run -0 timeout 60 nsenter -t "${nodes[1]}" -m -n -p "$(node_bash)" -s <"$WORK/stop.sh"
	[[ $output == "::changed stopped $1" ]]
}

@test "a hung proxy that claims to be stopped is found by its processes and replaced" {
	up 1
	bring_up
	on 1 bash -c 'exec 5<>/dev/tcp/127.0.0.1/1924; exec 5>&-'
	DEADLINE=2 run -124 sql 1 datanode 1923 "select 1"
	as_user 1 /opt/pgxc/bin/gtm_ctl stop -Z gtm_proxy -D /mnt/data/pgxc_gtm_proxy
	run -0 play 1 gtm_proxy.start
	[[ $output == "::changed started gtm_proxy on port 1924" ]]
	[ "$(sql 1 datanode 1923 "select 1")" = 1 ]
}

@test "processes that outlive a killed postmaster are ended" {
	up 1
	bring_up
	on 1 kill -9 "$(pid_of 1 pgxc_datanode/postmaster.pid)"
	run -0 play 1 datanode.start
	[[ $output == "::changed started datanode on port 1923" ]]
	unchanged
}

@test "directories of another node, and not empty ones" {
	up 1
	on 1 mkdir -p /mnt/data/pgxc_gtm
	on 1 touch /mnt/data/pgxc_gtm/precious
	run -1 play 1 gtm.init
	[[ $output == "::fail /mnt/data/pgxc_gtm is not empty but has no gtm.conf" ]]
	on 1 test -e /mnt/data/pgxc_gtm/precious
	play 1 datanode.init
	on 1 bash -c 'echo datanode_9 >/mnt/data/pgxc_datanode/labctl.nodename'
	run -1 play 1 datanode.init
	[[ $output == "::fail /mnt/data/pgxc_datanode belongs to the node datanode_9, not to datanode_1" ]]
}
