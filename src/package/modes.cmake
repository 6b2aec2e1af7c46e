# SPDX-License-Identifier: PostgreSQL
# Run by cpack before it makes a package: its own directories have modes of the umask.
execute_process(COMMAND chmod -R u=rwX,go=rX ${CPACK_TEMPORARY_DIRECTORY} COMMAND_ERROR_IS_FATAL ANY)
