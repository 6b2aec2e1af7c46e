# SPDX-License-Identifier: PostgreSQL
# Makes the standby the GTM, with the project's own tool, which sends a signal and does not wait. The end of its unit stops it, and
# gtm.start.sh starts it with the configuration of a GTM.

dir=@{dir:sh} user=@{user:sh} bin=@{prefix:sh}/bin port=@{port:sh}
out=/run/labctl/@{nodename:sh}.promote

[[ -e $dir/gtm.conf ]] || die "there is no GTM standby in $dir"
running() { pid_in "$dir/gtm.pid" && alive "$pid" gtm "$dir"; }
master()  { local part=; { read -r _ && read -r _ && read -r part; } <"$dir/gtm.pid"; [[ $part == 1 ]]; }
promoted() { running && master && listening "$port"; }
if running && ! master; then
    [[ -e $dir/labctl.follows ]] || die "the GTM standby in $dir has never had the state of the GTM"
    mkdir -p /run/labctl
    as "$user" "$bin/gtm_ctl" promote -Z gtm -D "$dir" >"$out" 2>&1
    wait_for 60 promoted || { evidence "$out"; die "the GTM standby was not promoted"; }
    changed "the standby is the GTM"
elif ! running && grep -q '^startup = STANDBY' "$dir/gtm.conf"; then
    die "the GTM standby in $dir does not run, and only one that runs can be promoted"
fi
rm -f -- "$dir/labctl.follows"
retire_role gtm_standby
