# SPDX-License-Identifier: PostgreSQL
# Corrects the sequences of a GTM that was not stopped cleanly. The GTM saves them only at a clean stop: it does not know
# sequences created since (nextval() returns 9223372036854775807 without an error, and drop sequence fails), and older ones
# restart at used values. The catalogs of all databases list the sequences. Their last values are on their pages on every
# coordinator, in shared buffers; nextval() neither logs them nor marks the page as changed, so that a coordinator that was
# restarted has older ones. They are also in the columns that use them as default.
# Runs on one coordinator; does nothing without the mark of gtm.look.sh. Coordinators are closed to clients (coordinator.shut.sh).

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh}
gtm_ip=@{gtm.ip:sh} gtm_port=@{gtm.port:sh} unclean=@{value.unclean:sh} forgot=@{value.forgot:sh}
work=/run/labctl/@{nodename:sh}.sequences
margin=1000     # increments that no coordinator may have kept
user_tables="n.nspname !~ '^pg_(temp|toast)' and c.relkind = 'S'"
key="encode(convert_to(current_database() || '.' || n.nspname || '.' || c.relname, getdatabaseencoding()), 'hex')"

(( unclean )) || exit 0

# Before 1.1 a negative value counts as an error of the GTM: the margin does not lead there.
version=$("$bin/psql" --version)        # "psql (Postgres-XC) 1.0.2"
[[ $version == *"(Postgres-XC) 1.0"* ]] && least="case when inc < 0 and last >= 0 then greatest(low, 0) else low end" || least=low

# ask WHAT HOST PORT DATABASE FILE: runs the SQL in FILE; writes the rows to FILE.out.
ask() {
    within 120 as "$user" "$bin/psql" -XAtqw -v ON_ERROR_STOP=1 -F ' ' -h "$2" -p "$3" -U postgres -f "$5" "$4" \
        >"$5.out" 2>"$5.err" || { evidence "$5.err" 5; die "cannot read the $1"; }
}

# select_each WHAT HOST PORT DATABASE NAME: runs the SQL that the SQL on standard input returns; writes its rows to NAME.out.
select_each() {
    cat >"$work/$5.make" || die "cannot write $work/$5.make"
    ask "$1" "$dir" "$port" "$4" "$work/$5.make"
    mv -f -- "$work/$5.make.out" "$work/$5" && chmod 644 "$work/$5" || die "cannot write $work/$5"
    ask "$1" "$2" "$3" "$4" "$work/$5"
}

pages() {       # NAME HOST PORT DATABASE: the sequences of a coordinator
    select_each "sequences of the database $4 on $1" "$2" "$3" "$4" "pages.$1" <<SQL
select 'select ''' || $key || ''', last_value, is_called, increment_by, min_value, max_value, start_value, is_cycled from '
    || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ';'
from pg_class c join pg_namespace n on n.oid = c.relnamespace where $user_tables;
SQL
    cat -- "$work/pages.$1.out" >>"$work/all.pages"
}

columns() {     # DATABASE: the smallest and largest value of each integer column that a sequence fills
    select_each "columns with sequences of the database $1" "$dir" "$port" "$1" columns <<SQL
select distinct 'select ''' || $key || ''', trunc(min(' || quote_ident(a.attname) || ')), trunc(max(' || quote_ident(a.attname)
    || ')) from ' || quote_ident(tn.nspname) || '.' || quote_ident(t.relname) || ';'
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join (select d.objid as seq, d.refobjid as tab, d.refobjsubid as col from pg_depend d
        where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'a' and d.refobjsubid > 0
    union select d.refobjid, f.adrelid, f.adnum from pg_depend d join pg_attrdef f on f.oid = d.objid
        where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass) u on u.seq = c.oid
join pg_class t on t.oid = u.tab and t.relkind = 'r' join pg_namespace tn on tn.oid = t.relnamespace
join pg_attribute a on a.attrelid = t.oid and a.attnum = u.col and a.atttypid in (20, 21, 23, 1700)
where $user_tables;
SQL
    cat -- "$work/columns.out" >>"$work/all.columns"
}

# One row per sequence: the input of gtm_sequence, then its name and where it continues.
decide() {
    local row
    {
        printf '%s\n' "with page (key, last, called, inc, low, high, start, cycles) as (values (null::text, null::numeric," \
            "null::bool, null::numeric, null::numeric, null::numeric, null::numeric, null::bool)"
        while read -r -a row; do
            printf ",('%s',%s,'%s',%s,%s,%s,%s,'%s')\n" "${row[@]}"
        done <"$work/all.pages"
        printf '%s\n' "), col (key, low, high) as (values (null::text, null::numeric, null::numeric)"
        while read -r -a row; do
            (( ${#row[@]} != 3 )) || printf ",('%s',%s,%s)\n" "${row[@]}"     # fewer: the table has no rows
        done <"$work/all.columns"
        cat <<SQL
), used as (
    select p.key, p.inc, p.low, p.high, p.start, p.cycles, p.key_last,
        case when p.inc > 0 then greatest(p.most, c.high) else least(p.least, c.low) end as last
    from (select key, max(inc) as inc, max(low) as low, max(high) as high, max(start) as start, bool_or(cycles) as cycles,
            max(case when called then last end) as most, min(case when called then last end) as least, null as key_last
        from page where key is not null group by key) p
    left join (select key, max(high) as high, min(low) as low from col where key is not null group by key) c on c.key = p.key
), safe as (
    select *, case
        when last is null then null
        when last + inc * $margin between $least and high then last + inc * $margin
        else least(greatest(last, low), high) end as go
    from used)
select key, inc, low, high, start, case when cycles then 't' else 'f' end, coalesce(go::text, '-'),
    translate(convert_from(decode(key, 'hex'), getdatabaseencoding()), E' \\n\\t', '___'),
    case when go is null then 'was never used' else 'continues after ' || go || ', last used ' || last end
from safe order by key;
SQL
    } >"$work/decide"
    ask "sequences" "$dir" "$port" postgres "$work/decide"
}

rm -rf -- "$work" && mkdir -p -- "$work" && chmod 755 "$work" || die "cannot create $work"
printf '' >"$work/all.pages"
printf '' >"$work/all.columns"
printf '%s\n' "select datname from pg_catalog.pg_database where datallowconn order by 1" >"$work/databases"
ask "databases" "$dir" "$port" postgres "$work/databases"
while IFS= read -r database; do
@{each coordinator}
    pages @{peer.nodename:sh} @{peer.ip:sh} @{peer.port} "$database"
@{end}
    columns "$database"
done <"$work/databases.out"
[[ -s $work/all.pages ]] || { echo "::value restored 1"; exit 0; }
decide
while read -r a b c d e f g _; do printf '%s\n' "$a $b $c $d $e $f $g"; done <"$work/decide.out" >"$work/wanted"
"$bin/gtm_sequence" "$gtm_ip" "$gtm_port" <"$work/wanted" >"$work/done" 2>"$work/done.err"
refused=
while read -r _ _ _ _ _ _ _ name where && read -r did _ <&4; do
    case $did in
    made) changed "sequence $name: restored in the GTM, $where";;
    set)  changed "sequence $name: $where";;
    *)    refused+=" $name";;
    esac
done <"$work/decide.out" 4<"$work/done"
[[ -z $refused ]] || die "the GTM rejects these sequences:$refused"
wanted=0 have=0
while read -r _; do (( ++wanted )); done <"$work/wanted"
while read -r _; do (( ++have )); done <"$work/done"
(( ! forgot )) || warn "a coordinator did not run when the GTM was lost: of a sequence that no column has as its default, values" \
    "more than $margin steps back are known only up to the coordinator's last start, and may come again"
(( wanted == have )) || { evidence "$work/done.err"; die "the GTM accepted only $have of $wanted sequences"; }
rm -rf -- "$work"
echo "::value restored 1"
