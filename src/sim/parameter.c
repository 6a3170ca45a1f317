/* SPDX-License-Identifier: Apache-2.0
 *
 * parameter.c: see parameter.h.
 */
#include "sim/parameter.h"

#include "http/uri.h"

void sim_parameter_read(const struct sim_visit *visit, const char *name, struct sim_parameter *out)
{
    size_t len;
    out->text = (struct dify_slice){NULL, 0};
    if (http_query_value(http_exchange_request(visit->exchange)->query, name, out->bytes,
                         sizeof(out->bytes), &len))
        out->text = (struct dify_slice){out->bytes, len};
}

int64_t sim_parameter_number(const struct sim_parameter *parameter, int64_t otherwise)
{
    int64_t number = 0;
    if (parameter->text.ptr == NULL || parameter->text.len == 0 || parameter->text.len > 9)
        return otherwise;
    for (size_t i = 0; i < parameter->text.len; i++) {
        char c = parameter->text.ptr[i];
        if (c < '0' || c > '9')
            return otherwise;
        number = number * 10 + (c - '0');
    }
    return number;
}
