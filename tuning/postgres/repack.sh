# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Runs pg_repack on a table, or on the shards of a distributed table on this node. Citus hides and protects shards; the
# three settings lift that for the sessions of this script.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} table=@{db.name:sh} database=@{db.database:sh}
out=/run/labctl/@{nodename:sh}.repack
[[ -d /run/labctl ]] || mkdir -p /run/labctl
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
bin=/usr/lib/postgresql/$version/bin
repack=$bin/pg_repack
[[ -x $repack ]] || repack=$(type -P pg_repack) || die "pg_repack is not in the image"
export PGOPTIONS='-c citus.override_table_visibility=off -c citus.enable_manual_changes_to_shards=on -c citus.enable_ddl_propagation=off'

# sql: runs the statements on standard input.
sql() {
    PGDATABASE=$database "$bin/psql" -XAtqw -v ON_ERROR_STOP=1 -v table="$table" -h /run/postgresql -p "$port" -U "$super" -f - 2>"$out"
}

citus=$(sql <<<"select 1 from pg_extension where extname = 'citus'") || { evidence "$out"; die "cannot read the extensions of $database"; }
if [[ $citus == 1 ]]; then
    # The shards on this node. A table that is not distributed exists on the coordinator only.
    names=$(sql <<'END'
select format('%s.%I', relnamespace::regnamespace, shard_name)
from (select c.relnamespace, format('%s_%s', c.relname, s.shardid) as shard_name
    from pg_class c join pg_dist_shard s on s.logicalrelid = c.oid join pg_dist_placement p using (shardid)
    where c.oid = to_regclass(:'table') and p.groupid = (select groupid from pg_dist_local_group)) t
union all
select to_regclass(:'table')::text where to_regclass(:'table') is not null
    and not exists (select from pg_dist_partition where logicalrelid = to_regclass(:'table'))
    and (select groupid from pg_dist_local_group) = 0
END
) || { evidence "$out"; die "cannot find the shards of $table"; }
else
    names=$(sql <<<"select to_regclass(:'table')") || { evidence "$out"; die "cannot find $table"; }
fi
count=0
while IFS= read -r name; do
    [[ -n $name ]] || continue
    as @{user:sh} env PGOPTIONS="$PGOPTIONS" "$repack" -h /run/postgresql -p "$port" -U "$super" -w -d "$database" \
        --table "$name" >"$out" 2>&1 || { evidence "$out"; die "pg_repack failed for $name"; }
    # Its exit status is 0 even if it failed.
    if grep -qE '^(WARNING|ERROR):' "$out"; then
        evidence "$out"
        die "pg_repack failed for $name"
    fi
    (( ++count ))
done <<<"$names"
(( count == 0 )) || changed "repacked $table ($count)"
