# shellcheck shell=bash disable=SC2034  # the scripts after this one read these
# SPDX-License-Identifier: PostgreSQL
# What differs between the profiles and is no file.

selinux=disabled

# The rest of its yum list: it builds on the nodes.
packages+=' @{package.readline-devel:raw} @{package.zlib-devel:raw} @{package.openssl-devel:raw} @{package.pam-devel:raw}
    @{package.libxml2-devel:raw} @{package.libxslt-devel:raw} @{package.python-devel:raw} @{package.tcl-devel:raw}'
