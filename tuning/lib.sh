# SPDX-License-Identifier: PostgreSQL
[[ $- != *s* || ${BASH_VERSINFO[0]} -lt 4 ]] || { LC_ALL=C IFS= read -r -N 4194304 script; eval "$script"; exit; }
# bash reads its commands from a pipe byte by byte, with a system call each: the line above takes all of them at once,
# where they come on standard input. bash 3.2 (el5) cannot, and reads on by itself.
#
# The prelude of every script that labctl runs as root on a node.
#
# A script arrives on the standard input of bash, after these lines. What it
# prints on its standard output is the protocol:
#
#   ::changed TEXT    something is different now
#   ::skipped TEXT    something that was asked for cannot be had here
#   ::warn TEXT       it works, and yet the user must know: always shown, and by `labctl status`
#   ::evidence LINE   a line of a log, printed before a failure
#   ::next TEXT       what its user can do about the failure that follows
#   ::fail TEXT       it did not work; the script ends with status 1
#
# A script is quiet and ends with 0 when all is as wanted, and may always be run
# again. It forks little: a node with 1,000 neighbours has one slow processor.
# Nothing in a script may read its standard input, which is that of bash. What is
# here, in tuning/os and in tuning/pgxc runs on bash 3.2 (el5), 4.1 (el6), 4.2 and
# later: there "${a[@]}" of an empty array is an error, and mapfile or EPOCHREALTIME
# are not (tests/cli/shellcheck.bats has the rest).

set -u
umask 022
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset PGHOST PGPORT PGDATA PGUSER PGDATABASE PGPASSWORD PGPASSFILE LD_LIBRARY_PATH

changed() { printf '::changed %s\n' "$*"; }
skipped() { printf '::skipped %s\n' "$*"; }
warn()    { printf '::warn %s\n' "$*"; }
die()     { printf '::fail %s\n' "$*"; exit 1; }

# evidence FILE [N]: the last N lines of FILE, if it has any.
evidence() {
    local line
    [[ -s $1 ]] || return 0
    while IFS= read -r line || [[ -n $line ]]; do
        printf '::evidence %s\n' "$line"
    done < <(exec tail -n "${2:-15}" -- "$1" 2>/dev/null)
}

# right PATH MODE OWNER: has PATH this mode (as 644 or 0644) and owner (USER or USER:GROUP)?
right() {
    local now
    now=$(exec stat -L -c '%a %U:%G' -- "$1" 2>/dev/null) && like "$now" "$2" "$3"
}

# like NOW MODE OWNER: does NOW, a line of stat, say this mode and owner?
like() { [[ $1 == "${2#0} $3" || ( $3 != *:* && $1 == "${2#0} $3:"* ) ]]; }

# The marks of a block in a file that others may write to as well.
own_begin='# >>> labctl' own_end='# <<< labctl'

# put PATH MODE OWNER TEXT ...: makes each PATH a file of exactly this text, in one act. Without a TEXT it is the
# standard input. What is right already costs one `stat` for all of them, what is not one program that renames.
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
            # Of a file that is not only ours the block between the marks is: what stands around it stays.
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

# The text, for now in a file beside, the name of which nobody else looks for.
put_beside() {
    local mask
    temporary=${path%/*}/.${path##*/}.labctl
    [[ ! -e $temporary && ! -L $temporary ]] || rm -f -- "$temporary"
    printf -v mask '%o' $(( 0777 & ~8#$mode ))
    umask "$mask"
    set -C                          # a link that somebody puts there meanwhile is not followed
    printf '%s' "$text" >"$temporary" || die "cannot write $temporary"
    set +C
    umask 022
    # A file that was just made is root's, and no program: mostly there is nothing left to do.
    if [[ ! ( $owner == root || $owner == root:root ) || ! -O $temporary || ! -G $temporary ]] || (( 8#$mode & ~8#666 )); then
        if ! { chown -- "$owner" "$temporary" && chmod -- "$mode" "$temporary"; } 2>/dev/null; then
            rm -f -- "$temporary"
            die "cannot make $path belong to $owner"
        fi
    fi
}

# Files that have their text have their mode and owner too.
put_right() {
    local i now
    IFS=$'\n' read -r -d '' -a now < <(exec stat -L -c '%a %U:%G' -- "${same[@]}" 2>/dev/null)
    (( ${#now[@]} == ${#same[@]} )) || die "something changes ${same[*]} at the same time"
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
        # A file that is a mount point of a container cannot be replaced.
        if [[ -e $1 ]] && ! mv -fT -- "$1" "$2" 2>/dev/null; then
            cat -- "$1" >"$2" && chown --reference="$1" -- "$2" && chmod --reference="$1" -- "$2" || die "cannot write $2"
            rm -f -- "$1"
        fi
        changed "$2"
        shift 2
    done
}

# accepted NAME FILE...: the server NAME works with these files. What is new among them is kept, for go_back.
accepted() {
    local kept=/var/lib/labctl/accepted/$1 file new=()
    shift
    for file; do
        [[ -f $file ]] && [[ ! -e $kept/${file##*/} || $file -nt $kept/${file##*/} ]] && new+=("$file")
    done
    (( ${#new[@]} )) || return 0
    [[ -d $kept ]] || ( umask 077; mkdir -p -- "$kept" ) && cp -p -- "${new[@]}" "$kept/" || die "cannot write $kept"
}

# go_back NAME FILE...: files that are newer than those that NAME works with become those again; false where none is.
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

# ensure_dir PATH MODE OWNER: makes PATH a directory of this mode and owner, not what is in it.
ensure_dir() {
    if [[ -d $1 ]]; then
        right "$@" && return 0
    else
        mkdir -p -- "$1" || die "cannot make the directory $1"
    fi
    chown -- "$3" "$1" && chmod -- "$2" "$1" || die "cannot make $1 belong to $3"
    changed "$1"
}

# secret_file FILE USER TEXT: a file for USER alone, which goes with the script (one at a time). A secret stands in no
# program's arguments and in no environment.
secret_file() {
    secret_at=$1
    trap 'rm -f -- "$secret_at"' EXIT
    [[ ! -e $1 && ! -L $1 ]] || rm -f -- "$1"
    umask 077
    set -C
    printf '%s\n' "$3" >"$1" || die "cannot write $1"
    set +C
    umask 022
    [[ $2 == root ]] || chown -- "$2:" "$1" || die "cannot make $1 belong to $2"
}

# pass_text PASSWORD: a password file of libpq for this one, whatever for, in the variable text.
pass_text() {
    text=${1//\\/\\\\}
    text="*:*:*:*:${text//:/\\:}"
}

# pass_file FILE PASSWORD: root's own psql logs in with this one.
pass_file() {
    local text
    pass_text "$2"
    secret_file "$1" root "$text"
    export PGPASSFILE=$1
}

# new_dir FILE: makes NEW, empty and USER's, which is going to be DIR: that holds FILE then, and nothing now.
new_dir() {
    [[ ! -d $dir ]] || rmdir -- "$dir" 2>/dev/null || die "$dir is not empty and holds no $1"
    mkdir -p -- /run/labctl "${dir%/*}" && rm -rf -- "$new" && mkdir -m 0700 -- "$new" && chown -- "$user:" "$new" ||
        die "cannot make $new"
}

# newest PROGRAM: the programs of the newest PostgreSQL of the image that has this one: their directory, in the variable bin.
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

# stop_moved UNIT: is a server of PORT still running in a data directory that was moved away from DIR? It ends, for a new
# one cannot start beside it.
stop_moved() {
    local at line lines
    for at in /proc/[1-9]*; do
        [[ $at/cwd -ef $dir || ! -r $at/cwd/postmaster.pid ]] && continue
        lines=()
        while IFS= read -r line; do lines+=("$line"); done <"$at/cwd/postmaster.pid"
        [[ ${lines[0]-} == "${at#/proc/}" && ${lines[3]-} == "$port" ]] || continue
        if [[ -d /run/systemd/system ]] && systemctl -q is-active "$1" </dev/null; then
            systemctl stop "$1" >/dev/null 2>&1 </dev/null
        else
            kill -INT "${lines[0]}"
        fi
        wait_for 60 ended "${lines[0]}" || die "a server on port $port, whose data directory was moved away, cannot be stopped"
        changed "stopped the server whose data directory was moved away"
    done
}

# put_unit UNIT: the standard input is a unit that systemd has read, and starts at boot. The script has OUT and failed().
put_unit() {
    local file=/etc/systemd/system/$1 loaded=/run/labctl/$1.loaded
    put "$file" 0644 root:root
    if [[ $file -nt $loaded ]]; then
        systemctl daemon-reload >"$out" 2>&1 </dev/null || failed "systemd does not read $file"
        printf '' >"$loaded"
    fi
    if [[ ! -L /etc/systemd/system/multi-user.target.wants/$1 ]]; then
        systemctl -q enable "$1" >"$out" 2>&1 </dev/null || failed "cannot enable $1"
        changed "$1 starts at boot"
    fi
}

# listening PORT: does a TCP socket of this node listen on PORT? Reads the kernel's
# table: a connection would wedge a gtm_proxy for good.
listening() {
    local hex table at state _
    printf -v hex '%04X' "$1"
    for table in /proc/net/tcp /proc/net/tcp6; do
        [[ -r $table ]] || continue
        while read -r _ at _ state _; do
            [[ $state == 0A && $at == *:"$hex" ]] && return 0
        done <"$table"
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

# now_since_boot: hundredths of a second, in the variable now. A clock that is set while we wait is no reason to give
# up, nor to wait for an hour.
now_since_boot() {
    read -r now _ </proc/uptime
    now=$(( 10#${now/./} ))
}

# wait_for SECONDS COMMAND...: runs COMMAND until it succeeds or the time is over.
wait_for() {
    local end now nap=0.02
    now_since_boot
    end=$(( now + $1 * 100 ))
    shift
    until "$@"; do
        now_since_boot
        (( now < end )) || return 1
        pause "$nap"
        case $nap in 0.02) nap=0.05;; 0.05) nap=0.1;; *) nap=0.2;; esac
    done
    return 0
}

ended() { ! kill -0 "$1" 2>/dev/null; }

# within SECONDS [as USER] COMMAND...: runs COMMAND, without an input, and ends it when it takes longer. The systems of
# bash 4.2 and later have a timeout that knows -k.
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

# as USER COMMAND...: runs COMMAND as USER with a clean environment, the limits that
# a database server needs, and no standard input. No PAM: a session could hang.
# The stack: max_stack_depth = 8MB is refused under the usual limit of 8 MiB.
as() (
    user=$1
    shift
    exec </dev/null
    ulimit -Ss 16384 2>/dev/null || ulimit -s 16384 2>/dev/null || ulimit -s "$(ulimit -Hs)"
    ulimit -n 131072 2>/dev/null || ulimit -n "$(ulimit -Hn)" 2>/dev/null
    ulimit -u 131072 2>/dev/null || ulimit -u "$(ulimit -Hu)" 2>/dev/null
    ulimit -Sc unlimited 2>/dev/null
    [[ -z ${pause_fd-} ]] || exec {pause_fd}>&-
    cd /
    if [[ -x /usr/bin/setpriv ]]; then
        exec setpriv --reuid="$user" --regid="$user" --init-groups --reset-env -- "$@"
    fi
    exec runuser -s /bin/bash -c 'exec "$@"' -- "$user" bash "$@"      # before el7 it knows no -u
)

# alive PID NAME DIR: is PID a process called NAME that works in DIR? The pid in a stale
# file may be that of any process by now. A zombie is not alive, unless it has threads
# left: so a wedged gtm_proxy ends, holding its port.
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

# processes NAME DIR: the pids of all processes called NAME that work in DIR, in the
# variable pids. True when there is one.
processes() {
    local at
    pids=
    for at in /proc/[1-9]*; do
        alive "${at#/proc/}" "$1" "$2" && pids+=" ${at#/proc/}"
    done
    [[ -n $pids ]]
}

# gone NAME DIR: no such process is left.
gone() { ! processes "$@"; }

# pid_in FILE: the first line of a pid file (without its sign), in the variable pid.
pid_in() {
    pid=
    { read -r pid <"$1"; } 2>/dev/null || return 1
    pid=${pid#-}
    [[ $pid =~ ^[1-9][0-9]*$ ]]
}

# hex_address IPV4: as the kernel's table writes it, in the variable hex.
hex_address() {
    local a b c d
    IFS=. read -r a b c d <<<"$1"
    printf -v hex '%02X%02X%02X%02X' "$d" "$c" "$b" "$a"
}

# connected IPV4 PORT: has this node an established connection to that address?
connected() {
    local hex port there state _
    hex_address "$1"
    printf -v port '%04X' "$2"
    while read -r _ _ there state _; do
        [[ $state == 01 && $there == "$hex:$port" ]] && return 0
    done </proc/net/tcp
    return 1
}

# called IPV4 PORT: is there an established connection from that address to this PORT?
called() {
    local hex port here there state _
    hex_address "$1"
    printf -v port '%04X' "$2"
    while read -r _ here there state _; do
        [[ $state == 01 && $here == *:"$port" && $there == "$hex":* ]] && return 0
    done </proc/net/tcp
    return 1
}
