# SPDX-License-Identifier: PostgreSQL
# The database tasks of `labctl db` on a real Citus: databases on every node with registered workers, distribution of
# difficult tables, shards and nodes.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	[[ -n ${LABCTL_CITUS_ARCHIVE-} ]] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up citusdb
	export LABCTL_HYPERVISOR=lxc
	labctl create 3 --image "$(citus_image)"
	labctl bootstrap citus --source "$LABCTL_CITUS_ARCHIVE"
	ran citus "$(labctl psql node1 -- -XAtc 'SELECT citus_version()' | awk '{print $2}')"
}

teardown_file() {
	[[ -n ${LABCTL_CITUS_ARCHIVE-} ]] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	[[ -n ${LABCTL_CITUS_ARCHIVE-} ]] || skip "LABCTL_CITUS_ARCHIVE names no Citus source archive"
	source "$SOURCE_DIR/tests/support/labs.bash"
}

# sql NODE DATABASE STATEMENT...
sql() {
	local node=$1 database=$2 words=()
	shift 2
	for statement; do words+=(-c "$statement"); done
	labctl psql "$node" -- -d "$database" -XAtq -v ON_ERROR_STOP=1 "${words[@]}"
}

done_steps() { jq '[.steps[] | select(.state == "done")] | length' <<<"$1"; }
on() { labctl --json db list | jq -r --arg name "$1" '.databases[] | select(.database == $name).on'; }

# result TABLE: its result in the JSON document $output.
result() { jq -r --arg name "$1" '.tables[] | select(.table == $name) | .result + ": " + (.why // "")' <<<"$output"; }

@test "a database is created on every node, with its workers registered, and completed if it is on some nodes only" {
	labctl db create osm --template postgis
	run -0 --separate-stderr labctl --json db create osm --template postgis
	[ "$(done_steps "$output")" = 0 ]
	for n in 1 2 3; do
		[ "$(sql "node$n" osm 'show search_path')" = '"$user", public, topology, tiger' ]
	done
	run -0 --separate-stderr labctl --json db nodes --db osm
	[ "$(jq -c '[.nodes[] | select(.is_active) | .role]' <<<"$output")" = '["coordinator","worker","worker"]' ]
	sql node2 postgres 'create database half template template_citus'
	[ "$(on half)" = '1 of 3: not on node1, node3' ]
	labctl db create half
	[ "$(on half)" = '3 of 3' ]
	run -0 --separate-stderr labctl --json db nodes --db half
	[ "$(jq '[.nodes[] | select(.is_active)] | length' <<<"$output")" = 3 ]
	labctl db drop half
	[ "$(on half)" = '' ]
}

@test "every table with the column is distributed, separately; others are skipped with the reason" {
	sql node1 osm 'create schema osm' \
		'create table osm.a as select i::bigint as osm_id, st_makepoint(i, i) as geom from generate_series(1, 5000) i' \
		'create table osm."Mixed Case" (osm_id bigint)' 'create table osm."q""uote;drop table osm.a;--" (osm_id bigint)' \
		'create table osm.pk (id bigserial primary key, osm_id bigint)' 'create table osm.nocol (id int)' \
		'create table osm.part (osm_id bigint, d date) partition by range (d)' \
		"create table osm.part_2026 partition of osm.part for values from ('2026-01-01') to ('2027-01-01')" \
		"insert into osm.part values (1, '2026-05-05')" \
		'create table osm.parent (osm_id bigint primary key)' 'insert into osm.parent values (1)' \
		'create table osm.achild (osm_id bigint references osm.parent)' 'insert into osm.achild values (1)' \
		'create table osm.ref (osm_id int)' "select create_reference_table('osm.ref')" 'create view osm.v as select 1 as osm_id' \
		'create table osm.zjson (osm_id json)' 'create table public.users (id bigint)'
	run -0 --separate-stderr labctl -n --json db distribute --db osm --schema osm --column osm_id
	[ "$(result a)" = 'would distribute: ' ]
	[ "$(sql node1 osm 'select count(*) from pg_dist_partition where partmethod = $$h$$')" = 0 ]
	run -0 --separate-stderr labctl --json db distribute --db osm --schema osm --column osm_id
	for table in a 'Mixed Case' 'q"uote;drop table osm.a;--' part parent achild; do
		[ "$(result "$table")" = 'distributed: ' ]
	done
	[[ $(result pk) == 'skipped: primary key pk_pkey does not include osm_id: '* ]]
	[ "$(result nocol)" = 'skipped: has no column osm_id' ]
	[ "$(result part_2026)" = 'skipped: is a partition: distributed with osm.part' ]
	[ "$(result ref)" = 'skipped: is a reference table' ]
	[ "$(result v)" = 'skipped: is a view' ]
	[[ $(result zjson) == 'skipped: osm_id has type json, which has no hash function'* ]]
	[ "$(sql node3 osm 'select count(*) from osm.a where st_dwithin(geom, st_makepoint(10, 10), 3)')" = 5 ]
}

@test "obstacles are named with their remedies; triggers, references and columns per table in one call" {
	sql node1 osm 'create schema blocked' 'create table blocked.trig (osm_id bigint)' \
		'create function blocked.f() returns trigger language plpgsql as $$ begin return new; end $$' \
		'create trigger valid before insert on blocked.trig for each row execute function blocked.f()' \
		'create table blocked.parent (osm_id bigint)' 'create table blocked.child () inherits (blocked.parent)' \
		'create table blocked.kinds (id int primary key)' \
		'create table blocked.typed (way_id bigint, kind int references blocked.kinds)' \
		'create table blocked.area (area_id bigint)' 'create table blocked.nulls (osm_id bigint)' 'insert into blocked.nulls values (null)' \
		'create table blocked.o_ways (id bigint primary key, nodes bigint[], osm_id bigint)' \
		'create table blocked.o_rels (id bigint primary key, members jsonb)'
	sql node1 osm 'create table blocked.asked (osm_id bigint primary key)' \
		'create table blocked.asks (id int, osm bigint constraint asks_key references blocked.asked)' \
		'create table blocked.first (osm_id bigint primary key)' \
		'create table blocked.second (osm_id bigint references blocked.first, unique (osm_id), id int unique)'
	words=(db distribute --db osm --schema blocked --column osm_id,way_id,area_id)
	run -0 --separate-stderr labctl -n --json "${words[@]}"
	[ "$(result trig)" = 'skipped: has trigger valid: --drop-triggers drops it' ]
	[[ $(result parent) == 'skipped: is a parent of blocked.child'* && $(result child) == 'skipped: inherits from blocked.parent'* ]]
	[ "$(result typed)" = 'skipped: foreign key typed_kind_fkey to blocked.kinds, which stays local: --reference kinds' ]
	# Citus distributes the first two, and no longer enforces the local table's foreign key.
	[ "$(result asked)" = 'skipped: foreign key asks_key of blocked.asks, which stays local: --reference asked' ]
	[ "$(result first)" = 'skipped: foreign key of blocked.second, which is skipped' ]
	[[ $(result o_ways) == 'skipped: is a middle table of osm2pgsql --slim'* ]]
	run -4 labctl "${words[@]}" --reference kindz
	[[ $output == *"did you mean 'kinds'?"* ]]
	# A table that fails nevertheless is not tried again.
	run -30 --separate-stderr labctl "${words[@]}" --reference kinds --drop-triggers
	[[ $stderr == *"1 of 5: blocked.kinds, to every node"* && $(grep -c 'blocked.nulls by' <<<"$stderr") = 1 ]]
	run -0 --separate-stderr labctl --json "${words[@]}" --exclude nulls
	[ "$(jq -r '.tables[] | select(.is_distributed) | .table + " " + (.column // "-")' <<<"$output" | sort | paste -sd,)" = 'area area_id,kinds -,trig osm_id,typed way_id' ]
	[ "$(sql node1 osm "select count(*) from pg_trigger where tgrelid = 'blocked.trig'::regclass and not tgisinternal")" = 0 ]
}

@test "a database made without labctl is recognized, and can be adopted" {
	sql node1 postgres 'create database foreign_one'
	[[ $(on foreign_one) == '1 of 3: not on node2, node3, created without labctl'* ]]
	run -5 labctl db tables --db foreign_one
	run -20 labctl db create foreign_one --template postgis
	[[ $output == *"was made without labctl"*"--adopt"* ]]
	labctl db create foreign_one --template postgis --adopt
	[ "$(on foreign_one)" = '3 of 3' ]
	[ "$(sql node2 foreign_one "select count(*) from pg_extension where extname in ('citus', 'hstore')")" = 2 ]
	labctl db drop foreign_one
}

@test "twenty clients with statements over many shards finish" {
	for _ in $(seq 20); do
		(sql node1 osm 'select count(*), max(osm_id) from osm.a' >>"$BATS_TEST_TMPDIR/said") 3>&- &
	done
	wait
	[ "$(grep -cx '5000|5000' "$BATS_TEST_TMPDIR/said")" = 20 ]
	[ "$(sql node1 osm 'show citus.max_adaptive_executor_pool_size')" = 1 ]
}

@test "a worker that is down is named; its values are left out" {
	labctl exec 3 -- 'systemctl stop labctl-postgres-worker'
	for words in 'tables' 'nodes' 'shards osm.a'; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr labctl db $words --db osm
		[[ $stderr == *"node3: no answer"* ]]
	done
	run -0 --separate-stderr labctl --json db nodes --db osm
	[ "$(jq -r '.nodes[] | select(.is_answering | not) | .node' <<<"$output")" = node3 ]
	run -0 --separate-stderr labctl --json db shards osm.a --db osm
	[ "$(jq '[.shards[] | select(.node == "node3").size_bytes] | unique == [null]' <<<"$output")" = true ]
	labctl bootstrap
}

@test "local rows stay unless --truncate-local is given" {
	run -0 --separate-stderr labctl --json db distribute --db osm --schema osm --column osm_id
	[ "$(jq '[.tables[] | select(.is_distributed and .local_bytes > 0)] | length' <<<"$output")" -gt 0 ]
	run -0 --separate-stderr labctl --json db distribute --db osm --schema osm --column osm_id --truncate-local
	[ "$(jq '[.tables[] | select(.is_distributed and .local_bytes > 0)] | length' <<<"$output")" = 0 ]
	[ "$(sql node1 osm 'select count(*) from osm.a')" = 5000 ]
}

@test "tables, also in public and with quoted names; shards with sums per node" {
	labctl db distribute --db osm --schema public --column id
	run -0 --separate-stderr labctl --json db tables --db osm
	[ "$(jq -c '.tables[] | select(.table == "users") | [.kind, .column, .shard_count]' <<<"$output")" = '["distributed","id",32]' ]
	[ "$(jq -c '.tables[] | select(.table == "ref") | [.kind, .column, .shard_count]' <<<"$output")" = '["reference",null,1]' ]
	[ "$(jq -r '.tables[] | select(.table == "nocol") | .kind' <<<"$output")" = local ]
	[ "$(jq '.tables[] | select(.table == "a") | .size_bytes > 100000' <<<"$output")" = true ]
	for table in osm.a users 'osm."Mixed Case"' 'osm."q""uote;drop table osm.a;--"'; do
		run -0 --separate-stderr labctl --json db shards "$table" --db osm
		[ "$(jq '[.nodes[].shard_count] | add' <<<"$output")" = 32 ]
	done
	run -0 --separate-stderr labctl db shards osm.a --db osm
	[[ $output == *'######'* ]]
	run -4 labctl db shards osm.nocol --db osm
	[[ $output == *"it is local"* ]]
	run -4 labctl db shards usrs --db osm
	[[ $output == *"did you mean 'users'?"* ]]
	run -2 labctl db shards "users'; drop table users;--" --db osm
	run -4 labctl db distribute --db osm --schema 'osm"; drop schema osm cascade;--' --column osm_id
	[ "$(sql node1 osm 'select count(*) from osm.a')" = 5000 ]
}

# as USER ROLE STATEMENT: in the database osm, with the inventory's password.
as() { labctl psql -r "$2" -- -U "$1" -d osm -XAtq -v ON_ERROR_STOP=1 -c "$3"; }

@test "other users than the superuser can use distributed tables, also through pgpool-II" {
	labctl db user create webapp --db osm
	labctl db user create viewer --db osm --read-only
	as webapp coordinator 'create table mine (id bigint primary key, v text)'
	as webapp coordinator "select create_distributed_table('mine', 'id')"
	as webapp pgpool "insert into mine select i, 'v' from generate_series(1, 1000) i"
	for role in coordinator pgpool; do
		[ "$(as webapp "$role" 'select count(*) from osm.a')" = 5000 ]
		[ "$(as viewer "$role" 'select count(*) from mine')" = 1000 ]
	done
	[ "$(as viewer worker 'select count(*) from mine')" = 1000 ]
	run ! as viewer coordinator 'delete from mine where id = 1'
	[[ $output == *"permission denied"* ]]
	labctl bootstrap citus --source "$LABCTL_CITUS_ARCHIVE"
	[ "$(as webapp pgpool 'select count(*) from mine')" = 1000 ]
	run -20 labctl db user drop webapp
	labctl db user drop webapp --force
	labctl db user drop viewer
	[ "$(sql node1 osm 'select count(*) from mine')" = 1000 ]
	run ! as webapp coordinator 'select 1'
	# Citus copes with a removed role: it still gives new workers what all nodes share.
	sql node1 osm 'create table after_drop (id bigint)' "select create_distributed_table('after_drop', 'id')"
	[ "$(sql node1 osm 'select start_metadata_sync_to_all_nodes()')" = t ]
}

@test "repack of a distributed table, on the workers" {
	sql node1 osm 'delete from mine where id % 2 = 0'
	labctl db repack mine --db osm
	[ "$(sql node1 osm 'select count(*) from mine')" = 500 ]
	# Citus hides shards from clients unless told otherwise.
	[ "$(sql node2 osm 'set citus.override_table_visibility = off' \
		"select count(*) from pg_class where relname ~ '^mine_[0-9]+\$' and relkind = 'r'")" -gt 0 ]
}

@test "a waiting session on a worker is shown with the client it works for" {
	(labctl psql -- -d osm -XAtq -c "set application_name = 'blocker'" -c begin -c 'update mine set v = 1 where id = 1' -c 'select pg_sleep(120)' >/dev/null 2>&1 || true) 3>&- &
	sleep 3
	(labctl psql -- -d osm -XAtq -c "set application_name = 'waiter'" -c 'update mine set v = 2 where id = 1' >/dev/null 2>&1 || true) 3>&- &
	for _ in $(seq 50); do
		by=$(labctl --json db sessions | jq -r '.sessions[] | select(.application == "waiter").blocked_by')
		[[ $by != node1:* ]] || break
		sleep 0.5
	done
	[[ $by == node1:* ]]
	labctl db kill "$by"
}

@test "a database in use on a worker is dropped only with --force" {
	(sql node2 osm "set application_name = 'holder'" 'select pg_sleep(60)' >/dev/null 2>&1 || true) 3>&- &
	for _ in $(seq 50); do
		[ "$(sql node2 postgres "select count(*) from pg_stat_activity where application_name = 'holder'")" = 1 ] && break
		sleep 0.1
	done
	run -30 labctl db drop osm
	[[ $output == *"db.worker_free/node2"* && $output == *"of postgres (holder) at"* && $output != *citus_internal* ]]
	[ "$(on osm)" = '3 of 3' ]
	labctl db drop osm --force
	[ "$(on osm)" = '' ]
	labctl db update-extensions
}
