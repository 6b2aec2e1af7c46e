#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# Runs after the essential packages and before all others. $1: the root of the tree.
set -eu
root=$1

# The package creates no database cluster: labctl does, where and how the lab file says. A file beside the package's own:
# Debian's installer would be asked which of two versions of that to keep.
mkdir -p "$root/etc/postgresql-common/createcluster.d"
echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/labctl.conf"

# A small initrd: only what finds a virtio disk with ext4 on it.
mkdir -p "$root/etc/initramfs-tools/conf.d"
cat >"$root/etc/initramfs-tools/conf.d/labctl" <<'EOF'
MODULES=list
FSTYPE=ext4
RESUME=none
COMPRESS=lz4
COMPRESSLEVEL=9
EOF
printf '%s\n' virtio_pci virtio_blk ext4 crc32c_generic >"$root/etc/initramfs-tools/modules"
