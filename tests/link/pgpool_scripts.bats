# SPDX-License-Identifier: PostgreSQL
# The scripts of tuning/pgpool as `labctl render` writes them, with a real pgpool-II in front of a real primary and a real
# standby. The two nodes are private mount, network, process and IPC namespaces (a killed pgpool leaves its shared memory).
# Each test relies on those before it, because making the servers takes time.
# shellcheck disable=SC2154,SC2314
bats_require_minimum_version 1.5.0

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root for namespaces"
	export WORK=$BATS_FILE_TMPDIR LABCTL_STATE=$BATS_FILE_TMPDIR/state LABCTL_CACHE=$BATS_FILE_TMPDIR/cache
	render 4
	start_node 1
	start_node 2
	link 1 add br0 type bridge
	link 1 add v2 type veth peer name br0 netns "$(inside 2)"
	link 1 set v2 master br0 up
	for n in 1 2; do
		nsenter -t "$(inside $n)" -n ip address add "10.88.7.$((10 + n))/24" dev br0
		link $n set br0 up
	done
	play 1 "primary.*"
	play 2 "standby.*"
}

teardown_file() {
	# unshare ignores gentler signals; its namespaces die with it.
	for n in 1 2; do [ ! -s "$WORK/holder$n" ] || kill -9 "$(cat "$WORK/holder$n")" 2>/dev/null || true; done
}

# render N [LINE...]: writes the scripts, with N pgpool processes for clients and these lines added to `cluster`.
render() {
	rm -rf "$WORK/render"
	printf '%s\n' "lab: pool" "nodes: 2" "hypervisor: lxc" "network: {subnet: 10.88.7.0/24}" "data: {mount: /mnt/data}" \
		"cluster:" "  kind: postgres" "  primary: 1" "  standby: 2" "  pgpool: 1" "  settings:" \
		"    pgpool: {num_init_children: $1}" "    primary: {shared_buffers: 16MB, fsync: 'off'}" \
		"    standby: {shared_buffers: 16MB, fsync: 'off'}" "${@:2}" >"$WORK/lab.yaml"
	"$LABCTL" -f "$WORK/lab.yaml" render --out "$WORK/render" >/dev/null
}

# A node. The scripts write only to its private file systems, never to the host's.
start_node() {
	unshare --mount --net --ipc --pid --fork --kill-child --mount-proc bash -c '
		set -eu
		[ $$ = 1 ] && [ "$(readlink /proc/self/ns/mnt)" != "$1" ]
		mount --make-rprivate /
		for place in /mnt /run /home /var/log /var/lib; do mount -t tmpfs -o mode=755 pool-node "$place"; done
		mkdir /var/lib/postgresql
		mkdir /mnt/data
		cp -a /etc /mnt/etc && cat "$3/hosts" >/mnt/etc/hosts && mount --bind /mnt/etc /etc
		install -d -o postgres -g postgres -m 2775 /run/postgresql
		chown postgres: /var/lib/postgresql
		ip link set lo up
		touch "$2"
		exec sleep 900' _ "$(readlink /proc/self/ns/mnt)" "$WORK/node$1.ready" \
		"$WORK/render/nodes/node$1/files/etc" </dev/null >"$WORK/node$1.log" 2>&1 3>&- &
	echo $! >"$WORK/holder$1"
	disown
	for ((i = 0; i < 200; i++)); do [ ! -e "$WORK/node$1.ready" ] || return 0 && sleep 0.05; done
	cat "$WORK/node$1.log" && false
}

inside() { pgrep -P "$(cat "$WORK/holder$1")"; }
link() { nsenter -t "$(inside "$1")" -n ip link "${@:2}"; }

# on NODE COMMAND...: runs it inside the node as root, after checking that it is inside.
on() {
	nsenter -t "$(inside "$1")" -m -n -i -p -- /bin/bash -c \
		'[ "$(findmnt -nro SOURCE --direction backward --first-only --mountpoint /mnt)" = pool-node ] || exit 99; cd /; exec "$@"' on "${@:2}"
}

# play NODE RULES: runs the rules' scripts as labctl does: on bash's standard input; their output is a pipe that must close.
play() {
	local file
	export -f on inside
	for file in "$WORK/render/nodes/node$1/scripts/"*-$2.sh; do
		sed -e 's/<secret:\([a-z-]*\)>/Secret0\1/' "$file" >"$WORK/script.sh"
		# shellcheck disable=SC2016
		timeout -k 1 60 bash -c 'set -o pipefail; on "$1" bash -s <"$2" 2>&1 | cat' _ "$1" "$WORK/script.sh" || return
	done
}

pool() { play 1 "pgpool.*"; }
sql() { on 1 env PGPASSWORD=Secret0postgres timeout 20 psql -XAtqw -h 10.88.7.11 -p "${PORT-9999}" -U postgres -c "$1"; }
standby() { on 2 env PGPASSWORD=Secret0postgres timeout 20 psql -XAtqw -h 10.88.7.12 -U postgres -c "$1"; }
lonely() { [ "$(PORT=5432 sql "select count(*) from pg_stat_replication")" = 0 ]; }
control() { on 1 setpriv --reuid=postgres --regid=postgres --clear-groups env PCPPASSFILE=/mnt/data/pgpool/pcppass \
	timeout 20 "/usr/sbin/pcp_$1" -w -U admin -h "${HOST-10.88.7.11}" -p 9898 "${@:2}"; }
# status NODE: pgpool's status of the backend: 1 and 2 = used, 3 = detached.
status() { control node_info -n "$1" | cut -d' ' -f3; }
# until_true COMMAND...: within 20 seconds.
until_true() { for ((i = 0; i < 100; i++)); do ! "$@" || return 0 && sleep 0.2; done; false; }
read_from() { [ "$(sql "select inet_server_addr()")" = "$1" ]; }
# pgpool looks at pg_stat_replication every few seconds, and attaches a standby that it saw streaming the last time.
state() { sql "show pool_nodes" | awk -F'|' '$1 == 1 { print $12 }'; }
seen_streaming() { [ "$(state)" = streaming ]; }
seen_lonely() { lonely && [ -z "$(state)" ]; }
given_up() { [ "$(status 1)" = 3 ]; }
main_pid() { on 1 bash -c 'tr -d "\0" </mnt/data/pgpool/pgpool.pid'; }
# A process 1 that does not wait for children: ended processes stay zombies.
ended() { ! on 1 pgrep -r S,R,D -x pgpool >/dev/null; }
server() { on "$1" setpriv --reuid=postgres --regid=postgres --clear-groups sh -c \
	'exec /usr/lib/postgresql/*/bin/pg_ctl -D /mnt/data/pgsql -m fast -w '"$2"' >/dev/null 2>&1'; }

@test "it starts, serves reads from both backends and writes from one; a second run is silent" {
	run -0 pool
	[[ $output == *"::changed started pgpool on port 9999"* ]]
	run -0 pool
	[ -z "$output" ]
	sql "create table seen (n int)"
	run -0 sql "insert into seen values (1) returning n"
	[ "$output" = 1 ]
	until_true read_from 10.88.7.11
	until_true read_from 10.88.7.12
}

@test "its sockets are where user postgres can write, its ports only on the lab's network" {
	on 1 test -S /run/postgresql/.s.PGSQL.9999
	HOST=/run/postgresql status 0
	run -0 on 1 ss -Hltn
	[[ $output == *" 10.88.7.11:9999 "* && $output == *" 10.88.7.11:9898 "* ]]
	! grep -qE '(\*|0\.0\.0\.0|\[::\]):(9999|9898)' <<<"$output"
}

@test "login needs the password, which is in no log and no command line" {
	run ! on 1 env PGPASSWORD=wrong psql -XAtqw -h 10.88.7.11 -p 9999 -U postgres -c "select 1"
	run ! on 1 psql -XAtqw -h /run/postgresql -p 9999 -U postgres -c "select 1"
	run ! on 1 grep -rqE "Secret0(postgres|pcp)" /mnt/data/pgpool/log /var/log /run/labctl
	run ! on 1 bash -c 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr "\0" "\n" | grep -q "Secret[0]"'
	[ "$(on 1 stat -c '%a %U' /mnt/data/pgpool/pool_passwd)" = "600 postgres" ]
}

@test "users of the lab can log in with the lab's password; lines of others stay in pool_passwd" {
	on 1 bash -c 'echo someone:TEXTelse >>/mnt/data/pgpool/pool_passwd'
	run -0 pool
	[ "$output" = "::changed reloaded pgpool: pool_passwd" ]
	render 4 '  users: [{name: webapp, databases: postgres}, {name: viewer, access: read}]'
	run -0 play 1 "primary.*"
	[[ $output == *"::changed updated role webapp"* && $output == *"::changed set the access of webapp to postgres: write"* && $output == *"::changed updated role viewer"* ]]
	run -0 pool
	[[ $output == *"reloaded pgpool"* || $output == *"restarted pgpool"* ]]
	sql "create table if not exists of_users (n int)"
	user_sql() { on 1 env PGPASSWORD="Secret0user-$1" timeout 20 psql -XAtqw -h 10.88.7.11 -p 9999 -U "$1" -d postgres -c "$2"; }
	user_sql webapp "insert into of_users values (1)"
	[ "$(user_sql viewer "select count(*) from of_users")" = 1 ]
	run ! user_sql viewer "insert into of_users values (2)"
	run -0 on 1 cut -d: -f1 /mnt/data/pgpool/pool_passwd
	[ "$output" = $'postgres\nwebapp\nviewer\nsomeone' ]
	run -0 play 1 "primary.users"
	[ -z "$output" ]
	run -0 pool
	[ -z "$output" ]
}

@test "a primary that was down serves again at once, without repair" {
	server 1 stop
	run ! sql "select 1"
	server 1 start
	run -0 sql "insert into seen values (2) returning n"
	run -0 pool
	[ -z "$output" ]
}

@test "pgpool started while the primary is down" {
	server 1 stop
	on 1 kill -INT "$(main_pid)"
	until_true ended
	run ! play 1 pgpool.start
	server 1 start
	run -0 pool
	[ -z "$output" ]
}

@test "a detached standby is attached again" {
	server 2 stop
	until_true given_up
	run -0 sql "select inet_server_addr()"
	[ "$output" = 10.88.7.11 ]
	run -1 pool
	[[ $output == *"::fail standby_1 does not answer"* ]]
	server 2 start
	run -0 pool
	[ "$(status 1)" != 3 ]
	until_true seen_streaming
	# pgpool attaches it again by itself only while it streams: detached by hand and not streaming, it stays detached.
	standby "alter system set primary_conninfo = ''"
	standby "select pg_reload_conf()"
	until_true seen_lonely
	control detach_node -n 1
	until_true given_up
	run -0 pool
	standby "alter system reset primary_conninfo"
	standby "select pg_reload_conf()"
	echo "$output"
	[[ $output == *"::changed attached standby_1 again"* ]]
	[ "$(status 1)" != 3 ]
}

@test "wrong passwords in its file: a clear failure, and the next run repairs them" {
	on 1 bash -c 'echo postgres:TEXTwrong >/mnt/data/pgpool/pool_passwd'
	on 1 kill -HUP "$(main_pid)"
	sleep 1
	run ! sql "select 1"
	run -0 pool
	[[ $output == *"::changed reloaded pgpool: pool_passwd"* ]]
	sql "select 1"
	# The database's password differs from the lab's. pgpool's existing connections would still work.
	PORT=5432 sql "alter role postgres password 'Other'"
	on 1 kill -INT "$(main_pid)"
	until_true ended
	run -1 pool
	[[ $output == *"::evidence "*"authentication failed"* && $output == *"::fail pgpool is running, but postgres cannot log in"* ]]
	play 1 "primary.*"
	run -0 pool
	sql "select 1"
}

@test "a killed pgpool: its left-over processes are ended, and a new one starts" {
	on 1 kill -9 "$(main_pid)"
	run -0 pool
	[[ $output == *"::changed started pgpool on port 9999"* ]]
	sql "select 1"
	run -0 pool
	[ -z "$output" ]
}

@test "a changed configuration is applied; an invalid one is rejected with its line" {
	render 6
	run -0 pool
	[[ $output == *"::changed restarted pgpool: pgpool.conf"* ]]
	[ "$(sql "pgpool show num_init_children")" = 6 ]
	render six
	run -1 pool
	[[ $output == *"::evidence "*num_init_children* && $output == *"::fail pgpool rejects its new configuration"* ]]
	sql "select 1"
	render 4
	run -0 pool
	[ "$(sql "pgpool show num_init_children")" = 4 ]
}
