/* SPDX-License-Identifier: Apache-2.0
 *
 * words.h: what went wrong between the gateway and Dify, as clients may be told: without the
 * address of Dify, which the client's own words have.
 */
#ifndef GATEWAY_WORDS_H
#define GATEWAY_WORDS_H

#include "difystream/client.h"

#define GW_WORDS_BYTES 512
#define GW_CODE_BYTES 64

struct gw_words {
    int status; /* of an answer: 502 or 504 */
    char code[GW_CODE_BYTES];
    char message[GW_WORDS_BYTES]; /* English; of a refusal Dify's own words */
};

/* Of a call that failed. */
void gw_words_of(const struct dify_answer *answer, struct gw_words *out);

/* Of a call that could not even be begun, for want of memory. */
void gw_words_no_memory(struct gw_words *out);

#endif
