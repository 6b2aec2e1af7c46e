# SPDX-License-Identifier: PostgreSQL
# The Citus walk-through on real nodes: four containers with pgpool-II in front, built from the source archive
# LABCTL_CITUS_ARCHIVE.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154

setup_file() {
	[ -n "${LABCTL_CITUS_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up citus
	export LABCTL_HYPERVISOR=lxc
	host_state before
}

teardown_file() {
	[ -n "${LABCTL_CITUS_ARCHIVE-}" ] || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	[ -n "${LABCTL_CITUS_ARCHIVE-}" ] || skip "LABCTL_CITUS_ARCHIVE names no Citus source archive"
	source "$SOURCE_DIR/tests/support/labs.bash"
}

coordinator() { labctl psql node1 -- -XAtqv ON_ERROR_STOP=1 "$@"; }
pool() { labctl psql -r pgpool -- -XAtqv ON_ERROR_STOP=1 "$@"; }

# The bootstrap's steps that changed something.
steps_done() { jq -r '.steps[] | select(.state == "done") | .id + " " + (.notes // "")' <<<"$output"; }

# The walk-through's query for shards.
shards() {
	echo "SELECT s.shardid, s.shardminvalue, s.shardmaxvalue, p.nodename, p.nodeport FROM pg_dist_shard s
		JOIN pg_dist_shard_placement p ON s.shardid = p.shardid WHERE s.logicalrelid = '$1'::regclass"
}

@test "without Citus, no node changes, and the message says what to do" {
	labctl create 4 --image "$(citus_image)"
	! labctl exec 1 -- 'ls /usr/share/postgresql/*/extension/citus.control' || skip "the image has a Citus package"
	cd "$WORK"
	run -1 labctl bootstrap citus
	[[ $output == *"next: put citus-"*".tar.gz (https://github.com/citusdata/citus/archive/"*"bootstrap citus --source FILE"* ]]
	labctl exec -- 'test ! -e /data/citus'
}

@test "create 4 and bootstrap citus from source" {
	labctl --timings bootstrap citus --source "$LABCTL_CITUS_ARCHIVE"
	ran citus "$(coordinator -c 'SELECT citus_version()' | awk '{print $2}')"
	run -0 --separate-stderr labctl --json status
	[ "$(jq '[.nodes[].databases[] | select(.up)] | length' <<<"$output")" = 5 ]
}

@test "a second bootstrap changes nothing" {
	run -0 --separate-stderr labctl --json bootstrap citus
	[ -z "$(steps_done)" ]
}

@test "the walk-through's registration and its check, through the coordinator and through pgpool" {
	for through in coordinator pool; do
		[ "$($through -c "SELECT master_add_node('node2', 5432)" -c "SELECT master_add_node('node4', 5432)" | wc -l)" = 2 ]
		[ "$($through -c 'SELECT * FROM master_get_active_worker_nodes()' | sort | paste -sd' ')" = \
			"node2|5432 node3|5432 node4|5432" ]
	done
	[ -z "$(pool -c 'SELECT * FROM citus_check_cluster_node_health() WHERE NOT result')" ]
}

@test "the walk-through's distributed table is read through pgpool and through every worker" {
	pool -c 'CREATE TABLE users (id bigserial, name text, email text)' -c "SELECT create_distributed_table('users', 'id')"
	[ "$(pool -c "$(shards users)" | cut -d'|' -f4 | sort | uniq -c | tr -s ' ' | paste -sd,)" = \
		" 11 node2, 11 node3, 10 node4" ]
	pool -c "INSERT INTO users (name, email) SELECT 'n' || g, 'e' FROM generate_series(1, 1000) g"
	for n in 1 2 3 4; do
		[ "$(labctl psql "$n" -- -Atc 'SELECT count(*) FROM users')" = 1000 ]
	done
}

@test "the walk-through's check and conversion of a schema" {
	local check="SELECT t.table_name, CASE WHEN p.logicalrelid IS NOT NULL THEN 'Distributed' ELSE 'Not Distributed' END
		FROM information_schema.tables t LEFT JOIN pg_dist_partition p
		ON t.table_schema || '.' || t.table_name = p.logicalrelid::regclass::text
		WHERE t.table_schema = 'osm' AND t.table_type = 'BASE TABLE' ORDER BY 1"

	pool -c 'CREATE SCHEMA osm' -c 'CREATE TABLE osm.a (osm_id bigint)' -c 'CREATE TABLE osm.b (id bigint)' \
		-c 'INSERT INTO osm.a SELECT generate_series(1, 100)'
	[ "$(pool -c "$check" | paste -sd' ')" = "a|Not Distributed b|Not Distributed" ]
	pool -c "DO \$\$ DECLARE rec RECORD; BEGIN FOR rec IN SELECT t.table_schema, t.table_name FROM information_schema.tables t
			WHERE t.table_schema = 'osm' AND t.table_type = 'BASE TABLE' LOOP
		IF NOT EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = (rec.table_schema || '.' || rec.table_name)::regclass)
		AND EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = rec.table_schema
			AND table_name = rec.table_name AND column_name = 'osm_id') THEN
			EXECUTE 'SELECT create_distributed_table(''' || rec.table_schema || '.' || rec.table_name || ''', ''osm_id'');';
		END IF; END LOOP; END \$\$"
	[ "$(pool -c "$check" | paste -sd' ')" = "a|Distributed b|Not Distributed" ]
	[ "$(pool -c 'SELECT count(*) FROM osm.a')" = 100 ]
}

@test "templates exist, accept no connections, and make databases at once" {
	for n in 1 2 3 4; do
		[ "$(labctl psql "$n" -- -Atc "SELECT count(*) FROM pg_database WHERE datistemplate AND NOT datallowconn
			AND datname IN ('template_citus', 'template_postgis')")" = 2 ]
	done
	pool -c 'CREATE DATABASE new_db TEMPLATE template_citus'
	[ "$(coordinator -d new_db -c "SELECT count(*) FROM pg_extension WHERE extname = 'citus'")" = 1 ]
	coordinator -c 'DROP DATABASE new_db'
}

@test "100,000 points, distributed, are found through pgpool by their distance" {
	pool <<-'END'
		CREATE TABLE points (osm_id bigint, x float8, y float8, way geometry(Point, 4326));
		SELECT create_distributed_table('points', 'osm_id');
		INSERT INTO points SELECT i, x, y, ST_SetSRID(ST_MakePoint(x, y), 4326)
			FROM generate_series(0, 99999) i, LATERAL (SELECT (i % 500) * 0.2 - 50 AS x, (i / 500) * 0.2 - 20 AS y) p;
		CREATE INDEX ON points USING gist (way);
	END
	[ "$(coordinator -c "SELECT count(*) FROM citus_shards WHERE table_name = 'points'::regclass")" = 32 ]
	near=$(pool -c 'SELECT count(*) FROM points WHERE ST_DWithin(way, ST_SetSRID(ST_MakePoint(0.1, 0.1), 4326), 3)')
	[ "$near" -gt 600 ]
	[ "$near" = "$(pool -c 'SELECT count(*) FROM points WHERE sqrt((x - 0.1) ^ 2 + (y - 0.1) ^ 2) <= 3')" ]
}

@test "benchmarks run with two-phase commits, and their data stay right on all nodes" {
	DEADLINE=900 labctl bench run --out "$WORK/bench" --targets coordinator --clients 2 --repeats 1 --time 10s --warmup 2s --scale 1 \
		--workloads tpcb,tpcb-key,update-two-two-shards,update-reference,insert-all,sysbench-read-write
	jq -es 'length == 6 and all(.status == "ok" and .transactions > 0)' "$WORK/bench/measurements.jsonl"
	names=$(jq -r '.checks[].name' "$WORK/bench/measurements.jsonl" | sort | uniq -c)
	[[ $names == *"6 no prepared transaction"* && $names == *"3 copies equal"* && $names == *"3 parts in shards"* ]]
}

@test "a worker that cannot be reached when it is added is named" {
	coordinator -c "SELECT citus_drain_node('node4', 5432, 'block_writes')" -c "SELECT citus_remove_node('node4', 5432)"
	ip=$(labctl --json status | jq -r '.nodes[0].address')
	labctl exec 4 -- "nft 'table inet e2e { chain in { type filter hook input priority -10;
		ip saddr $ip tcp dport 5432 reject with tcp reset; }; }'"
	run -30 labctl bootstrap
	[[ $output == *register*"node4:5432"* ]]
	labctl exec 4 -- 'nft delete table inet e2e'
	run -0 --separate-stderr labctl --json bootstrap
	[[ $(steps_done) == register/node1* ]]
}

@test "a dead worker's machine and a killed coordinator are repaired, also behind pgpool" {
	inside virsh -q -c lxc:///system destroy lab-node3
	labctl create
	labctl bootstrap
	[ "$(pool -c 'SELECT count(*) FROM users')" = 1000 ]
	# systemd starts these again, and pgpool finds its backend.
	labctl exec 1 -- 'systemctl kill -s KILL labctl-postgres-coordinator labctl-pgpool'
	for _ in $(seq 60); do
		got=$(pool -c 'SELECT count(*) FROM users' 2>/dev/null || true)
		[ "$got" = 1000 ] && break
		sleep 1
	done
	[ "$got" = 1000 ]
	run -0 --separate-stderr labctl --json bootstrap
	[ -z "$(steps_done)" ]
}

@test "a running server whose library was replaced is restarted" {
	labctl exec 2 -- 'cd /usr/lib/postgresql/*/lib && cp -p citus.so citus.new && mv citus.new citus.so'
	run -0 --separate-stderr labctl --json bootstrap
	[[ $(steps_done) == worker.start/node2*"its software was replaced"* ]]
	run -0 --separate-stderr labctl --json bootstrap
	[ -z "$(steps_done)" ]
}

@test "a newer version replaces this one in every database and template, and the data stay" {
	[ -n "${LABCTL_CITUS_NEWER-}" ] || skip "LABCTL_CITUS_NEWER names no archive of a newer version"
	local version="SELECT extversion FROM pg_extension WHERE extname = 'citus'"

	before=$(coordinator -c "$version")
	labctl --timings bootstrap citus --source "$LABCTL_CITUS_NEWER"
	after=$(coordinator -c "$version")
	ran citus "$(coordinator -c 'SELECT citus_version()' | awk '{print $2}')"
	[ "$(printf '%s\n' "$before" "$after" | sort -Vu | tail -n 1)" = "$after" ] && [ "$before" != "$after" ]
	for n in 1 2 3 4; do
		[ "$(labctl psql "$n" -- -XAtc "$version")" = "$after" ]
		labctl psql "$n" -- -XAtqc 'CREATE DATABASE after TEMPLATE template_citus'
		[ "$(labctl psql "$n" -- -d after -XAtc "$version")" = "$after" ]
		labctl psql "$n" -- -XAtqc 'DROP DATABASE after'
	done
	[ "$(pool -c 'SELECT count(*) FROM users')" = 1000 ]
	run -0 --separate-stderr labctl --json bootstrap
	[ -z "$(steps_done)" ]
}

@test "destroy leaves the host as it was" {
	labctl --timings destroy
	host_state after
	same_host before after
}
