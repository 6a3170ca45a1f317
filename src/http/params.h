/* SPDX-License-Identifier: Apache-2.0
 *
 * params.h: reading the value of a header field with parameters, as Content-Type and
 * Content-Disposition have them: value *( ";" name "=" ( token / quoted-string ) ).
 *
 *     struct dify_slice type;
 *     struct http_params params = http_params(field, &type);
 *     while (http_params_next(&params))
 *         ... params.name, params.value ...
 *     if (params.is_bad) ... the field is malformed ...
 *
 * It allocates nothing and decodes nothing: slices point into the field.
 */
#ifndef HTTP_PARAMS_H
#define HTTP_PARAMS_H

#include "difystream/export.h"
#include "difystream/slice.h"

#include <stdbool.h>

struct http_params {
    struct dify_slice rest;
    struct dify_slice name; /* at hand; as sent: compare by http_is_like() */
    struct dify_slice value;
    /* The value stood in quotes, which are not part of it; a quote or a backslash within is still
     * behind a backslash. A backslash in front of anything else is an ordinary character (paths of
     * old browsers). */
    bool is_quoted;
    bool is_bad;
};

/* `first`: what stands in front of the parameters, without white space around it. */
struct http_params http_params(struct dify_slice field, struct dify_slice *first);

/* False at the end, or where the field is malformed. Empty parameters (";;") are passed over. A
 * value without quotes may hold more than a token: any visible character but ';' and '"', and bytes
 * above 0x7F. */
DIFY_MUST_CHECK bool http_params_next(struct http_params *params);

#endif
