# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Tests that every user can log in here, at the server or through pgpool-II, and with Citus also that the nodes can log in
# at each other as this user. Changes nothing.

ip=@{ip:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.login
[[ -d /run/labctl ]] || mkdir -p /run/labctl
for psql in /usr/lib/postgresql/*/bin/psql; do :; done

names=() passwords=() databases=()
@{each dbuser}
names+=(@{dbuser.name:sh}) passwords+=(@{dbuser.password:sh}) databases+=(@{dbuser.databases:sh})
@{end}

# ask USER DATABASE STATEMENT
ask() { "$psql" -XAtqw -v ON_ERROR_STOP=1 -c "$3" -d "host=$ip port=$port user=$1 dbname=$2 connect_timeout=10" 2>"$out" </dev/null; }

pass_file "$out.super" @{secret.postgres:sh}
known=$(ask "$super" postgres 'select datname from pg_database where datallowconn and not datistemplate') ||
    { evidence "$out"; die "cannot read the databases"; }
for i in "${!names[@]}"; do
    pass_file "$out.pgpass" "${passwords[i]}"
    for database in ${databases[i]:-postgres}; do
        [[ $'\n'$known$'\n' == *$'\n'"$database"$'\n'* ]] || continue
        ask "${names[i]}" "$database" 'select 1' >/dev/null ||
            { evidence "$out"; die "${names[i]} cannot log in to $database on port $port"; }
        [[ $(ask "${names[i]}" "$database" "select 1 from pg_proc where proname = 'citus_check_connection_to_node'") == 1 ]] || continue
        away=$(ask "${names[i]}" "$database" "select string_agg(nodename, ', ') from pg_dist_node
            where isactive and not citus_check_connection_to_node(nodename, nodeport)") ||
            { evidence "$out"; die "${names[i]} cannot check the connections between nodes in $database"; }
        [[ -z $away ]] || die "nodes refuse connections of ${names[i]} to $database: $away"
    done
done
