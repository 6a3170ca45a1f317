/* SPDX-License-Identifier: Apache-2.0
 *
 * words.c: see words.h.
 */
#include "gateway/words.h"

#include "core/slices.h"

#include <stdio.h>

static const char *text_of(enum dify_outcome outcome)
{
    switch (outcome) {
    case DIFY_OUTCOME_CONNECT_FAILED:
        return "Dify cannot be reached";
    case DIFY_OUTCOME_CONNECT_TIMEOUT:
        return "Dify could not be reached in time";
    case DIFY_OUTCOME_READ_TIMEOUT:
        return "Dify did not answer in time";
    case DIFY_OUTCOME_CONNECTION_RESET:
        return "the connection to Dify broke before its answer was whole";
    case DIFY_OUTCOME_INVALID_RESPONSE:
        return "what answered is not Dify's API";
    default:
        return NULL;
    }
}

static bool is_late(enum dify_outcome outcome)
{
    return outcome == DIFY_OUTCOME_CONNECT_TIMEOUT || outcome == DIFY_OUTCOME_READ_TIMEOUT;
}

/* Copies a text; what does not fit is left out, no character is cut. */
static void copy(struct dify_slice text, char *out, size_t size)
{
    size_t len = text.len < size ? text.len : size - 1;
    while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    if (len > 0)
        memcpy(out, text.ptr, len);
    out[len] = '\0';
}

void gw_words_of(const struct dify_answer *answer, struct gw_words *out)
{
    const char *text = text_of(answer->outcome);
    out->status = is_late(answer->outcome) ? 504 : 502;
    copy(answer->code, out->code, sizeof out->code);
    /* Dify's own words come with a code of its own; the client's name the address */
    bool has_words = answer->http_status != 0 && !dify__slice_is(answer->code, "http_error") &&
                     !dify__slice_is(answer->code, "upload_failed");
    if (text != NULL)
        copy(dify__slice(text), out->message, sizeof out->message);
    else if (has_words)
        copy(answer->message, out->message, sizeof out->message);
    else
        snprintf(out->message, sizeof out->message, "Dify answered with HTTP status %d",
                 answer->http_status);
}

void gw_words_no_memory(struct gw_words *out)
{
    *out = (struct gw_words){503, "out_of_memory", "the gateway has run out of memory"};
}
