# SPDX-License-Identifier: PostgreSQL
# Smoke test, on every datanode: check that an update of a replicated table arrived here which the coordinator ran row by row
# (because of a volatile function). Postgres-XC before 1.1 leaves out the primary datanode and reports success.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh} name=@{nodename:sh} primary=@{datanode.nodename:sh}
out=/run/labctl/@{nodename:sh}.smoke

# look: sets changed and marked to the numbers of rows that the two updates have changed here. The second was committed after the
# first, so that a session that sees the second would see the first, too.
look() {
    local rows
    rows=$(within 25 as "$user" "$bin/psql" -XAtqw -h "$dir" -p "$port" -U postgres \
        -c "select sum((v = 'changed')::int), sum((v = 'marked')::int) from public.labctl_smoke_r" postgres 2>"$out") || return 1
    changed=${rows%|*} marked=${rows#*|}
}
arrived() { look && [[ $changed == 1 || $marked == 1 ]]; }
whole()   { look && [[ $changed == 1 ]]; }

changed='' marked=''
if ! wait_for 20 arrived; then
    evidence "$out"
    [[ -n $changed ]] || die "cannot read the replicated table of the smoke test"
    die "updates of the replicated table of the smoke test do not reach $name"
fi
[[ $changed != 1 ]] || exit 0
# The primary of 1.0 never does. Elsewhere the GTM may still have to be told that the first transaction has ended.
read -r version < <("$bin/psql" --version)        # "psql (Postgres-XC) 1.0.2"
[[ $name == "$primary" && $version == *"(Postgres-XC) 1.0"* ]] || ! wait_for 5 whole || exit 0
warn "Postgres-XC ${version##* }: UPDATE and DELETE of replicated tables by statements that datanodes do not run" \
    "alone (volatile functions, joins of distributed tables, triggers) do not reach the primary datanode $name, and" \
    "report success: a known defect before 1.1. Use version 1.1, apply a patch (cluster.source.patches), or avoid" \
    "such statements; see docs/howto/pgxc-8.md"
