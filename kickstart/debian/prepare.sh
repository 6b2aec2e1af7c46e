#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# Runs after the essential packages and before all others. $1: the root of the tree.
set -eu
root=$1

# Keep the package from creating a database cluster: labctl creates it as the lab file says. This is a separate file
# because a changed createcluster.conf would make dpkg ask which version to keep.
mkdir -p "$root/etc/postgresql-common/createcluster.d"
echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/labctl.conf"

# A small initrd: only the modules to mount ext4 on a virtio disk.
mkdir -p "$root/etc/initramfs-tools/conf.d"
cat >"$root/etc/initramfs-tools/conf.d/labctl" <<'EOF'
MODULES=list
FSTYPE=ext4
RESUME=none
COMPRESS=lz4
COMPRESSLEVEL=9
EOF
printf '%s\n' virtio_pci virtio_blk ext4 crc32c_generic >"$root/etc/initramfs-tools/modules"
