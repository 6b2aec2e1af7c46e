# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Moves shards, in every database: all that a worker has which leaves, or else what Citus' strategy names to make the workers
# equal. Each move is a transaction of its own, so what is interrupted goes on where it was. Not by citus_drain_node(), which
# empties every node with shouldhaveshards = false (citus#6267), nor by citus_rebalance_start(), whose job may never begin
# (citus#7103).

port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.moves
gone=@{gone.worker.address:sh} gone_port=@{gone.worker.port:sh} gone_name=@{gone.name:sh} lab=@{lab.name:sh}
stalled_s=600 # a move that makes no progress for so long has failed
[[ -d /run/labctl ]] || mkdir -p /run/labctl
for psql in /usr/lib/postgresql/*/bin/psql; do :; done
export PGAPPNAME='labctl moves'

# sql DATABASE [FILE FOR ERRORS]: runs the statements on standard input.
sql() {
    "$psql" -XAtqw -F ' ' -v ON_ERROR_STOP=1 -v gone="$gone" -v port="${gone_port:-0}" -v drain="${gone:+yes}" \
        -h /run/postgresql -p "$port" -U "$super" -d "$1" -f - 2>"${2:-$out}" 8>&-
}
# failed WHAT [FILE]
failed() {
    evidence "${2:-$out}"
    [[ -z $gone ]] || printf '::next labctl -l %s node remove %s goes on; to keep the node: labctl -l %s psql -- -d %q -c %q\n' "$lab" "$gone_name" \
        "$lab" "$database" "select citus_set_node_property('$gone', $gone_port, 'shouldhaveshards', true)"
    die "$1"
}

# --- only one of us ---

# Ends the sessions of an earlier run of this script; true if there was none.
end_others() {
    [[ $(sql postgres <<<"select count(pg_terminate_backend(pid)) from pg_stat_activity
        where application_name = '$PGAPPNAME' and pid <> pg_backend_pid()") == 0 ]]
}

# An earlier run may go on after the labctl that began it was killed. Without the lock it begins no other move.
alone() {
    flock -n 8 || { end_others; return 1; }
    end_others
}

# --- one move ---

moved=0 total=0

# said DATABASE: what the move under way has done, as one line.
said() {
    sql "$1" "$out.progress" <<'END'
select concat_ws(', ', round(100.0 * sum(target_shard_size) / nullif(sum(source_shard_size), 0)) || ' %', lower(max(status)), max(target_lsn)::text)
from get_rebalance_progress() where progress = 1
END
}

# move DATABASE SHARD TABLE SOURCE PORT TARGET PORT MODE
move() {
    local pid now before='' since
    printf '::say %s of %s moves done; shard %s of %s in %s to %s\n' "$moved" "$total" "$2" "$3" "$1" "$6"
    sql "$1" >/dev/null <<<"select citus_move_shard_placement($2, '$4', $5, '$6', $7, '$8')" &
    pid=$!
    since=$SECONDS
    until wait_for 3 ended "$pid"; do
        now=$(said "$1")
        if [[ $now != "$before" ]]; then
            before=$now since=$SECONDS
            printf '::say %s of %s moves done; shard %s of %s in %s to %s: %s\n' "$moved" "$total" "$2" "$3" "$1" "$6" "${now%, */*}"
        elif (( SECONDS - since > stalled_s )); then
            evidence "$out.progress"
            kill "$pid"
            wait "$pid"
            failed "shard $2 of $3 in $1 has made no progress for $stalled_s s on its way from $4 to $6 (labctl db sessions shows who waits for whom)"
        fi
    done
    wait "$pid" || failed "cannot move shard $2 of $3 in $1 from $4 to $6"
    (( ++moved ))
}

# --- a database ---

# What still has to move, a line each: SHARD SOURCE PORT TARGET PORT MODE TABLE. Of shards that move together, one. Without a
# replica identity a table cannot be replicated logically: writes to it wait.
to_move() {
    sql "$1" <<'END'
select p.shardid, p.sourcename, p.sourceport, p.targetname, p.targetport,
    case when exists (select from pg_dist_partition a join pg_dist_partition b
            on b.logicalrelid = a.logicalrelid or (a.colocationid > 0 and b.colocationid = a.colocationid)
        join pg_class c on c.oid = b.logicalrelid
        where a.logicalrelid = p.table_name and c.relkind = 'r' and c.relreplident <> 'f' and not exists (select from pg_index i
            where i.indrelid = c.oid and (i.indisreplident or (c.relreplident = 'd' and i.indisprimary))))
        then 'block_writes' else 'auto' end,
    p.table_name::regclass
from get_rebalance_table_shards_plan(drain_only := :'drain' = 'yes') with ordinality p
where p.shardid = (select min(s) from unnest(get_colocated_shard_array(p.shardid)) s)
    and (:'gone' = '' or (p.sourcename = :'gone' and p.sourceport = :port))
order by p.ordinality
END
}

left() {
    sql "$1" <<'END'
select count(*) from pg_dist_placement p join pg_dist_node n using (groupid) where n.nodename = :'gone' and n.nodeport = :port
    and not exists (select from pg_dist_placement o where o.shardid = p.shardid and o.groupid <> p.groupid)
END
}

# Removes what interrupted moves left, and the old copies of what has moved (citus#8236).
clean() {
    sql "$1" <<<'call citus_cleanup_orphaned_resources()' >/dev/null
    [[ $(sql "$1" <<<'select count(*) from pg_dist_cleanup') == 0 ]]
}

# copy_references DATABASE: reference tables, to nodes that lack them. What moves there may be joined with them.
copy_references() {
    local answer
    answer=$(sql "$1" <<'END'
select count(*) as before, coalesce(bool_and(c.relreplident = 'f' or exists (select from pg_index i
    where i.indrelid = c.oid and (i.indisreplident or (c.relreplident = 'd' and i.indisprimary)))), true) as ready
from pg_dist_partition r join pg_class c on c.oid = r.logicalrelid join pg_dist_shard s using (logicalrelid) join pg_dist_placement using (shardid)
where r.repmodel = 't' \gset
select replicate_reference_tables(case when :'ready' then 'auto' else 'block_writes' end::citus.shard_transfer_mode) \g /dev/null
select count(*) - :before from pg_dist_partition r join pg_dist_shard s using (logicalrelid) join pg_dist_placement using (shardid)
where r.repmodel = 't'
END
) || failed "cannot copy the reference tables of $1"
    [[ $answer == 0 ]] || changed "$1: $answer more copies of reference tables"
}

# ready DATABASE: does it have Citus, and nodes of which one gives away shards?
ready() {
    local answer
    answer=$(sql "$1" <<<"select 1 from pg_extension where extname = 'citus'") || failed "cannot read the extensions of $1"
    [[ $answer == 1 ]] || return 1
    answer=$(sql "$1" <<<"select 1 from pg_dist_node where groupid <> 0 and (:'gone' = '' or (nodename = :'gone' and nodeport = :port)) limit 1") ||
        failed "cannot read the nodes of $1"
    [[ $answer == 1 ]] || return 1
    answer=$(sql "$1" <<<"select string_agg(job_id::text, ', ') from pg_dist_background_job
        where job_type = 'rebalance' and state not in ('finished', 'cancelled', 'failed')") || failed "cannot read the jobs of $1"
    [[ -n $answer ]] || return 0
    printf '::next labctl -l %s psql -- -d %q -c "select citus_rebalance_wait()" waits for it, citus_rebalance_stop() ends it\n' "$lab" "$1"
    die "a rebalance of somebody else is under way in $1 (job $answer)"
}

shift_shards() {
    local database=$1 round moves shard source source_port target target_port mode table
    ready "$1" || return 0
    wait_for 20 clean "$1"
    if [[ -n $gone ]]; then
        sql "$1" >/dev/null <<<"select citus_set_node_property(nodename, nodeport, 'shouldhaveshards', false) from pg_dist_node
            where nodename = :'gone' and nodeport = :port and shouldhaveshards" || failed "cannot keep new shards away from $gone in $1"
    fi
    copy_references "$1"
    moved=0
    # A table that is made meanwhile may have shards there.
    for round in 1 2 3; do
        moves=$(to_move "$1") || failed "Citus cannot say what to move in $1"
        [[ -n $moves ]] || break
        total=$(( moved + $(printf '%s\n' "$moves" | grep -c .) ))
        while read -r shard source source_port target target_port mode table; do
            move "$1" "$shard" "$table" "$source" "$source_port" "$target" "$target_port" "$mode"
        done <<<"$moves"
        [[ -n $gone ]] || break
    done
    if [[ -n $gone && $(left "$1") != 0 ]]; then
        failed "$gone still has the only copy of $(left "$1") shards in $1"
    fi
    # What cannot be removed now, because a query reads it, is removed by Citus later.
    wait_for 20 clean "$1"
    (( moved == 0 )) || changed "$1: $moved moves of shards"
}

exec 8>/run/labctl/citus.moves
wait_for 60 alone || die "an earlier labctl is still moving shards"
databases=$(sql postgres <<<'select datname from pg_database where datallowconn and not datistemplate order by 1') ||
    failed "cannot read the databases"
while IFS= read -r database; do
    shift_shards "$database"
done <<<"$databases"
