# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Loads the packet filter from its file, now and at boot. nft does not print rules as it reads them, so this compares the
# kernel's rules with those just after labctl last loaded the file.

set_filter() {
    local file=@{family.firewall_conf:sh} kept=/var/lib/labctl/nftables.kernel now='' before='' held why=''
    if ! type -P nft >/dev/null; then
        skipped "packet filter: nft is not in the image"
        return
    fi
    # Its rules would apply as well as ours, and reject connections.
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
                skipped "packet filter: the kernel does not allow the node to have one: ${why##*: }"
                return;;
            esac
            evidence /run/labctl/nft
            die "nft cannot load $file"
        fi
        now=$(exec nft -s list table inet labctl 2>/dev/null </dev/null)
        printf '%s\n' "$now" >"$kept" || die "cannot write $kept"
        [[ $now == "$held" ]] || changed "packet filter: allows only the lab's subnet"
    fi
    if service_known nftables.service && ! service_enabled nftables.service; then
        service_at_boot nftables.service
        changed "packet filter: loads at boot"
    fi
}
set_filter
