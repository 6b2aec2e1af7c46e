# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Removes the password of a dropped user from pgpool-II.

dir=@{dir:sh} user=@{user:sh} name=@{db.name:sh}
text=
[[ ! -e $dir/pool_passwd ]] || while IFS= read -r line || [[ -n $line ]]; do
    [[ $line == "$name":* ]] || text+=$line$'\n'
done <"$dir/pool_passwd"
put "$dir/pool_passwd" 0600 "$user:$user" "$text"
