# SPDX-License-Identifier: PostgreSQL
# What docs/SECURITY.md says, on real nodes: where passwords are, who may read what, who reaches which port, and what a
# node, a host key or an archive that means harm comes to.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154,SC2030,SC2031,SC2016

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	unset LABCTL_FILE LABCTL_LAB
	labs_up security
	export LABCTL_HYPERVISOR=lxc GIS=$WORK/state/labs/gis EVIL=$WORK/state/labs/evil
	chmod 0755 "$WORK" # or modes further down would prove nothing
	cat >"$WORK/gis.yaml" <<-'END'
		lab: gis
		nodes: 2
		cluster: {kind: postgres, primary: 1, standby: 2, pgpool: 1}
	END
	inside virsh -q -c qemu:///system domcapabilities >/dev/null # libvirt keeps what it found
	host_state before
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

# The text on the standard input has no command for a terminal, but those that labctl itself draws with.
harmless() {
	sed -E 's/\r$//; s/\x1b\[[0-9]+A\x1b\[J//g' | tee "$BATS_TEST_TMPDIR/shown" | { ! LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]'; }
}

# as_nobody COMMAND...: as one of the host's users.
as_nobody() { inside setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

# Watches every process of the host and of the nodes: who has a password among its arguments, or in an environment that
# is not root's. Patterns are the passwords, and a mark that proves that it looks.
watch_processes() {
	cat "$GIS"/secrets/* | sed -E 's/.{24}/&\n/g' >"$WORK/patterns"
	echo labctl-mark >>"$WORK/patterns"
	cat >"$WORK/watch" <<-'END'
		cd "$1"
		while [ ! -e stop ]; do
			grep -laFf patterns /proc/[0-9]*/cmdline
			find /proc -maxdepth 2 -name environ ! -user root -exec grep -laFf patterns {} +
			sleep 0.02
		done 2>/dev/null | while read -r at; do printf '%s %s\n' "${at##*/}" "$(tr '\0' ' ' <"${at%/*}/cmdline" 2>/dev/null)"; done >seen
	END
	inside bash "$WORK/watch" "$WORK" 3>&- & watcher=$!
}

@test "no password in any process's arguments, nor in an environment that is not root's, while a cluster is made" {
	labctl -v -f "$WORK/gis.yaml" create >"$WORK/said" 2>&1
	watch_processes
	inside setpriv --reuid 65534 --clear-groups env MARK=labctl-mark sleep 2 3>&- &
	labctl -v -l gis bootstrap >>"$WORK/said" 2>&1
	labctl -v -l gis --json bootstrap >>"$WORK/said" 2>&1
	labctl -l gis db create one
	labctl -l gis psql -r pgpool -- -Atc 'select 1'
	touch "$WORK/stop"
	wait "$watcher"
	grep -q '^environ sleep 2' "$WORK/seen"
	run ! grep -vE '^environ (sleep 2|setpriv|$)|^cmdline (setpriv|env|sleep|$|[^ ]*(bash|timeout|nsenter|sh) .*labctl-mark)' "$WORK/seen"
	[ "$(wc -l <"$WORK/patterns")" = 4 ]
}

@test "psql of the host gets no password by its environment" {
	run -0 labctl -l gis psql -- -Atc 'select 1' -c '\! tr "\0" "\n" </proc/$PPID/environ'
	[[ $output == *"PGPASSFILE=$GIS/inventory/pgpass"* ]]
	run ! grep -Ff <(grep -v labctl-mark "$WORK/patterns") <<<"$output"
}

@test "which files hold a password, on the host and on the nodes: all of them 0600, and none is a log" {
	local uri node pid
	for uri in lxc:///system; do
		for node in gis-node1 gis-node2; do
			inside virsh -q -c "$uri" dumpxml "$node"
			inside virsh -q -c "$uri" metadata "$node" --uri https://labctl.invalid/lab/1
		done
		inside virsh -q -c "$uri" list --name >/dev/null
	done >"$WORK/said-by-libvirt" 2>&1
	for node in gis-node1 gis-node2; do
		pid=$(inside virsh -q -c lxc:///system dominfo "$node" >/dev/null && inside cat "/run/libvirt/lxc/$node.pid")
		inside sh -c 'cd /proc/$(pgrep -P "$1" | head -n1)/root && grep -rlFf "$2" run tmp dev/shm 2>/dev/null' sh "$pid" "$WORK/patterns" >>"$WORK/volatile" || true
	done
	[ -s "$WORK/said-by-libvirt" ] && [ -f "$WORK/volatile" ] && [ ! -s "$WORK/volatile" ]
	grep -v labctl-mark "$WORK/patterns" >"$WORK/passwords"
	inside grep -rlFf "$WORK/passwords" --devices=skip "$WORK/state" "$WORK"/said* /var/log/libvirt /run/libvirt /etc/libvirt \
		"${LABCTL_CACHE:-/var/cache/labctl}/log" 2>/dev/null >"$WORK/holding" || true
	inside xargs -a "$WORK/holding" stat -c '%a %U %n' | sed "s|$GIS/||" | LC_ALL=C sort >"$WORK/found"
	diff -u - "$WORK/found" <<-'END'
		600 postgres data/node1/pgpool/pcppass
		600 postgres data/node1/pgpool/pool_passwd
		600 postgres nodes/node2/root/etc/labctl/postgres-standby.pgpass
		600 postgres nodes/node2/upper/etc/labctl/postgres-standby.pgpass
		600 root inventory/jdbc.properties
		600 root inventory/pgpass
		600 root secrets/pcp
		600 root secrets/postgres
		600 root secrets/replication
	END
}

@test "modes and owners of what labctl keeps and of what it puts on nodes" {
	inside find "$WORK/state" \( -path '*/root/*' -o -path '*/upper/*' -o -path '*/work/*' -o -path '*/data/*/*' \) -prune \
		-o -printf '%m %u:%g %P\n' | sed -E 's|10\.88\.[0-9]+\.0|SUBNET|; s|node[12]|NODE|' | LC_ALL=C sort -u >"$WORK/found"
	diff -u - "$WORK/found" <<-'END'
		600 root:root labs/gis/data/.labctl-root
		600 root:root labs/gis/id_ed25519
		600 root:root labs/gis/id_ed25519.pub
		600 root:root labs/gis/image
		600 root:root labs/gis/inventory/jdbc.properties
		600 root:root labs/gis/inventory/pgpass
		600 root:root labs/gis/journal.jsonl
		600 root:root labs/gis/known_hosts
		600 root:root labs/gis/lab.yaml
		600 root:root labs/gis/lock
		600 root:root labs/gis/nodes/NODE/host_key
		600 root:root labs/gis/nodes/NODE/host_key.pub
		600 root:root labs/gis/nodes/NODE/seeded
		600 root:root labs/gis/secrets/pcp
		600 root:root labs/gis/secrets/postgres
		600 root:root labs/gis/secrets/replication
		600 root:root lock
		644 root:root labs/gis/inventory/ansible.ini
		644 root:root labs/gis/inventory/hosts
		644 root:root labs/gis/inventory/inventory.json
		644 root:root labs/gis/inventory/pg_service.conf
		644 root:root labs/gis/inventory/ssh_config
		644 root:root labs/gis/nodes/NODE/lower
		644 root:root leases/SUBNET-24
		700 root:root labs/gis/data
		700 root:root labs/gis/inventory
		700 root:root labs/gis/nodes
		700 root:root labs/gis/nodes/NODE
		700 root:root labs/gis/secrets
		711 root:root labs/gis
		755 root:root 
		755 root:root labs
		755 root:root labs/gis/data/NODE
		755 root:root labs/gis/nodes/NODE/root
		755 root:root labs/gis/nodes/NODE/upper
		755 root:root labs/gis/nodes/NODE/work
		755 root:root leases
	END
	labctl -l gis exec 1 -- 'stat -c "%a %U:%G %n" /root/.ssh /root/.ssh/authorized_keys /etc/ssh/ssh_host_ed25519_key /data/pgsql \
		/data/pgsql/pg_hba.conf /data/pgpool /data/pgpool/*p* /data/pgpool/log/*; find / -xdev -newer /etc/machine-id -type f -perm /022 -print' |
		sed -E 's/^node1 +//' | LC_ALL=C sort >"$WORK/found"
	cat "$WORK/found"
	run -0 labctl -l gis exec -- "awk -F: '\$2 !~ /^[!*]/' /etc/shadow"
	[ -z "$output" ]
	# pgpool-II itself writes who of its backends is up
	run ! grep -vE '^(600|700) |^644 postgres:postgres /data/pgpool/pgpool_status$' "$WORK/found"
}

@test "a user of the host reads nothing of a lab, and starts nothing out of its nodes" {
	inside test -r "$GIS/nodes/node1/upper/etc/hostname" -a -x "$GIS/nodes/node1/root/usr/bin/su" -a -d "$GIS/data/node1"
	run ! as_nobody test -e "$GIS/nodes/node1/upper/etc/hostname"
	run ! as_nobody test -e "$GIS/nodes/node1/root/usr/bin/su"
	run ! as_nobody test -e "$GIS/data/node1"
	run ! as_nobody cat "$GIS/lab.yaml" "$GIS/inventory/hosts" "$GIS/journal.jsonl"
	[ -z "$(as_nobody find "$WORK/state/labs" -type f -readable 2>/dev/null)" ]
}

@test "names of databases that mean harm are names" {
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

# reach WHERE HOST PORT: prints open or closed. WHERE is the process whose network it is tried from, or `host`.
reach() {
	local enter=()
	[ "$1" = host ] || enter=(nsenter -t "$1" -n --)
	inside "${enter[@]}" timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$2" "$3" 2>/dev/null && echo open || echo closed
}

@test "who reaches which port" {
	local node bridge subnet stranger port where
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
	# and behind that PostgreSQL and pgpool-II ask who comes
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
	# sshd knows the lab's key only
	run ! inside ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes \
		-i "$EVIL/id_ed25519" "root@$node" true
	[[ $output == *"Permission denied"* ]]
	inside kill "$stranger"
}

# A node whose shell does $1 instead of what labctl sends it.
turn_evil() {
	local instead="case \"\$*\" in *--norc*) ;; *) exec /usr/bin/bash.good \"\$@\" ;; esac
$1"
	local bash=$EVIL/nodes/node1/root/usr/bin/bash
	inside sh -ec '[ -e "$1.good" ] || mv "$1" "$1.good"; printf "#!/bin/sh\n%s\n" "$2" >"$1.new"; chmod 755 "$1.new"; mv "$1.new" "$1"' sh "$bash" "$instead"
}

turn_good() { inside mv "$EVIL/nodes/node1/root/usr/bin/bash.good" "$EVIL/nodes/node1/root/usr/bin/bash"; }

# on_terminal COMMAND: its output as a terminal gets it.
on_terminal() { inside env TERM=xterm script -qec "$1" /dev/null; }

@test "what a node says commands no terminal, and is all there in a file" {
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

# peak COMMAND...: the most memory that it had, in KiB.
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

@test "a node that prints for ever, or a line without an end, costs little memory and ends in a failure" {
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

@test "a host key that changed is refused, and accepted by the words that it is refused with" {
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

# refused WORDS MEMBER...: an archive of these, in ./, is refused before anything is written.
refused() {
	local words=$1
	shift
	tar -cPf "$WORK/bad.tar" "$@"
	run labctl -l evil bootstrap pgxc --source "$WORK/bad.tar"
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
	refused "no file, directory or link" top/file top/device
	refused "no file, directory or link" top/pipe
	refused "absolute path" "$PWD/top/file"
	refused "leads out of it" top/../outside
	refused "more than one top directory" top/file outside
	refused "link that leads out" --transform 's|^top/file$|/etc/passwd|hRS' top/file top/hard
	# what is fine goes on to the next question
	tar -cf "$WORK/bad.tar" top/file top/fine top/hard
	run labctl -l evil bootstrap pgxc --source "$WORK/bad.tar"
	[[ $output != *"archive"*"holds"* ]]
	[ -z "$(find "${LABCTL_CACHE:-/var/cache/labctl}/tmp" -newer "$WORK/gis.yaml" -path '*/src/top/*' 2>/dev/null)" ]
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
		600 root seed.tar
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
	labctl -l evil destroy
	labctl -l gis destroy
	inside ip link del out0 2>/dev/null || true
	host_state after
	same_host before after
}
