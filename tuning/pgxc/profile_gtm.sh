# SPDX-License-Identifier: PostgreSQL
# ~/.bash_profile on a node with only a GTM or its standby. Written by labctl.
export PGPORT=@{port:sh}
export PGDATA=@{dir:sh}
export LANG=en_US.utf8
export PGHOME=@{prefix:sh}
# LD_LIBRARY_PATH is not set: the programs find their libraries, and those of the
# distribution would find the wrong libpq.
export DATE=`date +"%Y%m%d%H%M"`
export PATH=$PGHOME/bin:$PATH
export MANPATH=$PGHOME/share/man:${MANPATH-}
export PGUSER=postgres
export PGHOST=$PGDATA
export PGDATABASE=postgres
alias rm='rm -i'
alias ll='ls -lh'
