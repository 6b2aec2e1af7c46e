# SPDX-License-Identifier: PostgreSQL
# The smoke test, on every datanode: did the update of a replicated table by a statement that the coordinator runs row by row
# (for its volatile function) arrive here? Postgres-XC before 1.1 leaves out the primary datanode and reports success.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh} name=@{nodename:sh}
out=/run/labctl/@{nodename:sh}.smoke

changed_rows() {
    rows=$(within 10 as "$user" "$bin/psql" -XAtqw -h "$dir" -p "$port" -U postgres \
        -c "select count(*) from public.labctl_smoke_r where v = 'changed'" postgres 2>"$out")
    [[ $rows == 1 ]]
}

rows=
if ! wait_for 5 changed_rows; then
    [[ $rows == 0 ]] || { evidence "$out"; die "cannot read the replicated table of the smoke test"; }
    version=$("$bin/gtm" --version)         # "gtm (Postgres-XC) 1.0.2"
    warn "Postgres-XC ${version##* }: UPDATE and DELETE of replicated tables by statements that datanodes do not run" \
        "alone (volatile functions, joins of distributed tables, triggers) do not reach the primary datanode $name, and" \
        "report success: a known defect before 1.1. Ways out: version 1.1, or a patch of your own" \
        "(cluster.source.patches), or no such statements; docs/howto/pgxc-8.md shows it"
fi
