# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Time zone and locale. Their names are in /etc/timezone and /etc/default/locale already.

set_zone() {
    local zone=@{timezone:sh} file
    file=/usr/share/zoneinfo/$zone
    [[ -f $file ]] || { skipped "time zone $zone: no such file in /usr/share/zoneinfo"; return; }
    [[ -L /etc/localtime && /etc/localtime -ef $file ]] && return
    ln -sfT "$file" /etc/localtime || die "cannot set the time zone"
    changed "time zone $zone"
}

# locale_works NAME: has the C library such a locale? In UTF-8 two bytes may be one character, else bash itself warns.
locale_works() {
    local two=$'\303\251' said
    if [[ $1 == *.[Uu][Tt][Ff]* ]]; then
        { local LC_ALL=$1; } 2>/dev/null
        (( ${#two} == 1 ))
        return
    fi
    said=$( { LC_ALL=$1; } 2>&1 )
    [[ -z $said ]]
}

set_locale() {
    local name=@{locale:sh} text='' line
    case $name in C | POSIX | C.UTF-8 | C.utf8) return;; esac
    locale_works "$name" && return
    if [[ ! -x /usr/sbin/locale-gen || ! -r /usr/share/i18n/SUPPORTED ]]; then
        skipped "locale $name: the image can make none"
        return
    fi
    while IFS= read -r line; do
        [[ $line == "$name "* ]] && text=$line
    done </usr/share/i18n/SUPPORTED
    [[ -n $text ]] || { skipped "locale $name: not supported by this C library"; return; }
    printf '%s\n' "$text" >>/etc/locale.gen
    locale-gen >/run/labctl/locale-gen 2>&1 </dev/null || { evidence /run/labctl/locale-gen; die "locale-gen"; }
    changed "locale $name made"
}

set_zone
set_locale
