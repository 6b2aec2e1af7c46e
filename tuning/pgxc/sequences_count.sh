# SPDX-License-Identifier: PostgreSQL
# For gtm_standby.start.sh: how many sequences there are in all databases, where this coordinator runs and can say so.
# Changes nothing.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh} unclean=@{value.unclean:sh}

(( ! unclean )) || exit 0     # the GTM does not know them either

# ask DATABASE SQL
ask() { within 5 as "$user" "$bin/psql" -XAtqw -h "$dir" -p "$port" -U postgres -c "$2" "$1" 2>/dev/null; }

pid_in "$dir/postmaster.pid" && alive "$pid" postgres "$dir" || exit 0
sum=0
while IFS= read -r database; do
    count=$(ask "$database" "select count(*) from pg_class where relkind = 'S'") || exit 0
    (( sum += count ))
done < <(ask postgres "select datname from pg_database where datallowconn")
echo "::value sequences $sum"
