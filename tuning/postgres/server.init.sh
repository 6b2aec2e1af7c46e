# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Runs initdb for a primary, coordinator or worker, with the newest PostgreSQL of the image.

dir=@{dir:sh} user=@{user:sh} port=@{port:sh} super=@{superuser:sh} zone=@{timezone:sh}
locale=@{locale:sh} new=$dir.labctl-new out=/run/labctl/@{nodename:sh}.init secret=/run/labctl/@{nodename:sh}.secret

# Databases use the collation of tuning.locale if the node has it, else C.UTF-8.
usable_locale() {
    case $locale in
    C | POSIX | C.UTF-8 | C.utf8) return;;
    *.[Uu][Tt][Ff]*) ! locale -a 2>/dev/null | grep -qixF -- "${locale/UTF-8/utf8}" || return 0
        skipped "collation $locale: the node has no such locale; using C.UTF-8";;
    *) skipped "collation $locale: databases are UTF-8, but the locale is not; using C.UTF-8";;
    esac
    locale=C.UTF-8
}

make_system() {
    local lock
    [[ $dir =~ ^/[A-Za-z0-9_./-]+$ ]] || die "$dir: only letters, digits and _ . / - are allowed, for the unit file"
    newest initdb
    [[ -d /run/labctl ]] || mkdir -p /run/labctl
    # The script of a labctl that was killed may still be running: wait for it.
    exec {lock}>/run/labctl/postgres.init.lock
    flock -w 120 "$lock" || die "another initdb of $dir is still running after 120 s"
    [[ ! -e $dir/PG_VERSION ]] || return 0
    stop_moved labctl-postgres-@{role:raw}.service
    new_dir database
    usable_locale
    secret_file "$secret" "$user" @{secret.postgres:sh}
    # Without TZ, initdb reads the files of all time zones, to find the one that the system has.
    as "$user" /usr/bin/env "TZ=$zone" "$bin/initdb" -D "$new" -U "$super" -E UTF8 --locale="$locale" --data-checksums \
        --auth-local=peer --auth-host=scram-sha-256 --pwfile="$secret" >"$out" 2>&1 ||
        { evidence "$out"; die "initdb of $dir failed"; }
    rm -f -- "$secret"
    # For tuning/citus/default.sh: nobody has used it.
    [[ @{role:sh} == primary ]] || printf '' >"$new/labctl.new" || die "cannot write $new/labctl.new"
    mv -T -- "$new" "$dir" || die "cannot create $dir"       # complete or not at all
    exec {lock}>&-
    changed "initdb $dir (${bin%/bin})"
}

[[ -e $dir/PG_VERSION ]] || make_system
ensure_dir "$dir" 700 "$user:$user"
