# SPDX-License-Identifier: PostgreSQL
# For gtm_standby.start.sh: how many sequences there are in all databases, where this coordinator runs and can say so, and
# this version has a limit. Changes nothing.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh} unclean=@{value.unclean:sh}

(( ! unclean )) || exit 0     # the GTM does not know them either
[[ $("$bin/psql" --version) == *"(Postgres-XC) 1.0."[0-3]* ]] || exit 0     # others have no limit

# ask DATABASE SQL. A new session may wait for a second at an idle proxy: as few as possible.
ask() { within 5 as "$user" "$bin/psql" -XAtqw -F ' ' -h "$dir" -p "$port" -U postgres -c "$2" "$1" 2>/dev/null; }

pid_in "$dir/postmaster.pid" && alive "$pid" postgres "$dir" || exit 0
sum=0
while read -r count database; do
    if [[ $database != postgres ]]; then
        count=$(ask "$database" "select count(*) from pg_class where relkind = 'S'") || exit 0
    fi
    (( sum += count ))
done < <(ask postgres "select (select count(*) from pg_class where relkind = 'S'), datname from pg_catalog.pg_database where datallowconn")
echo "::value sequences $sum"
