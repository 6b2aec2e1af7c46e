/* SPDX-License-Identifier: PostgreSQL */
/* Undoes what labctl must not inherit: closed standard streams, PG* variables; keeps ignored signals ignored. */
#ifndef LABCTL_CLI_STARTUP_H
#define LABCTL_CLI_STARTUP_H

/*
 * Call before anything is opened. Opens /dev/null for 0, 1 and 2 if they are closed, so that no lock, journal or socket
 * gets such a number and receives printed output.
 */
void startup_streams(void);

/*
 * Call before any thread starts. Removes every PG* variable, for libpq and for child processes: the caller's PGSERVICE,
 * PGHOSTADDR or PGOPTIONS would redirect or change connections to a lab's nodes.
 */
void startup_environment(void);

/*
 * Call before any secret is read. Disables core files for root, since they would contain keys and passwords. Not for other
 * users: they cannot read secrets, and root would own their /proc/self. LABCTL_CORE=1 allows cores up to the hard limit.
 */
void startup_core(void);

/* Sets @on_stop for INT, TERM and HUP, unless the caller ignores them (nohup, a background job); ignores PIPE. */
void startup_signals(void (*on_stop)(int signo));

#endif
