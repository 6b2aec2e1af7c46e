# SPDX-License-Identifier: PostgreSQL
# The claims of docs/SECURITY.md on real nodes: where passwords are, who can read what, who reaches which port, and what
# malicious nodes, host keys and archives can do.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031,SC2016

# A lab of each kind: number of nodes, cluster, source archive, role that psql connects to, and files that contain secrets
# (mode, owner, path below the lab's directory). Kinds that need a source archive are skipped without one.
declare -gA nodes=([gis]=2 [citus]=2 [pgxc]=3)
declare -gA cluster=([gis]='{kind: postgres, primary: 1, standby: 2, pgpool: 1}' [citus]='{kind: citus}' [pgxc]='{kind: pgxc}')
declare -gA archive=([citus]=${LABCTL_CITUS_ARCHIVE-} [pgxc]=${LABCTL_PGXC_ARCHIVE-})
declare -gA ask=([gis]='-r pgpool' [citus]='-r pgpool' [pgxc]='-r coordinator')
pool='600 postgres data/node1/pgpool/pcppass
600 postgres data/node1/pgpool/pool_passwd'
declare -gA holders=(
	[gis]="$pool
600 postgres nodes/node2/upper/etc/labctl/postgres-standby.pgpass
600 root secrets/replication
600 root secrets/pcp"
	[citus]="$pool
600 postgres nodes/node1/upper/var/lib/postgresql/.pgpass
600 postgres nodes/node2/upper/var/lib/postgresql/.pgpass
600 root secrets/pcp"
	[pgxc]=''
)

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	unset LABCTL_FILE LABCTL_LAB
	labs_up security
	export LABCTL_HYPERVISOR=lxc LABS=$WORK/state/labs GIS=$WORK/state/labs/gis EVIL=$WORK/state/labs/evil
	chmod 0755 "$WORK" # otherwise the modes below it would prove nothing
	inside virsh -q -c qemu:///system domcapabilities >/dev/null # libvirt caches the result
	host_state before
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

# Checks that standard input has no control sequences for terminals, except those of labctl's own progress display.
harmless() {
	sed -E 's/\r$//; s/\x1b\[[0-9]+A\x1b\[J//g' | tee "$BATS_TEST_TMPDIR/shown" | { ! LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]'; }
}

# as_nobody COMMAND...: runs it as an unprivileged user of the host.
as_nobody() { inside setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

# made LAB: does the lab exist?
made() { [ -f "$LABS/$1/lab.yaml" ]; }

needs() { [ "$1" = gis ] || [ -n "${archive[$1]}" ] || skip "LABCTL_${1^^}_ARCHIVE names no source archive"; }

# secrets_of LAB: prints its passwords, and a line of each private key that no other key has.
secrets_of() {
	local file
	for file in "$LABS/$1"/secrets/*; do cat "$file" && echo; done
	for file in "$LABS/$1"/id_ed25519 "$LABS/$1"/nodes/*/host_key; do sed -n '/^-----END/{x;p};x' "$file"; done
}

# watch_processes LAB: looks for the lab's secrets in arguments and environment of every process of the host and the nodes.
# A harmless mark proves that it works.
watch_processes() {
	{ secrets_of "$1" && echo labctl-mark; } | grep . >"$WORK/patterns.$1"
	rm -f "$WORK/stop"
	cat >"$WORK/watch" <<-'END'
		cd "$1"
		while [ ! -e stop ]; do
			grep -aoFf "patterns.$2" /proc/[0-9]*/cmdline /proc/[0-9]*/environ
			sleep 0.01
		done 2>/dev/null | while IFS=: read -r at what; do
			[ "$what" = labctl-mark ] || what="secret $(tr '\0' ' ' <"${at%/*}/cmdline")"
			printf '%s %s\n' "${at##*/}" "$what"
		done >"seen.$2" 2>/dev/null
	END
	inside bash "$WORK/watch" "$WORK" "$1" 3>&- & watcher=$!
}

# in_no_process LAB: checks this during two bootstraps and a query. Keeps all output for in_few_files.
in_no_process() {
	needs "$1"
	printf '%s\n' "lab: $1" "nodes: ${nodes[$1]}" "cluster: ${cluster[$1]}" >"$WORK/$1.yaml"
	labctl -v -f "$WORK/$1.yaml" create >"$WORK/said.$1" 2>&1
	watch_processes "$1"
	inside env MARK=labctl-mark sh -c 'sleep 2; : labctl-mark' 3>&- &
	labctl -v -l "$1" bootstrap ${archive[$1]:+--source "${archive[$1]}"} >>"$WORK/said.$1" 2>&1
	labctl -v -l "$1" --json bootstrap >>"$WORK/said.$1" 2>&1
	# shellcheck disable=SC2086  # words
	labctl -l "$1" psql ${ask[$1]} -- -Atc 'select 1'
	touch "$WORK/stop"
	wait "$watcher"
	grep -q '^environ labctl-mark$' "$WORK/seen.$1"
	grep -q '^cmdline labctl-mark$' "$WORK/seen.$1"
	run ! grep ' secret ' "$WORK/seen.$1"
	[ "$(sort -u "$WORK/patterns.$1" | wc -l)" = $(($(find "$LABS/$1/secrets" -type f | wc -l) + 1 + nodes[$1] + 1)) ]
}

# in_few_files LAB: searches all output and all files of labctl, libvirt and the nodes, also those in memory.
in_few_files() {
	local node pid n lab=$1
	needs "$lab"
	grep -v labctl-mark "$WORK/patterns.$lab" >"$WORK/secrets.$lab"
	for command in status list 'db list' 'plan bootstrap' 'inventory --format ssh_config' 'inventory --format json'; do
		# shellcheck disable=SC2086  # words
		labctl -v -l "$lab" --json $command
	done >>"$WORK/said.$lab" 2>&1
	labctl -l "$lab" render --out "$WORK/render.$lab" >>"$WORK/said.$lab" 2>&1
	for ((n = 1; n <= nodes[$lab]; n++)); do
		node=$lab-node$n
		inside virsh -q -c lxc:///system dumpxml "$node"
		inside virsh -q -c lxc:///system metadata "$node" --uri https://labctl.invalid/lab/1
		pid=$(inside cat "/run/libvirt/lxc/$node.pid")
		inside sh -c 'cd /proc/$(pgrep -P "$1" | head -n1)/root && grep -rlFf "$2" run tmp dev/shm' sh "$pid" "$WORK/patterns.$lab" \
			2>/dev/null >>"$WORK/volatile.$lab" || true
	done >"$WORK/said-by-libvirt.$lab" 2>&1
	labctl -l "$lab" exec -- 'journalctl -a --no-pager -o verbose' >"$WORK/said-by-nodes.$lab" 2>&1
	[ "$(wc -l <"$WORK/said-by-libvirt.$lab")" -gt 50 ]
	grep -q MESSAGE= "$WORK/said-by-nodes.$lab"
	cat "$WORK/volatile.$lab"
	[ ! -s "$WORK/volatile.$lab" ]
	# Without the nodes' roots, which are the image and the searched "upper" directories.
	inside find "$LABS/$lab" "$WORK"/said*."$lab" "$WORK/render.$lab" /var/log/libvirt /run/libvirt /etc/libvirt \
		"${LABCTL_CACHE:-/var/cache/labctl}/log" -path '*/nodes/*/root' -prune -o -type f \
		-exec grep -lFf "$WORK/secrets.$lab" {} + >"$WORK/holding" 2>/dev/null || true
	# Owners by the numbers and names of the nodes: the host may have another user with such a number.
	names=$(labctl -l "$lab" exec 1 -- 'getent passwd root postgres pgxc || true' | awk -F'[: ]+' '{ printf "s|^600 %s |600 %s |; ", $4, $2 }')
	inside xargs -a "$WORK/holding" stat -c '%a %u %n' | sed "${names}s|$LABS/$lab/||" | LC_ALL=C sort >"$WORK/found"
	{
		printf '600 root %s\n' id_ed25519 inventory/jdbc.properties inventory/pgpass secrets/postgres
		for ((n = 1; n <= nodes[$lab]; n++)); do
			printf '600 root %s\n' "nodes/node$n/host_key" "nodes/node$n/upper/etc/ssh/ssh_host_ed25519_key"
		done
		[ -z "${holders[$lab]}" ] || echo "${holders[$lab]}"
	} | LC_ALL=C sort | diff -u - "$WORK/found"
}

@test "PostgreSQL and pgpool-II: no secret in any process's arguments or environment while the cluster is made" { in_no_process gis; }
@test "Citus: no secret in any process's arguments or environment while the cluster is made" { in_no_process citus; }
@test "Postgres-XC: no secret in any process's arguments or environment while the cluster is made" { in_no_process pgxc; }

@test "PostgreSQL and pgpool-II: secrets are only in known files of mode 0600, and in no log or output" { in_few_files gis; }
@test "Citus: secrets are only in known files of mode 0600, and in no log or output" { in_few_files citus; }
@test "Postgres-XC: secrets are only in known files of mode 0600, and in no log or output" { in_few_files pgxc; }

@test "psql on the host gets no password in its environment" {
	labctl -l gis db create one
	run -0 labctl -l gis psql -- -Atc 'select 1' -c '\! tr "\0" "\n" </proc/$PPID/environ'
	[[ $output == *"PGPASSFILE=$GIS/inventory/pgpass"* ]]
	run ! grep -Ff "$WORK/secrets.gis" <<<"$output"
}

@test "modes and owners of labctl's files on the host and on nodes" {
	inside find "$WORK/state" \( -path '*/root/*' -o -path '*/upper/*' -o -path '*/work/*' -o -path '*/data/*/*' \) -prune \
		-o -printf '%m %u:%g %P\n' | sed -E 's|10\.88\.[0-9]+\.0|SUBNET|; s|node[1-9]|NODE|; s|labs/[a-z]+|labs/LAB|; s|(secrets)/[a-z]+|\1/NAME|' |
		LC_ALL=C sort -u >"$WORK/found"
	diff -u - "$WORK/found" <<-'END'
		600 root:root labs/LAB/bootstrapped
		600 root:root labs/LAB/data/.labctl-root
		600 root:root labs/LAB/id
		600 root:root labs/LAB/id_ed25519
		600 root:root labs/LAB/id_ed25519.pub
		600 root:root labs/LAB/image
		600 root:root labs/LAB/inventory/jdbc.properties
		600 root:root labs/LAB/inventory/pgpass
		600 root:root labs/LAB/journal.jsonl
		600 root:root labs/LAB/known_hosts
		600 root:root labs/LAB/lab.yaml
		600 root:root labs/LAB/lock
		600 root:root labs/LAB/nodes/NODE/host_key
		600 root:root labs/LAB/nodes/NODE/host_key.pub
		600 root:root labs/LAB/nodes/NODE/seeded
		600 root:root labs/LAB/secrets/NAME
		600 root:root lock
		644 root:root labs/LAB/inventory/ansible.ini
		644 root:root labs/LAB/inventory/hosts
		644 root:root labs/LAB/inventory/inventory.json
		644 root:root labs/LAB/inventory/pg_service.conf
		644 root:root labs/LAB/inventory/ssh_config
		644 root:root labs/LAB/nodes/NODE/lower
		644 root:root leases/SUBNET-24
		700 root:root labs/LAB/data
		700 root:root labs/LAB/inventory
		700 root:root labs/LAB/nodes
		700 root:root labs/LAB/nodes/NODE
		700 root:root labs/LAB/secrets
		711 root:root labs/LAB
		755 root:root 
		755 root:root labs
		755 root:root labs/LAB/data/NODE
		755 root:root labs/LAB/nodes/NODE/root
		755 root:root labs/LAB/nodes/NODE/upper
		755 root:root labs/LAB/nodes/NODE/work
		755 root:root leases
	END
	# pgpool_status is written by pgpool-II itself
	local known='^(600|700|750) |^644 postgres:postgres /data/pgpool/pgpool_status$' lab
	for lab in "${!nodes[@]}"; do
		made "$lab" || continue
		labctl -l "$lab" exec -- 'stat -c "%a %U:%G %n" /root/.ssh /root/.ssh/authorized_keys /etc/ssh/ssh_host_ed25519_key /data/*/ \
			/data/*/*.conf /data/*/*pass* /data/*/log/*; find / -xdev -newer /etc/machine-id -type f -perm /022 -print' 2>/dev/null |
			sed -E 's/^node[0-9]+ +//' | LC_ALL=C sort >"$WORK/found"
		cat "$WORK/found"
		[ "$(wc -l <"$WORK/found")" -gt $((5 * nodes[$lab])) ]
		run ! grep -vE "$known" "$WORK/found"
		run -0 labctl -l "$lab" exec -- "awk -F: '\$2 !~ /^[!*]/' /etc/shadow"
		[ -z "$output" ]
	done
}

@test "users of the host cannot read a lab's files or run programs of nodes and images" {
	local tree
	inside test -r "$GIS/nodes/node1/upper/etc/hostname" -a -x "$GIS/nodes/node1/root/usr/bin/su" -a -d "$GIS/data/node1"
	run ! as_nobody test -e "$GIS/nodes/node1/upper/etc/hostname"
	run ! as_nobody test -e "$GIS/nodes/node1/root/usr/bin/su"
	run ! as_nobody test -e "$GIS/data/node1"
	run ! as_nobody cat "$GIS/lab.yaml" "$GIS/inventory/hosts" "$GIS/journal.jsonl"
	[ -z "$(as_nobody find "$LABS" -type f -readable 2>/dev/null)" ]
	tree=$(inside cat "$GIS/nodes/node1/lower")
	inside test -u "$tree/usr/bin/su"
	run ! as_nobody test -e "$tree/usr/bin/su"
	as_nobody test -d "$tree"
	labctl -l gis exec 1 -- 'setpriv --reuid 65534 --regid 65534 --clear-groups test -x /usr/bin/su'
}

@test "malicious names of databases are only names" {
	local name
	for name in "a'b\"c" '$(touch /tmp/owned)' "x'; drop database one; --" 'ä b' '../x'; do
		labctl -l gis db create "$name"
		run -0 --separate-stderr labctl -l gis --json db list
		jq -e --arg n "$name" '[.databases[].database] | index($n)' <<<"$output"
		labctl -l gis db drop "$name"
	done
	run -0 --separate-stderr labctl -l gis --json db list
	[ "$(jq -c '[.databases[].database]' <<<"$output")" = '["one","postgres"]' ]
	run ! labctl -l gis exec -- 'test -e /tmp/owned'
	[ ! -e /tmp/owned ]
}

# reach WHERE HOST PORT: prints open or closed. WHERE is a process from whose network namespace it connects, or `host`.
reach() {
	local enter=()
	[ "$1" = host ] || enter=(nsenter -t "$1" -n --)
	inside "${enter[@]}" timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$2" "$3" 2>/dev/null && echo open || echo closed
}

@test "who reaches which port" {
	local node bridge subnet stranger port n at
	labctl -l evil create 2
	node=$(jq -r '.nodes[0].address // .nodes[0].ip' "$GIS/inventory/inventory.json")
	subnet=${node%.*}
	bridge=$(inside ip -o addr show | awk -v a="$subnet.1/24" '$4 == a {print $2}')
	[ -n "$bridge" ]
	# another network, which has a route to the lab through the host
	inside unshare --net sleep 600 3>&- &
	for _ in $(seq 50); do
		stranger=$(inside pgrep -f '^sleep 600$' | head -n1) && [ -n "$stranger" ] && break
		sleep 0.1
	done
	inside sh -ec 'ip link add out0 type veth peer name out1 netns "$1"
		ip addr add 10.99.0.1/24 dev out0; ip link set out0 up
		nsenter -t "$1" -n sh -ec "ip link set lo up; ip addr add 10.99.0.2/24 dev out1; ip link set out1 up; ip route add default via 10.99.0.1"' sh "$stranger"
	for port in 22 5432 9999 9898; do
		[ "$(reach host "$node" $port)" = open ]
		[ "$(reach "$stranger" "$node" $port)" = closed ]
		# from another lab of the same host
		run labctl -l evil exec 1 -- "timeout 3 bash -c '</dev/tcp/$node/$port'"
		[ "$status" != 0 ]
		# from a node of the lab
		labctl -l gis exec 2 -- "timeout 3 bash -c '</dev/tcp/$node/$port'"
	done
	# where the host itself would let them through, the node's packet filter does not
	inside sh -ec 'iptables -I FORWARD -i out0 -j ACCEPT; iptables -I FORWARD -o out0 -j ACCEPT'
	for port in 22 5432 9999 9898; do [ "$(reach "$stranger" "$node" $port)" = closed ]; done
	# the only protection of Postgres-XC, whose GTM has no authentication
	if made pgxc; then
		while read -r n port; do
			at=$(jq -r ".nodes[$n - 1] | .address // .ip" "$LABS/pgxc/inventory/inventory.json")
			# a connection without a request would wedge a proxy
			labctl -l pgxc exec "$n" -- "ss -Hltn sport = :$port" </dev/null | grep -q LISTEN
			[ "$(reach "$stranger" "$at" "$port" </dev/null)" = closed ]
			run labctl -l evil exec 1 -- "timeout 3 bash -c '</dev/tcp/$at/$port'" </dev/null
			[ "$status" != 0 ]
		done <<<$'1 1920\n2 1920\n3 1921\n3 1923\n3 1924'
	fi
	# behind the filter, PostgreSQL and pgpool-II check the client's address
	labctl -l gis exec 1 -- 'nft insert rule inet labctl in ip saddr 10.99.0.2 accept'
	[ "$(reach "$stranger" "$node" 22)" = open ]
	for port in 5432 9999; do
		run ! inside nsenter -t "$stranger" -n env PGPASSFILE="$GIS/inventory/pgpass" psql -w -h "$node" -p "$port" -U postgres \
			-d postgres -c 'select 1'
		echo "$output"
		[[ $output == *"no pg_hba.conf entry"* || $output == *"no pool_hba.conf entry"* ]]
	done
	inside sh -ec 'iptables -D FORWARD -i out0 -j ACCEPT; iptables -D FORWARD -o out0 -j ACCEPT'
	# with an address of the lab, but without the password
	for port in 5432 9999; do
		run ! inside env PGPASSFILE=/dev/null psql -w -h "$node" -p "$port" -U postgres -d postgres -c 'select 1'
		[[ $output == *"no password supplied"* ]]
	done
	run ! labctl -l gis exec 2 -- "echo '$node:9898:postgres:wrong' >/root/.pcppass; chmod 600 /root/.pcppass; pcp_node_count -w -h $node -U postgres"
	[[ $output == *"authentication failed"* ]]
	# sshd accepts only the lab's key
	run ! inside ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes \
		-i "$EVIL/id_ed25519" "root@$node" true
	[[ $output == *"Permission denied"* ]]
	inside kill "$stranger"
}

# turn_evil COMMANDS: makes the node's shell run these instead of labctl's scripts.
turn_evil() {
	local instead="case \"\$*\" in *--norc*) ;; *) exec /usr/bin/bash.good \"\$@\" ;; esac
$1"
	local bash=$EVIL/nodes/node1/root/usr/bin/bash
	inside sh -ec '[ -e "$1.good" ] || mv "$1" "$1.good"; printf "#!/bin/sh\n%s\n" "$2" >"$1.new"; chmod 755 "$1.new"; mv "$1.new" "$1"' sh "$bash" "$instead"
}

turn_good() { inside mv "$EVIL/nodes/node1/root/usr/bin/bash.good" "$EVIL/nodes/node1/root/usr/bin/bash"; }

# on_terminal COMMAND: prints its output as a terminal gets it.
on_terminal() { inside env TERM=xterm script -qec "$1" /dev/null; }

@test "output of nodes cannot control a terminal, and is complete in a file" {
	local said='a\033[31mb\302\233c\rd\be\033]0;title\007f'
	on_terminal "$LABCTL -l evil exec 1 -- 'printf \"$said\\n\"; printf \"$said\\n\" >&2'" | harmless
	grep -q 'b??c?d?e?]0;title?f' "$BATS_TEST_TMPDIR/shown"
	on_terminal "$LABCTL --json -l evil exec 1 -- 'printf \"$said\\n\"'" | harmless
	[ "$(labctl -l evil exec 1 -- "printf '$said'" | od -An -tx1 | tr -d ' \n')" = "$(printf "node1  $said\n" | od -An -tx1 | tr -d ' \n')" ]
	turn_evil "printf '::changed $said\n::say $said\n::skipped $said\n::evidence $said\n$said\n::fail $said\n'; sleep 1; exit 1"
	on_terminal "$LABCTL -v -l evil create" | harmless
	grep -q 'changed: a?\[31mb??c?d?e?]0;title?f' "$BATS_TEST_TMPDIR/shown"
	grep -q 'failed: a.*b..c.d.e.]0;title.f' "$BATS_TEST_TMPDIR/shown"
	on_terminal "$LABCTL --json -l evil create" | harmless
	turn_good
	run ! grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$EVIL/journal.jsonl"
	labctl -l evil create
}

# peak COMMAND...: prints its largest memory use in KiB.
peak() {
	local most=0 now child
	"$@" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- & child=$!
	while kill -0 "$child" 2>/dev/null; do
		now=$(for pid in $(pgrep -f "^$LABCTL -l evil "); do awk '/VmHWM/ {print $2}' "/proc/$pid/status"; done 2>/dev/null | sort -n | tail -n1)
		((${now:-0} <= most)) || most=$now
		sleep 0.02
	done
	wait "$child" || true
	echo "$most"
}

@test "endless output or an endless line takes little memory and ends in a failure" {
	local most
	turn_evil 'exec yes "::changed $(printf %0100d)"'
	most=$(peak labctl -l evil create)
	echo "lines: $most KiB"
	((most > 1000 && most < 60000))
	grep -q 'printed more than 16 MiB' "$BATS_TEST_TMPDIR/out"
	turn_evil 'exec tr "\0" x </dev/zero'
	most=$(peak labctl -l evil create)
	echo "no end: $most KiB"
	((most > 1000 && most < 120000))
	grep -q 'printed more than 16 MiB' "$BATS_TEST_TMPDIR/out"
	turn_good
	labctl -l evil create
}

@test "a changed host key is refused, and accepted by the commands in the message" {
	labctl -l evil exec 1 -- 'rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh'
	inside cp -a "$EVIL/nodes/node1/root/etc/ssh/ssh_host_ed25519_key" "$EVIL/nodes/node1/root/etc/ssh/ssh_host_ed25519_key.pub" "$WORK"
	run -10 labctl -l evil exec 1 -- true
	[[ $output == *"host key: changed"* && $output == *"next: "*"in place of $EVIL/nodes/node1/host_key.pub"* ]]
	run -10 labctl -l evil create
	[[ $output == *"next: "*"in place of $EVIL/nodes/node1/host_key.pub"* ]]
	run ! labctl -l evil ssh node1 -- true
	inside cp -a "$WORK/ssh_host_ed25519_key" "$EVIL/nodes/node1/host_key"
	inside cp -a "$WORK/ssh_host_ed25519_key.pub" "$EVIL/nodes/node1/host_key.pub"
	labctl -l evil create
	inside virsh -q -c lxc:///system destroy evil-node1
	labctl -l evil create
	labctl -l evil exec -- true
	labctl -l evil ssh node1 -- true
}

# The archive is checked before the image to build it in is made.
without_images() { LABCTL_CACHE=$WORK/no-images labctl "$@"; }

# refused WORDS MEMBER...: an archive of these is refused with these words, before anything is written.
refused() {
	local words=$1
	shift
	tar -cPf "$WORK/bad.tar" "$@"
	run without_images -l evil bootstrap pgxc --source "$WORK/bad.tar"
	echo "$output" | cut -c1-300
	[ "$status" = 1 ] && [[ $output == *"$words"* ]]
}

@test "archives that lead out of their directory are refused before anything is written" {
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir -p top/sub outside
	echo x >top/file
	ln -s /etc top/absolute
	ln -s ../../outside top/sub/up
	ln -s sub/.. top/fine
	ln top/file top/hard
	mknod top/device b 7 0
	mkfifo top/pipe
	refused "link that leads out" top/file top/absolute
	refused "link that leads out" top/sub
	refused "is not a file, directory or link" top/file top/device
	refused "is not a file, directory or link" top/pipe
	refused "absolute path" "$PWD/top/file"
	refused "leads out of it" top/../outside
	refused "more than one top directory" top/file outside
	refused "link that leads out" --transform 's|^top/file$|/etc/passwd|hRS' top/file top/hard
	[ -z "$(find "$WORK/no-images/images" "$WORK/no-images/tmp" -mindepth 1 2>/dev/null)" ]
	# a correct archive passes: then the image is missing, and a sandbox cannot reach a mirror
	tar -cf "$WORK/bad.tar" top/file top/fine top/hard
	run -4 without_images -l evil bootstrap pgxc --source "$WORK/bad.tar"
	[[ $output == *"image 'debian12-build': not built yet, and the sandbox '$SANDBOX' cannot reach a mirror"* ]]
	[[ $output == *"next: labctl image build debian12-build, outside the sandbox"* ]]
}

@test "a data directory is exported to addresses of its lab only; files of a machine are root's" {
	local nfs=$WORK/state/labs/nfs gateway
	labctl --hypervisor qemu -l nfs create 1
	gateway=$(jq -r '.nodes[0].address // .nodes[0].ip' "$nfs/inventory/inventory.json")
	gateway=${gateway%.*}.1
	inside sh -c 'cd "$1" && stat -c "%a %U %n" *' sh "$nfs/nodes/node1" >"$WORK/found"
	diff -u - "$WORK/found" <<-'END'
		600 root console.log
		600 root disk.qcow2
		600 root host_key
		600 root host_key.pub
		600 root initrd.img
		600 root seed.img
		600 root vmlinuz
	END
	[ -z "$(inside find "$nfs" -maxdepth 1 -type f -perm /077 ! -name ganesha.pid)" ]
	# with or without IPv6 in the kernel
	[ "$(inside ss -Hltn sport = :2049 | awk '{print $4}' | sed -E 's/^\[::ffff:(.*)\]/\1/')" = "$gateway:2049" ]
	cat >"$BATS_TEST_TMPDIR/mounts" <<-'END'
		set -e
		from=$(findmnt -no SOURCE /data) as=vers=4.2,proto=tcp,retry=0,timeo=50,retrans=1
		umount /data
		ip address add 10.99.0.5/32 dev eth0
		ip route add "${from%%:*}/32" dev eth0 src 10.99.0.5
		! timeout 60 mount -t nfs -o $as "$from" /data || { echo MOUNTED; exit 1; }
		ip route del "${from%%:*}/32"
		timeout 60 mount -t nfs -o $as "$from" /data
		echo as it should be
	END
	inside ip route add 10.99.0.5/32 dev "$(inside ip -o addr show | awk -v a="$gateway/24" '$4 == a {print $2}')"
	run -0 labctl -l nfs exec 1 -- - <"$BATS_TEST_TMPDIR/mounts"
	echo "$output"
	[[ $output == *"as it should be"* ]]
	labctl -l nfs destroy
}

@test "destroy leaves the host as it was" {
	local lab
	for lab in evil "${!nodes[@]}"; do ! made "$lab" || labctl -l "$lab" destroy; done
	inside ip link del out0 2>/dev/null || true
	host_state after
	same_host before after
}
