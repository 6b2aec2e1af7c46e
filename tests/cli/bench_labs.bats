# SPDX-License-Identifier: PostgreSQL
# bench scale and bench systems: the labs that they would make, with -n.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache LABCTL_HYPERVISOR=lxc
	cd "$BATS_TEST_TMPDIR" || exit 1
}

labctl() { "$LABCTL" "$@"; }

# lab_file KIND ENTRY OTHERS
lab_file() {
	printf 'lab: mine\nnodes: 4\ncluster:\n  kind: %s\n  %s: 1\n  %s: 2-4\n' "$@" >labctl.yaml
}

@test "bench scale loads all servers that take clients, unless told otherwise" {
	lab_file citus coordinator worker
	run -0 labctl -n bench scale --counts 1,3
	[ ${#lines[@]} = 2 ]
	[[ ${lines[0]} == "worker-1: create lab 'mine-s1' of 2 nodes, "*"bootstrap citus, 75 measurements of workers (about "* ]]
	[[ ${lines[1]} == "worker-3: create lab 'mine-s3' of 4 nodes, "* ]]
	run -0 labctl -n bench scale --counts 1 --targets coordinator
	[[ $output == *"measurements of coordinator (about "* ]]
	lab_file postgres primary standby
	run -0 labctl -n bench scale --counts 1 --clients 4
	[[ $output == *", 5 measurements of standbys (about "* ]]
}

@test "bench systems shows one coordinator beside all workers, and reads no lab file" {
	lab_file citus coordinator worker
	run -0 labctl -n bench systems --nodes 3 --clients 2 --workloads select-only
	[[ ${lines[0]} == "postgres: create lab 'bench-postgres' of 3 nodes, "*", 5 measurements of primary (about "* ]]
	[[ ${lines[1]} == "citus: create lab 'bench-citus' of 3 nodes, "*", 10 measurements of coordinator, workers (about "* ]]
}

@test "a lab that has the name already is neither measured nor removed" {
	lab_file citus coordinator worker
	mkdir -p state/labs/mine-s3
	sed 's/mine/mine-s3/' labctl.yaml >state/labs/mine-s3/lab.yaml
	run -5 labctl bench scale --counts 1,3 -y
	[[ ${lines[0]} == "labctl: lab 'mine-s3' exists: "* ]]
	[[ ${lines[1]} == "  next: labctl -l mine-s3 destroy, if "* ]]
	[ -s state/labs/mine-s3/lab.yaml ]
	[ ! -e state/labs/mine-s1 ]
}

@test "bench ab refuses settings of a session that pgpool-II may give to another client" {
	mkdir -p state/labs/mine
	printf 'lab: mine\nnodes: 3\ncluster:\n  kind: postgres\n  primary: 1\n  standby: 2-3\n  pgpool: 1\n' >state/labs/mine/lab.yaml
	run -2 labctl -n bench ab --a target=primary --b target=pgpool,work_mem=8MB
	[[ ${lines[0]} == "labctl: --b: pgpool-II shares sessions among its clients"* ]]
	[[ ${lines[1]} == "  next: compare two labs with these settings"* ]]
	run -2 labctl -n bench ab --b work_mem=8MB --targets pgpool
	run -0 labctl -n bench ab --b work_mem=8MB --targets primary
}
