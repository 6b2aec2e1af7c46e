# SPDX-License-Identifier: PostgreSQL
# Smoke test, on every datanode: check that an update of a replicated table arrived here which the coordinator ran row by row
# (because of a volatile function). Postgres-XC before 1.1 leaves out the primary datanode and reports success.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh} name=@{nodename:sh} primary=@{datanode.nodename:sh}
out=/run/labctl/@{nodename:sh}.smoke

changed_rows() {
    rows=$(within 25 as "$user" "$bin/psql" -XAtqw -h "$dir" -p "$port" -U postgres \
        -c "select count(*) from public.labctl_smoke_r where v = 'changed'" postgres 2>"$out")
    [[ $rows == 1 ]]
}

# A new session may see an update a moment late. The primary of 1.0 mostly never does, so that most of the wait is for nothing.
patience() {
    read -r version < <("$bin/psql" --version)        # "psql (Postgres-XC) 1.0.2"
    seconds=5
    if [[ $rows == 0 && $name == "$primary" && $version == *"(Postgres-XC) 1.0"* ]]; then seconds=1; fi
}

rows=
if ! changed_rows && patience && ! wait_for "$seconds" changed_rows; then
    [[ $rows == 0 ]] || { evidence "$out"; die "cannot read the replicated table of the smoke test"; }
    warn "Postgres-XC ${version##* }: UPDATE and DELETE of replicated tables by statements that datanodes do not run" \
        "alone (volatile functions, joins of distributed tables, triggers) do not reach the primary datanode $name, and" \
        "report success: a known defect before 1.1. Use version 1.1, apply a patch (cluster.source.patches), or avoid" \
        "such statements; see docs/howto/pgxc-8.md"
fi
