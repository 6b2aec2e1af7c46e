# shellcheck shell=bash disable=SC2034  # the scripts after this one read these
# SPDX-License-Identifier: PostgreSQL
# What differs between the profiles and is no file.

# Deviation: permissive, not disabled: denials are logged, and files keep labels, so that it can be switched on later.
selinux=permissive
