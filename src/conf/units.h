/* SPDX-License-Identifier: Apache-2.0
 *
 * units.h: times and sizes as people write them.
 */
#ifndef DIFY_CONF_UNITS_H
#define DIFY_CONF_UNITS_H

#include "difystream/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Seconds, or a number with one of ms, s, m, h, d; up to three decimals: "90", "2.5s", "30d". */
bool conf_duration(struct dify_slice text, uint64_t *out_ms);

/* Bytes, or a number with one of B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (of
 * 1024); up to three decimals: "1048576", "500MB", "1.5GiB". */
bool conf_size(struct dify_slice text, uint64_t *out);

/* The shortest text that reads back to the same. */
#define CONF_UNIT_BYTES 32
void conf_duration_text(uint64_t ms, char out[CONF_UNIT_BYTES]);
void conf_size_text(uint64_t bytes, char out[CONF_UNIT_BYTES]);

#endif
