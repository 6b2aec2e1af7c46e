# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The packet filter of its file, now and at boot. What the kernel holds is compared with what it held just
# after labctl loaded the file: nft prints rules in other words than it reads them.

set_filter() {
    local file=@{family.firewall_conf:sh} kept=/var/lib/labctl/nftables.kernel now='' before='' held why=''
    if ! type -P nft >/dev/null; then
        skipped "packet filter: nft is not in the image"
        return
    fi
    # Whose rules would stand beside ours, and reject.
    if service_known firewalld.service && { service_enabled firewalld.service || service_active firewalld.service; }; then
        service_switch off firewalld.service
        changed "off: firewalld.service"
    fi
    [[ ! -f $kept ]] || IFS= read -r -d '' before <"$kept"
    before=${before%$'\n'} held=$before
    if [[ -n $before && ! $file -nt $kept ]]; then
        now=$(exec nft -s list table inet labctl 2>/run/labctl/nft </dev/null) || now=
        held=$now
    fi
    if [[ -z $now || $now != "$before" ]]; then
        if ! nft -f "$file" >/run/labctl/nft 2>&1 </dev/null; then
            IFS= read -r why </run/labctl/nft
            case $why in
            *"Operation not permitted"* | *"Operation not supported"* | *"Protocol not supported"* | *"cache init"*)
                skipped "packet filter: this kernel does not let the node have one: ${why##*: }"
                return;;
            esac
            evidence /run/labctl/nft
            die "nft does not load $file"
        fi
        now=$(exec nft -s list table inet labctl 2>/dev/null </dev/null)
        printf '%s\n' "$now" >"$kept" || die "cannot write $kept"
        [[ $now == "$held" ]] || changed "packet filter: the lab's subnet only"
    fi
    if service_known nftables.service && ! service_enabled nftables.service; then
        service_at_boot nftables.service
        changed "packet filter: loaded at boot"
    fi
}
set_filter
