/* SPDX-License-Identifier: PostgreSQL */
/*
 * The faults of a lab, a file of its record. It says what was injected; whether a fault still acts, the kernel and libvirt
 * know. Who writes holds the lab's lock. First test to read: tests/exec/test_faults.c.
 */
#ifndef LABCTL_EXEC_FAULTS_H
#define LABCTL_EXEC_FAULTS_H

#include "fault.h"
#include "paths.h"

/*
 * In the order of their ids, in @a; none is no failure. Nodes that have left the lab are left out. FAIL_LAB if the file is
 * damaged.
 */
int faults_read(const struct paths *p, const struct lab *lab, struct arena *a, struct fault **ret, unsigned *ret_count, struct fail *e);
/* Replaces the file; with none it is removed. */
int faults_write(const struct paths *p, const struct lab *lab, const struct fault *faults, unsigned count, struct fail *e);
/* Of a fault of links, data directories or space: does the kernel still have what of it is on host number @host, which this one is? */
bool fault_holds(const struct lab *lab, const struct fault *f, unsigned host);
/* The text of the record, for the other hosts of the lab; "" = there is none. Appended to @out. */
int faults_text(const struct paths *p, struct strbuf *out, struct fail *e);
/* Replaces the record by a text of another host's faults_text(). */
int faults_take(const struct paths *p, const char *text, struct fail *e);
/* Is there a record? Nothing else tells that the lab has a table of the packet filter. */
bool faults_recorded(const struct paths *p);

#endif
