# SPDX-License-Identifier: PostgreSQL
# Arguments, options and names of `labctl db`, and the plans of database tasks. Nothing here connects to a database.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
	for kind in postgres pgxc citus; do
		mkdir -p "$LABCTL_STATE/labs/$kind"
		printf '%s\n' "lab: $kind" 'nodes: 3' 'hypervisor: qemu' 'network: {subnet: 10.88.7.0/24}' \
			"cluster: {kind: $kind}" >"$LABCTL_STATE/labs/$kind/lab.yaml"
	done
	mkdir -p "$LABCTL_STATE/labs/bare"
	printf '%s\n' 'lab: bare' 'nodes: 1' 'hypervisor: qemu' 'network: {subnet: 10.88.8.0/24}' >"$LABCTL_STATE/labs/bare/lab.yaml"
}

labctl() { "$LABCTL" "$@"; }

@test "usage errors: the nearest known word, exit 2" {
	run -2 labctl db
	run -2 labctl db tabels
	[[ $output == *"unknown command 'db tabels'; did you mean 'db tables'?"* ]]
	run -2 labctl db create
	[[ $output == *"missing NAME; usage: labctl db create NAME"* ]]
	run -2 labctl db shards
	[[ $output == *"missing TABLE; usage: labctl db shards TABLE"* ]]
	run -2 labctl db list all
	[[ $output == *"unexpected argument 'all'; did you mean 'labctl -l all db list'?"* ]]
	run -2 labctl db list --force
	[[ $output == *"db list takes no --force"* ]]
	run -2 labctl -l postgres db create gis --template postgiss
	[[ $output == *"did you mean 'postgis'?"* && $output == *"next: labctl -l postgres db create gis --template postgis"* ]]
	run -2 labctl -l pgxc db create 'My Db'
	[[ $output == *"a cluster of kind pgxc cannot have a database named 'My Db'"*"next: labctl -l pgxc db create my_db" ]]
	run -2 labctl -l pgxc db create 2nd
	[[ $output == *"next: labctl -l pgxc db create _2nd" ]]
	run -2 labctl -l pgxc db create gis --template postgis
	[[ $output == *"a cluster of kind pgxc has no templates"* ]]
	run -2 labctl -l postgres db shards public.t
	[[ $output == *"'db shards' is not supported for kind postgres"* ]]
	run -2 labctl -l citus db distribute --column id
	[[ $output == *"missing --schema SCHEMA; usage: labctl db distribute --schema SCHEMA"* ]]
	run -2 labctl -l pgxc db distribute --schema public --column id
	run -2 labctl -l pgxc db update-extensions
	[[ $output == *"'db update-extensions' is not supported for kind pgxc"* ]]
}

@test "no such lab, or no cluster: exit 4 and the next command" {
	run -4 labctl -l nowhere db list
	run -4 labctl -l bare db list
	[[ $output == *"has no database yet"* && $output == *"next: labctl -l bare bootstrap"* ]]
}

@test "invalid and reserved names" {
	run -2 labctl -l postgres db create ''
	run -2 labctl -l postgres db create "$(printf '%064d' 0)"
	run -2 labctl -l postgres db create $'line\nbreak'
	[[ $output == *"must not contain control characters"* ]]
	run -2 labctl -l postgres db drop postgres
	run -2 labctl -l postgres db drop template1
	run -2 labctl -l postgres db drop template_postgis
	run -2 labctl -l postgres db create template_postgis
}

@test "-n shows the steps of a database task and connects to no node" {
	run -0 labctl -n -l postgres db create gis --template postgis
	[[ $output == *"db.free/node1"* && $output == *"db.template/node1"* && $output == *"db.create/node1"* ]]
	[[ $output == *"db.created/node3"* ]]
	run -0 labctl -n -l postgres db create plain
	[[ $output != *"db.template/"* && $output == *"db.create/node1"* ]]
	run -0 --separate-stderr labctl -n --json -l postgres db drop gis
	jq -e '.steps[] | select(.id == "db.drop/node1") | .after | index("db.standby_free/node2")' <<<"$output"
	run -0 labctl -n -l postgres db update-extensions
	[[ $output == *"db.extensions/node1"* ]]
	run -0 --separate-stderr labctl -n --json -l citus db create gis
	jq -e '.steps[] | select(.id == "db.register/node1") | .after | any(startswith("db.worker_create/"))' <<<"$output"
	run -0 --separate-stderr labctl -n --json -l citus db drop gis
	jq -e '.steps[] | select(.id == "db.drop/node1") | .after | any(startswith("db.worker_free/"))' <<<"$output"
	run -0 labctl -n -l pgxc db create gis
	[ "$(grep -c 'db.create/' <<<"$output")" = 1 ]
}

@test "users of databases: names, and plans to create and drop them" {
	run -2 labctl db user
	run -2 labctl db user creat x
	[[ $output == *"did you mean 'db user create'?"* ]]
	run -2 labctl -l postgres db user create
	[[ $output == *"NAME"* ]]
	for name in postgres replication pg_monitor public Upper 'a b' "x';drop role y"; do
		run -2 labctl -l postgres db user create "$name"
	done
	run -2 labctl -l postgres db user create web --db 'a b'
	run -2 labctl -l postgres db user create web --force
	run -2 labctl -l pgxc db user create web
	[[ $output == *"'db user' is not supported for kind pgxc"* ]]
	run -4 labctl -l postgres db user drop web
	run -0 --separate-stderr labctl -n --json -l citus db user create web --db gis --read-only
	jq -e '.steps[] | select(.id == "db.login/node1") | .after | any(startswith("db.worker_users/"))' <<<"$output"
	jq -e '[.steps[].id] | index("lab.record") < index("db.access/node1")' <<<"$output"
	run ! grep -q users "$LABCTL_STATE/labs/citus/lab.yaml"
	sed -i 's/kind: citus}/kind: citus, users: [{name: web}]}/' "$LABCTL_STATE/labs/citus/lab.yaml"
	run -0 --separate-stderr labctl -n --json -l citus db user drop web
	jq -e '[.steps[].id] | index("lab.record") > index("db.worker_user_drop/node3")' <<<"$output"
	tar -czf citus.tar.gz -C / etc/hostname
	run -0 labctl -n -l citus bootstrap --source citus.tar.gz
	[[ $output == *"worker.users/node2"* && $output == *"users.pool_login/node1"* ]]
	run -0 labctl -n -l postgres bootstrap
	[[ $output != *"primary.users"* ]]
}

@test "sessions are named NODE:PID" {
	run -2 labctl -l postgres db kill 12
	[[ $output == *"NODE:PID"* ]]
	run -4 labctl -l postgres db kill node9:12
	run -2 labctl -l pgxc db sessions
	run -0 labctl -n -l postgres db kill node1:12
}

@test "failures are one JSON document" {
	run -2 --separate-stderr labctl --json -l postgres db shards t
	[ "$(jq -r .error.code <<<"$output")" = USAGE ]
}

@test "a crashed server is restarted, unless restart is false" {
	for restart in true false; do
		printf '%s\n' 'lab: x' 'nodes: 1' 'hypervisor: lxc' 'network: {subnet: 10.88.9.0/24}' \
			"cluster: {kind: citus, restart: $restart}" >x.yaml
		labctl -f x.yaml render --out "out-$restart" >/dev/null
	done
	[ "$(grep -rlx 'Restart=on-failure' out-true | wc -l)" = 2 ]
	[ "$(grep -rlx 'Restart=no' out-false | wc -l)" = 2 ]
}
