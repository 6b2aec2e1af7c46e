# SPDX-License-Identifier: PostgreSQL
# Moves tables to other datanodes, in every database: away from a datanode that leaves, or else from all that there were when the
# table was made, to all that there are now. 1.0 has no ALTER TABLE ... ADD NODE. Every datanode has the definition of every table,
# and pgxc_class says which of them have its rows. So a table's rows are copied to another one and back, with a new entry between, in
# one transaction; coordinator.place.sh tells the other coordinators. Clients are shut out, because a session remembers where tables are.
# As the rule *.look it only says what there is to do.

rule=@{rule:sh} gone=@{gone.datanode.nodename:sh} gone_name=@{gone.name:sh} lab=@{lab.name:sh}
. /var/lib/labctl/boot/@{nodename:sh}.cluster
begin_work moves
if [[ -n $gone ]]; then
    advice="labctl -l $lab node remove $gone_name    (goes on)"
else
    advice="labctl -l $lab db rebalance    (goes on)"
fi

# In the order in which datanodes were registered, which is that of their numbers, a table that was made for all of them has the first
# ones, and at least those with a number below its own.
list="with d as (select oid, node_name::text as name, row_number() over (order by oid) as rank from pgxc_node where node_type = 'D'),
t as (
    select c.oid, c.relname, s.nspname, x.pclocatortype = 'R' as copied, bool_or(d.name = '$gone') as leaves, string_agg(d.name, ', ' order by d.name) as nodes,
        max(d.rank) = count(*) and count(*) >= (select count(*) from d where d.oid < c.oid) as everywhere,
        case when c.relhasoids then 'it has OIDs'
            when c.relhasrules then 'it has rules'
            when exists (select 1 from pg_inherits i where c.oid in (i.inhrelid, i.inhparent)) then 'it inherits, or is inherited from'
            when exists (select 1 from pg_constraint k where k.contype = 'f' and c.oid in (k.conrelid, k.confrelid)) then 'it has a foreign key, or one refers to it'
        end as obstacle
    from pgxc_class x join pg_class c on c.oid = x.pcrelid join pg_namespace s on s.oid = c.relnamespace
    join d on d.oid = any (x.nodeoids::oid[])
    where c.relkind = 'r' and c.relpersistence <> 't'
    group by c.oid, c.relname, s.nspname, x.pclocatortype, c.relhasoids, c.relhasrules),
m as (
    select t.*, (select string_agg(d.name, ', ' order by d.name) from d where d.name <> '$gone' and ('$gone' = '' or d.oid = any (x.nodeoids::oid[]))) as target,
        (select string_agg(d.oid::text, ' ' order by d.name) from d where d.name <> '$gone' and ('$gone' = '' or d.oid = any (x.nodeoids::oid[]))) as oids
    from t join pgxc_class x on x.pcrelid = t.oid)
select case when target is null then 'no: it is on ' || nodes || ' only'
        when not everywhere and '$gone' = '' then 'no: it was made for ' || nodes
        when copied and '$gone' <> '' then 'place'
        when obstacle is not null then 'no: ' || obstacle else 'move' end,
    coalesce(target, '-'), coalesce(oids, '-'), oid, quote_ident(nspname), quote_ident(nspname) || '.' || quote_ident(relname)
from m where case when '$gone' = '' then nodes <> target else leaves end order by nspname, relname"

known=$(ask "${here[@]}" postgres "select node_name from pgxc_node") || failed "$name does not answer"
for i in "${!names[@]}"; do
    [[ $'\n'$known$'\n' != *$'\n'"${names[i]}"$'\n'* ]] || continue
    printf '::next %s\n' "labctl -l $lab bootstrap    (finishes the node add that did not end)"
    die "${names[i]} has not joined the cluster yet"
done
databases=$(ask "${here[@]}" postgres "select datname from pg_catalog.pg_database where datallowconn order by 1") || failed "$name does not answer"
moves=() stay=()
while IFS= read -r database; do
    rows=$(ask "${here[@]}" "$database" "copy ($list) to stdout") || failed "cannot read the tables of database $database"
    while IFS=$'\t' read -r how target oids oid schema table; do
        case $how in
        move | place) moves+=("$how" "$database" "$target" "$oids" "$oid" "$schema" "$table") ;;
        no:*) stay+=("$table of database $database: ${how#no: }") ;;
        esac
    done <<<"$rows"
done <<<"$databases"
count=$(( ${#moves[@]} / 7 ))

if [[ $rule == *.look ]]; then
    if [[ -n $gone ]] && (( ${#stay[@]} )); then
        printf '::evidence %s\n' "${stay[@]}"
        printf '::next %s\n' "change or drop these tables (foreign keys can be added again afterwards), then labctl -l $lab node remove $gone_name"
        die "tables cannot move away from $gone"
    fi
    (( ! ${#stay[@]} )) || printf '::warn stays where it is: %s\n' "${stay[@]}"
    (( ! count )) || echo "::value joins 1"
    rm -rf -- "$work"
    exit 0
fi

list_of() { if (( version < 90200 )); then printf '%s' "$1"; else printf '(%s)' "$1"; fi; }
version=$(ask "${here[@]}" postgres "select current_setting('server_version_num')") || failed "$name does not answer"
for (( i = 0; i < ${#moves[@]}; i += 7 )); do
    IFS=$'\n' read -r -d '' how database target oids oid schema table < <(printf '%s\n' "${moves[@]:i:7}" && printf '\0')
    printf '::say table %s of %s: %s of database %s to %s\n' $(( i / 7 + 1 )) "$count" "$table" "$database" "$target"
    kept=$schema.labctl_moving
    # The second update makes this session look again where the table is.
    {
        printf 'begin;\n'
        [[ $how == place ]] ||
            printf '%s;\n' "lock table only $table in access exclusive mode" "create table $kept (like $table) distribute by round robin to node $(list_of "$target")" \
                "insert into $kept select * from only $table" "truncate only $table"
        printf '%s;\n' "update pgxc_class set nodeoids = '$oids' where pcrelid = $oid" "update pg_class set relname = relname where oid = $oid"
        [[ $how == place ]] || printf '%s;\n' "insert into $table select * from $kept" "drop table $kept"
        printf 'commit;\n'
    } >"$work/sql"
    chown -- "$user:" "$work/sql"
    within 86000 as "$user" "$bin/psql" -Xqw -v ON_ERROR_STOP=1 -h "$dir" -p "$port" -U postgres -f "$work/sql" "$database" >/dev/null \
        2>"$work/err" || failed "cannot move the table $table of database $database to $target"
done
rm -rf -- "$work"
(( ! count )) || changed "moved $count tables"
