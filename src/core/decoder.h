/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder.h: what the fold sees of a decoded event beyond the public view: the inside of its
 * outputs and reasons.
 */
#ifndef DIFY_CORE_DECODER_H
#define DIFY_CORE_DECODER_H

#include "core/json.h"
#include "difystream/event.h"

/* The members of `data.outputs` of the event at hand; false if it is no object. */
bool dify__decoder_outputs(const struct dify_decoder *decoder, struct dify__members *out);

/* The elements of `data.reasons` of the event at hand; none if it is no array. */
struct dify__elements dify__decoder_reasons(const struct dify_decoder *decoder);

#endif
