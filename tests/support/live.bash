# SPDX-License-Identifier: PostgreSQL
# Work that a live snapshot must not disturb: a client that writes rows, and a process on a node that keeps files of its data open.
# For tests with labs.bash; uses $WORK and the lab "lab".
# shellcheck shell=bash disable=SC2016

# A row per session, through the primary. The log has "sent N" before a row and "acked N" after it was committed.
writer_start() {
	labctl psql 1 -- -qc 'DROP TABLE IF EXISTS written' -c 'CREATE TABLE written (n int PRIMARY KEY)'
	: >"$WORK/written.log"
	writer_goes_on
}

# After writer_stop(), with the next number.
writer_goes_on() {
	rm -f "$WORK/written.stop"
	DEADLINE=3600 inside bash -c 'export PGSERVICEFILE=$1/pg_service.conf PGSERVICE=lab-primary PGCONNECT_TIMEOUT=5
		for ((n = $3 + 1; ; n++)); do
			[ ! -e "$2.stop" ] || exit 0
			echo "sent $n" >>"$2.log"
			if timeout 30 psql -XAtqc "INSERT INTO written VALUES ($n)"; then echo "acked $n"; else echo "lost $n"; sleep 0.2; fi >>"$2.log"
		done' - "$LABCTL_STATE/labs/lab/inventory" "$WORK/written" "$(sent)" >"$WORK/written.out" 2>&1 3>&- &
	wait_rows 3
}

writer_stop() {
	: >"$WORK/written.stop"
	wait
}

# The number of the newest row that was sent, and of the newest that was committed.
sent() { sed -n 's/^sent //p' "$WORK/written.log" | tail -n 1; }
acked() { sed -n 's/^acked //p' "$WORK/written.log" | tail -n 1; }

# wait_rows N: until the writer has committed N more rows
wait_rows() {
	local until from
	from=$(grep -c '^acked' "$WORK/written.log" || true)
	for ((until = SECONDS + 120; SECONDS < until;)); do
		(($(grep -c '^acked' "$WORK/written.log") < from + $1)) || return 0
		sleep 0.2
	done
	echo "the writer hangs: $(tail -n 2 "$WORK/written.log" "$WORK/written.out")"
	return 1
}

# rows_between FROM TO: how many rows with numbers above FROM, up to TO, the primary has
rows_between() { labctl psql 1 -- -XAtc "SELECT count(*) FROM written WHERE n > $1 AND n <= $2"; }
# acked_up_to N: how many rows with numbers up to N were committed
acked_up_to() { awk -v to="$1" '$1 == "acked" && $2 <= to' "$WORK/written.log" | wc -l; }

# On node2: appends to a file that stays open, reads one that is open, makes, renames and reads others by name, also in a directory below;
# says what failed.
keeper_start() {
	labctl exec 2 -- - <<-'SCRIPT'
		rm -rf /data/kept /run/kept.*
		mkdir -p /data/kept/below
		echo there | tee /data/kept/read >/data/kept/below/read
		cat >/run/kept.sh <<'END'
		exec 3>>/data/kept/held 4</data/kept/read
		cd /data/kept
		for ((n = 1; ; n++)); do
			echo "$n" >&3 || echo "append $n"
			sync -d /proc/self/fd/3 || echo "sync $n"
			[ "$(cat /proc/self/fd/4)" = there ] || echo "read $n"
			echo "$n" >new && mv new moved || echo "rename $n"
			[ "$(cat below/read)" = there ] && echo "$n" >below/new || echo "below $n"
			sleep 0.3
		done
		END
		setsid bash /run/kept.sh >/run/kept.failed 2>&1 </dev/null &
		sleep 1
	SCRIPT
}

# keeper_works: it goes on, and nothing has failed
keeper_works() {
	labctl exec 2 -- 'a=$(wc -l </data/kept/held); for i in $(seq 60); do sleep 0.5; [ "$(wc -l </data/kept/held)" -le "$a" ] || break; done
		[ "$(wc -l </data/kept/held)" -gt "$a" ] && [ ! -s /run/kept.failed ] || { cat /run/kept.failed; false; }'
}

# Ends it, removes what it has open and all that it knows by name, and puts other things there.
keeper_end() { labctl exec 2 -- 'pkill -f "^bash /run/kept.sh"; sleep 1; rm -rf /data/kept/*; echo file >/data/kept/below; mkdir /data/kept/read'; }

# clock_is_right NODE: its clock is within half a second of the host's
clock_is_right() {
	local before now after
	before=${EPOCHREALTIME/./}
	now=$(labctl exec "$1" -- date +%s.%6N | awk '{ print $2 }')
	after=${EPOCHREALTIME/./}
	now=${now/./}
	((now > before - 500000 && now < after + 500000)) || { echo "node $1: $now, host: $before to $after"; return 1; }
}

# Replication goes on: a row that the primary has now reaches the others. Nodes: how many.
replicates() {
	local last i node
	last=$(labctl psql 1 -- -XAtc 'SELECT max(n) FROM written')
	for ((node = 2; node <= $1; node++)); do
		for ((i = 0; i < 120; i++)); do
			[ "$(labctl psql "$node" -- -XAtc "SELECT count(*) FROM written WHERE n = $last")" != 1 ] || break
			sleep 0.5
		done
		((i < 120)) || { echo "node$node has not row $last"; return 1; }
	done
}

# No handle has become stale, for the servers or in the kernels of the nodes.
no_stale_handle() {
	local said
	said=$(labctl exec -- 'grep -his "stale file handle" /data/pgsql/log/* /run/kept.failed; dmesg | grep -i "stale\|nfs.*error"; true')
	[[ $said != *[Ss]tale* && $said != *rror* ]] || { echo "$said"; return 1; }
}
