# shellcheck shell=bash disable=SC2034  # the scripts after this one read these
# SPDX-License-Identifier: PostgreSQL
# The walk-through's packages and services, under the names that this system has for them (src/model/family.c).

# From its yum list: the tools, and the libraries of the -devel packages. Nodes need no headers, which are in the build
# image. python-devel is left out: Postgres-XC does not support today's Python.
packages='@{package.lrzsz:raw} @{package.sysstat:raw} @{package.e4fsprogs:raw} @{package.ntp:raw} @{package.readline:raw}
    @{package.zlib:raw} @{package.openssl:raw} @{package.pam:raw} @{package.libxml2:raw} @{package.libxslt:raw}
    @{package.tcl:raw}'

# From its chkconfig list.
services_off='@{service.acpid:raw} @{service.avahi-daemon:raw} @{service.bluetooth:raw} @{service.hidd:raw}
    @{service.smartd:raw} @{service.yum-updatesd:raw} @{service.hplip:raw} @{service.isdn:raw} @{service.iscsi:raw}
    @{service.iscsid:raw}'
services_on='@{service.multipathd:raw}'
