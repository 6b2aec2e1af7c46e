# shellcheck shell=bash disable=SC2034  # the scripts after this one read these
# SPDX-License-Identifier: PostgreSQL
# What differs between the profiles and is no file.

# The seed's yum list by its names in Debian: lrzsz, sysstat, e4fsprogs, ntp (chrony), and the libraries behind
# readline-devel zlib(-devel) openssl(-devel) pam-devel libxml2-devel libxslt-devel tcl-devel. The headers are in
# the image that builds, not on nodes; python-devel has no use: Postgres-XC knows no Python of today.
packages=(lrzsz sysstat e2fsprogs chrony libreadline8 zlib1g openssl libssl3 libpam0g libxml2 libxslt1.1 libtcl8.6)

# The seed's chkconfig list by its names in systemd. hidd has become a part of bluetooth.service; yum-updatesd is
# what apt-daily and unattended-upgrades are here; isdn is isdnutils, iscsi is open-iscsi.
units_off=(
    acpid.service acpid.socket acpid.path avahi-daemon.service avahi-daemon.socket bluetooth.service
    smartmontools.service smartd.service apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service
    hplip.service isdnutils.service open-iscsi.service iscsi.service iscsid.service iscsid.socket
)
units_on=(multipathd.service)

selinux=disabled
