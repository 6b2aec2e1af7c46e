#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# Runs after all packages are installed. $1: the root of the tree. The result boots under KVM,
# as an emulated machine (kernel and initrd given by the host, root=/dev/vda) and as a container
# with systemd. It has no identity: the seed disk brings that.
set -eu
root=$1
here=$(dirname "$0")

unit() { systemctl --root="$root" --quiet "$@"; }
command -v systemctl >/dev/null || unit() { chroot "$root" systemctl --quiet "$@"; }

# Not cp -a: the umask of the git checkout must not change the image or make / unreadable.
umask 022
(cd "$here/files" && find . -type f) | while read -r file; do
	mode=0644
	[ ! -x "$here/files/$file" ] || mode=0755
	install -D -m "$mode" "$here/files/$file" "$root/$file"
done

# --- identity: none ---
rm -f "$root"/etc/ssh/ssh_host_*_key "$root"/etc/ssh/ssh_host_*_key.pub
: >"$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root/etc/hostname"
rm -f "$root"/etc/ssl/private/ssl-cert-snakeoil.key "$root"/etc/ssl/certs/ssl-cert-snakeoil.pem
printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
: >"$root/etc/resolv.conf"

# --- locale and time ---
echo 'en_US.UTF-8 UTF-8' >"$root/etc/locale.gen"
chroot "$root" locale-gen >/dev/null
ln -sf /usr/share/zoneinfo/Etc/UTC "$root/etc/localtime"
echo Etc/UTC >"$root/etc/timezone"

# --- login: no message of the day, no mail check, root by key only ---
rm -rf "$root/etc/update-motd.d"/* "$root/etc/motd"
sed -i -E 's/^(session.*pam_(motd|mail)\.so.*)$/# \1/' "$root/etc/pam.d/sshd" "$root/etc/pam.d/login"
mkdir -p "$root/root/.ssh"
chmod 0700 "$root/root/.ssh"

# --- services ---
unit set-default multi-user.target
unit enable systemd-networkd.service ssh.service chrony.service labctl-seed.service
unit disable ssh.socket postgresql.service pgpool2.service sysstat.service nftables.service \
	nfs-client.target remote-fs.target systemd-networkd-wait-online.service
for u in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
	e2scrub_reap.service fstrim.timer logrotate.timer man-db.timer sysstat-collect.timer \
	sysstat-summary.timer \
	blk-availability.service console-getty.service getty@tty1.service \
	ifupdown-pre.service keyboard-setup.service networking.service \
	nfs-blkmap.service rpc-gssd.service rpc-statd-notify.service rpcbind.service rpcbind.socket \
	auth-rpcgss-module.service \
	serial-getty@ttyS0.service getty-static.service systemd-logind.service systemd-pstore.service \
	systemd-binfmt.service systemd-modules-load.service kmod-static-nodes.service systemd-firstboot.service systemd-hwdb-update.service \
	systemd-machine-id-commit.service systemd-networkd-wait-online.service \
	systemd-update-utmp.service systemd-update-utmp-runlevel.service \
	systemd-udev-settle.service tmp.mount run-rpc_pipefs.mount systemd-ask-password-console.path systemd-ask-password-wall.path \
	sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount sys-fs-fuse-connections.mount \
	modprobe@drm.service modprobe@configfs.service modprobe@fuse.service modprobe@dm_mod.service modprobe@loop.service modprobe@efi_pstore.service; do
	ln -sfn /dev/null "$root/etc/systemd/system/$u"
done

# --- size: no node uses these files ---
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*.log "$root"/var/log/apt
find "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/info" ! -type d -delete
find "$root/usr/share/locale" -name '*.mo' -delete

# systemd compares these with /usr: without them it updates both at the first boot.
touch "$root/etc/.updated" "$root/var/.updated"
