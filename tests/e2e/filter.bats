# SPDX-License-Identifier: PostgreSQL
# Packet filters of the host between nodes and their data: create names the bridge, the port and the command before it starts
# a node; doctor finds and mends them; libvirt's own rules, which somebody removed. With real rules, in the sandbox's network.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC1091,SC2154

setup_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_up filter
	export LABCTL_HYPERVISOR=qemu
	host_state before
}

teardown_file() {
	source "$SOURCE_DIR/tests/support/labs.bash"
	labs_down
}

setup() { source "$SOURCE_DIR/tests/support/labs.bash"; }

nft() { inside nft "$@"; }
domains() { inside virsh -q -c qemu:///system list --name; }
restart_libvirt() {
	inside bash -s <<-'END'
		set -eu
		pid=$(</run/libvirt/libvirtd.pid)
		kill "$pid"
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
		rm -f /run/libvirt/libvirtd.pid
		libvirtd --daemon --pid-file /run/libvirt/libvirtd.pid
	END
}
# checked CHECK: its results, one per line
checked() { labctl --json doctor "$1" 2>/dev/null | jq -r '.checks[] | "\(.result) \(.found)"'; }

@test "create names the bridge, the port and the command, and starts no node; after the command it does" {
	nft add table inet mine
	nft 'add chain inet mine input { type filter hook input priority 0; policy drop; }'
	nft add rule inet mine input iif lo accept
	nft add rule inet mine input ct state established,related accept
	run -6 labctl --timeout 120 create 1
	[[ $output == *"a packet filter of this host drops what nodes send to its NFS server: bridge lab"*", TCP port 2049; no node was started"* ]]
	[[ $output == *"  next: nft insert rule inet mine input iifname lab"*" tcp dport 2049 accept; then the same command again"* ]]
	[ -z "$(domains)" ]
	bridge=$(inside ip -br link show type bridge | awk '/^lab/ { print $1 }')
	fix=$(sed -n 's/^  next: \(.* accept\);.*/\1/p' <<<"$output")
	[[ $fix == *" iifname $bridge "* ]]
	run -6 labctl start
	run -0 checked 'filter to NFS'
	[[ $output == "warn bridge $bridge (lab 'lab'), TCP port 2049: dropped by chain input of the table inet mine"* ]]
	inside sh -c "$fix"
	[ "$(checked 'filter to NFS')" = "pass bridge $bridge (lab 'lab'), TCP port 2049: open" ]
	# Far enough to see the machine started.
	run labctl --timeout 20 create
	[ "$status" = 0 ] || [ "$status" = 11 ]
	[ "$(domains)" = lab-node1 ]
	labctl stop --now
}

@test "doctor --fix shows the command, asks, runs it, and checks again; a rule that rejects" {
	nft delete table inet mine
	inside iptables -I INPUT ! -i lo -p tcp --dport 2049 -j REJECT
	[[ $(checked 'filter to NFS') == "warn bridge lab"*": rejected by chain INPUT of the table ip filter of nftables" ]]
	LABCTL_YES='' run -2 labctl doctor --fix 'filter to NFS' </dev/null
	[[ $output == *"labctl -y doctor --fix"* ]]
	run -0 labctl -n doctor --fix 'filter to NFS'
	[[ $output == *"  iptables -I INPUT -i lab"*" -p tcp --dport 2049 -j ACCEPT"* ]]
	[[ $(checked 'filter to NFS') == "warn "* ]]
	run -0 labctl doctor --fix 'filter to NFS'
	[[ $output == *"1 command run; checking again"*"filter to NFS pass "*": open"* ]]
	inside iptables -D INPUT 1
	inside iptables -D INPUT 1
	# Rules of firewalld change by its own program; it is known by its table, although the program does not answer here.
	nft add table inet firewalld
	nft 'add chain inet firewalld filter_INPUT { type filter hook input priority 10; policy accept; }'
	nft add rule inet firewalld filter_INPUT iifname != lo tcp dport 2049 reject
	[[ $(checked 'filter to NFS') == "warn bridge lab"*": rejected by firewalld, whose zone libvirt has libvirt's bridges" ]]
	nft delete table inet firewalld
	run -2 labctl doctor 'filter to nfs'
	[[ $output == *"did you mean 'filter to NFS'"* || $output == *"filter to NFS"* ]]
}

@test "somebody removed libvirt's rules under an active network: create and doctor say so; a restart of libvirt mends it" {
	[[ $(checked "libvirt's rules") == "pass "*"(lab 'lab'): there" ]]
	nft flush ruleset
	run -6 labctl create
	[[ $output == *"network 'labctl-lab' is active, but libvirt's packet filter rules for "*" are gone"*"next: restart libvirt's daemon (systemctl restart libvirtd)"* ]]
	[[ $(checked "libvirt's rules") == "warn "*"(lab 'lab'): gone" ]]
	restart_libvirt
	[[ $(checked "libvirt's rules") == "pass "*"(lab 'lab'): there" ]]
	run labctl --timeout 20 create
	[[ $output == *": check that no packet filter keeps nodes from the NFS server: done"* || $output == *unchanged* ]]
	[ "$(domains)" = lab-node1 ]
}

@test "what drops by default on the way to other networks: not if libvirt's rules come first" {
	inside iptables -P FORWARD DROP
	[ -z "$(checked 'filter to others')" ]
	inside iptables -P FORWARD ACCEPT
	nft add table inet mine
	nft 'add chain inet mine forward { type filter hook forward priority 0; policy drop; }'
	[ "$(checked 'filter to others')" = "warn chain forward of the table inet mine of nftables drops by default" ]
	fix=$(labctl --json doctor 'filter to others' 2>/dev/null | jq -r '.checks[0].remedy')
	inside sh -c "$fix"
	run -0 nft list chain inet mine forward
	[[ $output == *'iifname "lab*" accept'*'oifname "lab*" accept'* || $output == *'oifname "lab*" accept'*'iifname "lab*" accept'* ]]
	nft delete table inet mine
}

@test "somebody removed libvirt's chains while no network was active: create says so; a restart of libvirt mends it" {
	labctl destroy
	nft flush ruleset
	run -6 labctl create 1
	[[ $output == *"net.create: libvirt's chains of the packet filter are gone"*"next: restart libvirt's daemon (systemctl restart libvirtd)"* ]]
	[ -z "$(domains)" ]
	restart_libvirt
	run labctl --timeout 20 create
	[[ $output == *"network 10."*": done"* ]]
	[[ $(checked "libvirt's rules") == "pass "*"(lab 'lab'): there" ]]
}

@test "destroy leaves the host as it was" {
	inside ls /var/log/libvirt/qemu/lab-node1.log
	labctl destroy
	run -1 inside sh -c 'ls /var/log/libvirt/qemu | grep ^lab-node'
	host_state after
	same_host before after
}
