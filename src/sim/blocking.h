/* SPDX-License-Identifier: Apache-2.0
 *
 * blocking.h: the one answer of a blocking call, made from what the run did.
 */
#ifndef SIM_BLOCKING_H
#define SIM_BLOCKING_H

#include "sim/stream.h"

/* Answers the visit of a stream whose run is over or paused. */
void sim_blocking_answer(struct sim_stream *stream);

#endif
