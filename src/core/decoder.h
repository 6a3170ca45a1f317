/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder.h: what the fold sees of a decoded event beyond the public view: the inside of its
 * outputs and reasons.
 */
#ifndef DIFY_CORE_DECODER_H
#define DIFY_CORE_DECODER_H

#include "core/json.h"
#include "difystream/event.h"

/* dify_decoder_decode() in two steps: all but the members of `data`, ... */
DIFY_MUST_CHECK enum dify_err dify__decoder_envelope(struct dify_decoder *decoder,
                                                     struct dify_slice text,
                                                     const struct dify_event **out);

/* ... and these, for who needs them. */
void dify__decoder_data(struct dify_decoder *decoder);

/* What was wrong with the last event that was refused with DIFY_ERR_JSON or DIFY_ERR_DEPTH. */
const struct dify_error *dify__decoder_error(const struct dify_decoder *decoder);

/* The members of `data.outputs` of the event at hand; false if it is no object. */
bool dify__decoder_outputs(const struct dify_decoder *decoder, struct dify__members *out);

/* The elements of `data.reasons` of the event at hand; none if it is no array. */
struct dify__elements dify__decoder_reasons(const struct dify_decoder *decoder);

/* The members of the element at hand; none if it is no object. */
void dify__decoder_members(const struct dify_decoder *decoder, const struct dify__elements *element,
                           struct dify__members *out);

#endif
