# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Checks, before anything is written, that this system has the time zone and the locale of the lab file. A system may lack
# the defaults, because nobody asked for them.

# locale_works NAME: does the C library have this locale? In UTF-8, two bytes can be one character; with others, bash
# warns of an unknown locale.
locale_works() {
    local two=$'\303\251' warning
    if [[ $1 == *.[Uu][Tt][Ff]* ]]; then
        { local LC_ALL=$1; } 2>/dev/null
        (( ${#two} == 1 ))
        return
    fi
    warning=$( { LC_ALL=$1; } 2>&1 )
    [[ -z $warning ]]
}

# locale_line NAME: sets line to its line in the system's list of locales that it can generate.
locale_line() {
    [[ -x /usr/sbin/locale-gen && -r /usr/share/i18n/SUPPORTED ]] || return 1
    while IFS= read -r line; do
        [[ $line == "$1 "* ]] && return 0
    done </usr/share/i18n/SUPPORTED
    return 1
}

known_names() {
    local zone=@{timezone:sh} name=@{locale:sh} line
    if [[ $zone != UTC && ! -f /usr/share/zoneinfo/$zone ]]; then
        printf '::next correct tuning.timezone in the lab file, then: labctl -f FILE create\n'
        die "unknown time zone $zone: /usr/share/zoneinfo has no such file"
    fi
    case $name in C | POSIX | C.UTF-8 | C.utf8 | en_US.UTF-8) return;; esac
    locale_works "$name" || locale_line "$name" && return
    printf '::next correct tuning.locale in the lab file, then: labctl -f FILE create\n'
    die "unknown locale $name: the node neither has nor can generate it"
}
known_names
