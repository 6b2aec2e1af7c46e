# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Services of systemd. Queries do not fork.

# The unit that mounts network file systems at boot.
mount_services=remote-fs.target

# Is the service manager running here?
booted() { [[ -d /run/systemd/system ]]; }

# service_parts NAME: sets parts to the units that run or start it; the first is the service itself.
service_parts() {
    case $1 in *.*) parts=$1;; *) parts="$1.service $1.socket $1.path";; esac
}

# service_known UNIT: is there such a unit, and is it not masked?
service_known() {
    [[ ! /etc/systemd/system/$1 -ef /dev/null ]] || return 1
    [[ -e /usr/lib/systemd/system/$1 || -e /lib/systemd/system/$1 || -e /etc/systemd/system/$1 ||
        -e /run/systemd/generator.late/$1 ]]
}

# service_enabled UNIT: does it start at boot?
service_enabled() {
    local links=(/etc/systemd/system/*.wants/"$1" /etc/systemd/system/*.requires/"$1")
    (( ${#links[@]} ))
}

# service_active UNIT: is it running? systemd keeps a (dangling) link per running unit, except in el7.
service_active() {
    [[ -L /run/systemd/units/invocation:$1 ]] && return
    [[ ! -d /run/systemd/units ]] && booted && systemctl -q is-active "$1" </dev/null
}

# service_switch on|off UNIT...: turns units on or off, now and at boot.
service_switch() {
    local how=$1
    shift
    booted && set -- --now "$@"
    case $how in on) set -- enable "$@";; off) set -- disable "$@";; esac
    systemctl -q "$@" </dev/null 2>/run/labctl/services ||
        { evidence /run/labctl/services; die "cannot $1 ${*:2}"; }
}

# service_do start|restart UNIT
service_do() { systemctl "$1" "$2" </dev/null || die "cannot $1 $2"; }

# service_at_boot UNIT: as `systemctl enable`, but faster.
service_at_boot() {
    local line wants=/etc/systemd/system/multi-user.target.wants file=/lib/systemd/system/$1
    while read -r line || [[ -n $line ]]; do
        [[ $line != WantedBy=* ]] || wants=/etc/systemd/system/${line#WantedBy=}.wants
    done <"$file"
    [[ -d $wants ]] || mkdir -p "$wants"
    ln -s "$file" "$wants/" || die "cannot enable $1"
}
