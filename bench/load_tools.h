/* SPDX-License-Identifier: Apache-2.0
 *
 * load_tools.h: what the programs that keep servers busy have in common.
 */
#ifndef BENCH_LOAD_TOOLS_H
#define BENCH_LOAD_TOOLS_H

#include <stddef.h>
#include <stdint.h>

/* A point in time within a stream: this, then so many digits of microseconds. */
#define STAMP "@@"
#define STAMP_DIGITS 16

_Noreturn void die(const char *what);
_Noreturn void die_of(const char *what); /* errno is said as well */

unsigned long number(const char *text, unsigned long max);
char *read_whole(const char *path, size_t *len); /* a NUL follows */

double now(void); /* seconds of the monotonic clock */
uint64_t now_us(void);
double own_cpu(void);

/* User and system time of a process, of all threads that it has now. */
double cpu_of(unsigned long pid);

/* A connection to 127.0.0.1 that is closed by a reset, so that no port waits. */
int connect_to(unsigned long port);

#endif
