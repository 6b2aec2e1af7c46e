# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Creates what standbys need on the primary: a slot for each, and the role replication with the lab's password. The data
# directory may be older than the lab and have another password.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.accounts
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

# Statements come on standard input, so that passwords appear in no process list and no log.
sql() {
    "$psql" -XAtqw -v ON_ERROR_STOP=1 -h /run/postgresql -p "$port" -U "$super" -d postgres -f - 2>"$out" ||
        { evidence "$out"; die "$1"; }
}
quiet_log='set log_statement = none; set log_min_error_statement = panic; set log_min_duration_statement = -1;'

login() {
    "$psql" -XAtqw -c IDENTIFY_SYSTEM >/dev/null 2>"$out" </dev/null \
        -d "host=127.0.0.1 port=$port user=replication replication=true connect_timeout=10"
}

slots=()
slot() { local name=${1,,}; slots+=("${name//[^a-z0-9_]/_}"); }
@{each standby}
slot @{peer.nodename:sh}
@{end}

values=
for name in "${slots[@]}"; do values+="${values:+, }'$name'"; done
mapfile -t missing < <(sql "cannot read the accounts" <<END
select 'role' where not exists (select from pg_roles where rolname = 'replication' and rolreplication and rolcanlogin)
union all
select s from unnest(array[$values]::text[]) s
where not exists (select from pg_replication_slots where slot_name = s and wal_status is distinct from 'lost');
END
)
# letters and digits only
password=@{secret.replication:sh}
make=$quiet_log$'\n' made=()
for name in "${missing[@]}"; do
    case $name in
    ::*) printf '%s\n' "${missing[@]}"; exit 1;;                # the error of sql()
    role)
        make+="do \$\$ begin create role replication; exception when duplicate_object then null; end \$\$;
alter role replication login replication password '$password';
"
        made+=("role replication");;
    *)
        # One whose WAL is lost is of no use to anybody.
        make+="select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '$name' \\g /dev/null
select from pg_create_physical_replication_slot('$name', true) \\g /dev/null
"
        made+=("slot $name");;
    esac
done
if (( ${#made[@]} )); then
    sql "cannot create what standbys need: ${made[*]}" <<<"$make"
    for name in "${made[@]}"; do changed "created $name"; done
fi
pass_file "$out.pgpass" "$password"
if ! login; then
    sql "cannot set the password of replication" <<<"$quiet_log alter role replication password '$password';"
    login || { evidence "$out"; die "the role replication cannot log in"; }
    changed "set the password of replication"
fi
