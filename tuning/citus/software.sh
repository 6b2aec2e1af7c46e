# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Checks that Citus is installed for the PostgreSQL of this data directory, before anything is changed.

dir=@{dir:sh}
if ! { read -r version <"$dir/PG_VERSION"; } 2>/dev/null; then
    newest initdb
    version=${bin%/bin}
    version=${version##*/}
fi
[[ -x /usr/lib/postgresql/$version/bin/postgres ]] || die "PostgreSQL $version is not in the image"
if [[ ! -f /usr/share/postgresql/$version/extension/citus.control || ! -f /usr/lib/postgresql/$version/lib/citus.so ]]; then
    printf '::next %s\n' 'labctl -l @{lab.name:raw} bootstrap citus --source FILE|URL'
    die "the image has no Citus (package postgresql-$version-citus-*), and no source archive was given"
fi
