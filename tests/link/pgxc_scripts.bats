# SPDX-License-Identifier: PostgreSQL
# The scripts of tuning/pgxc against fakes that report wrong results as Postgres-XC's programs do (tests/support/fake-pgxc).
# shellcheck disable=SC2154,SC2314
bats_require_minimum_version 1.5.0
# shellcheck source-path=SCRIPTDIR source=../support/fake-pgxc/nodes.bash
source "${SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/fake-pgxc/nodes.bash"

@test "the fakes have the faults of Postgres-XC's programs" {
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
	# All roles of a node share one profile, and no role overwrites another's part: psql finds the coordinator.
	on 1 grep -x "export PGPORT=1921" /home/pgxc/.bash_profile
	[ "$(on 1 bash -c '. /home/pgxc/.bash_profile; echo "$PGHOST"')" = /mnt/data/pgxc_coordinate ]
	# Programs that a server starts find its socket, not one in /tmp.
	on 1 bash -c 'tr "\0" "\n" <"/proc/$(head -n 1 /mnt/data/pgxc_datanode/postmaster.pid)/environ"' >"$WORK/environ"
	grep -x PGHOST=/mnt/data/pgxc_datanode "$WORK/environ"
	grep -x PGPORT=1923 "$WORK/environ"
}

@test "settings that only 1.0 has: used there, left out of 1.1 with a note" {
	up 1
	for rule in gtm_proxy.init datanode.init; do play 1 "$rule"; done
	on 1 grep -x 'wal_sender_delay = 10ms' /mnt/data/pgxc_datanode/labctl.version.conf
	on 1 grep -x 'err_wait_idle = 60' /mnt/data/pgxc_gtm_proxy/labctl.version.conf
	printf '%s\n' '#!/bin/sh' 'echo "psql (Postgres-XC) 1.1.1"' >"$WORK/psql-1.1"
	chmod 755 "$WORK/psql-1.1"
	on 1 mount --bind "$WORK/psql-1.1" /opt/pgxc/bin/psql
	run -0 play 1 datanode.init
	[[ $output == *"::skipped wal_sender_delay = 10ms of the datanode: only Postgres-XC 1.0 has it"* ]]
	run -0 play 1 gtm_proxy.init
	[[ $output == *"::skipped gtm_connect_retry_* and err_wait_* of the proxy: only Postgres-XC 1.0 has them"* ]]
	run -1 on 1 grep -rE '^[a-z]' /mnt/data/pgxc_datanode/labctl.version.conf /mnt/data/pgxc_gtm_proxy/labctl.version.conf
	# The configurations of Postgres-XL do not include them.
	on 1 rm /mnt/data/pgxc_datanode/labctl.version.conf /mnt/data/pgxc_gtm_proxy/labctl.version.conf
	printf '%s\n' '#!/bin/sh' 'echo "psql (Postgres-XL) 9.2.0"' >"$WORK/psql-1.1"
	for rule in datanode.init gtm_proxy.init; do
		run -0 play 1 "$rule"
		[[ $output != *"labctl.version.conf"* && $output != *"::skipped"* ]]
	done
	run -1 on 1 test -e /mnt/data/pgxc_datanode/labctl.version.conf
}

@test "three nodes: the standby joins, is found disconnected after a restart of the GTM, and joins again" {
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
	# Again, with stale pid files.
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

@test "a role that hangs is killed when it is stopped, with a warning" {
	up 1
	bring_up
	pid=$(pid_of 1 pgxc_coordinate/postmaster.pid)
	on 1 kill -STOP "$pid"
	run -0 on 1 /bin/bash -c '. /var/lib/labctl/boot/lib.sh; . /var/lib/labctl/boot/coordinate_1.stop'
	[[ $output == *"::warn coordinator did not stop in time and was killed"*"::changed stopped coordinator"* ]]
	run -0 on 1 /bin/bash -c '. /var/lib/labctl/boot/lib.sh; . /var/lib/labctl/boot/datanode_1.stop'
	[ "$output" = "::changed stopped datanode" ]
}

@test "processes that outlive a killed postmaster are ended" {
	up 1
	bring_up
	on 1 kill -9 "$(pid_of 1 pgxc_datanode/postmaster.pid)"
	run -0 play 1 datanode.start
	[[ $output == "::changed started datanode on port 1923" ]]
	unchanged
}

@test "directories of another node, and directories that are not empty, are refused" {
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
