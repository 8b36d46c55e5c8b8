/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FAULTS_FAULTS_H
#define FAULTS_FAULTS_H

#include <stdbool.h>

#include "fail.h"

/* Load what fails allocations, and attach it; nothing fails yet. 0 or -1. */
int faults_open(void);

/*
 * From now on the @first and the @second allocation fail (0: none does), of those
 * below the function @within (NULL: any); of this thread, or of @anybody, also in
 * softirq. 0 or -1.
 */
int faults_arm(unsigned int first, unsigned int second, const char *within, bool anybody);

/* No more; returns how many failed. */
unsigned int faults_disarm(void);

/* Say on stderr what asked for the memory that it did not get. */
void faults_explain(void);

/* The bindings there are now; sets @num. */
const struct fail_binding *faults_walk(unsigned int *num);

/*
 * Whether the kernel's own debugging is still on: it switches itself off when it
 * gets no memory, and would find nothing in all tests that follow. 0, or -1 after
 * saying what is off.
 */
int faults_debugging_alive(void);

#endif
