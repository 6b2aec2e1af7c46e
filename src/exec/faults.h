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
/* Is there a record? Nothing else tells that the lab has a table of the packet filter. */
bool faults_recorded(const struct paths *p);

#endif
