# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The directory of pgpool-II, and who may talk to its control port: `admin`, with the lab's password.

dir=@{dir:sh} user=@{user:sh}
pcp_secret=@{secret.pcp:sh}

[[ $dir =~ ^/[A-Za-z0-9_./-]+$ ]] || die "$dir: only letters, digits and _ . / - fit into a unit file"
type -P pgpool >/dev/null || die "pgpool-II is not in the image (pgpool)"
ensure_dir "$dir" 700 "$user:$user"
# pgpool knows the hash only, the programs that talk to it the password. Both read their file at every use.
read -r hash _ < <(printf '%s' "$pcp_secret" | md5sum)
put "$dir/pcp.conf" 0600 "$user:$user" "admin:$hash"$'\n' \
    "$dir/pcppass" 0600 "$user:$user" "*:*:admin:$pcp_secret"$'\n'
