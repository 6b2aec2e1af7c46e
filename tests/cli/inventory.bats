# SPDX-License-Identifier: PostgreSQL
# env and inventory of a lab that exists on record only: nothing here touches the host.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE="$BATS_TEST_TMPDIR/it's a state" LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	dir=$LABCTL_STATE/labs/x
	mkdir -p "$dir/secrets"
	cat >"$dir/lab.yaml" <<-'END'
		lab: x
		nodes: 2
		network: {subnet: 10.88.7.0/24}
		cluster: {kind: postgres}
	END
	printf SesamSesamSesam >"$dir/secrets/postgres"
	cd "$BATS_TEST_TMPDIR" || exit 1
}

labctl() { "$LABCTL" "$@"; }

@test "env works with eval for any path, and contains no password" {
	run -0 --separate-stderr labctl env
	run ! grep -q Sesam <<<"$output"
	export PGSERVICE=other PGHOSTADDR=10.9.9.9 PGPASSWORD=other
	eval "$(labctl env)"
	[ "$PGSERVICEFILE" = "$dir/inventory/pg_service.conf" ]
	[ "$PGPASSFILE" = "$dir/inventory/pgpass" ]
	[ "$LABCTL_LAB $PGHOST $PGPORT $PGUSER $PGDATABASE" = "x 10.88.7.11 5432 postgres postgres" ]
	[ -z "${PGSERVICE+set}${PGHOSTADDR+set}${PGPASSWORD+set}" ] # they would win over PGHOST and PGDATABASE
	run -0 --separate-stderr labctl --json env
	[ "$(jq -r .env.PGSERVICEFILE <<<"$output")" = "$PGSERVICEFILE" ]
}

@test "env of a lab without a database unsets another lab's variables" {
	sed -i /cluster/d "$dir/lab.yaml"
	export PGHOST=elsewhere PGSERVICE=other
	eval "$(labctl env)"
	[ "$LABCTL_LAB" = x ] && [ -z "${PGHOST+set}${PGSERVICE+set}" ]
}

@test "inventory lists its formats, and prints each" {
	run -0 --separate-stderr labctl inventory
	for format in pg_service pgpass jdbc ansible ssh_config hosts json; do
		grep -q "^$format " <<<"$output"
		labctl inventory --format "$format" | grep -q 10.88.7.12
		[ "$(labctl --json inventory --format "$format" | jq -r .lab)" = x ]
	done
	[ "$(labctl --json inventory)" = "$(labctl inventory --format json)" ]
	[ "$(labctl inventory --format json | jq -r '.endpoints[] | select(.role == "standby").services[0]')" = x-node2 ]
	labctl inventory --format pgpass | grep -qx '10.88.7.11:5432:\*:postgres:SesamSesamSesam'
	labctl inventory --format jdbc | grep -qx 'x.password=SesamSesamSesam'
	for format in pg_service ansible ssh_config hosts json; do
		run ! grep -q Sesam <(labctl inventory --format "$format")
	done
	labctl inventory --format ssh_config >config
	ssh -G -F config node2 | grep -qx 'hostname 10.88.7.12'
	ssh -G -F config x-node2 | grep -qxF "identityfile $dir/id_ed25519"
	[ ! -e "$dir/inventory" ]
}

@test "an unknown format, a missing lab, a lab that was not created" {
	run -2 labctl inventory --format ansibel
	[[ $output == *"unknown format 'ansibel'; did you mean 'ansible'?"* ]]
	run -4 labctl -l other env
	sed -i /network/d "$dir/lab.yaml"
	run -4 labctl inventory
	[[ $output == *"next: labctl -l x create"* ]]
	run -4 --separate-stderr labctl env
	[ -z "$output" ]
}
