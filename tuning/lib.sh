# SPDX-License-Identifier: PostgreSQL
[[ $- != *s* || ${BASH_VERSINFO[0]} -lt 4 ]] || { LC_ALL=C IFS= read -r -N 4194304 script; eval "$script"; exit; }
# bash reads commands from a pipe byte by byte, with a system call for each: the line above reads the whole script from
# standard input at once. bash 3.2 (el5) has no read -N and reads on as usual.
#
# The prelude of every script that labctl runs as root on a node. A script arrives on the standard input of bash, after
# these lines. Its standard output is a protocol:
#
#   ::changed TEXT    the script changed something
#   ::skipped TEXT    something that was requested is not possible here
#   ::warn TEXT       it works, but the user must know: always shown, also by `labctl status`
#   ::evidence LINE   a line of a log, printed before a failure
#   ::next TEXT       what the user can do about the failure that follows
#   ::fail TEXT       the script failed and exits with status 1
#
# A script prints nothing and exits with 0 when there is nothing to do, and can be run any number of times. It forks as
# little as possible: on a host of 1,000 nodes, processor time is scarce. Its commands must not read standard input,
# from which bash reads the script. The scripts here, in tuning/os and in tuning/pgxc must run on bash 3.2 (el5), 4.1
# (el6), 4.2 and later. In the old ones, "${a[@]}" of an empty array is an error, and mapfile and EPOCHREALTIME do not
# exist (tests/cli/shellcheck.bats has the other rules).

set -u
umask 022
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset PGHOST PGPORT PGDATA PGUSER PGDATABASE PGPASSWORD PGPASSFILE LD_LIBRARY_PATH

changed() { printf '::changed %s\n' "$*"; }
skipped() { printf '::skipped %s\n' "$*"; }
warn()    { printf '::warn %s\n' "$*"; }
die()     { printf '::fail %s\n' "$*"; exit 1; }

# evidence FILE [N]: prints the last N lines of FILE (default 15).
evidence() {
    local line
    [[ -s $1 ]] || return 0
    while IFS= read -r line || [[ -n $line ]]; do
        printf '::evidence %s\n' "$line"
    done < <(exec tail -n "${2:-15}" -- "$1" 2>/dev/null)
}

# right PATH MODE OWNER: does PATH have this mode (644 or 0644) and owner (USER or USER:GROUP)?
right() {
    local now
    now=$(exec stat -L -c '%a %U:%G' -- "$1" 2>/dev/null) && like "$now" "$2" "$3"
}

# like NOW MODE OWNER: does NOW, a line of stat's output, have this mode and owner?
like() { [[ $1 == "${2#0} $3" || ( $3 != *:* && $1 == "${2#0} $3:"* ) ]]; }

# The marks around labctl's block in a file that others write to as well.
own_begin='# >>> labctl' own_end='# <<< labctl'

# put PATH MODE OWNER TEXT ...: atomically makes each PATH a file with exactly this text (a single PATH without a TEXT:
# with standard input). One `stat` checks all files that have their text already, one program renames all others.
put() {
    local path mode owner text old temporary same=() wanted=() moves=()
    if (( $# == 3 )); then
        IFS= read -r -d '' text
        set -- "$@" "$text"
    fi
    while (( $# )); do
        path=$1 mode=$2 owner=$3 text=$4 old=''
        shift 4
        [[ ! -d $path ]] || die "$path is a directory"
        if [[ -f $path ]]; then
            IFS= read -r -d '' old 2>/dev/null <"$path"
            # Only the block between the marks is labctl's: keep the text around it.
            if [[ $text == *"$own_begin"*"$own_end"* && $old == *"$own_begin"*$'\n'"$own_end"$'\n'* ]]; then
                text=${text#*"$own_begin"}
                text=${old%%"$own_begin"*}$own_begin${text%%"$own_end"*}$own_end${old#*$'\n'"$own_end"}
            fi
            if [[ $old == "$text" && ( -n $old || ! -s $path ) ]]; then
                same+=("$path") wanted+=("$mode $owner")
                continue
            fi
        fi
        put_beside
        moves+=("$temporary" "$path")
    done
    (( ! ${#same[@]} )) || put_right
    (( ! ${#moves[@]} )) || put_moves "${moves[@]}"
}

# Writes the text to a temporary file in the same directory.
put_beside() {
    local mask
    temporary=${path%/*}/.${path##*/}.labctl
    [[ ! -e $temporary && ! -L $temporary ]] || rm -f -- "$temporary"
    printf -v mask '%o' $(( 0777 & ~8#$mode ))
    umask "$mask"
    set -C                          # do not follow a link that appeared meanwhile
    printf '%s' "$text" >"$temporary" || die "cannot write $temporary"
    set +C
    umask 022
    # A new file belongs to root and is not executable: often right already.
    if [[ ! ( $owner == root || $owner == root:root ) || ! -O $temporary || ! -G $temporary ]] || (( 8#$mode & ~8#666 )); then
        if ! { chown -- "$owner" "$temporary" && chmod -- "$mode" "$temporary"; } 2>/dev/null; then
            rm -f -- "$temporary"
            die "cannot make $owner the owner of $path"
        fi
    fi
}

# Corrects mode and owner of the files that have their text already.
put_right() {
    local i now
    IFS=$'\n' read -r -d '' -a now < <(exec stat -L -c '%a %U:%G' -- "${same[@]}" 2>/dev/null)
    (( ${#now[@]} == ${#same[@]} )) || die "another program is changing ${same[*]}"
    for i in "${!same[@]}"; do
        like "${now[i]}" "${wanted[i]% *}" "${wanted[i]#* }" && continue
        chown -- "${wanted[i]#* }" "${same[i]}" && chmod -- "${wanted[i]% *}" "${same[i]}" ||
            die "cannot set the owner of ${same[i]}"
        changed "${same[i]}"
    done
}

# put_moves FROM TO ...
put_moves() {
    if (( $# > 2 )) && type -P perl >/dev/null; then
        perl -e 'rename(shift, shift) while @ARGV' -- "$@" </dev/null
    fi
    while (( $# )); do
        # A file that is a mount point (in containers) cannot be replaced.
        if [[ -e $1 ]] && ! mv -fT -- "$1" "$2" 2>/dev/null; then
            cat -- "$1" >"$2" && chown --reference="$1" -- "$2" && chmod --reference="$1" -- "$2" || die "cannot write $2"
            rm -f -- "$1"
        fi
        changed "$2"
        shift 2
    done
}

# accepted NAME FILE...: the server NAME runs with these files; keeps a copy of those that changed, for go_back.
accepted() {
    local kept=/var/lib/labctl/accepted/$1 file new=()
    shift
    for file; do
        [[ -f $file ]] && [[ ! -e $kept/${file##*/} || $file -nt $kept/${file##*/} ]] && new+=("$file")
    done
    (( ${#new[@]} )) || return 0
    [[ -d $kept ]] || ( umask 077; mkdir -p -- "$kept" ) && cp -p -- "${new[@]}" "$kept/" || die "cannot write $kept"
}

# go_back NAME FILE...: restores the accepted copies of files that changed since; false if there are none.
go_back() {
    local kept=/var/lib/labctl/accepted/$1 file beside status=1
    shift
    for file; do
        [[ -e $kept/${file##*/} && $file -nt $kept/${file##*/} ]] || continue
        beside=${file%/*}/.${file##*/}.labctl
        cp -p -- "$kept/${file##*/}" "$beside" && mv -fT -- "$beside" "$file" || die "cannot write $file"
        status=0
    done
    return $status
}

# ensure_dir PATH MODE OWNER: makes PATH a directory with this mode and owner; what is in it keeps its own.
ensure_dir() {
    if [[ -d $1 ]]; then
        right "$@" && return 0
    else
        mkdir -p -- "$1" || die "cannot create the directory $1"
    fi
    chown -- "$3" "$1" && chmod -- "$2" "$1" || die "cannot make $3 the owner of $1, with mode $2"
    changed "$1"
}

# secret_file FILE USER TEXT: a file that only USER can read, removed when the script ends. Secrets are never passed in
# arguments or in the environment.
secret_files=()
secret_file() {
    secret_files+=("$1")
    trap '(( ${#secret_files[@]} == 0 )) || rm -f -- "${secret_files[@]}"' EXIT
    [[ ! -e $1 && ! -L $1 ]] || rm -f -- "$1"
    umask 077
    set -C
    printf '%s\n' "$3" >"$1" || die "cannot write $1"
    set +C
    umask 022
    [[ $2 == root ]] || chown -- "$2:" "$1" || die "cannot make $2 the owner of $1"
}

# pass_text PASSWORD: sets text to the line of a libpq password file that gives this password for every connection.
pass_text() {
    text=${1//\\/\\\\}
    text="*:*:*:*:${text//:/\\:}"
}

# pass_file FILE PASSWORD: makes root's psql log in with this password.
pass_file() {
    local text
    pass_text "$2"
    secret_file "$1" root "$text"
    export PGPASSFILE=$1
}

# new_dir FILE: makes NEW an empty directory of USER, which the caller fills and renames to DIR. DIR must not exist or
# be empty: it will hold FILE.
new_dir() {
    [[ ! -d $dir ]] || rmdir -- "$dir" 2>/dev/null || die "$dir is not empty but has no $1"
    mkdir -p -- /run/labctl "${dir%/*}" && rm -rf -- "$new" && mkdir -m 0700 -- "$new" && chown -- "$user:" "$new" ||
        die "cannot create $new"
}

# newest PROGRAM: sets bin to the program directory of the newest PostgreSQL in the image that has PROGRAM.
newest() {
    local at version most=0
    bin=
    for at in /usr/lib/postgresql/*/bin; do
        version=${at%/bin}
        version=${version##*/}
        [[ $version =~ ^[0-9]+$ && -x $at/$1 ]] && (( version > most )) && { most=$version; bin=$at; }
    done
    [[ -n $bin ]] || die "PostgreSQL is not in the image (/usr/lib/postgresql/*/bin/$1)"
}

# stop_moved UNIT: stops a server on PORT that still runs in a data directory that was moved away from DIR: it blocks the
# new server's port. It also stops a unit that systemd is about to start again: it would start in the new directory
# before this role's configuration is there.
stop_moved() {
    local at line lines state
    if [[ -d /run/systemd/system ]]; then
        state=$(systemctl is-active "$1" 2>/dev/null </dev/null)
        if [[ $state == active || $state == *activating ]]; then
            systemctl stop "$1" >/dev/null 2>&1 </dev/null
            changed "stopped the server whose data directory was moved away"
        fi
    fi
    for at in /proc/[1-9]*; do
        [[ $at/cwd -ef $dir || ! -r $at/cwd/postmaster.pid ]] && continue
        lines=()
        while IFS= read -r line; do lines+=("$line"); done <"$at/cwd/postmaster.pid"
        [[ ${lines[0]-} == "${at#/proc/}" && ${lines[3]-} == "$port" ]] || continue
        kill -INT "${lines[0]}"
        wait_for 60 ended "${lines[0]}" || die "cannot stop the server on port $port, whose data directory was moved away"
        changed "stopped the server whose data directory was moved away"
    done
}

# put_unit UNIT: installs standard input as a unit that starts at boot. Uses the caller's $out and failed().
# A reload of systemd runs all its generators, and a unit that it has not read before needs none. The link is what `systemctl
# enable` makes, which reloads too.
put_unit() {
    local file=/etc/systemd/system/$1 loaded=/run/labctl/$1.loaded link=/etc/systemd/system/multi-user.target.wants/$1
    put "$file" 0644 root:root
    if [[ $file -nt $loaded ]]; then
        if [[ $(systemctl show -p LoadState -p NeedDaemonReload "$1" 2>"$out" </dev/null) != *LoadState=loaded*NeedDaemonReload=no* ]]; then
            systemctl daemon-reload >"$out" 2>&1 </dev/null || failed "systemd cannot load $file"
        fi
        printf '' >"$loaded"
    fi
    if [[ ! -L $link ]]; then
        { [[ -d ${link%/*} ]] || mkdir -p -- "${link%/*}"; } && ln -s -- "$file" "$link" 2>"$out" || failed "cannot enable $1"
        changed "$1 starts at boot"
    fi
}

# retire_units KEEP: stops and removes the units of servers in DIR except KEEP: this node had another role before. systemd
# forgets them at its next reload, which takes long: a new primary must not wait for that.
retire_units() {
    local file text
    [[ -d /run/systemd/system ]] || return 0
    for file in /etc/systemd/system/labctl-postgres-*.service; do
        [[ -f $file && ${file##*/} != "$1" ]] || continue
        IFS= read -r -d '' text <"$file"
        [[ $text != *$'\n'"RequiresMountsFor=$dir"$'\n'* ]] || retire_unit "${file##*/}"
    done
}

# retire_unit UNIT: stops it and removes it. systemd forgets it at its next reload, which takes long: a new primary must not
# wait for that.
retire_unit() {
    systemctl stop "$1" >/dev/null 2>&1 </dev/null
    rm -f -- "/etc/systemd/system/$1" "/etc/systemd/system/multi-user.target.wants/$1" "/run/labctl/$1.active"
}

# retire_role ROLE: the same for the units of a role of Postgres-XC.
retire_role() {
    [[ -e /etc/systemd/system/labctl-$1.service ]] || return 0
    retire_unit "labctl-$1.service"
    retire_unit "labctl-$1-log.timer"
    retire_unit "labctl-$1-log.service"
    rm -f -- "/run/labctl/$1-log.active"
}

# gtm_was_killed DIR: the GTM in DIR does not run, and its last stop was not clean. A stop was clean if gtm.control is newer
# than the start, which labctl.started marks: the pid file goes before it is written.
gtm_was_killed() {
    [[ ! -e $1/gtm.pid && ! -e $1/gtm.pid.unclean ]] || return 0
    if [[ -e $1/labctl.started ]]; then
        [[ ! -s $1/gtm.control || ! $1/gtm.control -nt $1/labctl.started ]]
    else
        [[ -e $1/gtm.log && ! -e $1/gtm.control ]]
    fi
}

# listening PORT: does a TCP socket of this node listen on PORT? Reads the kernel's tables, because a test connection
# would hang a gtm_proxy for good. A table is read as a whole: after each line that bash reads, it goes back to where the next
# one begins, and the kernel would look through all sockets again.
listening() {
    local hex table text none=00000000
    printf -v hex '%04X' "$1"
    for table in /proc/net/tcp /proc/net/tcp6; do
        [[ -r $table ]] || continue
        IFS= read -r -d '' text <"$table"
        [[ $text == *":$hex $none:0000 0A "* ]] && return 0
        none=$none$none$none$none
    done
    return 1
}

# closed PORT: does no socket listen on PORT?
closed() { ! listening "$1"; }

# pause SECONDS: sleeps without a fork (after the first).
pause() {
    (( BASH_VERSINFO[0] > 3 )) || { sleep "$1"; return 0; }
    if [[ -z ${pause_fd-} ]]; then
        exec {pause_fd}<> <(:) || { pause_fd=; sleep "$1"; return 0; }
    fi
    read -r -t "$1" -u "$pause_fd" _
    return 0
}

# now_since_boot: sets now to the hundredths of a second since boot, so that setting the clock does not shorten or
# lengthen a wait.
now_since_boot() {
    read -r now _ </proc/uptime
    now=$(( 10#${now/./} ))
}

# wait_for SECONDS COMMAND...: runs COMMAND until it succeeds; fails after SECONDS. Looks again after a quarter of the time that it
# has waited, so that it wastes little of a short wait: 0.02 s at least, 0.2 s at most.
wait_for() {
    local begin end now nap
    now_since_boot
    begin=$now end=$(( now + $1 * 100 ))
    shift
    until "$@"; do
        now_since_boot
        (( now < end )) || return 1
        nap=$(( (now - begin) / 4 ))
        (( nap < 20 )) || nap=20
        (( nap > 2 )) || nap=2
        printf -v nap '0.%02d' "$nap"
        pause "$nap"
    done
    return 0
}

ended() { ! kill -0 "$1" 2>/dev/null; }

# within SECONDS [as USER] COMMAND...: runs COMMAND without input and ends it after SECONDS. Systems with bash 4.2 or
# later have a `timeout` that knows -k.
within() {
    local seconds=$1 pid
    shift
    if (( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 402 )); then
        [[ $1 != as ]] || { as "$2" timeout -k 5 "$seconds" "${@:3}"; return; }
        timeout -k 5 "$seconds" "$@" </dev/null
        return
    fi
    "$@" </dev/null &
    pid=$!
    if ! wait_for "$seconds" ended "$pid"; then
        kill "$pid" 2>/dev/null
        wait_for 5 ended "$pid" || kill -9 "$pid" 2>/dev/null
    fi
    wait "$pid" 2>/dev/null
}

# as USER COMMAND...: runs COMMAND as USER with a clean environment, the limits of a database server and no standard
# input. Avoids PAM, whose session could hang. With the usual stack limit of 8 MiB, a server refuses
# max_stack_depth = 8MB.
as() (
    user=$1
    shift
    exec </dev/null
    ulimit -Ss 16384 2>/dev/null || ulimit -s 16384 2>/dev/null || ulimit -s "$(ulimit -Hs)"
    ulimit -n 131072 2>/dev/null || ulimit -n "$(ulimit -Hn)" 2>/dev/null
    ulimit -u 131072 2>/dev/null || ulimit -u "$(ulimit -Hu)" 2>/dev/null
    ulimit -Sc unlimited 2>/dev/null
    [[ -z ${pause_fd-} ]] || exec {pause_fd}>&-
    exec 8>&-                       # a lock of the script (tuning/pgxc/start.sh) is no server's
    cd /
    if [[ -x /usr/bin/setpriv ]]; then
        exec setpriv --reuid="$user" --regid="$user" --init-groups --reset-env -- "$@"
    fi
    exec runuser -s /bin/bash -c 'exec "$@"' -- "$user" bash "$@"      # before el7 it has no -u
)

# watched FILE COMMAND...: runs COMMAND, which leaves a server behind. FILE is locked until the last process ends that it has left.
watched() {
    local status
    rm -f -- "$1"
    printf '' >"$1" && exec 7<"$1" && flock -n 7
    "${@:2}"
    status=$?
    exec 7>&-
    return $status
}

# abandoned FILE: have all processes ended that were watched with this FILE? One that dies at once writes no pid file.
abandoned() { flock -n "$1" true; }

# alive PID NAME DIR: is PID a process called NAME whose working directory is DIR? The pid in a stale file may be another
# process's by now. A zombie is not alive unless it has threads left, as a hung gtm_proxy that still holds its port.
alive() {
    local text task
    [[ $1 =~ ^[1-9][0-9]*$ ]] || return 1
    { IFS= read -r text <"/proc/$1/stat"; } 2>/dev/null || return 1
    [[ $text == "$1 ($2) "* ]] || return 1
    [[ ${text##*) } != [ZX]* ]] && { [[ "/proc/$1/cwd" -ef $3 ]]; return; }
    for task in "/proc/$1/task"/*; do
        { IFS= read -r text <"$task/stat"; } 2>/dev/null || continue
        [[ ${text##*) } != [ZX]* && $task/cwd -ef $3 ]] && return 0
    done
    return 1
}

# processes NAME DIR: sets pids to the processes called NAME whose working directory is DIR; true if there are any.
processes() {
    local at
    pids=
    for at in /proc/[1-9]*; do
        alive "${at#/proc/}" "$1" "$2" && pids+=" ${at#/proc/}"
    done
    [[ -n $pids ]]
}

# gone NAME DIR: is no such process left?
gone() { ! processes "$@"; }

# pid_in FILE: sets pid to the first line of a pid file, without its sign.
pid_in() {
    pid=
    { read -r pid <"$1"; } 2>/dev/null || return 1
    pid=${pid#-}
    [[ $pid =~ ^[1-9][0-9]*$ ]]
}

# hex_address IPV4: sets hex to the address as in the kernel's table.
hex_address() {
    local a b c d
    IFS=. read -r a b c d <<<"$1"
    printf -v hex '%02X%02X%02X%02X' "$d" "$c" "$b" "$a"
}

# connected IPV4 PORT: does this node have an established connection to that address?
connected() {
    local hex port text
    hex_address "$1"
    printf -v port '%04X' "$2"
    IFS= read -r -d '' text </proc/net/tcp
    [[ $text == *" $hex:$port 01 "* ]]
}

# called IPV4 PORT: is there an established connection from that address to this PORT?
called() {
    local hex port text
    hex_address "$1"
    printf -v port '%04X' "$2"
    IFS= read -r -d '' text </proc/net/tcp
    [[ $text == *":$port $hex:"[0-9A-F][0-9A-F][0-9A-F][0-9A-F]" 01 "* ]]
}
