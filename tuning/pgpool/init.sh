# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Makes the directory of pgpool-II with the account of its control port (`admin`, with the lab's password) and the
# passwords for its backends.

dir=@{dir:sh} user=@{user:sh}
pcp_secret=@{secret.pcp:sh}

[[ $dir =~ ^/[A-Za-z0-9_./-]+$ ]] || die "$dir: only letters, digits and _ . / - are allowed, for the unit file"
type -P pgpool >/dev/null || die "pgpool-II is not in the image (pgpool)"
ensure_dir "$dir" 700 "$user:$user"
# pgpool needs the hash, its client programs need the password. Both read their file at every use.
read -r hash _ < <(printf '%s' "$pcp_secret" | md5sum)
put "$dir/pcp.conf" 0600 "$user:$user" "admin:$hash"$'\n' \
    "$dir/pcppass" 0600 "$user:$user" "*:*:admin:$pcp_secret"$'\n'

# pool_passwd: one line per user. Keep the lines of users that are not the lab's: somebody added them with pg_md5 or pg_enc.
names=(@{superuser:sh})
passwords=(@{secret.postgres:sh})
@{each dbuser}
names+=(@{dbuser.name:sh}) passwords+=(@{dbuser.password:sh})
@{end}
text='' ours=:
for i in "${!names[@]}"; do
    text+="${names[i]}:TEXT${passwords[i]}"$'\n' ours+="${names[i]}:"
done
[[ ! -e $dir/pool_passwd ]] || while IFS= read -r line || [[ -n $line ]]; do
    [[ $line != *:* || $ours == *:"${line%%:*}":* ]] || text+=$line$'\n'
done <"$dir/pool_passwd"
put "$dir/pool_passwd" 0600 "$user:$user" "$text"
