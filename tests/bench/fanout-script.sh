# SPDX-License-Identifier: PostgreSQL
# shellcheck shell=bash
# A workload like the walk-through's tuning: 4 files, a cron line, 3 directories with an owner, 6 commands. It forks rarely:
# the shell compares files, and one stat reads all modes and owners. It runs only on nodes of tests/bench/fanout, which
# puts a check of that in front of it.
: "${nodes:?}"
umask 022
paths=() wanted=()
# want PATH MODE OWNER: applied at the end, for all paths at once.
want() { paths+=("$1") wanted+=("$2 $3"); }
put() {
	local old='' new
	want "$@"
	IFS= read -r -d '' new
	if [[ -f $1 ]]; then
		IFS= read -r -d '' old <"$1"
		[[ $old == "$new" ]] && return 0
	fi
	printf '%s' "$new" >"$1.new" && mv -f -- "$1.new" "$1" && echo "::changed $1"
}
settle() {
	local i key now=()
	local -A owner=() mode=()
	mapfile -t now < <(stat -c '%a %U:%G' -- "${paths[@]}")
	for i in "${!paths[@]}"; do
		[[ ${now[i]} == "${wanted[i]}" ]] && continue
		echo "::changed ${paths[i]}"
		[[ ${now[i]#* } == "${wanted[i]#* }" ]] || owner[${wanted[i]#* }]+=" ${paths[i]}"
		[[ ${now[i]% *} == "${wanted[i]% *}" ]] || mode[${wanted[i]% *}]+=" ${paths[i]}"
	done
	# shellcheck disable=SC2086 # lists of paths without blanks
	{
		for key in "${!owner[@]}"; do chown "$key" ${owner[$key]}; done
		for key in "${!mode[@]}"; do chmod "$key" ${mode[$key]}; done
	}
}
put /etc/sysctl.conf 644 root:root <<'END'
kernel.shmmax = 68719476736
kernel.shmall = 4294967296
kernel.shmmni = 4096
kernel.sem = 50100 64128000 50100 1280
kernel.msgmnb = 65536
kernel.msgmax = 65536
fs.file-max = 7672460
fs.aio-max-nr = 1048576
net.ipv4.ip_local_port_range = 9000 65000
net.core.rmem_default = 262144
net.core.rmem_max = 4194304
net.core.wmem_default = 262144
net.core.wmem_max = 4194304
net.core.netdev_max_backlog = 10000
net.core.somaxconn = 4096
net.ipv4.tcp_tw_reuse = 1
net.ipv4.tcp_max_syn_backlog = 4096
net.ipv4.tcp_keepalive_time = 60
net.ipv4.tcp_keepalive_intvl = 20
vm.overcommit_memory = 0
vm.swappiness = 0
END
put /etc/security/limits.conf 644 root:root <<'END'
* soft nofile 131072
* hard nofile 131072
* soft nproc 131072
* hard nproc 131072
* soft core unlimited
* hard core unlimited
* soft memlock 50000000
* hard memlock 50000000
END
hosts=$'127.0.0.1 localhost\n'
for ((i = 1; i <= nodes; i++)); do
	hosts+="10.99.0.$((i + 1)) fan$i"$'\n'
done
put /etc/hosts 644 root:root <<<"${hosts%$'\n'}"
put /root/.bash_profile 600 root:root <<'END'
export PGPORT=1921
export PGDATA=/data01/pgdata
export PGHOME=/opt/pgsql
export PATH=$PGHOME/bin:$PATH
alias rm='rm -i'
alias ll='ls -lh'
END
put /etc/cron.d/labctl 644 root:root <<'END'
8 * * * * root /usr/sbin/ntpdate asia.pool.ntp.org && /sbin/hwclock --systohc
END
missing=()
for dir in /data01 /data02 /data03; do
	want "$dir" 755 nobody:nogroup
	[[ -d $dir ]] || missing+=("$dir")
done
((${#missing[@]} == 0)) || mkdir -- "${missing[@]}"
if ! [[ /etc/localtime -ef /usr/share/zoneinfo/Etc/UTC ]]; then
	ln -sfn /usr/share/zoneinfo/Etc/UTC /etc/localtime && echo '::changed /etc/localtime'
fi
put /etc/default/locale 644 root:root <<<'LANG=C.UTF-8'
settle
id nobody >/dev/null
uname -r >/dev/null
date +%Z >/dev/null
hostname >/dev/null
