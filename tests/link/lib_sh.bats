#!/usr/bin/env bats
# SPDX-License-Identifier: PostgreSQL
# Runs tuning/lib.sh and the operating-system tuning as `labctl render` writes it, with the bash of this host and those in
# LABCTL_BASHES (absolute paths, separated by colons: 3.2 of el5, 4.1 of el6, 4.2 of el7...). They run in namespaces with a
# private tree (the host's /usr is read-only), without a running service manager, and with a /proc/sys of plain files.
# /usr/local has fakes of Enterprise Linux: chkconfig makes the same links as the real one, rpm lacks one package, mount and
# service record their arguments.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root for namespaces"
	export WORK=$BATS_TEST_TMPDIR LABCTL_STATE=$BATS_TEST_TMPDIR/state LABCTL_CACHE=$BATS_TEST_TMPDIR/cache
	IFS=: read -r -a bashes <<<"$BASH${LABCTL_BASHES:+:$LABCTL_BASHES}"
	mkdir "$WORK/tree" "$WORK/in"
	cp "${SOURCE_DIR:-$BATS_TEST_DIRNAME/../..}/tuning/lib.sh" "$WORK/in/"
}

# render NAME LINE...: writes the tuning script of node1 of a lab file with these lines to $WORK/in/NAME.
render() {
	printf '%s\n' "lab: age" "nodes: 2" "hypervisor: qemu" "network: {subnet: 10.88.7.0/24}" "${@:2}" >"$WORK/lab.yaml"
	"$LABCTL" -f "$WORK/lab.yaml" render --out "$WORK/render" >/dev/null
	mv "$WORK/render/nodes/node1/script.sh" "$WORK/in/$1"
	rm -r "$WORK/render"
}

# inside FAMILY BASH COMMANDS: in a fresh tree of that family, with BASH as /bash.
inside() {
	cp "$2" "$WORK/in/bash"
	unshare --mount --net --pid --ipc --uts --fork --kill-child bash -euc "$tree
$3" inside "$WORK" "$1" "$(readlink /proc/self/ns/mnt)" "$(readlink /proc/self/ns/net)"
}

tree='
work=$1 family=$2 t=$1/tree
[ "$(readlink /proc/self/ns/mnt)" != "$3" ] && [ "$(readlink /proc/self/ns/net)" != "$4" ] || exit 99
mount --make-rprivate /
mount -t tmpfs tree "$t"
mkdir -p "$t"/{usr,etc/security/limits.d,etc/selinux,var/lib,var/log,run,tmp,proc,dev,home,root,data,in}
for link in bin sbin lib lib64; do ln -s "usr/$link" "$t/$link"; done
mount --bind /usr "$t/usr" && mount -o remount,ro,bind "$t/usr"
mount -t tmpfs local "$t/usr/local"
mkdir "$t/usr/local/bin"
mount -t proc proc "$t/proc"
for key in $(sed -nE "s/^([a-z0-9_.-]+\.[a-z0-9_.-]+) = .*/\1/p" "$work"/in/* | sort -u); do
	key=${key//.//}
	mkdir -p "$work/sys/${key%/*}" && echo 1 >"$work/sys/$key"
done
mkdir -p "$work/sys"
mount --bind "$work/sys" "$t/proc/sys"
for device in null zero urandom; do : >"$t/dev/$device"; mount --bind "/dev/$device" "$t/dev/$device"; done
ln -s /proc/self/fd "$t/dev/fd"
cp /etc/login.defs /etc/protocols "$t/etc/"
cp -a /etc/pam.d "$t/etc/"
printf "%s\n" root:x:0:0::/root:/bin/bash nobody:x:65534:65534::/:/bin/sh >"$t/etc/passwd"
printf "%s\n" root:x:0: nobody:x:65534: >"$t/etc/group"
echo SELINUX=enforcing >"$t/etc/selinux/config"
[ -e "$t/etc/ld.so.cache" ] || cp /etc/ld.so.cache "$t/etc/"
if [ "$family" = debian ]; then
	mkdir -p "$t/var/lib/dpkg/info" "$t"/etc/{systemd/system,sysctl.d,default,chrony,modules-load.d}
	: >"$t/var/lib/dpkg/info/lrzsz.list"
else
	mkdir -p "$t"/etc/{sysconfig,cron.d,rc.d/init.d,rc.d/rc{2,3,4,5}.d} "$t/var/lock/subsys" "$t/var/run"
	: >"$t/var/run/utmp"
	for service in iptables multipathd bluetooth ntpd crond netfs portmap; do
		printf "#!/bin/sh\n" >"$t/etc/rc.d/init.d/$service" && chmod 755 "$t/etc/rc.d/init.d/$service"
	done
	ln -s ../init.d/bluetooth "$t/etc/rc.d/rc5.d/S25bluetooth"
	cat >"$t/usr/local/bin/chkconfig" <<"END"
#!/bin/sh
for level in 2 3 4 5; do
	rm -f /etc/rc.d/rc$level.d/[SK][0-9][0-9]"$1"
	case $2 in on) link=S50$1 ;; *) link=K50$1 ;; esac
	ln -s "../init.d/$1" "/etc/rc.d/rc$level.d/$link"
done
END
	cat >"$t/usr/local/bin/service" <<"END"
#!/bin/sh
echo "service $*" >>/told
case $2 in start | restart) : >"/var/lock/subsys/$1" ;; stop) rm -f "/var/lock/subsys/$1" ;; esac
END
	cat >"$t/usr/local/bin/rpm" <<"END"
#!/bin/sh
for word; do [ "$word" != lrzsz ] || echo "package lrzsz is not installed"; done
END
	chmod 755 "$t"/usr/local/bin/*
	ln -s /usr/sbin/iptables-legacy-restore "$t/usr/local/bin/iptables-restore"
	ln -s /usr/sbin/iptables-legacy-save "$t/usr/local/bin/iptables-save"
	[ ! -e "$t/usr/sbin/locale-gen" ] || mount --bind /dev/null "$t/usr/sbin/locale-gen"
fi
# Replaces mount, which needs NFS in the kernel: records its arguments and adds the mount to /proc/mounts.
cat >"$t/usr/local/bin/mount" <<"END"
#!/bin/sh
echo "mount $*" >>/told
END
chmod 755 "$t/usr/local/bin/mount"
mount --bind "$work/in" "$t/in"
cd "$t"
run() { chroot "$t" /in/bash --norc --noprofile -s; }
'

# functions: a script that tests each function of lib.sh; lib.sh's first line must read all of it.
functions() {
	cat "$WORK/in/lib.sh" - >"$WORK/in/functions" <<'END'
is() { [[ $2 == "$3" ]] || die "$1: '$2', not '$3'"; }
put /a 0640 root:root 'one
two'
put /b 644 nobody "" /c 0755 root:root $'x\n' /d 0600 root:root y
put /a 0640 root:root $'one\ntwo' /d 0600 root:root y
chmod 0666 /a; chown nobody /d
put /a 0640 root:root $'one\ntwo' /c 0755 root:root $'x\n' /d 0600 root:root y
put /e 0644 root:root </c
# In a file shared with others, only the block between the marks is labctl's.
put /f 0600 root:root $'#\n# >>> labctl: x\none\n# <<< labctl\n' >/dev/null
printf 'theirs\n' >>/f
sed -i '1i before' /f
put /f 0600 root:root $'#\n# >>> labctl: y\ntwo\n# <<< labctl\n' >/dev/null
is block "$(cat /f)" $'before\n#\n# >>> labctl: y\ntwo\n# <<< labctl\ntheirs'
is block_again "$(put /f 0600 root:root $'#\n# >>> labctl: y\ntwo\n# <<< labctl\n')" ''
is modes "$(stat -c '%a %U %s' /a /b /c /d /e | tr '\n' ' ')" '640 root 7 644 nobody 0 755 root 2 600 root 1 644 root 2 '
ensure_dir /dir/below 0750 nobody:root
ensure_dir /dir/below 0750 nobody:root
right /dir/below 750 nobody || die right
evidence /a 1
now_since_boot; begun=$now
wait_for 1 false && die "wait_for succeeds"
pause 0.1
now_since_boot
(( now - begun >= 105 && now - begun < 400 )) || die "wait_for 1 and a pause took $(( now - begun )) hundredths"
wait_for 5 test -e /a || die wait_for
within 5 sh -c 'exit 7'
is 'status within' $? 7
begun=$now
within 1 sleep 30 && die "within succeeds"
now_since_boot
(( now - begun >= 95 && now - begun < 900 )) || die "within 1 took $(( now - begun )) hundredths"
is 'within as' "$(within 5 as nobody id -un)" nobody
is user "$(as nobody sh -c 'id -un; pwd' | tr '\n' ' ')" 'nobody / '
alive $$ "$(</proc/$$/comm)" / || die alive
alive 999999 bash / && die "alive without a process"
processes "$(</proc/$$/comm)" / || die processes
gone no-such-program / || die gone
listening 1 && die listening
closed 1 || die closed
echo -12 >/pid; pid_in /pid; is pid "$pid" 12
hex_address 10.88.7.1; is hex "$hex" 0107580A
connected 10.88.7.1 1 && die connected
called 10.88.7.1 1 && die called
watched /lock sh -c 'sleep 0.3 >/dev/null 2>&1 &'
abandoned /lock && die abandoned
wait_for 5 abandoned /lock || die "the lock stays"
watched /lock sh -c 'exit 5'
is 'status watched' $? 5
abandoned /lock || die "not abandoned"
put_right_is=$(same=(/a /c) wanted=('600 root:root' '755 root:root'); put_right); is put_right "$put_right_is" '::changed /a'
pass_text 'a:b\c'; is pass_text "$text" '*:*:*:*:a\:b\\c'
is secrets "$(secret_file /s nobody x; stat -c '%a %U %s' /s; pass_file /p y; stat -c '%a %U' "$PGPASSFILE")" $'600 nobody 2\n600 root'
[[ ! -e /p ]] || die "a secret stays"
dir=/whole/dir new=/whole/new user=nobody; new_dir file
is new_dir "$(stat -c '%a %U' /whole/*)" '700 nobody'
is 'what is there' "$(mkdir /whole/dir; : >/whole/dir/x; new_dir file)" '::fail /whole/dir is not empty but has no file'
skipped "end of $BASH_VERSION"
END
}

@test "the functions, in every bash" {
	local bash
	functions
	for bash in "${bashes[@]}"; do
		run inside debian "$bash" 'cat "$work/in/functions" | run 2>&1'
		echo "$bash: $output"
		[ "$status" = 0 ]
		[[ ${lines[-1]} == "::skipped end of "[345].* ]]
		[ "$(grep -c '^::changed' <<<"$output")" = 8 ]
		[ "${lines[0]}" = "::changed /a" ]
		[[ $output == *$'\n::evidence two\n'* ]]
		[[ $output != *unbound* && $output != *"not found"* ]]
	done
}

# tuned FAMILY NAME: runs in/NAME twice in one tree, for every bash; the second run may repeat only the mount, which is fake.
# Then $first is the first run's output with the last bash, and $WORK/after has what it left in /etc.
tuned() {
	local bash
	for bash in "${bashes[@]}"; do
		rm -rf "$WORK/sys" "$WORK/after"
		run inside "$1" "$bash" "run <\$work/in/$2 >\$work/first 2>&1; run <\$work/in/$2 >\$work/second 2>&1
			cp -a etc told \$work/ 2>/dev/null; rm -rf \$work/after; mkdir \$work/after; mv \$work/etc \$work/told \$work/after/ || :"
		first=$(cat "$WORK/first")
		echo "$bash ($status): $output
$first
-- again
$(cat "$WORK/second")"
		[ "$status" = 0 ]
		[[ $first != *::fail* && $first != *unbound* && $first != *": line "* ]]
		[ "$(grep -v -e '^::skipped' -e '^::changed mounted' "$WORK/second")" = "" ]
	done
}

@test "Debian's tuning, in every bash" {
	render debian "image: debian12" "tuning: {locale: C.UTF-8}"
	tuned debian debian
	[[ $first == *"::changed /etc/sysctl.d/90-labctl.conf"* && $first == *"sysctl kernel.msgmnb = 65536 (was 1)"* ]]
	[[ $first == *"::skipped packages: not in the image: sysstat e2fsprogs chrony libreadline8 zlib1g openssl"* ]]
	[[ $first == *"::skipped time synchronisation: chrony is not in the image"* ]]
	[ -L "$WORK/after/etc/systemd/system/sysinit.target.wants/nftables.service" ]
	[ "$(<"$WORK/after/etc/timezone")" = UTC ]
	grep -q '^SELINUX=permissive$' "$WORK/after/etc/selinux/config"
	grep -q ' /data nfs vers=4.1,proto=tcp,hard,_netdev,retry=0 0 0$' "$WORK/after/etc/fstab"
}

@test "the walk-through's tuning for el5, in every bash" {
	render el5 "image: {source: /el5.img, seed: labctl, release: centos5}" "tuning: {profile: classic-el5}" \
		"cluster: {kind: pgxc, source: {archive: /x.tar.gz}}"
	tuned el5 el5
	[[ $first == *"::skipped packages: not in the image: lrzsz"* ]]
	[[ $first == *"::changed turned off: bluetooth"* && $first == *"::changed turned on: multipathd"* ]]
	[[ $first == *"::skipped time synchronisation: ntpdate is not in the image"* ]]
	[[ $first == *"::changed packet filter: loaded /etc/sysconfig/iptables"* ]]
	[[ $first == *"sysctl net.ipv4.ip_conntrack_max = 655360 (was 1)"* ]]
	[ -L "$WORK/after/etc/rc.d/rc3.d/S50multipathd" ]
	[ ! -e "$WORK/after/etc/rc.d/rc5.d/S25bluetooth" ]
	[ "$(cut -d: -f1,3 "$WORK/after/etc/passwd" | tail -n 1)" = pgxc:1000 ]
	[ "$(head -n 1 "$WORK/after/etc/cron.d/labctl-ntpdate")" = \
		"8 * * * * root /usr/sbin/ntpdate asia.pool.ntp.org && /sbin/hwclock --systohc" ]
	grep -q '^SELINUX=disabled$' "$WORK/after/etc/selinux/config"
	grep -q '^mount -t nfs -o vers=3,proto=tcp,hard,retry=0 10.88.7.1:' "$WORK/after/told"
	grep -q '^service multipathd start$' "$WORK/after/told"
}

@test "el6 with the profile modern, in every bash" {
	render el6 "image: {source: /el6.img, seed: labctl, release: el6}"
	tuned el6 el6
	[[ $first == *"::changed ntpd starts at boot"* ]]
	grep -q '^server 0.centos.pool.ntp.org iburst$' "$WORK/after/etc/ntp.conf"
	grep -q 'vers=4,minorversion=1,proto=tcp,hard' "$WORK/after/told"
	[ -e "$WORK/after/etc/security/limits.d/95-labctl.conf" ]
	[ -L "$WORK/after/etc/rc.d/rc3.d/S50netfs" ]
}
