# shellcheck shell=bash disable=SC2034  # the scripts after this one read these
# SPDX-License-Identifier: PostgreSQL
# Settings of this profile that are not files.

# Deviation: permissive, not disabled: denials are logged, and files keep labels, so that it can be enabled later.
selinux=permissive
