/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.h: every ceiling of the core, by name.
 *
 * What grows with what a server sends is bounded by one of these. Those marked "default" can be
 * set for each object by its options.
 */
#ifndef DIFYSTREAM_LIMITS_H
#define DIFYSTREAM_LIMITS_H

#include <stddef.h>

/* Default ceiling of one server-sent event: of its data, and of any one line of the stream, in
 * bytes. Past it the parser fails with DIFY_ERR_TOO_LARGE. The largest event ever seen from a Dify
 * server is 2 MB. */
#define DIFY_SSE_EVENT_BYTES ((size_t)64 << 20)

/* Levels of nesting in an event's JSON, the event's own object being the first. A deeper one is
 * skipped with a warning. */
#define DIFY_EVENT_DEPTH 512

/* Value digits of a price or a time on either side of the decimal point (zeros that lead or trail
 * the number do not count). A longer one is skipped with a warning. */
#define DIFY_DECIMAL_DIGITS 40

/* Default ceiling of the nodes, and of the containers (iterations, loops), that a run lists. Past
 * it their figures and outputs still count, but they stand in no list and are not recognised when
 * a resumed stream repeats them; one warning says so. */
#define DIFY_RUN_NODES 100000

/* Default ceiling of what a run keeps of the stream: outputs, answer, names and errors of nodes,
 * forms, in bytes. Past it the run fails with DIFY_ERR_TOO_LARGE. */
#define DIFY_RUN_KEPT_BYTES ((size_t)256 << 20)

/* Warnings that a result spells out. Further ones are only counted. */
#define DIFY_RUN_WARNINGS 16

/* Forms of a paused run that a result lists; further ones are left out with a warning. */
#define DIFY_RUN_FORMS 64

#endif
