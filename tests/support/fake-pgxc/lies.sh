# SPDX-License-Identifier: PostgreSQL
# shellcheck shell=bash
# Run on a node by tests/link/pgxc_scripts.bats: checks that the fakes have each known fault of Postgres-XC's programs.
set -eu
cd /mnt/lies
PATH=/opt/pgxc/bin:$PATH
trap 'echo "lies.sh: line $LINENO" >&2' ERR

# Does a process of this name really run?
live() {
	local file text
	for file in /proc/[1-9]*/stat; do
		{ read -r text <"$file"; } 2>/dev/null || continue
		[[ $text != *"($1) "[!Z]* ]] || return 0
	done
	return 1
}
dead() { ! live "$1"; }
refuses() { ! "$@" >refusal 2>&1; }
listens() { grep -q ":$(printf %04X "$1") 00000000:0000 0A" /proc/net/tcp; }
closed() { ! listens "$1"; }
transaction() { timeout 1 bash -c 'exec 5<>"/dev/tcp/127.0.0.1/$0" && echo snapshot >&5 && read -r -u 5 x && echo "$x"' "$1"; }

: "directories that are not empty, and a standby that initgtm does not know"
mkdir full && touch full/x
refuses initdb -D "$PWD/full" --nodename=a
refuses initgtm -Z gtm -D "$PWD/full"
refuses initgtm -Z gtm_standby -D "$PWD/new"
refuses initdb -D "$PWD/new"

: "start succeeds with a configuration that cannot be"
initgtm -Z gtm -D "$PWD/gtm" >/dev/null
echo "port = 'abc'" >>gtm/gtm.conf
[ "$(gtm_ctl start -Z gtm -D "$PWD/gtm" 2>refusal </dev/null)" = "server starting" ]
sleep 0.2
dead gtm

: "a daemon keeps its caller's output"
echo "port = 7001" >>gtm/gtm.conf
status=0
timeout 1 bash -c 'gtm_ctl start -Z gtm -D "$PWD/gtm" </dev/null | cat' || status=$?
[ "$status" = 124 ]
live gtm && listens 7001

: "start succeeds on a port that is taken; the pid file stays; status takes a zombie for a server"
initgtm -Z gtm -D "$PWD/gtm2" >/dev/null
echo "port = 7001" >>gtm2/gtm.conf
[ "$(gtm_ctl start -Z gtm -D "$PWD/gtm2" 2>refusal </dev/null)" = "server starting" ]
sleep 0.2
grep -q "could not bind" gtm2/gtm.log
grep -q "^State:.*Z" "/proc/$(head -n 1 gtm2/gtm.pid)/status"
gtm_ctl status -Z gtm -D "$PWD/gtm2" | grep -q "server is running"

: "status takes any process for a server, and notices a pid that nobody has"
sed -i "1s/.*/$$/" gtm2/gtm.pid
gtm_ctl status -Z gtm -D "$PWD/gtm2" | grep -q "server is running (PID: $$)"
sed -i "1s/.*/4000000/" gtm2/gtm.pid
refuses gtm_ctl status -Z gtm -D "$PWD/gtm2"

: "a standby and a proxy die without a GTM, and start succeeds"
printf '%s\n' "port = 7003" "startup = STANDBY" "active_host = '127.0.0.1'" "active_port = 7999" >>gtm2/gtm.conf
gtm_ctl start -Z gtm_standby -D "$PWD/gtm2" >refusal 2>&1 </dev/null
sleep 0.2
grep -q "Failed to establish a connection to active-GTM" gtm2/gtm.log
initgtm -Z gtm_proxy -D "$PWD/proxy" >/dev/null
printf '%s\n' "port = 7002" "gtm_host = '127.0.0.1'" "gtm_port = 7999" >>proxy/gtm_proxy.conf
gtm_ctl start -Z gtm_proxy -D "$PWD/proxy" >refusal 2>&1 </dev/null
sleep 0.2
grep -q "can not connect to GTM" refusal
dead gtm_proxy
[ -e proxy/gtm_proxy.pid ]

: "one bare connection wedges a proxy, for good; stop claims success, and it stays"
echo "gtm_port = 7001" >>proxy/gtm_proxy.conf
rm proxy/gtm_proxy.pid
gtm_ctl start -Z gtm_proxy -D "$PWD/proxy" >out 2>&1 </dev/null
sleep 0.2
[ "$(transaction 7002)" = 10000 ]
exec 5<>/dev/tcp/127.0.0.1/7002
exec 5>&-
refuses transaction 7002
pid=$(head -n 1 proxy/gtm_proxy.pid)
gtm_ctl stop -Z gtm_proxy -D "$PWD/proxy" | grep -qx "server stopped"
listens 7002
grep -q "^State:.*Z" "/proc/$pid/status"
kill -9 "$pid"
sleep 0.1
closed 7002

: "pg_ctl succeeds although the stack is too small"
initdb -D "$PWD/pg" --nodename=a -U postgres >/dev/null
printf '%s\n' "port = 7005" "max_stack_depth = 8MB" "gtm_host = '127.0.0.1'" "gtm_port = 7002" >>pg/postgresql.conf
ulimit -Ss 8192
pg_ctl start -Z datanode -D "$PWD/pg" >out 2>&1 </dev/null
sleep 0.2
grep -q 'DETAIL:  "max_stack_depth" must not exceed 7680kB.' out
dead postgres

: "a datanode starts without a GTM, refuses every statement, and ends when it is to register"
ulimit -Ss 16384
pg_ctl start -Z datanode -D "$PWD/pg" >out 2>&1 </dev/null
sleep 0.2
listens 7005
refuses psql -h "$PWD/pg" -p 7005 -c "select 1"
grep -q "GTM error, could not obtain snapshot" refusal
kill -USR1 "$(head -n 1 pg/postmaster.pid)"
sleep 0.2
grep -q "Can not register Datanode on GTM" pg/pg_log/*.csv
closed 7005

: "a GTM writes down where it is only when it is stopped"
kill -9 "$(head -n 1 gtm/gtm.pid)"
[ ! -e gtm/gtm.control ]
gtm_ctl start -Z gtm -D "$PWD/gtm" >out 2>&1 </dev/null || true # the pid file names a zombie
rm -f gtm/gtm.pid
gtm_ctl start -Z gtm -D "$PWD/gtm" -o "-x 4711" >out 2>&1 </dev/null
sleep 0.2
[ "$(transaction 7001)" = 4711 ]
gtm_ctl stop -Z gtm -D "$PWD/gtm" -m fast >out
[ -s gtm/gtm.control ]
