# SPDX-License-Identifier: PostgreSQL
# labctl must not be affected by inherited PG* variables, closed standard streams and ignored signals.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	export LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	dir=$LABCTL_STATE/labs/x
	mkdir -p "$dir/inventory" "$BATS_TEST_TMPDIR/bin"
	printf '%s\n' 'lab: x' 'nodes: 2' 'network: {subnet: 10.88.7.0/24}' 'cluster: {kind: postgres}' >"$dir/lab.yaml"
	touch "$dir/inventory/pgpass"
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkfifo input
	pid=
}

teardown() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
}

labctl() { "$LABCTL" "$@"; }

# A labctl that waits for a script on its standard input, started by the shell words before it: it has begun when
# it has opened the pipe.
waiting() {
	"$@" "$LABCTL" -l x exec -- - <input 3>&- &
	pid=$!
	exec 9>input
	for _ in {1..100}; do
		[ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$LABCTL")" ] &&
			grep -q '^SigCgt:.*[4-7c-f][0-9a-f]\{3\}$' "/proc/$pid/status" && return 0
		sleep 0.05
	done
	return 1
}

# sigmask FIELD: of the waiting labctl, as a number.
sigmask() { echo $((16#$(sed -n "s/^$1:\t//p" "/proc/$pid/status"))); }

@test "PG* variables of the caller reach neither labctl nor its children" {
	printf '#!/bin/sh\nenv | grep ^PG | sort\n' >bin/psql
	chmod +x bin/psql
	export PGSERVICE=gone PGSERVICEFILE=/gone PGHOSTADDR=10.9.9.9 PGPASSWORD=other PGOPTIONS=-csearch_path=x PGSSLMODE=verify-full \
		PGCONNECT_TIMEOUT=1 PGTZ=UTC PG=x
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -0 labctl -l x psql
	[ "$output" = "PGCONNECT_TIMEOUT=10
PGDATABASE=postgres
PGPASSFILE=$dir/inventory/pgpass" ]
}

@test "a signal that the caller ignores stays ignored: nohup, background jobs" {
	waiting env --ignore-signal=HUP,INT --default-signal=TERM
	[ $(($(sigmask SigIgn) & 3)) = 3 ]
	[ $(($(sigmask SigCgt) & 3)) = 0 ]
	kill -HUP "$pid"
	kill -INT "$pid"
	sleep 0.2
	kill -0 "$pid"
}

@test "a signal that the caller does not ignore is caught" {
	waiting env --default-signal=HUP,INT,TERM
	[ $(($(sigmask SigIgn) & 3)) = 0 ]
	[ $(($(sigmask SigCgt) & 3)) = 3 ]
}

@test "closed standard streams are /dev/null: no lock, journal or socket gets their numbers" {
	waiting bash -c 'exec "$@" >&- 2>&-' bash
	[ "$(readlink "/proc/$pid/fd/1")" = /dev/null ]
	[ "$(readlink "/proc/$pid/fd/2")" = /dev/null ]
	[ "$(readlink "/proc/$pid/fd/0")" = "$BATS_TEST_TMPDIR/input" ]
}
