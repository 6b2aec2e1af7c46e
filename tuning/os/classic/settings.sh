# shellcheck shell=bash disable=SC2034  # the scripts after this one read these
# SPDX-License-Identifier: PostgreSQL
# What differs between the profiles and is no file.

selinux=disabled
