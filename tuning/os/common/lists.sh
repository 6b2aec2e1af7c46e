# shellcheck shell=bash disable=SC2034  # the scripts after this one read these
# SPDX-License-Identifier: PostgreSQL
# The walk-through's packages and services by the names that this system has for them (src/model/family.c).

# Of its yum list: the tools, and the libraries behind the -devel packages. The headers are in the image that builds, not
# on nodes; python-devel has no use: Postgres-XC knows no Python of today.
packages='@{package.lrzsz:raw} @{package.sysstat:raw} @{package.e4fsprogs:raw} @{package.ntp:raw} @{package.readline:raw}
    @{package.zlib:raw} @{package.openssl:raw} @{package.pam:raw} @{package.libxml2:raw} @{package.libxslt:raw}
    @{package.tcl:raw}'

# Its chkconfig list.
services_off='@{service.acpid:raw} @{service.avahi-daemon:raw} @{service.bluetooth:raw} @{service.hidd:raw}
    @{service.smartd:raw} @{service.yum-updatesd:raw} @{service.hplip:raw} @{service.isdn:raw} @{service.iscsi:raw}
    @{service.iscsid:raw}'
services_on='@{service.multipathd:raw}'
