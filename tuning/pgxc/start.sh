# SPDX-License-Identifier: PostgreSQL
# Starts one role of this node, with the script that its unit runs at boot too (boot.sh). What other nodes have said is
# known only here.

name=@{nodename:sh} role=@{role:sh} next_xid=@{value.next_xid:sh} sequences=@{value.sequences:sh} booting=

mkdir -p /run/labctl
# One that boots may be at it at the same time.
exec 8>"/run/labctl/$name.lock" && flock -w 100 8 || die "the start of the $role at boot does not end"
# shellcheck source=/dev/null
. "/var/lib/labctl/boot/$name.start"
exec 8>&-
printf '%s\n' "$sequences" >"/var/lib/labctl/boot/$name.sequences"

[[ -d /run/systemd/system ]] || exit 0
unit=labctl-$role.service
failed() { evidence "$out"; die "$1"; }
case $role in
gtm | gtm_standby) before=;;
gtm_proxy)         before="labctl-gtm.service labctl-gtm_standby.service";;
datanode)          before=labctl-gtm_proxy.service;;
coordinator)       before="labctl-gtm_proxy.service labctl-datanode.service";;
esac
# It tries until what it needs answers, maybe on another node. Status 3: it would be wrong to start.
put_unit "$unit" <<END
# Written by labctl; changes made here are lost.
[Unit]
Description=$role of the database cluster of the lab @{lab.name:raw}
After=network-online.target remote-fs.target $before
Wants=network-online.target
RequiresMountsFor=$dir

[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=0
TimeoutStopSec=90
ExecStart=/bin/bash -c 'until /bin/bash -c ". /var/lib/labctl/boot/lib.sh; booting=yes; name=$name role=$role; . /var/lib/labctl/boot/boot"; do [ \$\$? -ne 3 ] || exit 3; sleep 5; done'
ExecStop=/bin/bash -c '. /var/lib/labctl/boot/lib.sh; . /var/lib/labctl/boot/$name.stop'

[Install]
WantedBy=multi-user.target
END
# Of a GTM's log every statement of the cluster makes lines, which no level but FATAL leaves out. It is opened for
# appending, so it can be emptied under the server's hands; what was in it is kept once. That of OpenTenBase has a directory of logs.
if [[ $role == gtm* && ! -d $dir/gtm_log ]]; then
    put "/etc/systemd/system/labctl-$role-log.service" 0644 root:root "# Written by labctl; changes made here are lost.
[Unit]
Description=the log of the $role, once it is larger than 16 MiB
RequiresMountsFor=$dir

[Service]
Type=oneshot
ExecStart=/bin/bash -c 'cd \"\$1\" && for log in gtm*.log; do [ \"\$(stat -c %%s \"\$log\")\" -lt 16777216 ] || { cp -p \"\$log\" \"\$log.1\" && : >\"\$log\"; }; done' rotate $dir
"
    put_unit "labctl-$role-log.timer" <<END
# Written by labctl; changes made here are lost.
[Unit]
Description=look at the log of the $role every ten minutes

[Timer]
OnCalendar=*:0/10

[Install]
WantedBy=multi-user.target
END
    if [[ ! -e /run/labctl/$role-log.active ]]; then
        systemctl --no-block start "labctl-$role-log.timer" >"$out" 2>&1 </dev/null || failed "cannot start labctl-$role-log.timer"
        printf '' >"/run/labctl/$role-log.active"
    fi
fi
# Only an active unit stops its server in peace when the system goes down. It finds it running.
if [[ ! -e /run/labctl/$unit.active ]]; then
    systemctl --no-block start "$unit" >"$out" 2>&1 </dev/null || failed "cannot start $unit"
    printf '' >"/run/labctl/$unit.active"
fi
