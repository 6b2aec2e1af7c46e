# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# A machine obeys its power button, which is what `virsh shutdown` and the host's own shutdown (libvirt-guests) press. In
# images of labctl systemd-logind, which would do that, is masked for the time that it takes to boot.

power_button() {
    local program=/usr/local/sbin/labctl-power unit=labctl-power.service started=/var/lib/labctl/power
    local link=/etc/systemd/system/multi-user.target.wants/$unit file=/etc/systemd/system/$unit
    [[ /etc/systemd/system/systemd-logind.service -ef /dev/null ]] || return 0
    put "$program" 0755 root:root <<'END'
#!/bin/bash
# Written by labctl: shuts the system down when its power button is pressed.
modprobe -a button evdev 2>/dev/null
mine='' device=''
while IFS= read -r line; do
    case $line in
    N:*'"Power Button"'*) mine=1;;
    H:*) [[ -z $mine || ! $line =~ event[0-9]+ ]] || { device=/dev/input/${BASH_REMATCH[0]}; break; };;
    '') mine='';;
    esac
done </proc/bus/input/devices
[[ -n $device ]] || { echo 'no power button'; exit 0; }
exec 3<"$device"
# struct input_event: 16 bytes of time, then type (1: key), code (116: power), value (1: pressed)
while event=$(dd bs=24 count=1 <&3 2>/dev/null | od -An -j16 -tu2) && [[ -n $event ]]; do
    read -r type code value _ <<<"$event"
    [[ "$type $code $value" != "1 116 1" ]] || systemctl poweroff
done
END
    put "$file" 0644 root:root <<END
[Unit]
Description=Shut down when the power button is pressed

[Service]
ExecStart=$program
Restart=on-failure

[Install]
WantedBy=multi-user.target
END
    if [[ ! -L $link ]]; then
        ln -s "$file" "$link" || die "cannot enable $unit"
        changed "$unit starts at boot"
    fi
    booted || return 0
    # When it is new; later the boot starts it. (Where there is no button, it ends at once.)
    [[ -e $started && ! $program -nt $started ]] && return
    systemctl daemon-reload </dev/null
    service_do restart "$unit"
    : >"$started"
    changed "started $unit"
}
power_button
