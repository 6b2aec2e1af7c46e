# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The database system of a primary, a coordinator or a worker, by the newest PostgreSQL of the image.

dir=@{dir:sh} user=@{user:sh} port=@{port:sh} super=@{superuser:sh}
locale=@{locale:sh} new=$dir.labctl-new out=/run/labctl/@{nodename:sh}.init secret=/run/labctl/@{nodename:sh}.secret

# Names sort as tuning.locale says; where that cannot be, by their bytes.
usable_locale() {
    case $locale in
    C | POSIX | C.UTF-8 | C.utf8) return;;
    *.[Uu][Tt][Ff]*) ! locale -a 2>/dev/null | grep -qixF -- "${locale/UTF-8/utf8}" || return 0
        skipped "collation $locale: the node has no such locale; databases sort as C.UTF-8";;
    *) skipped "collation $locale: not of UTF-8, as databases are; they sort as C.UTF-8";;
    esac
    locale=C.UTF-8
}

make_system() {
    local lock
    [[ $dir =~ ^/[A-Za-z0-9_./-]+$ ]] || die "$dir: only letters, digits and _ . / - fit into a unit file"
    newest initdb
    [[ -d /run/labctl ]] || mkdir -p /run/labctl
    # Should the script of a labctl that was killed still be at it: one after the other.
    exec {lock}>/run/labctl/postgres.init.lock
    flock -w 120 "$lock" || die "another initdb of $dir does not end"
    [[ ! -e $dir/PG_VERSION ]] || return 0
    stop_moved labctl-postgres-@{role:raw}.service
    new_dir database
    usable_locale
    secret_file "$secret" "$user" @{secret.postgres:sh}
    as "$user" "$bin/initdb" -D "$new" -U "$super" -E UTF8 --locale="$locale" --data-checksums \
        --auth-local=peer --auth-host=scram-sha-256 --pwfile="$secret" >"$out" 2>&1 ||
        { evidence "$out"; die "initdb of $dir"; }
    rm -f -- "$secret"
    mv -T -- "$new" "$dir" || die "cannot make $dir"       # whole or not at all
    exec {lock}>&-
    changed "initdb $dir (${bin%/bin})"
}

[[ -e $dir/PG_VERSION ]] || make_system
ensure_dir "$dir" 700 "$user:$user"
[[ ! -e $dir/standby.signal ]] || die "$dir is a standby's: it was made by this lab with other roles, or by hand"
