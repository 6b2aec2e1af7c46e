# SPDX-License-Identifier: PostgreSQL
# Nodes of Debian 13 with its PostgreSQL 17, pgpool-II and PostGIS, and a clean host after destroy. Skipped without
# the image debian13: labctl image build debian13.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154

has_image() { compgen -G "${LABCTL_CACHE:-/var/cache/labctl}/images/debian13-????????????" >/dev/null; }

setup_file() {
	has_image || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up debian13
	export LABCTL_HYPERVISOR=lxc LABCTL_FILE=$WORK/new.yaml
	cat >"$LABCTL_FILE" <<-'END'
		lab: new
		nodes: 3
		image: debian13
		cluster: {kind: postgres, primary: 1, standby: 2-3, pgpool: 1}
	END
	host_state before
}

teardown_file() {
	has_image || return 0
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() {
	has_image || skip "no image debian13"
	source "$SOURCE_DIR/tests/support/labs.bash"
}

# The steps that a --json document reports as done.
done_steps() { jq '[.steps[] | select(.state == "done")] | length' <<<"$1"; }

@test "create and bootstrap postgres: PostgreSQL 17 on Debian 13; again changes nothing" {
	labctl --timings create
	[ "$(labctl exec -- '. /etc/os-release; echo "$VERSION_CODENAME"' | awk '{print $2}' | sort | uniq -c | xargs)" = "3 trixie" ]
	run -0 --separate-stderr labctl --json create
	jq -r '.steps[] | select(.state == "done") | .id + ": " + (.notes // "")' <<<"$output"
	[ "$(done_steps "$output")" = 0 ]
	labctl --timings bootstrap
	run -0 --separate-stderr labctl --json bootstrap
	jq -r '.steps[] | select(.state == "done") | .id + ": " + (.notes // "")' <<<"$output"
	[ "$(done_steps "$output")" = 0 ]
	ran postgres "$(labctl psql node1 -- -XAtc 'SHOW server_version' | awk '{print $1}')"
	[[ $(labctl psql node1 -- -XAtc 'show server_version') == 17.* ]]
	run -0 --separate-stderr labctl --json status
	[ "$(jq '[.nodes[].databases[] | select(.up)] | length' <<<"$output")" = 4 ]
}

@test "a database from the PostGIS template, written through pgpool-II, is on the standbys" {
	labctl db create osm --template postgis
	labctl psql -r pgpool -- -d osm -XAtqc 'create table e2e as select st_makepoint(n, n) p from generate_series(1, 100) n'
	for _ in $(seq 100); do
		[ "$(labctl psql node3 -- -d osm -XAtc "select count(*) from pg_class where relname = 'e2e'")" = 0 ] || break
		sleep 0.1
	done
	[ "$(labctl psql node3 -- -d osm -XAtc 'select sum(st_x(p)) from e2e')" = 5050 ]
}

@test "destroy leaves the host as it was" {
	labctl --timings destroy
	host_state after
	same_host before after
}
