# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The directory of pgpool-II, who may talk to its control port (`admin`, with the lab's password), and the passwords with
# which it logs in at its backends.

dir=@{dir:sh} user=@{user:sh}
pcp_secret=@{secret.pcp:sh}

[[ $dir =~ ^/[A-Za-z0-9_./-]+$ ]] || die "$dir: only letters, digits and _ . / - fit into a unit file"
type -P pgpool >/dev/null || die "pgpool-II is not in the image (pgpool)"
ensure_dir "$dir" 700 "$user:$user"
# pgpool knows the hash only, the programs that talk to it the password. Both read their file at every use.
read -r hash _ < <(printf '%s' "$pcp_secret" | md5sum)
put "$dir/pcp.conf" 0600 "$user:$user" "admin:$hash"$'\n' \
    "$dir/pcppass" 0600 "$user:$user" "*:*:admin:$pcp_secret"$'\n'

# pool_passwd: one line per user. Lines of users that the lab does not know are somebody's own, as pg_md5 and pg_enc make
# them, and stay.
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
