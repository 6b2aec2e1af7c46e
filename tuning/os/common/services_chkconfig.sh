# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Services as el5 and el6 have them: scripts of /etc/rc.d/init.d, which chkconfig links into the runlevels. The same
# functions as in services_systemctl.sh.

mount_services='portmap rpcbind nfslock netfs'

booted() { [[ -e /var/run/utmp ]]; }

service_parts() { parts=$1; }

service_known() { [[ -x /etc/rc.d/init.d/$1 ]]; }

service_enabled() {
    local links=(/etc/rc.d/rc[2-5].d/S[0-9][0-9]"$1")
    (( ${#links[@]} ))
}

# A script that started leaves this file.
service_active() { [[ -e /var/lock/subsys/$1 ]]; }

service_switch() {
    local how=$1 name verb=start
    shift
    [[ $how == on ]] || verb=stop
    for name; do
        chkconfig "$name" "$how" </dev/null >/run/labctl/services 2>&1 ||
            { evidence /run/labctl/services; die "cannot switch $how $name"; }
        ! booted || service "$name" "$verb" </dev/null >/run/labctl/services 2>&1 || [[ $how == off ]] ||
            { evidence /run/labctl/services; die "$name does not start"; }
    done
}

service_do() {
    service "$2" "$1" </dev/null >/run/labctl/services 2>&1 || { evidence /run/labctl/services; die "$2: cannot $1"; }
}

service_at_boot() { chkconfig "$1" on </dev/null || die "cannot enable $1"; }
