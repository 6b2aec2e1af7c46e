# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Services of el5 and el6: scripts in /etc/rc.d/init.d, which chkconfig links into the runlevels. Same functions as
# services_systemctl.sh.

mount_services='portmap rpcbind nfslock netfs'

booted() { [[ -e /var/run/utmp ]]; }

service_parts() { parts=$1; }

service_known() { [[ -x /etc/rc.d/init.d/$1 ]]; }

service_enabled() {
    local links=(/etc/rc.d/rc[2-5].d/S[0-9][0-9]"$1")
    (( ${#links[@]} ))
}

# A service script creates this file at its start.
service_active() { [[ -e /var/lock/subsys/$1 ]]; }

service_switch() {
    local how=$1 name verb=start
    shift
    [[ $how == on ]] || verb=stop
    for name; do
        chkconfig "$name" "$how" </dev/null >/run/labctl/services 2>&1 ||
            { evidence /run/labctl/services; die "cannot turn $name $how"; }
        ! booted || service "$name" "$verb" </dev/null >/run/labctl/services 2>&1 || [[ $how == off ]] ||
            { evidence /run/labctl/services; die "cannot start $name"; }
    done
}

service_do() {
    service "$2" "$1" </dev/null >/run/labctl/services 2>&1 || { evidence /run/labctl/services; die "cannot $1 $2"; }
}

service_at_boot() { chkconfig "$1" on </dev/null || die "cannot enable $1"; }
