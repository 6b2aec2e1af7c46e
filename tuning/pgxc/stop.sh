# SPDX-License-Identifier: PostgreSQL
# Stops one role. The order must be: all coordinators, all datanodes, all proxies, the GTM, the standby; otherwise they do not
# end. The GTM must end by itself, because only then it writes the last transaction number; other roles are killed if they hang.

role=@{role:sh} dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin
out=/run/labctl/@{nodename:sh}.stop

case $role in
gtm | gtm_standby)      name=gtm;;
gtm_proxy)              name=gtm_proxy;;
datanode | coordinator) name=postgres;;
*)                      die "unknown role: $role";;
esac

if processes "$name" "$dir"; then
    mkdir -p /run/labctl
    case $role in
    datanode | coordinator)
        as "$user" "$bin/pg_ctl" stop -D "$dir" -m fast -W >"$out" 2>&1;;
    *)
        as "$user" "$bin/gtm_ctl" stop -Z "$role" -D "$dir" -m fast -W >"$out" 2>&1;;
    esac
    if ! wait_for 20 gone "$name" "$dir"; then
        processes "$name" "$dir" && kill -9 $pids
        wait_for 5 gone "$name" "$dir" || die "cannot stop $role"
        warn "$role did not stop in time and was killed"
    fi
    changed "stopped $role"
fi
