# SPDX-License-Identifier: PostgreSQL
# Prints the next transaction number at the last checkpoint of this data directory, which gtm.start.sh needs after a GTM
# was not stopped cleanly. Changes nothing.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin

if [[ -e $dir/PG_VERSION ]]; then
    pattern='NextXID: +([0-9]+)/([0-9]+)'       # bash 3.2 needs the pattern in a variable
    while IFS= read -r line; do
        [[ $line =~ $pattern ]] && printf '::value next_xid %s\n' "${BASH_REMATCH[2]}"
    done < <(as "$user" "$bin/pg_controldata" "$dir" 2>/dev/null)
fi
exit 0
