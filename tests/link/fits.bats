#!/usr/bin/env bats
# SPDX-License-Identifier: PostgreSQL
# tuning/KIND/fits.sh: which software may replace that of a node with databases. Trees and archives of a few files; pg_control is a
# real layout of its first 16 bytes.
# shellcheck disable=SC2154,SC2034,SC1090
bats_require_minimum_version 1.5.0

setup() {
	mount=$BATS_TEST_TMPDIR/data tar=$BATS_TEST_TMPDIR/new.tar again="labctl bootstrap"
	mkdir -p "$mount"
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# control FILE CATALOG: the beginning of a pg_control.
control() {
	mkdir -p "${1%/*}"
	perl -e 'print pack("QLL", 4711, 903, $ARGV[0])' "$2" >"$1"
}

# fits_of KIND LINK TREE
fits_of() { # shellcheck source=/dev/null
	(link=$2 tree=$3 && source "$SOURCE_DIR/tuning/$1/fits.sh" && fits)
}

@test "Postgres-XC: a release with the same catalog may come, another one not, and a node without databases takes any" {
	control opt/pgxc_1.1/share/labctl.data/global/pg_control 201204301
	tar -cf "$tar" opt
	fits_of pgxc /opt/pgxc 'opt/pgxc_[0-9a-z.]*'
	control "$mount/datanode/global/pg_control" 201204301
	fits_of pgxc /opt/pgxc 'opt/pgxc_[0-9a-z.]*'
	control "$mount/a/coord/global/pg_control" 201106301
	run -1 fits_of pgxc /opt/pgxc 'opt/pgxc_[0-9a-z.]*'
	[[ $output == *"::fail the databases of this lab are of another release"*"::next labctl bootstrap"* ]]
	[[ $output == *"$mount/a/coord: layout and catalog"*201106301* ]]
}

@test "Postgres-XC: a node that has only a GTM keeps the series of its software" {
	control opt/pgxc_1.1/share/labctl.data/global/pg_control 201204301
	tar -cf "$tar" opt
	control link/share/labctl.data/global/pg_control 201106301
	fits_of pgxc "$PWD/link" 'opt/pgxc_[0-9a-z.]*'
	mkdir -p "$mount/gtm"
	: >"$mount/gtm/gtm.conf"
	run -1 fits_of pgxc "$PWD/link" 'opt/pgxc_[0-9a-z.]*'
	[[ $output == *"$PWD/link/share/labctl.data: layout and catalog"* ]]
	control link/share/labctl.data/global/pg_control 201204301
	fits_of pgxc "$PWD/link" 'opt/pgxc_[0-9a-z.]*'
}

@test "Citus: the same version or a newer one, never an older one" {
	mkdir -p opt/citus link "$mount/a/citus"
	echo "13.2.2 for PostgreSQL 15" >opt/citus/version
	tar -cf "$tar" opt
	echo "14.0.1 for PostgreSQL 17" >link/version
	fits_of citus "$PWD/link" opt/citus
	echo 15 >"$mount/a/citus/PG_VERSION"
	run -1 fits_of citus "$PWD/link" opt/citus
	[[ $output == *"::fail the databases of this node have Citus 14.0.1, and Citus cannot go back to 13.2.2"* ]]
	for old in 13.2.2 12.1.12 9.5.0; do
		echo "$old for PostgreSQL 15" >link/version
		fits_of citus "$PWD/link" opt/citus
	done
}
