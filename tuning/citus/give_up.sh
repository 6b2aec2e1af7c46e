# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# A worker is lost for good: gives up the shards that only it had. Empty ones on the other workers take their place, so that the
# tables can be read and written again; made from the statements that Citus itself makes shards from.

port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.give_up
gone=@{gone.worker.address:sh} gone_port=@{gone.worker.port:sh}
[[ -d /run/labctl ]] || mkdir -p /run/labctl
for psql in /usr/lib/postgresql/*/bin/psql; do :; done

# sql DATABASE [HOST PORT]: runs the statements on standard input, in one transaction.
sql() {
    PGOPTIONS='-c search_path= -c client_min_messages=warning -c citus.enable_ddl_propagation=off -c citus.enable_manual_changes_to_shards=on' \
        "$psql" -1XAtqw -F ' ' -v ON_ERROR_STOP=1 -v gone="$gone" -v port="${gone_port:-0}" \
        -d "host=${2:-/run/postgresql} port=${3:-$port} user=$super dbname='$1' connect_timeout=10" -f - 2>"$out"
}
failed() { evidence "$out"; die "$1"; }

# What is lost, with the worker that gets the empty shard: shards that belong together go to the same one.
lost="
with target as (
    select row_number() over (order by groupid) - 1 as number, count(*) over () as targets, groupid, nodename, nodeport
    from pg_dist_node where isactive and noderole = 'primary' and groupid <> 0 and not (nodename = :'gone' and nodeport = :port)
        and (shouldhaveshards or not exists (select from pg_dist_node where groupid <> 0 and shouldhaveshards
            and not (nodename = :'gone' and nodeport = :port)))
), lost as (
    select p.groupid as lostgroup, s.shardid, s.logicalrelid as relation, s.shardminvalue, d.colocationid, c.relnamespace::regnamespace::text as schema,
        dense_rank() over (order by d.colocationid, s.shardminvalue::bigint, case when d.colocationid = 0 then s.shardid end) as number
    from pg_dist_placement p join pg_dist_shard s using (shardid) join pg_dist_partition d using (logicalrelid) join pg_class c on c.oid = s.logicalrelid
    join pg_dist_node n using (groupid)
    where n.nodename = :'gone' and n.nodeport = :port and not exists (select from pg_dist_placement o join pg_dist_node m using (groupid)
        where o.shardid = p.shardid and o.groupid <> p.groupid and m.isactive)
), placed as (select l.*, t.groupid, t.nodename, t.nodeport from lost l join target t on l.number % t.targets = t.number)"

# The statements for one worker. The order: old attempts away, tables, partitions, foreign keys.
statements="
select text from (
    select 1 as part, shardid, 0::bigint as at, format('drop table if exists %s cascade;', shard_name(relation, shardid)) as text
    from placed where nodename = :'host' and nodeport = :hostport
    union all
    select 2, shardid, ordinality, format('select worker_apply_shard_ddl_command(%s, %L, %L);', shardid, schema, ddl)
    from placed, master_get_table_ddl_events(relation::text) with ordinality d (ddl, ordinality)
    where nodename = :'host' and nodeport = :hostport
    union all
    select 3, c.shardid, 0, format('select worker_apply_inter_shard_ddl_command(%s, %L, %s, %L, %L);', f.shardid, f.schema, c.shardid, c.schema,
        format('alter table %s attach partition %s %s', f.relation, c.relation, pg_get_expr(k.relpartbound, k.oid)))
    from placed c join pg_class k on k.oid = c.relation and k.relispartition
    join pg_inherits i on i.inhrelid = k.oid
    join placed f on f.relation = i.inhparent and f.shardminvalue is not distinct from c.shardminvalue and f.colocationid = c.colocationid
    where c.nodename = :'host' and c.nodeport = :hostport
    union all
    select 4, c.shardid, k.oid::bigint, format('select worker_apply_inter_shard_ddl_command(%s, %L, %s, %L, %L);', c.shardid, c.schema, f.shardid,
        (select relnamespace::regnamespace::text from pg_class where oid = k.confrelid),
        format('alter table %s add constraint %I %s', c.relation, k.conname, pg_get_constraintdef(k.oid)))
    from placed c join pg_constraint k on k.conrelid = c.relation and k.contype = 'f' and k.conparentid = 0
    join pg_dist_partition d on d.logicalrelid = k.confrelid
    join pg_dist_shard f on f.logicalrelid = k.confrelid and (d.repmodel = 't' or f.shardminvalue is not distinct from c.shardminvalue)
    where c.nodename = :'host' and c.nodeport = :hostport
) s order by part, shardid, at;"

give_up() {
    local targets moves host hostport count
    targets=$(sql "$1" <<<"$lost select distinct nodename, nodeport from placed") || failed "cannot read what is lost in $1"
    [[ -n $targets ]] || return 0
    while read -r host hostport; do
        { printf "\\\\set host %s\n\\\\set hostport %s\n" "$host" "$hostport"; printf '%s\n' "$lost $statements"; } | sql "$1" >"$out.sql" ||
            failed "cannot read what is lost in $1"
        sql "$1" "$host" "$hostport" <"$out.sql" >/dev/null || failed "cannot make empty shards on $host in $1"
    done <<<"$targets"
    # Last, and the coordinator last of all, which is asked what is lost: until then the same command does all of this again.
    moves=$(sql "$1" <<<"$lost select format('update pg_dist_placement set groupid = %s where shardid = %s and groupid = %s;', groupid, shardid, lostgroup) from placed") ||
        failed "cannot read what is lost in $1"
    targets=$(sql "$1" <<<"select nodename, nodeport from pg_dist_node where isactive and groupid <> 0 and hasmetadata
        and not (nodename = :'gone' and nodeport = :port)") || failed "cannot read the nodes of $1"
    while read -r host hostport; do
        [[ -z $host ]] || sql "$1" "$host" "$hostport" <<<"$moves" >/dev/null || failed "cannot tell $host where the empty shards are in $1"
    done <<<"$targets"
    sql "$1" <<<"$moves" || failed "cannot record where the empty shards are in $1"
    count=$(printf '%s\n' "$moves" | grep -c .)
    changed "$1: empty shards in place of those that only $gone had: $count"
}

pass_file "$out.pgpass" @{secret.postgres:sh}
databases=$(sql postgres <<<'select datname from pg_database where datallowconn and not datistemplate order by 1') ||
    failed "cannot read the databases"
while IFS= read -r database; do
    [[ $(sql "$database" <<<"select 1 from pg_extension where extname = 'citus'") == 1 ]] || continue
    give_up "$database"
done <<<"$databases"
