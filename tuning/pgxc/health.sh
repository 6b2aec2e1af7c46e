# SPDX-License-Identifier: PostgreSQL
# Health check of a role: silent with status 0 if it works; a datanode or coordinator must also answer (answer.sql). Changes
# nothing.

role=@{role:sh} dir=@{dir:sh} port=@{port:sh}
gtm_ip=@{gtm.ip:sh} gtm_port=@{gtm.port:sh}

case $role in
gtm | gtm_standby)      name=gtm       file=$dir/gtm.pid        log=$dir/gtm.log;;
gtm_proxy)              name=gtm_proxy file=$dir/gtm_proxy.pid  log=$dir/gtm_proxy.log;;
datanode | coordinator) name=postgres  file=$dir/postmaster.pid log=$dir/pg_log;;
*)                      die "unknown role: $role";;
esac
if [[ -d $log ]]; then for log in "$log"/*.csv; do :; done; fi
if [[ -d $dir/gtm_log ]]; then for log in "$dir"/gtm_log/*.log; do :; done; fi

if [[ $role == gtm_standby && -e $dir/labctl.fenced ]]; then
    printf '::next labctl -l %s rejoin %s\n' @{lab.name:sh} @{node.name:sh}
    die "$dir is that of an old GTM, from which another one took over: it must rejoin"
fi
refused=
if ! pid_in "$file" || ! alive "$pid" "$name" "$dir"; then
    { read -r refused <"$dir/labctl.refused"; } 2>/dev/null
    [[ -n $refused ]] || evidence "$log"
    die "$role is not running${refused:+: $refused}"
fi
listening "$port" || { evidence "$log"; die "$role does not listen on port $port"; }
part=none
{ read -r _ && read -r _ && read -r part; } <"$file"
case $role in
gtm)
    [[ $part == 1 ]] || die "$role is in the wrong mode: $part"
    ;;
gtm_standby)                                  # the GTM connects to it, once it has a proxy; that of OpenTenBase to the GTM
    [[ $part == 0 ]] || die "$role is in the wrong mode: $part"
    follows() { called "$gtm_ip" "$port" || { [[ -d $dir/gtm_log ]] && connected "$gtm_ip" "$gtm_port"; }; }
    wait_for 2 follows || die "the GTM does not replicate to its standby"
    ;;
gtm_proxy)
    connected "$gtm_ip" "$gtm_port" || die "the proxy has no connection to the GTM"
    ;;
esac
