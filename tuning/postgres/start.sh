# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Starts the server of a primary or a standby, or makes it apply a changed configuration. The rule ROLE.apply, of a change, only
# does the latter.
#
# The server is a systemd unit, not a child of this session: so it starts at boot, stops in time before its data directory
# is unmounted, and gets its limits without PAM. Where systemd does not run, pg_ctl starts it.

dir=@{dir:sh} user=@{user:sh} port=@{port:sh} role=@{role:sh} rule=@{rule:sh} ip=@{ip:sh} super=@{superuser:sh}
unit=labctl-postgres-$role.service early=/var/log/labctl-postgres-$role.log log=$dir/log/postgresql.log
out=/run/labctl/@{nodename:sh}.start
names=(postgresql.conf labctl.standby.conf pg_hba.conf pg_ident.conf)
files=("${names[@]/#/$dir/}") floor=$dir/labctl.floor.conf

[[ -d /run/labctl ]] || mkdir -p /run/labctl
{ read -r version <"$dir/PG_VERSION"; } 2>/dev/null || die "$dir holds no database"
bin=/usr/lib/postgresql/$version/bin
[[ -x $bin/postgres ]] || die "$dir was made by PostgreSQL $version, which is not in the image"

running() { pid_in "$dir/postmaster.pid" && alive "$pid" postgres "$dir"; }
# The running server may have another port than its new configuration.
query() {
    local lines=()
    { mapfile -t -n 4 lines <"$dir/postmaster.pid"; } 2>/dev/null
    [[ -S /run/postgresql/.s.PGSQL.${lines[3]:=$port} ]] &&
        "$bin/psql" -XAtqw -h /run/postgresql -p "${lines[3]}" -U "$super" -d postgres 2>"$out" <<<"$1"
}
# The postmaster says in its pid file when it accepts connections: until then, no psql for each look.
opened() {
    local lines=()
    { mapfile -t -n 8 lines <"$dir/postmaster.pid"; } 2>/dev/null
    [[ ${lines[7]-} == ready* ]]
}
ready()  { running && opened && [[ $(query 'select 1') == 1 ]]; }

# first_error FILE: sets why to the first error that a server reports in FILE.
first_error() {
    local line
    why=
    [[ -r $1 ]] || return 0
    while IFS= read -r line; do
        case $line in
        *FATAL:*' contains errors') continue;;                  # only says that there was an error before
        *LOG:*'invalid '* | *LOG:*'unrecognized '* | *LOG:*'syntax error'* | *FATAL:*) why=": ${line##*[GL]:  }"; return 0;;
        esac
    done <"$1"
}

# refused WHY: the server rejects the new configuration: restores the last one that it accepted.
refused() {
    go_back "$role" "${files[@]}"
    printf '::next correct cluster.settings.%s in the lab file, then: labctl -f FILE bootstrap\n' "$role"
    die "the $role rejects its new configuration$1; it keeps the old one"
}

# The message includes the error that a server reports before it opens its log, such as a missing library.
failed() {
    local why
    first_error "$early"
    evidence "$early" 6; evidence "$log"; evidence "$out" 4
    if go_back "$role" "${files[@]}"; then
        start_it
        refused "$why"
    fi
    die "$1$why"
}

# Has the server said since the last look for how long it has been flushing files or replaying? It does so every 10 s.
busy() {
    local last=$progress
    progress=$(tail -n 1 "$log" 2>/dev/null)
    [[ $progress == *'elapsed time: '* && $progress != "$last" ]]
}

start_it() {
    local tries progress=
    # While a unit waits for its next automatic start, `systemctl start` does nothing, and the unit looks failed.
    [[ ! -d /run/systemd/system ]] || systemctl stop "$unit" >"$out" 2>&1 </dev/null
    ! listening "$port" || die "port $port is in use by another program"
    # No server is running: the pid file is a leftover, and its pid may be another process's by now.
    rm -f -- "$dir/postmaster.pid"
    printf '' >"$early"
    if [[ -d /run/systemd/system ]]; then
        # --no-block: a standby may wait for WAL for long; do not hang without a message.
        systemctl reset-failed "$unit" >"$out" 2>&1 </dev/null
        systemctl start --no-block "$unit" >"$out" 2>&1 </dev/null || failed "systemd cannot start $unit"
    else
        chown "$user:" "$early"
        printf '' >"$dir/labctl.reloaded"
        as "$user" "$bin/pg_ctl" start -W -D "$dir" -l "$early" >"$out" 2>&1
    fi
    wait_for 40 begun || failed "the $role did not start within 40 s"
    for (( tries = 0; tries < 60; tries++ )); do
        wait_for 2 ready && return 0
        running || break
        ! busy || tries=0
    done
    failed "the $role started but does not accept connections"
}

# Did it exit, whether or not systemd starts it again?
dead() {
    local state
    state=$(systemctl show -p ActiveState -p SubState "$unit" </dev/null)
    [[ $state == *=failed* || $state == *=auto-restart* ]]
}

# Has the server started? Fails at once if it cannot start.
begun() {
    running && return 0
    [[ -d /run/systemd/system ]] || return 1
    dead || return 1
    systemctl stop "$unit" >/dev/null 2>&1 </dev/null          # or systemd would start it again
    failed "the $role did not start"
}

stop_it() {
    if [[ -d /run/systemd/system ]] && systemctl -q is-active "$unit" </dev/null; then
        systemctl stop "$unit" >"$out" 2>&1 </dev/null
    elif running; then
        kill -INT "$pid"
    fi
    wait_for 60 gone postgres "$dir" || die "cannot stop the $role"
}

# newer FILE: did FILE change since the server's start and its last reload? The time of postmaster.pid does not say so:
# the server writes to it again when it is ready.
newer() { [[ ! $dir/labctl.reloaded -nt $dir/$1 ]]; }

# Were the files of the running server (PostgreSQL's or Citus') replaced? New backends would mix both versions.
replaced() { grep -Eq '/lib/postgresql/.*(\.so|/postgres) \(deleted\)$' "/proc/$pid/maps"; }

loaded_since() { [[ $(query "select pg_conf_load_time() >= to_timestamp($1)") == t ]]; }

# Errors in the files: a line of pg_hba.conf, or a value of an extension, which only a server that has loaded it can check.
# Settings that take effect at the next start do not count as errors.
errors="select concat_ws(' ', error, 'in line', line_number, 'of pg_hba.conf') from pg_hba_file_rules where error is not null
union all select concat_ws(' ', f.name, '=', f.setting || ':', f.error) from pg_file_settings f left join pg_settings s using (name)
where f.error is not null and s.context is distinct from 'postmaster'"

apply() {
    local file new='' error why since=$EPOCHREALTIME
    for file in "${names[@]}" "${floor##*/}"; do
        [[ -e $dir/$file ]] && newer "$file" && new+=" $file"
    done
    [[ -n $new ]] || replaced || return 0
    # Check first: a server that reads an invalid file keeps its settings and reports it in its log only.
    as "$user" "$bin/postgres" -D "$dir" -C port >/dev/null 2>"$out" || { first_error "$out"; evidence "$out" 4; refused "$why"; }
    error=$(query "$errors")
    [[ -z $error ]] || refused ": ${error//$'\n'/; }"
    if replaced; then
        stop_it
        start_it
        changed "restarted the $role: its software was replaced"
        return 0
    fi
    kill -HUP "$pid"
    wait_for 5 loaded_since "$since" || { evidence "$log"; refused ''; }
    printf '' >"$dir/labctl.reloaded"
    if [[ $(query 'select count(*) from pg_settings where pending_restart') == 0 ]]; then
        changed "reloaded the $role:$new"
        return 0
    fi
    stop_it
    start_it
    changed "restarted the $role:$new"
}

# A standby's directory says that it is one. Without that it would start as a second primary; and after a failover it has
# what the new primary has not.
check_role() {
    local next='labctl -l @{lab.name:raw} rejoin @{node.name:raw}'
    case $role in
    standby)
        [[ ! -e $dir/standby.signal || -e $dir/labctl.fenced || -e $dir.labctl-rewind ]] || return 0
        printf '::next %s\n' "$next"
        die "$dir is that of an old primary, from which another server took over: it must rejoin as a standby";;
    *)
        [[ -e $dir/standby.signal ]] || return 0
        [[ $role != primary ]] || printf '::next %s\n' 'labctl -l @{lab.name:raw} failover primary    (finishes it)'
        die "$dir is a standby's: a switchover or failover was not finished, or somebody copied it";;
    esac
}

streams() { [[ $(query "select status from pg_stat_wal_receiver") == streaming ]]; }

# written NAME DEFAULT: sets value to the number that postgresql.conf says.
written() {
    local line pattern="^ *$1[ =]+'?([0-9]+)"
    value=$2
    while IFS= read -r line; do
        [[ ${line,,} =~ $pattern ]] && value=${BASH_REMATCH[1]}
    done <"$dir/postgresql.conf"
}

# below: sets floors to lines for postgresql.conf: what its primary has more of. With less, a standby stops applying WAL, and
# does not start. Its control file says what the primary had when it wrote the WAL that is applied.
below() {
    local line name value least
    floors=''
    while IFS= read -r line; do
        case $line in
        'max_connections setting:'*)      name=max_connections least=100;;
        'max_worker_processes setting:'*) name=max_worker_processes least=8;;
        'max_wal_senders setting:'*)      name=max_wal_senders least=10;;
        'max_prepared_xacts setting:'*)   name=max_prepared_transactions least=0;;
        'max_locks_per_xact setting:'*)   name=max_locks_per_transaction least=64;;
        *) continue;;
        esac
        written "$name" "$least"
        line=${line##*[[:blank:]]}
        (( value >= line )) || floors+="$name = $line"$'\n'
    done < <("$bin/pg_controldata" -D "$dir" 2>/dev/null </dev/null)
}
enough() { below; [[ -z $floors ]]; }

# While the primary has more, so has the standby, whatever its configuration says.
set_floor() {
    if [[ ! -e $dir/standby.signal ]]; then
        [[ ! -e $floor ]] || rm -f -- "$floor"
        return 0
    fi
    below
    [[ -z $floors && ! -e $floor ]] || put "$floor" 0600 "$user:$user" "# Written by labctl: what the primary has.
$floors"
}

# The log says why it does not stream: the slot lost its WAL, a wrong password, the primary is down.
follows() {
    wait_for 30 streams || failed "the standby is running but does not stream from the primary; to copy the primary again, move $dir away"
}

# A change lowers the primary's after the standby's, and the standby knows a moment later.
leave_floor() {
    local line
    if wait_for 5 enough; then
        set_floor
        apply
        return 0
    fi
    while IFS= read -r line; do
        warn "the standby has less than its primary, and runs with $line; set cluster.settings.standby.${line%% *}"
    done <<<"${floors%$'\n'}"
}

[[ $rule != *.apply ]] || running || exit 0
check_role
# The configuration includes this file; standby.init.sh fills it.
[[ -e $dir/labctl.standby.conf ]] ||
    put "$dir/labctl.standby.conf" 0600 "$user:$user" <<<"# Written by labctl: empty, because this is not a standby."
retire_units "$unit"
[[ ! -d /run/systemd/system ]] || put_unit "$unit" <<END
# Written by labctl; changes made here are lost.
[Unit]
Description=PostgreSQL, $role of the lab @{lab.name:raw}
After=network.target
RequiresMountsFor=$dir
# Do not restart a failing server forever.
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=notify
User=$user
# Wait for the node's address: PostgreSQL would start without it, and not listen on it.
ExecStartPre=/bin/sh -c 'n=0; until grep -q -- "-- $ip\$" /proc/net/fib_trie || [ \$n -ge 150 ]; do n=\$((n + 1)); sleep 0.2; done'
ExecStartPre=-+/bin/touch $dir/labctl.reloaded
ExecStart=$bin/postgres -D $dir
ExecReload=/bin/kill -HUP \$MAINPID
StandardError=append:$early
KillMode=mixed
KillSignal=SIGINT
TimeoutStartSec=infinity
TimeoutStopSec=60
Restart=@{if restart}on-failure@{else}no@{end}
RestartSec=1
LimitNOFILE=131072
LimitNPROC=131072
LimitCORE=infinity
LimitSTACK=16M

[Install]
WantedBy=multi-user.target
END
floors='' streamed=yes
set_floor
if running; then
    wait_for 60 ready || failed "the $role is running but does not answer"
    [[ $rule != *.apply ]] || streams || streamed=
    apply
else
    start_it
    changed "started the $role on port $port"
fi
accepted "$role" "${files[@]}"
if [[ -e $dir/standby.signal && -n $streamed ]]; then
    follows
    if [[ $rule != *.apply && -n $floors ]]; then
        leave_floor
        follows
    fi
fi
