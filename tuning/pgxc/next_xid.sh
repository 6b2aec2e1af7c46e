# SPDX-License-Identifier: PostgreSQL
# Prints the next transaction number at the last checkpoint of this data directory, and the number at which a GTM continued that
# was not stopped cleanly (coordinator.open.sh): gtm.start.sh needs the highest after the next such stop. Changes nothing.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin

if [[ -e $dir/PG_VERSION ]]; then
    pattern='NextXID: +([0-9]+)/([0-9]+)'       # bash 3.2 needs the pattern in a variable
    while IFS= read -r line; do
        [[ $line =~ $pattern ]] && printf '::value next_xid %s\n' "${BASH_REMATCH[2]}"
    done < <(as "$user" "$bin/pg_controldata" "$dir" 2>/dev/null)
fi
[[ ! -s $dir/labctl.reached ]] || printf '::value next_xid %s\n' "$(<"$dir/labctl.reached")"
exit 0
