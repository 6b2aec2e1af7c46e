# shellcheck shell=bash disable=SC2154  # mount_services: services_*.sh
# SPDX-License-Identifier: PostgreSQL
# Mounts the data directory from the host's NFS server, now and at boot. Without retry=0, mount.nfs would retry for two
# minutes if the server refuses.

mount_data() {
    local source=@{data.source:sh} dir=@{data.mount:sh} options=@{data.mount_options:sh} text='' line words found=0 mount
    local fstab_options=$options,_netdev,retry=0 out=/run/labctl/mount service
    if [[ -f /etc/fstab ]]; then
        while IFS= read -r line || [[ -n $line ]]; do
            read -r -a words <<<"$line"
            if [[ ${words[1]-} == "$dir" && ${words[0]} != \#* ]]; then
                (( found++ )) && continue
                line="$source $dir nfs $fstab_options 0 0"
            fi
            text+=$line$'\n'
        done </etc/fstab
    fi
    (( found )) || text+="$source $dir nfs $fstab_options 0 0"$'\n'
    put /etc/fstab 0644 root:root "$text"
    for service in $mount_services; do
        if booted && service_known "$service" && ! service_enabled "$service"; then
            service_at_boot "$service"
            changed "$service starts at boot, to mount network file systems"
        fi
    done
    if mounted "$dir"; then
        [[ ${mount[0]} == "$source" && ${mount[1]} == nfs* ]] || die "$dir has ${mount[0]} (${mount[1]}) mounted, not $source"
        return
    fi
    [[ -d $dir ]] || mkdir -p -- "$dir" || die "cannot create $dir"
    within 45 mount -t nfs -o "$options,retry=0" "$source" "$dir" >"$out" 2>&1 ||
        { evidence "$out"; die "cannot mount $source on $dir"; }
    changed "mounted $source on $dir"
}
mount_data
