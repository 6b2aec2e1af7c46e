# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Faults of the operating system of a machine. Each function is called with `begin AMOUNT`, also while it is in force, and `end AMOUNT`.

# netem delay|jitter|reorder|corrupt begin|end AMOUNT: of every frame that leaves. An interface has one queue, so what is in force is kept.
netem() {
    local at link what kept=/run/labctl/netem
    local -i delay=0 jitter=0 reorder=0 corrupt=0
    mkdir -p "$kept" || die "$kept cannot be made"
    if [[ $2 == begin ]]; then
        echo "$3" >"$kept/$1" || die "$kept cannot be written"
    else
        rm -f "$kept/$1"
    fi
    for what in delay jitter reorder corrupt; do
        [[ ! -f $kept/$what ]] || read -r "${what?}" <"$kept/$what"
    done
    # frames overtake others only if those wait
    (( reorder == 0 || delay + jitter > 0 )) || delay=10
    # jitter is the most that is added: half of it, more or less half of it
    what="delay $((delay * 1000 + jitter * 500))us"
    (( jitter == 0 )) || what+=" $((jitter * 500))us"
    (( reorder == 0 )) || what+=" reorder $reorder%"
    (( corrupt == 0 )) || what+=" corrupt $corrupt%"
    for at in /sys/class/net/*/device; do
        link=${at%/device} link=${link##*/}
        if (( delay + jitter + reorder + corrupt > 0 )); then
            # shellcheck disable=SC2086 # words
            tc qdisc replace dev "$link" root netem limit 100000 $what || die "$link cannot be disturbed: no netem?"
            changed "$link: $what"
        elif tc qdisc show dev "$link" root | grep -q '^qdisc netem '; then
            tc qdisc del dev "$link" root || die "what disturbs $link does not end"
            changed "$link is not disturbed any more"
        fi
    done
}

# tick: waits until a second of the virtual hardware's clock begins, which knows no less. Sets ahead to the microseconds that the system's
# clock is before it, and within to the doubt about it: this machine may not have run meanwhile.
tick() {
    local first second at before=0 end=$((SECONDS + 5))
    IFS= read -r first </sys/class/rtc/rtc0/since_epoch || die "the clock of the hardware cannot be read"
    second=$first
    while ((second == first && SECONDS < end)); do
        before=${EPOCHREALTIME-$(date +%s.%6N)}
        IFS= read -r second </sys/class/rtc/rtc0/since_epoch
    done
    at=${EPOCHREALTIME-$(date +%s.%6N)}
    ahead=$((${at/[.,]/} - second * 1000000)) within=$((${at/[.,]/} - ${before/[.,]/}))
}

# clock +|- begin|end SECONDS: a jump, and back to the time of the virtual hardware, which is the host's.
clock() {
    local now by ahead within limit=100000 i
    if [[ $2 == begin ]]; then
        ! systemctl -q is-active chrony 2>/dev/null || systemctl stop chrony || die "chrony does not stop"
        printf -v now '%(%s)T' -1
        date -s "@$((now + $1$3))" >/dev/null || die "the clock cannot be set"
        changed "the clock is set $1$3 s"
        return
    fi
    for i in {1..10}; do
        # On a host that is too busy, half a second must do.
        ((i < 6)) || limit=400000
        ((i < 10)) || die "the clock cannot be set: this machine is too slow, it is $ahead microseconds ahead"
        tick
        ((within < limit)) || continue
        ((ahead >= limit || ahead <= -limit)) || break
        # By an amount, not to a time: a busy machine takes seconds until the command begins.
        if ((ahead > 0)); then by=-$ahead; else by=+$((-ahead)); fi
        printf -v by '%s%d.%06d' "${by:0:1}" $((${by:1} / 1000000)) $((${by:1} % 1000000))
        date -u -s "now $by seconds" >/dev/null || die "the clock cannot be set"
    done
    ! systemctl -q is-enabled chrony 2>/dev/null || systemctl start chrony || die "chrony does not start"
    changed "the clock has the host's time"
}

# drift begin|end THOUSANDTHS: the clock runs fast, by the length of its tick (adjtimex(2), for which Debian has no program by default).
drift() {
    local -i faster=0
    [[ $1 == end ]] || faster=$2
    if [[ $1 == begin ]]; then
        ! systemctl -q is-active chrony 2>/dev/null || systemctl stop chrony || die "chrony does not stop"
    fi
    # struct timex of 64 bits: modes at 0, tick at 88; ADJ_TICK is 0x4000; syscall 159 is adjtimex of x86-64
    # shellcheck disable=SC2016 # perl's
    perl -e '$b = "\0" x 208; substr($b, 0, 4) = pack("L", 0x4000); substr($b, 88, 8) = pack("q", 10000 + 10 * $ARGV[0]);
        exit(syscall(159, $b) < 0 ? 1 : 0)' "$faster" || die "the clock's rate cannot be set"
    if [[ $1 == end ]]; then
        clock + end 0
    else
        changed "the clock runs $faster thousandths fast"
    fi
}
