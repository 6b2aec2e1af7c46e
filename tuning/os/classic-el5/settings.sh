# shellcheck shell=bash disable=SC2034  # the scripts after this one read these
# SPDX-License-Identifier: PostgreSQL
# Settings of this profile that are not files.

selinux=disabled

# The rest of the walk-through's yum list: it builds on the nodes.
packages+=' @{package.readline-devel:raw} @{package.zlib-devel:raw} @{package.openssl-devel:raw} @{package.pam-devel:raw}
    @{package.libxml2-devel:raw} @{package.libxslt-devel:raw} @{package.python-devel:raw} @{package.tcl-devel:raw}'
