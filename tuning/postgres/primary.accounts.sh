# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# What the standbys need on the primary: one slot each, and the role that replicates with the lab's password, also
# when the data directory is older than the lab.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} out=/run/labctl/@{nodename:sh}.accounts
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
psql=/usr/lib/postgresql/$version/bin/psql

# The statements come on standard input: a password is in no process list, and in no log.
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
select s from unnest(array[$values]::text[]) s where not exists (select from pg_replication_slots where slot_name = s);
END
)
for name in "${missing[@]}"; do
    case $name in
    ::*) printf '%s\n' "${missing[@]}"; exit 1;;                # what sql() said
    role)
        sql "cannot make the role replication" <<'END'
do $$ begin create role replication; exception when duplicate_object then null; end $$;
alter role replication login replication;
END
        changed "role replication";;
    *)
        sql "cannot make the slot $name" <<<"select from pg_create_physical_replication_slot('$name', true);" >/dev/null
        changed "slot $name";;
    esac
done
pass_file "$out.pgpass" @{secret.replication:sh}
if ! login; then
    { printf '%s\n' "$quiet_log"; cat <<'END'
alter role replication password @{secret.replication:sql};
END
    } | sql "cannot set the password of replication"
    login || { evidence "$out"; die "the role replication cannot log in"; }
    changed "password of replication"
fi
