# SPDX-License-Identifier: PostgreSQL
# Makes the data directory of a datanode or a coordinator.

role=@{role:sh} dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin name=@{nodename:sh} zone=@{timezone:sh}
out=/run/labctl/$name.init secret=/run/labctl/$name.secret new=$dir.labctl-new
password=@{secret.postgres:sh}
gtm=(@{gtm.nodename:sh} @{gtm.address:sh} @{gtm.port:sh})
version=$("$bin/psql" --version)     # "psql (Postgres-XC) 1.0.2"
alone=(--single)
[[ $version == *"(Postgres-XC)"* ]] || alone+=(--localxid)     # Postgres-XL would ask the GTM
catalog=()
[[ $version != *OpenTenBase* ]] ||
    catalog=(--nodetype="$role" --master_gtm_nodename="${gtm[0]}" --master_gtm_ip="${gtm[1]}" --master_gtm_port="${gtm[2]}")

(( ${#name} < 64 )) || die "the node name $name is longer than 63 characters"
if [[ -e $dir/labctl.loading ]]; then          # postmaster.join.sh was interrupted
    if processes postgres "$dir"; then
        kill -9 $pids
        wait_for 10 gone postgres "$dir" || die "cannot stop the $role whose definitions are not complete"
    fi
    rm -rf -- "$dir" || die "cannot remove $dir"
    changed "removed $dir, whose definitions were not complete"
fi

# copy: what initdb would make, from the data directory that it made when the software was built, in a fifth of the time. No two
# servers may have the same system identifier, or a standby could follow the wrong one: pg_resetxlog -f takes the new one over,
# and corrects the checksum.
copy() {
    local number byte bytes='' i
    cp -R -- "$bin/../share/labctl.data/." "$new/" && chown -R -- "$user:" "$new" || die "cannot copy to $new"
    number=$(( $(date +%s) << 32 | $(od -An -N4 -tu4 /dev/urandom) ))
    for (( i = 0; i < 64; i += 8 )); do
        printf -v byte '\\x%02x' $(( number >> i & 255 ))
        bytes+=$byte
    done
    printf '%b' "$bytes" 1<>"$new/global/pg_control" || die "cannot write $new/global/pg_control"
    as "$user" "$bin/pg_resetxlog" -f "$new" >"$out" 2>&1 || { evidence "$out"; die "cannot make the log of $new"; }
    # A single-user server reads its statements from standard input, one on each line. The password has letters and digits only.
    # TZ: see postmaster.start.sh.
    secret_file "$secret" "$user" "drop node labctl
create node \"$name\" with (type = coordinator)
alter role postgres password '$password'"
    as "$user" /usr/bin/env "TZ=$zone" /bin/bash -c 'exec "$1" "${@:5}" -F -O -c exit_on_error=true -c log_min_error_statement=panic \
        -c "pgxc_node_name=$2" -D "$3" template1 <"$4"' bash "$bin/postgres" "$name" "$new" "$secret" "${alone[@]}" >"$out" 2>&1 ||
        { evidence "$out"; die "cannot name the node in $new"; }
}

if [[ ! -e $dir/PG_VERSION ]]; then
    new_dir database
    if [[ -d $bin/../share/labctl.data ]]; then
        copy
    else
        secret_file "$secret" "$user" "$password"
        as "$user" /usr/bin/env "TZ=$zone" "$bin/initdb" -D "$new" --nodename="$name" ${catalog[@]+"${catalog[@]}"} -E UTF8 --locale=C -U postgres \
            --pwfile="$secret" >"$out" 2>&1 || { evidence "$out"; die "initdb of $dir failed"; }
    fi
    # The catalog has that name. Keep it in a file, too, because labctl replaces postgresql.conf.
    printf '%s\n' "$name" >"$new/labctl.nodename" || die "cannot write $new/labctl.nodename"
    if (( ${#catalog[@]} )); then
        printf '%s\n' "${gtm[*]}" >"$new/labctl.gtm" || die "cannot write $new/labctl.gtm"     # for postmaster.start.sh
    else
        printf '' >"$new/labctl.joins" || die "cannot write $new/labctl.joins"
    fi
    mv -T -- "$new" "$dir" || die "cannot create $dir"       # complete or not at all
    changed "initdb $dir ($name)"
else
    made=
    { read -r made <"$dir/labctl.nodename"; } 2>/dev/null
    [[ -z $made || $made == "$name" ]] || die "$dir belongs to the node $made, not to $name"
fi
ensure_dir "$dir" 700 "$user:$user"
# postgresql.conf includes this file: a server rejects settings that it does not know.
if [[ $role == datanode ]]; then
    if [[ $version == *"(Postgres-XC) 1.0"* ]]; then
        put "$dir/labctl.version.conf" 0600 "$user:$user" $'wal_sender_delay = 10ms\n'
    elif [[ $version == *"(Postgres-XC)"* ]]; then
        put "$dir/labctl.version.conf" 0600 "$user:$user" $'# wal_sender_delay: only Postgres-XC 1.0 has it\n'
        skipped "wal_sender_delay = 10ms of the datanode: only Postgres-XC 1.0 has it"
    fi
fi
ensure_dir /var/lib/labctl/boot 700 root:root
# Coordinators are closed to clients until it has their definitions: postmaster.join.sh, which asks the coordinators that are not new.
[[ ! -e $dir/labctl.joins ]] || echo "::value joins 1"
if [[ $role == coordinator ]]; then
    if [[ -e $dir/labctl.joins ]]; then echo "::value old 1"; else echo "::value old 2"; fi
fi
exit 0
