# shellcheck shell=bash disable=SC2154  # packages: lists.sh
# SPDX-License-Identifier: PostgreSQL
# Reports packages that the image lacks; nothing is installed over a network. Reads dpkg's files, without a fork.

check_packages() {
    local package list arch missing=''
    [[ -d /var/lib/dpkg/info ]] || { skipped "packages: this image is not Debian"; return; }
    case $HOSTTYPE in x86_64) arch=amd64;; aarch64) arch=arm64;; *) arch=$HOSTTYPE;; esac
    for package in $packages; do
        [[ -e /var/lib/dpkg/info/$package.list || -e /var/lib/dpkg/info/$package:$arch.list ]] && continue
        list=(/var/lib/dpkg/info/"$package".list /var/lib/dpkg/info/"$package":*.list)
        [[ -e ${list[0]} || -e ${list[1]-} ]] || missing+=" $package"
    done
    [[ -z $missing ]] || skipped "packages: not in the image:$missing"
}
check_packages
