# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Ends what is left of an old primary, and makes sure that it can only start as a standby: also by hand, and when its machine
# boots. Does nothing where the server is a standby.

dir=@{dir:sh} user=@{user:sh}
[[ -e $dir/PG_VERSION && ! -e $dir/standby.signal ]] || exit 0

# First: systemd may start it again. Until it follows the new primary, it answers nobody.
put "$dir/labctl.standby.conf" 0600 "$user:$user" <<'END'
# Written by labctl: another server took over from this one. labctl rejoin makes it a standby.
hot_standby = off
END
put "$dir/labctl.fenced" 0600 "$user:$user" ''
put "$dir/standby.signal" 0600 "$user:$user" ''

if pid_in "$dir/postmaster.pid" && alive "$pid" postgres "$dir"; then
    kill -QUIT "$pid"
    wait_for 5 gone postgres "$dir"
fi
retire_units ''
if ! gone postgres "$dir"; then
    # shellcheck disable=SC2086  # pids
    kill -KILL $pids
    wait_for 10 gone postgres "$dir" || die "cannot stop the old primary"
fi
changed "the server can no longer start as a primary"
