# SPDX-License-Identifier: PostgreSQL
# The scripts of tuning/pgxc after a GTM crash, with fakes (tests/support/fake-pgxc).
# shellcheck disable=SC2154,SC2314
bats_require_minimum_version 1.5.0
# shellcheck source-path=SCRIPTDIR source=../support/fake-pgxc/nodes.bash
source "${SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tests/support/fake-pgxc/nodes.bash"

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

	# Without the correction:
	on 1 kill -9 "$(pid_of 1 pgxc_gtm/gtm.pid)"
	on 1 rm /mnt/data/pgxc_gtm/gtm.log /mnt/data/pgxc_gtm/labctl.started
	on 1 mv /mnt/data/pgxc_gtm/gtm.pid /mnt/data/lost.pid
	NEXT_XID=0
	play 1 gtm.start
	play 1 gtm_proxy.start
	[ "$(sql 1 coordinate 1921 count)" = 0 ]
}

@test "a GTM that is killed again before the next checkpoint: it continues above the numbers that it gave since" {
	local control=/mnt/data/pgxc_coordinate/global/pg_control
	up 1
	bring_up
	sql 1 coordinate 1921 insert
	on 1 cp -p "$control" /mnt/data/checkpoint
	on 1 kill -9 "$(pid_of 1 pgxc_gtm/gtm.pid)"
	NEXT_XID=0
	bring_up
	for _ in 1 2 3; do sql 1 coordinate 1921 insert; done
	on 1 cp -p /mnt/data/checkpoint "$control"
	on 1 kill -9 "$(pid_of 1 pgxc_gtm/gtm.pid)"
	NEXT_XID=0
	bring_up
	grep -F "continues at transaction 2010001" "$WORK/said"
	[ "$(sql 1 coordinate 1921 count)" = 4 ]

	# Another GTM takes over: only the coordinators know the numbers of the old one.
	sql 1 coordinate 1921 insert
	on 1 cp -p /mnt/data/checkpoint "$control"
	on 1 kill -9 "$(pid_of 1 pgxc_gtm/gtm.pid)"
	on 1 rm -r /mnt/data/pgxc_gtm
	NEXT_XID=0
	bring_up
	grep -F "continues at transaction 3010001" "$WORK/said"
	[ "$(sql 1 coordinate 1921 count)" = 5 ]
	unchanged
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
		RESTORED=0 run -1 bring_up
		[[ $output == *"node1 gtm.recovered:"*"coordinators are closed to clients until it does"* ]]
		grep -x "node1 gtm.look ::value unclean 1" "$WORK/said"
		# Only clients: the first matching line decides, and other coordinators come before.
		on 1 grep -n '' /mnt/data/pgxc_coordinate/pg_hba.conf >"$WORK/hba"
		grep -x '3:host all all 0.0.0.0/0 reject # labctl.shut' "$WORK/hba"
		[ "$(grep -c 'labctl.shut$' "$WORK/hba")" = 4 ]
	done
	bring_up
	grep -x "node1 coordinator.open ::changed opened the coordinator to clients" "$WORK/said"
	grep -x "node1 gtm.recovered ::changed the GTM has recovered from a stop that was not clean" "$WORK/said"
	on 1 cat /mnt/data/pgxc_coordinate/pg_hba.conf >"$WORK/hba"
	run ! grep labctl.shut "$WORK/hba"
	unchanged
	! grep "::value unclean" "$WORK/said"
}

@test "a GTM in a new directory, beside nodes that have seen numbers of another one, continues above them" {
	up 1
	bring_up
	for _ in 1 2 3; do sql 1 coordinate 1921 insert; done
	on 1 kill -9 "$(pid_of 1 pgxc_gtm/gtm.pid)"
	on 1 rm -r /mnt/data/pgxc_gtm
	NEXT_XID=0
	bring_up
	grep -F "the GTM was not stopped cleanly: continues at transaction" "$WORK/said"
	[ "$(sql 1 coordinate 1921 count)" = 3 ]
	unchanged
}

@test "a GTM that was killed while stopping, after it had removed its pid file, was not stopped cleanly" {
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

@test "more sequences than a GTM of 1.0.2 can send to a standby: it keeps running, without the standby" {
	up 3
	bring_up
	# A standby that already follows is not touched.
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

@test "a warning if max_prepared_transactions is less than max_connections" {
	up 1 "  settings:" "    coordinator: {max_prepared_transactions: 16}"
	bring_up
	grep "node1 coordinator.start ::warn max_prepared_transactions = 16 of the coordinator is less than max_connections = 100" "$WORK/said"
	! grep "datanode.start ::warn" "$WORK/said"
}

@test "after a clean stop, the start keeps all transaction numbers and sets none" {
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

# No plan has stop.sh, so fill in its placeholders here.
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
