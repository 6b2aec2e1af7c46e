# SPDX-License-Identifier: PostgreSQL
# The data sets and workloads of benchmarks on a private PostgreSQL server, with Debian's pgbench and sysbench.
bats_require_minimum_version 1.5.0

setup_file() {
	BIN=$(echo /usr/lib/postgresql/*/bin | tr ' ' '\n' | tail -1)
	DIR=$(mktemp -d /tmp/labctl-bench-data.XXXXXX)
	PORT=5432 # the network is private: tests/support/own-network
	export BIN DIR PGHOST=127.0.0.1 PGPORT=$PORT PGUSER=postgres PGPASSWORD=x PGDATABASE=postgres
	chown postgres "$DIR"
	as_postgres "$BIN/initdb" -A trust -U postgres -D "$DIR/data" >/dev/null
	as_postgres "$BIN/pg_ctl" -D "$DIR/data" -w -l "$DIR/log" \
		-o "-p $PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=$DIR -c fsync=off" start >/dev/null
	"$BENCH_DATA" postgres 1 load tpcb-branch
	"$BENCH_DATA" postgres 1 load tpcb-key
	"$BENCH_DATA" postgres 1 load pack
	"$BENCH_DATA" postgres 1 load sysbench
}

teardown_file() {
	as_postgres "$BIN/pg_ctl" -D "$DIR/data" -m immediate -w stop >/dev/null
	rm -rf --one-file-system "$DIR"
}

as_postgres() {
	(cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "$@")
}

sql() {
	psql -XAtqc "$1"
}

run_pgbench() {
	run -0 "$BIN/pgbench" -n -c 2 -t 20 -f "$DIR/script"
	[[ $output == *"number of failed transactions: 0 "* ]]
}

# Every event that sysbench counts has a line in the logs, in pgbench's format.
run_sysbench() {
	cd "$DIR"
	LABCTL_DRIVE=0 run -0 sysbench --db-driver=pgsql --pgsql-host= --pgsql-port= --pgsql-user= --pgsql-password= \
		--pgsql-db="host=$PGHOST port=$PGPORT user=postgres dbname=postgres" --threads=2 --events=40 --time=60 --table-size=100000 ./script run
	[[ $output == *"total number of events:              40"* ]]
	cat log.0.* >"log.$1"
	rm log.0.*
	[ "$(grep -cE '^[01] [0-9]+ [0-9]+ 0 [0-9]{10} [0-9]{1,6}$' "log.$1")" = 40 ]
}

@test "every workload runs, and its data stay right" {
	ran=0
	while read -r workload dataset driver; do
		"$BENCH_DATA" postgres 1 script "$workload" >"$DIR/script"
		"run_$driver" "$workload"
		[ "$dataset" = - ] || "$BENCH_DATA" postgres 1 check "$dataset"
		ran=$((ran + 1))
	done < <("$BENCH_DATA" postgres 1 workloads)
	[ "$ran" = 19 ]
	[ "$(sql 'select count(*) from labctl_tpcb_key.pgbench_history')" = 80 ]
	[ "$(sql 'select count(*) from labctl_pack.entry')" = 960 ]
	[ "$(sql 'select count(*) > 0 from labctl_pack.pair where v <> 0')" = t ]
}

@test "the reset restores what the load made, and leaves it alone afterwards" {
	sql 'update labctl_tpcb_key.pgbench_accounts set abalance = 5 where aid = 7'
	sql 'delete from labctl_pack.line where item_id = 3'
	for dataset in tpcb-branch tpcb-key pack sysbench; do
		"$BENCH_DATA" postgres 1 reset "$dataset"
		run -0 "$BENCH_DATA" postgres 1 reset "$dataset"
		[[ $output == *unchanged* ]]
		"$BENCH_DATA" postgres 1 check "$dataset"
	done
	[ "$(sql 'select count(*), sum(abalance) from labctl_tpcb_key.pgbench_accounts')" = '100000|0' ]
	[ "$(sql 'select count(*) from labctl_tpcb_key.pgbench_history')" = 0 ]
	[ "$(sql "select count(*) from labctl_sysbench.sbtest1 where c = '' or length(c) <> 119 or length(pad) <> 59")" = 0 ]
	[ "$(sql 'select sum(qty) from labctl_pack.line')" = "$(sql 'select sum(l % 7) from generate_series(0, 29999) l')" ]
}

# damage SQL DATASET NAME: the check finds the damage, by this name; the reset repairs it.
damage() {
	sql "$1"
	run -30 --separate-stderr "$BENCH_DATA" postgres 1 check "$2"
	[ "$(grep WRONG <<<"$output" | cut -f 1)" = "$3" ]
	"$BENCH_DATA" postgres 1 reset "$2"
	"$BENCH_DATA" postgres 1 check "$2"
}

@test "the check finds wrong data" {
	damage 'update labctl_tpcb_branch.pgbench_accounts set abalance = 1 where aid = 1' tpcb-branch 'sums of balances'
	damage 'update labctl_tpcb_key.pgbench_tellers set tbalance = 1 where tid = 1' tpcb-key 'sums of balances'
	damage 'update labctl_tpcb_key.pgbench_branches set bbalance = 1 where bid = 1' tpcb-key 'sums of balances'
	damage "insert into labctl_tpcb_key.pgbench_history values (1, 1, 1, 3, now(), '')" tpcb-key 'sums of balances'
	damage 'delete from labctl_tpcb_key.pgbench_accounts where aid = 1' tpcb-key 'row counts'
	damage 'update labctl_pack.pair set v = 1 where part = 0 and id = 1' pack 'transfers complete'
	damage 'insert into labctl_pack.entry select 0, 1, n from generate_series(1, 7) n' pack 'inserts complete'
	damage 'delete from labctl_pack.ref where id = 1' pack 'row counts'
	damage 'delete from labctl_sysbench.sbtest1 where id = 5' sysbench 'row counts'
}

# The values that the scripts for Citus use: src/bench/workload.c.
@test "each part of the pack lies in the middle of its eighth of Citus' hashes" {
	parts=$("$BENCH_DATA" citus 1 script insert-all | grep -o '([0-9]*, :tx' | tr -dc '0-9\n' | paste -sd,)
	[ "$(sql "select string_agg(floor(h)::text, ' ' order by n), bool_and(h - floor(h) between .4 and .6)
		from (select n, (hashint4(p) + 2147483648::bigint) / 536870912.0 as h
			from unnest(array[$parts]) with ordinality u (p, n)) x")" = '0 4 1 5 2 6 3 7|t' ]
}
