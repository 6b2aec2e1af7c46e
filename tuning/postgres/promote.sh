# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Promotes this standby. No other server of the lab can start as a primary any more.

dir=@{dir:sh} port=@{port:sh} super=@{superuser:sh} user=@{user:sh} out=/run/labctl/@{nodename:sh}.promote
[[ -d /run/labctl ]] || mkdir -p /run/labctl
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
query() { "/usr/lib/postgresql/$version/bin/psql" -XAtqw -h /run/postgresql -p "$port" -U "$super" -d postgres -c "$1" 2>"$out" </dev/null; }

now=$(query 'select pg_is_in_recovery()') || { evidence "$out"; die "the server does not answer"; }
if [[ $now == t ]]; then
    # It first applies all of the WAL that it has received.
    [[ $(query 'select pg_promote(true, 120)') == t ]] || { evidence "$out"; die "the standby was not promoted within 120 s"; }
    changed "promoted the standby"
fi
# pg_rewind compares with the last checkpoint: it must be one of the new timeline.
query checkpoint >/dev/null || { evidence "$out"; die "the new primary cannot write a checkpoint"; }
put "$dir/labctl.standby.conf" 0600 "$user:$user" <<<"# Written by labctl: empty, because this is not a standby."
