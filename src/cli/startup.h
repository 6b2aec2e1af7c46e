/* SPDX-License-Identifier: PostgreSQL */
/* What a process inherits and labctl must not: closed standard streams, PG* variables, handlers over ignored signals. */
#ifndef LABCTL_CLI_STARTUP_H
#define LABCTL_CLI_STARTUP_H

/*
 * Before anything is opened: 0, 1 and 2 are open (to /dev/null where they were closed), so that no lock, journal or
 * socket gets such a number and is written to by whoever prints.
 */
void startup_streams(void);

/*
 * Before any thread: every PG* variable is gone, for libpq in this process and for all that is started. The caller's
 * PGSERVICE, PGHOSTADDR or PGOPTIONS would lead a connection to a lab's node somewhere else.
 */
void startup_environment(void);

/*
 * Before any secret is read: no core file of a labctl of root, which has keys and passwords in it. Others cannot read
 * any; and their /proc/self would be root's. With LABCTL_CORE=1 one is written as large as the caller may have it.
 */
void startup_core(void);

/* @on_stop for INT, TERM and HUP, except what the caller ignores (nohup, a shell's background job); PIPE is ignored. */
void startup_signals(void (*on_stop)(int signo));

#endif
