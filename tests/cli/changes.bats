# SPDX-License-Identifier: PostgreSQL
# An existing lab and a lab file that differs: each key is applied or refused by name. The lab is only a record: there are
# no machines, so this tests plans and errors.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$BATS_TEST_TMPDIR" || exit 1
	record=$LABCTL_STATE/labs/pg
	mkdir -p "$record"
	cat >"$record/lab.yaml" <<-'END'
		lab: pg
		hypervisor: lxc
		image: debian12
		network: {subnet: 10.88.7.0/24, first_host: 11}
		nodes: 3
		cluster:
		  kind: postgres
		  settings:
		    primary: {work_mem: 8MB}
	END
	: >"$record/bootstrapped"
}

labctl() { "$LABCTL" "$@"; }

@test "settings of the lab file are in the plan, and named" {
	printf '%s\n' 'lab: pg' 'nodes: 3' 'cluster: {kind: postgres, settings: {primary: {work_mem: 24MB, jit: "off"}}}' >pg.yaml
	for command in "bootstrap -n" "plan bootstrap"; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr labctl -f pg.yaml $command
		[[ $stderr == *"cluster.settings.primary.work_mem has 8MB, wanted 24MB (bootstrap: its servers reload)"* ]]
		[[ $stderr == *"cluster.settings.primary.jit has no value, wanted off"* ]]
	done
	labctl -f pg.yaml render --out rendered
	grep -rq 'work_mem = .24MB' rendered
	# Without the file, the lab is unchanged.
	run -0 --separate-stderr labctl -l pg render --out as-it-is
	grep -rq 'work_mem = .8MB' as-it-is
	[ -z "$stderr" ]
}

@test "keys that cannot change are refused by every command, all at once" {
	printf '%s\n' 'lab: pg' 'nodes: 3' 'cluster:' '  kind: postgres' '  user: dba' '  primary: {on: 2, port: 6000}' \
		'  standby: {on: "1,3", dir: db, port: 6001}' >pg.yaml
	for command in bootstrap "bootstrap -n" create "create -n" "plan bootstrap" "plan create" "render --out r"; do
		# shellcheck disable=SC2086
		run -5 labctl -f pg.yaml $command
		for line in "cluster.user has postgres, wanted dba (the data belong to that user)" "cluster.primary.on has 1, wanted 2" \
			"cluster.standby.on has 2-, wanted 1,3" \
			"cluster.standby.dir has /data/pgsql, wanted /data/db"; do
			[[ $output == *"$line"* ]]
		done
		[[ $output == *"next: "* && $output != *destroy* && $output != *port* ]]
	done
	[ ! -e r ]
	# destroy ignores the difference.
	labctl -f pg.yaml plan destroy
}

@test "labctl.yaml in the working directory works like -f" {
	printf '%s\n' 'lab: pg' 'nodes: 3' 'cluster: {kind: postgres, user: dba}' >labctl.yaml
	run -5 labctl bootstrap -n
	[[ $output == *"labctl.yaml"*"cluster.user has postgres, wanted dba"* ]]
	printf '%s\n' 'lab: pg' 'nodes: 3' 'cluster: {kind: postgres, settings: {primary: {work_mem: 1GB}}}' >labctl.yaml
	labctl render --out rendered
	grep -rq 'work_mem = .1GB' rendered
}

@test "the cluster can change until a node has it" {
	rm "$record/bootstrapped"
	printf '%s\n' 'lab: pg' 'nodes: 3' 'cluster: {kind: postgres, primary: {port: 6000}}' >pg.yaml
	run -0 --separate-stderr labctl -f pg.yaml render --out rendered
	grep -rq 'port = 6000' rendered
	[[ $stderr == *"cluster.primary.port has 5432, wanted 6000"* ]]
}

@test "servers change one after the other: standbys, the primary, and then what follows; also after an interruption" {
	printf '%s\n' 'lab: pg' 'nodes: 3' 'cluster: {kind: postgres, primary: {on: 1, port: 6000}, settings: {primary: {work_mem: 8MB}}}' >pg.yaml
	labctl -f pg.yaml --json plan bootstrap >plan.json
	# Every step before $1 that it waits for, also through others.
	before() { jq -r --arg id "$1" '(.steps | map({(.id): .after}) | add) as $a | [$id] | until(. as $x | (map($a[.] // []) | add - $x | length) == 0; . as $x | ($x + (map($a[.] // []) | add) | unique)) | .[]' plan.json; }
	before standby.apply/node3 | grep -qx standby.apply/node2
	before primary.apply/node1 | grep -qx standby.apply/node3
	before standby.start/node2 | grep -qx primary.apply/node1
	run ! jq -e '.steps[] | select(.id == "standby.apply/node2")' <(labctl -l pg --json plan bootstrap)
	# A change that began and did not end.
	: >"$record/changing"
	jq -e '.steps[] | select(.id == "standby.apply/node2")' <(labctl -l pg --json plan bootstrap)
}

@test "a takeover that did not end keeps out what would build on it" {
	printf 'switchover node2' >"$record/unfinished"
	for words in "bootstrap postgres" "node add" "node remove node3"; do
		# shellcheck disable=SC2086
		run -5 labctl -y -l pg $words
		[[ $output == *"'switchover node2' did not end"*"next: labctl -l pg switchover node2 "* ]]
	done
	printf 'node add 1' >"$record/unfinished"
	run labctl -y -l pg node remove node3
	[[ $output != *"did not end"* ]]
}

@test "passwd: unknown names, and a plan that shows no password" {
	run -2 labctl -l pg passwd replicaton
	[[ $output == *"did you mean 'replication'?"* || $output == *"(did you mean replication?)"* ]]
	mkdir -p "$record/secrets"
	printf abcdefghijkl >"$record/secrets/postgres"
	run -0 labctl -l pg -n passwd
	[[ $output == *lab.passwords* && $output == *passwd.superuser* && $output != *abcdefghijkl* ]]
	[ "$(cat "$record/secrets/postgres")" = abcdefghijkl ]
}

@test "changes of machines are refused by name, with the next command" {
	printf '%s\n' 'lab: pg' 'nodes: [{}, {disk: 40GiB, memory: 2GiB}, {}]' 'data: {mount: /srv/pg}' 'tuning: {timezone: Asia/Tokyo}' >pg.yaml
	run -5 labctl -f pg.yaml create
	[[ $output == *"nodes[node2].disk has 20GiB, wanted 40GiB"* && $output == *"data.mount has /data, wanted /srv/pg"* ]]
	[[ $output != *timezone* && $output != *memory* ]]
	run -5 labctl -l pg create 5
	[[ $output == *"nodes has 3, wanted 5"*"next: labctl -l pg node add 2; "* ]]
	run -5 labctl -n -l pg create 5
	run -5 labctl -l pg --hypervisor qemu create
	[[ $output == *"hypervisor has lxc, wanted qemu"*"next: labctl -l pg --hypervisor lxc create "* ]]
	run -5 labctl -l pg create --image /tmp/x.qcow2
	[[ $output == *"image has debian12, wanted /tmp/x.qcow2"*"next: labctl -l pg create "* ]]
	run -5 labctl -l pg bootstrap citus
	[[ $output == *"has a cluster of kind postgres already"*"next: labctl -l pg bootstrap postgres "* ]]
}

@test "tuning is applied if possible, and listed" {
	printf '%s\n' 'lab: pg' 'nodes: 3' 'tuning: {timezone: Asia/Tokyo, ntp_server: ntp.example}' >pg.yaml
	run -0 --separate-stderr labctl -f pg.yaml create -n
	[[ $stderr == *"tuning.timezone has UTC, wanted Asia/Tokyo"* && $stderr == *"tuning.ntp_server has no value, wanted ntp.example"* ]]
	labctl -f pg.yaml render --out rendered
	grep -rq 'Asia/Tokyo' rendered
}

@test "300 and 1024 nodes: planned, recorded by create, and shown, with one subnet" {
	for n in 300:23 1024:21; do
		lab=many${n%:*}
		run -0 --separate-stderr labctl -l "$lab" --hypervisor lxc -n create "${n%:*}"
		[[ $output == *"10.88.0.0/${n#*:}"* || $output == *"10.88.0.0"* ]]
		# No machine of libvirt's test driver answers, so look at the record.
		run labctl -l "$lab" --hypervisor qemu --connect test:///default --timeout 1 create "${n%:*}"
		[ "$status" != 3 ]
		grep -Eq "subnet: 10\\.88\\.[0-9]+\\.0/${n#*:}" "$LABCTL_STATE/labs/$lab/lab.yaml"
		run -12 --separate-stderr labctl -l "$lab" --connect test:///default --json status
		[ "$(jq '.nodes | length' <<<"$output")" = "${n%:*}" ]
		labctl -l "$lab" --connect test:///default -y destroy
	done
}

@test "unknown values: the known ones are listed" {
	run -2 labctl -l pg bootstrap --keep-build
	[[ $output == *"--keep-build: this postgres cluster is not built from source"* ]]
	run -2 labctl -l pg bootstrap mysql
	[[ $output == *"unknown kind of cluster 'mysql'; known: citus, opentenbase, pgxc, pgxl, postgres"* ]]
	run -2 labctl -l pg inventory --format xml
	[[ $output == *"unknown format 'xml'; known: "*ansible* ]]
	run -2 labctl image install x --kickstart suse --media netboot
	[[ $output == *"unknown release 'suse'; known: "*debian12* ]]
	printf '%s\n' 'cluster: {primary: 1}' >pg.yaml
	run -3 labctl -f pg.yaml create
	[[ $output == *"missing kind; known: citus, opentenbase, pgxc, pgxl, postgres"* ]]
}

@test "a transport for containers is refused where auto means machines" {
	printf '%s\n' 'lab: fs' 'nodes: 2' 'data: {transport: filesystem}' >fs.yaml
	run -3 labctl -f fs.yaml create -n
	[[ $output == *"data.transport"*"containers only"* && $output == *"hypervisor: lxc in fs.yaml"* ]]
	labctl -f fs.yaml --hypervisor lxc create -n
}

@test "render shows what the kernel's NFS server gets" {
	printf '%s\n' 'lab: nfs' 'nodes: 1' 'hypervisor: qemu' >nfs.yaml
	labctl -f nfs.yaml render --out nfs
	grep -q '(rw,no_root_squash,sync,no_subtree_check)$' nfs/host/exports
}
