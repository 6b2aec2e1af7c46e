# SPDX-License-Identifier: PostgreSQL
# ~/.bash_profile of the database's user. Written by labctl.
@{if self.coordinator}
export PGPORT=@{coordinator.port}
export PGDATA=@{coordinator.dir:sh}
export PGHOST=$PGDATA
@{else}
@{if self.datanode}
export PGPORT=@{datanode.port}
export PGDATA=@{datanode.dir:sh}
export PGHOST=$PGDATA
@{else}
@{if self.gtm}
export PGPORT=@{gtm.port}
export PGDATA=@{gtm.dir:sh}
@{else}
export PGPORT=@{gtm_standby.port}
export PGDATA=@{gtm_standby.dir:sh}
@{end}
@{end}
@{end}
export LANG=en_US.utf8
export PGHOME=@{prefix:sh}
# LD_LIBRARY_PATH is not set: these programs find their libraries without it, and the
# distribution's programs would find the wrong libpq.
export DATE=`date +"%Y%m%d%H%M"`
export PATH=$PGHOME/bin:$PATH
export MANPATH=$PGHOME/share/man:${MANPATH-}
export PGUSER=postgres
@{if self.coordinator}
@{else}
@{if self.datanode}
@{else}
export PGHOST=$PGDATA
@{end}
@{end}
export PGDATABASE=postgres
alias rm='rm -i'
alias ll='ls -lh'
