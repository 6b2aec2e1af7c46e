# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Prints the logs of this node in the order of time, for `labctl logs`. src/plan/log_script.c puts these lines before it:
#   since=SECONDS     since the epoch; 0 = everything
#   follow=yes|''     go on with what is new
#   limit=BYTES       only the end; 0 = all
#   journal=yes|''    also the system's journal
#   names=(SOURCE...) and files_of I, which sets files to those of the source with that number, the oldest first
#
# A line is TIME<tab>SOURCE<tab>TEXT. TIME is "2026-11-29 14:22:11.123", by the clock and in the time zone of this node, and
# sorts as text. A line without a time belongs to the one before it and has its time; a time that is earlier than the one
# before counts as the same, so that each source is in order and one merge that needs little memory does for all.
#
# To follow, ". TIME" says that all that was written until TIME has been printed; the first one ends what was there at
# the start. They come about every second: if nobody reads them any more, this script ends. The journal then goes to standard
# error as journalctl prints it, since two writers would break each other's lines.
export LC_ALL=C
tab=$(printf '\t')
paths=() ends=() reads=()
follower=
tmp=$(mktemp -d /tmp/labctl-logs.XXXXXX) || exit 1

quit() {
    [[ -z $follower ]] || kill "$follower" 2>/dev/null
    rm -rf -- "$tmp"
}
trap quit EXIT
trap 'exit 1' HUP INT TERM

stamp='
BEGIN {
    split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", words, " ")
    for (i in words) month[words[i]] = sprintf("%02d", i)
}
name == "journal" && cursor != "" && /^-- cursor: / { print substr($0, 12) >cursor; next }
{
    time = ""
    head = substr($0, 1, 64)
    if (/^[ \t]/)
        ;
    else if (match(head, /[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][ T][0-9][0-9]:[0-9][0-9]:[0-9][0-9]/)) {
        time = substr(head, RSTART, 10) " " substr(head, RSTART + 11, 8)
        rest = substr(head, RSTART + 19)
        time = time "." (match(rest, /^[.,][0-9]+/) ? substr(substr(rest, 2, RLENGTH - 1) "00", 1, 3) : "000")
    } else if (match(head, /^[A-Z][a-z][a-z] [ 0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9] /)) {
        # The older system log has no years: a month that is still to come was one of last year.
        m = month[substr(head, 1, 3)]
        day = substr(head, 5, 2)
        sub(/ /, "0", day)
        if (m != "")
            time = (m > substr(now, 6, 2) ? substr(now, 1, 4) - 1 : substr(now, 1, 4)) "-" m "-" day " " substr(head, 8, 8) ".000"
    }
    if (time > last) last = time
    at = last == "" ? first : last
    if (at >= from) print at "\t" name "\t" $0
}'

# stamped SOURCE [CURSOR-FILE]: gives each line of standard input its time and source.
stamped() {
    awk -v name="$1" -v cursor="${2-}" -v from="$from" -v first="$first" -v now="$now" "$stamp"
}

# whole FILE BYTES: does the file have a line that ends there?
whole() {
    [[ -z $(tail -c "+$2" -- "$1" 2>/dev/null | head -c 1) ]]
}

# look: finds what is new: for source I, lines "BEGIN BYTES FILE" in todo[I].
look() {
    local i k at size changed file
    todo=()
    for (( i = 0; i < ${#names[@]}; i++ )); do
        todo[i]=
        files=()
        files_of "$i"
        (( ${#files[@]} )) || continue
        while read -r size changed file; do
            for (( k = 0; k < ${#paths[@]}; k++ )); do
                [[ ${paths[k]} == "$file" ]] && break
            done
            if (( k == ${#paths[@]} )); then
                paths[k]=$file ends[k]=0 reads[k]=0
                # It was written last before the wanted time.
                (( changed < since )) && [[ $first != "$now" ]] && ends[k]=$size
            fi
            at=${ends[k]}
            (( size < at )) && at=0                         # a new file of that name
            (( size > at )) || { reads[k]=$size; continue; }
            # The end of a line that is being written comes with the next look.
            if [[ -n $follow && ${reads[k]} != "$size" ]] && ! whole "$file" "$size"; then
                reads[k]=$size
                continue
            fi
            todo[i]+="$at $(( size - at )) $file"$'\n'
            ends[k]=$size reads[k]=$size
        done < <(stat -L -c '%s %Y %n' -- "${files[@]}" 2>/dev/null)
    done
}

# part I: prints what is new in source I.
part() {
    local at bytes file
    while read -r at bytes file; do
        tail -c "+$(( at + 1 ))" -- "$file" 2>/dev/null | head -c "$bytes"
    done <<<"${todo[$1]%?}" | stamped "${names[$1]}"
}

past_journal() {
    local since_then=()
    (( since )) && since_then=(--since "@$since")
    journalctl -q --no-pager -o "$iso" --show-cursor ${since_then[@]+"${since_then[@]}"} 2>/dev/null | stamped journal "$tmp/cursor"
}

# print_new [PART]: merges what look() found, and the output of PART.
print_new() {
    local i parts=()
    for (( i = 0; i < ${#names[@]}; i++ )); do
        [[ -z ${todo[i]} ]] || parts+=("<(part $i)")
    done
    [[ -z ${1-} ]] || parts+=("<($1)")
    (( ${#parts[@]} )) || return 0
    eval "sort -m -s -t '$tab' -k 1,1 ${parts[*]}" 2>/dev/null
}

# Where no journal is, its text file is read.
has_journal() {
    [[ -n $journal ]] || return 1
    iso=short-iso-precise
    if type -P journalctl >/dev/null; then
        journalctl -q -n 0 -o "$iso" >/dev/null 2>&1 || iso=short-iso
        return 0
    fi
    names+=(journal)
    eval "$(declare -f files_of | sed '1s/files_of/files_of_roles/')"
    files_of() { if [[ ${names[$1]} == journal ]]; then files=(/var/log/messages); else files_of_roles "$1"; fi; }
    return 1
}

follow_journal() {
    local from_there=(-n 0) cursor=
    [[ ! -s $tmp/cursor ]] || read -r cursor <"$tmp/cursor"
    [[ -z $cursor ]] || from_there=(--no-tail --after-cursor "$cursor")
    # Its own error text must not look like the journal's.
    { journalctl -q -f -o "$iso" "${from_there[@]}" 2>/dev/null >&3 & } 3>&2
    follower=$!
}

beat() {
    trap '' PIPE
    printf '. %s\n' "$now" 2>/dev/null || exit 0
    trap - PIPE
}

main() {
    local all=
    now=$(date '+%Y-%m-%d %H:%M:%S.000')
    from='' first='0000-00-00 00:00:00.000'
    (( since )) && from=$(date -d "@$since" '+%Y-%m-%d %H:%M:%S.000')
    has_journal && all=past_journal
    look
    if (( limit )); then
        print_new "$all" | tail -c "$limit"
    else
        print_new "$all"
    fi
    [[ -n $follow ]] || return 0
    beat
    [[ -z $all ]] || follow_journal
    from=
    while sleep 1; do
        now=$(date '+%Y-%m-%d %H:%M:%S.000')
        first=$now
        look
        print_new
        beat
    done
}

shopt -s nullglob
main </dev/null
exit 0
