# SPDX-License-Identifier: PostgreSQL
# Makes the data directory of a GTM proxy.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin out=/run/labctl/@{nodename:sh}.init
new=$dir.labctl-new

if [[ ! -e $dir/gtm_proxy.conf ]]; then
    new_dir gtm_proxy.conf
    as "$user" "$bin/initgtm" -Z gtm_proxy -D "$new" >"$out" 2>&1 ||
        { evidence "$out"; die "initgtm of $dir failed"; }
    mv -T -- "$new" "$dir" || die "cannot create $dir"       # complete or not at all
    changed "initgtm $dir"
fi
ensure_dir "$dir" 700 "$user:$user"
ensure_dir /var/lib/labctl/boot 700 root:root
