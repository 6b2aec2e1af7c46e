# SPDX-License-Identifier: PostgreSQL
# ~/.bash_profile of the database's user. Written by labctl.
export PGPORT=@{port:sh}
export PGDATA=@{dir:sh}
export PGHOST=/run/postgresql
export PGUSER=@{superuser:sh}
export PGDATABASE=postgres
for dir in /usr/lib/postgresql/*/bin; do PATH=$dir:$PATH; done
export PATH
unset dir
alias rm='rm -i'
alias ll='ls -lh'
