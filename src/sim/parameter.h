/* SPDX-License-Identifier: Apache-2.0
 *
 * parameter.h: the parameters of a request's query.
 */
#ifndef SIM_PARAMETER_H
#define SIM_PARAMETER_H

#include "sim/visit.h"

struct sim_parameter {
    char bytes[4096];       /* a request line has no more */
    struct dify_slice text; /* absent if it is not there */
};

void sim_parameter_read(const struct sim_visit *visit, const char *name, struct sim_parameter *out);

/* Its value as a number of up to nine digits, or `otherwise`. */
int64_t sim_parameter_number(const struct sim_parameter *parameter, int64_t otherwise);

#endif
