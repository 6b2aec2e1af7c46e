# SPDX-License-Identifier: PostgreSQL
# Makes the data directory of the standby. initgtm knows only "gtm"; gtm.conf makes it a standby.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin out=/run/labctl/@{nodename:sh}.init
new=$dir.labctl-new

if [[ ! -e $dir/gtm.conf ]]; then
    new_dir gtm.conf
    as "$user" "$bin/initgtm" -Z gtm -D "$new" >"$out" 2>&1 ||
        { evidence "$out"; die "initgtm of $dir failed"; }
    mv -T -- "$new" "$dir" || die "cannot create $dir"       # complete or not at all
    changed "initgtm $dir"
fi
ensure_dir "$dir" 700 "$user:$user"
ensure_dir /var/lib/labctl/boot 700 root:root
