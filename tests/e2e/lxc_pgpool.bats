# SPDX-License-Identifier: PostgreSQL
# A primary with two standbys behind pgpool-II, with PostGIS and pg_repack, all from the distribution's packages: databases
# from templates, queries of `labctl db`, a lost backend, and a clean host after destroy.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up pgpool
	export LABCTL_HYPERVISOR=lxc LABCTL_FILE=$WORK/gis.yaml
	cat >"$LABCTL_FILE" <<-'END'
		lab: gis
		nodes: 3
		cluster: {kind: postgres, primary: 1, standby: 2-3, pgpool: 1}
	END
	host_state before
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

# sql ROLE-OR-NODE DATABASE STATEMENT...
sql() {
	local where=$1 database=$2 words=()
	shift 2
	for statement; do words+=(-c "$statement"); done
	[[ $where == node* ]] || where="-r $where"
	# shellcheck disable=SC2086
	labctl psql $where -- -d "$database" -XAtq -v ON_ERROR_STOP=1 "${words[@]}"
}

# The steps that a --json document reports as done.
done_steps() { jq '[.steps[] | select(.state == "done")] | length' <<<"$1"; }

# The backends that pgpool uses.
backends_up() { sql pgpool postgres 'show pool_nodes' | awk -F'|' '$4 == "up"' | wc -l; }

@test "bootstrap with pgpool-II in front ends healthy, and again changes nothing" {
	labctl create
	labctl --timings bootstrap
	run -0 --separate-stderr labctl --json bootstrap
	jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"
	[ "$(done_steps "$output")" = 0 ]
	run -0 --separate-stderr labctl --json status
	[ "$(jq '[.nodes[].databases[] | select(.up)] | length' <<<"$output")" = 4 ]
	[ "$(backends_up)" = 3 ]
}

@test "the sockets of pgpool-II are in a directory that its user can write to, and nowhere else" {
	labctl ssh node1 -- test -S /run/postgresql/.s.PGSQL.9999 -a -S /run/postgresql/.s.PGSQL.9898
	run ! labctl ssh node1 -- test -e /tmp/.s.PGSQL.9999 -o -e /tmp/.s.PGSQL.9898
}

@test "rows written through pgpool-II are read through it, also from standbys" {
	sql pgpool postgres 'create table e2e (n int)' 'insert into e2e select generate_series(1, 1000)'
	# Each session reads from one backend; several sessions reach more than one.
	for _ in $(seq 40); do
		[ "$(sql pgpool postgres 'select count(*) from e2e')" = 1000 ] || { sleep 0.2; continue; }
		sql pgpool postgres 'select inet_server_addr()' >>"$BATS_TEST_TMPDIR/seen"
		[ "$(sort -u "$BATS_TEST_TMPDIR/seen" | wc -l)" -gt 1 ] && break
	done
	[ "$(sort -u "$BATS_TEST_TMPDIR/seen" | wc -l)" -gt 1 ]
}

@test "a database from the PostGIS template is on every node, and works through pgpool-II" {
	labctl db create osm --template postgis
	run -0 --separate-stderr labctl --json db create osm --template postgis
	[ "$(done_steps "$output")" = 0 ]
	run -0 --separate-stderr labctl --json db list
	[ "$(jq -r '.databases[] | select(.database == "osm").on' <<<"$output")" = '3 of 3' ]
	[ "$(jq -r '.databases[] | select(.database == "template_postgis").is_template' <<<"$output")" = true ]
	sql pgpool osm 'create table "Mixed Case" (osm_id bigint, geom geometry(point, 4326))' \
		"insert into \"Mixed Case\" select i, st_setsrid(st_makepoint(i, i), 4326) from generate_series(1, 80) i"
	[ "$(sql node1 osm 'select count(*) from "Mixed Case" where st_dwithin(geom, st_setsrid(st_makepoint(10, 10), 4326), 3)')" = 5 ]
	for _ in $(seq 40); do
		got=$(sql pgpool osm 'select count(*) from "Mixed Case" where st_dwithin(geom, st_setsrid(st_makepoint(10, 10), 4326), 3)') && [ "$got" = 5 ] && break
		sleep 0.2
	done
	[ "$got" = 5 ]
	[ "$(sql node1 osm "select count(*) from pg_extension where extname in ('postgis', 'postgis_topology', 'pg_repack')")" = 3 ]
	[ "$(sql node1 osm 'show search_path')" = '"$user", public, topology, tiger' ]
	labctl ssh node1 -- runuser -u postgres -- pg_repack --dry-run -d osm
}

@test "db tables and nodes; missing names, and injection by names" {
	run -0 --separate-stderr labctl --json db tables --db osm
	[ "$(jq -c '[.tables[] | select(.schema == "public") | .table, .kind, .size_bytes > 0]' <<<"$output")" = '["Mixed Case","local",true]' ]
	run -0 --separate-stderr labctl --json db nodes
	[ "$(jq -c '[.nodes[].role]' <<<"$output")" = '["primary","standby","standby"]' ]
	run -4 labctl db tables --db osn
	[[ $output == *"did you mean 'osm'?"* ]]
	run -4 labctl db tables --db osm --schema publik
	[[ $output == *"did you mean 'public'?"* ]]
	run -4 labctl db drop osn
	[[ $output == *"did you mean 'osm'?"* ]]
	name="a\"b';drop database osm;--"
	labctl db create "$name"
	labctl db drop "$name"
	run -0 --separate-stderr labctl --json db list
	[ "$(jq -c '[.databases[].database]' <<<"$output")" = '["osm","postgres","template_postgis"]' ]
}

@test "outdated and missing extensions are updated, in one database and in the templates" {
	sql node1 osm "create extension pg_stat_statements version '1.9'" 'drop extension postgis_tiger_geocoder'
	run -0 --separate-stderr labctl --json db update-extensions osm
	[[ $(jq -r '.steps[].notes // ""' <<<"$output") == *"updated extension pg_stat_statements in osm from 1.9 to "* ]]
	[ "$(sql node1 osm "select count(*) from pg_extension where extname = 'postgis_tiger_geocoder'")" = 1 ]
	sql node1 postgres 'alter database template_postgis allow_connections true'
	sql node1 template_postgis 'drop extension pg_repack'
	labctl db update-extensions
	[ "$(sql node1 postgres "select datallowconn from pg_database where datname = 'template_postgis'")" = f ]
	run -0 --separate-stderr labctl --json db update-extensions
	[ "$(done_steps "$output")" = 0 ]
	labctl db create again --template postgis
	[ "$(sql node1 again "select count(*) from pg_extension where extname = 'pg_repack'")" = 1 ]
	labctl db drop again
}

# hold NODE DATABASE: opens a session there for a while; returns when it is open.
hold() {
	(sql "$1" "$2" "set application_name = 'holder'" 'select pg_sleep(60)' >/dev/null 2>&1 || true) 3>&- &
	for _ in $(seq 50); do
		[ "$(sql "$1" postgres "select count(*) from pg_stat_activity where application_name = 'holder' and datname = '$2'")" = 1 ] && return 0
		sleep 0.1
	done
	return 1
}

@test "sessions in a template or a database are named, and end only with --force" {
	sql node1 postgres 'alter database template_postgis allow_connections true'
	hold node1 template_postgis
	run -30 labctl db create two --template postgis
	[[ $output == *"template_postgis is in use by 1 session"* && $output == *"of postgres (holder) at"* ]]
	[[ $output == *"next: labctl -l gis db create two --template postgis --force"* ]]
	[ "$(sql node1 postgres "select count(*) from pg_stat_activity where application_name = 'holder'")" = 1 ]
	labctl db create two --template postgis --force
	[ "$(sql node1 postgres "select count(*) from pg_stat_activity where application_name = 'holder'")" = 0 ]
	hold node2 two
	run -30 labctl db drop two
	[[ $output == *"db.standby_free/node2"* && $output == *"of postgres (holder) at"* ]]
	labctl db drop two --force
	run -0 --separate-stderr labctl --json db list
	[ "$(jq '[.databases[] | select(.database == "two")] | length' <<<"$output")" = 0 ]
}

# as USER ROLE DATABASE STATEMENT: with the inventory's password.
as() { labctl psql -r "$2" -- -U "$1" -d "$3" -XAtq -v ON_ERROR_STOP=1 -c "$4"; }

@test "users can log in everywhere, but only to their databases" {
	labctl db user create webapp
	labctl db user create viewer --db osm --read-only
	run -0 --separate-stderr labctl --json db user create viewer
	[ "$(done_steps "$output")" = 0 ]
	as webapp pgpool osm 'create table mine (n int)'
	as webapp pgpool osm 'insert into mine values (1)'
	as webapp primary osm 'insert into "Mixed Case" values (81)'
	[ "$(as viewer primary osm 'select count(*) from mine')" = 1 ]
	[ "$(as viewer primary osm 'select count(*) from "Mixed Case"')" = 81 ]
	as viewer pgpool osm 'select 1'
	run ! as viewer primary osm 'insert into mine values (2)'
	[[ $output == *"permission denied"* ]]
	run ! as viewer primary postgres 'select 1'
	[[ $output == *"rejects"* ]]
	labctl ssh node1 -- "echo somebody:TEXTelse >>/data/pgpool/pool_passwd; echo '# mine' >>/data/pgsql/pg_hba.conf"
	labctl bootstrap
	labctl ssh node1 -- grep -qx somebody:TEXTelse /data/pgpool/pool_passwd
	labctl ssh node1 -- grep -qx '# mine' /data/pgsql/pg_hba.conf
	old=$(inside cat "$LABCTL_STATE/labs/gis/secrets/user-webapp")
	labctl db user password webapp
	[ "$(inside cat "$LABCTL_STATE/labs/gis/secrets/user-webapp")" != "$old" ]
	as webapp pgpool osm 'insert into mine values (3)'
	run -0 --separate-stderr labctl --json db user list
	[ "$(jq -c '[.users[] | select(.is_labctl) | .user, .access, .databases]' <<<"$output")" = '["viewer","read","osm","webapp","write","all"]' ]
	run -20 labctl db user drop webapp
	[[ $output == *"owns objects: 1 in osm"* && $output == *"next: labctl -l gis db user drop webapp --force"* ]]
	labctl db user drop webapp --force
	labctl db user drop viewer
	run ! as webapp pgpool osm 'select 1'
	[ "$(sql node1 osm 'select count(*) from mine')" = 2 ]
	[ "$(sql node1 osm "select count(*) from pg_roles where rolname in ('webapp', 'viewer')")" = 0 ]
	[ ! -e "$LABCTL_STATE/labs/gis/secrets/user-webapp" ]
	run -0 --separate-stderr labctl --json bootstrap
	[ "$(done_steps "$output")" = 0 ]
	sql node1 osm 'drop table mine'
}

# within SECONDS COMMAND...
within() { for _ in $(seq $(($1 * 5))); do ! "${@:2}" || return 0; sleep 0.2; done; false; }
blocked_by() { labctl --json db sessions | jq -r '.sessions[] | select(.application == "waiter").blocked_by'; }
is_blocked() { [[ $(blocked_by) == node1:* ]]; }

@test "sessions show who waits for whom; kill ends one; repack" {
	(sql node1 osm "set application_name = 'blocker'" begin 'lock table "Mixed Case"' 'select pg_sleep(300)' >/dev/null 2>&1 || true) 3>&- &
	within 20 eval '[ "$(sql node1 postgres "select count(*) from pg_locks where mode = \$\$AccessExclusiveLock\$\$ and granted")" -gt 0 ]'
	(sql node1 osm "set application_name = 'waiter'" 'select count(*) from "Mixed Case"' >/dev/null 2>&1 || true) 3>&- &
	within 20 is_blocked
	run -0 labctl status
	[[ $output != *"waited for a lock"* ]]
	sleep 62
	run -0 labctl status
	[[ $output == *"node1: 1 session has waited for a lock for more than a minute: labctl -l gis db sessions"* ]]
	labctl db kill "$(blocked_by)"
	within 20 eval '[ -z "$(blocked_by)" ]'
	run -4 labctl db kill node1:999999
	sql node1 osm 'create table packed (id int primary key, v text)' \
		"insert into packed select i, repeat('x', 500) from generate_series(1, 5000) i" 'delete from packed where id > 10'
	labctl db repack packed --db osm
	[ "$(sql node1 osm "select pg_relation_size('packed') < 100000")" = t ]
	sql node1 osm 'drop table packed' 'create table nokey (n int)'
	run -20 labctl db repack nokey --db osm
	[[ $output == *"nokey"*"next: correct what is reported above, then: labctl -l gis db repack nokey --db osm"* ]]
	run -4 labctl db repack nothing --db osm
}

@test "db drop asks for the database's name on a terminal" {
	run -130 inside env LABCTL_YES=0 script -qec "$LABCTL db drop osm" /dev/null <<<lab
	[[ $output == *"removes the database 'osm'"* && $output == *"Type osm to confirm"* && $output == *"not confirmed, nothing was removed"* ]]
	run -0 inside env LABCTL_YES=0 script -qec "$LABCTL db drop osm --force" /dev/null <<<osm
	run -4 labctl db drop osm
}

@test "bootstrap starts a lost standby and attaches it again" {
	labctl ssh node2 -- systemctl stop labctl-postgres-standby
	for _ in $(seq 100); do
		[ "$(backends_up)" = 2 ] && break
		sleep 0.2
	done
	[ "$(backends_up)" = 2 ]
	labctl bootstrap
	[ "$(backends_up)" = 3 ]
}

@test "destroy leaves the host as it was" {
	labctl --timings destroy
	host_state after
	same_host before after
}
