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
# gtm_proxy.conf includes this file: a proxy ignores its whole configuration if it does not know one of the settings.
version=$("$bin/psql" --version)         # "psql (Postgres-XC) 1.0.2"
if [[ $version == *"(Postgres-XC) 1.0"* ]]; then
    put "$dir/labctl.version.conf" 0600 "$user:$user" 'gtm_connect_retry_idle = 30
gtm_connect_retry_count = 10
gtm_connect_retry_interval = 10
err_wait_idle = 60
err_wait_count = 10
err_wait_interval = 10
'
elif [[ $version == *"(Postgres-XC)"* ]]; then
    put "$dir/labctl.version.conf" 0600 "$user:$user" $'# gtm_connect_retry_*, err_wait_*: only Postgres-XC 1.0 has them\n'
    skipped "gtm_connect_retry_* and err_wait_* of the proxy: only Postgres-XC 1.0 has them"
fi
ensure_dir /var/lib/labctl/boot 700 root:root
