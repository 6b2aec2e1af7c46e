# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Loads the packet filter from its file, now and at boot. As firewall_nftables.sh, it compares the kernel's rules with
# those just after labctl last loaded the file.

# kernel_filter: sets now to the kernel's rules, without counters.
kernel_filter() {
    local line
    now=
    while IFS= read -r line; do
        [[ $line == \#* ]] || now+=${line%% \[*}$'\n'
    done < <(exec iptables-save -t filter 2>/run/labctl/iptables </dev/null)
}

set_filter() {
    local file=@{family.firewall_conf:sh} kept=/var/lib/labctl/iptables.kernel now='' before='' held
    if ! type -P iptables-restore >/dev/null; then
        skipped "packet filter: iptables is not in the image"
        return
    fi
    [[ ! -f $kept ]] || IFS= read -r -d '' before <"$kept"
    kernel_filter
    held=$now
    if [[ -z $now || $now != "$before" || $file -nt $kept ]]; then
        iptables-restore <"$file" >/run/labctl/iptables 2>&1 ||
            { evidence /run/labctl/iptables; die "iptables cannot load $file"; }
        kernel_filter
        printf '%s' "$now" >"$kept" || die "cannot write $kept"
        [[ $now == "$held" ]] || changed "packet filter: loaded $file"
    fi
    if service_known iptables && ! service_enabled iptables; then
        service_at_boot iptables
        changed "packet filter: loads at boot"
    fi
}
set_filter
