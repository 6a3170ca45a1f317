/* SPDX-License-Identifier: Apache-2.0
 *
 * page.c: see page.h. A browser keeps the files and asks each time whether they are still these
 * (no-cache, ETag): the page and the gateway that it talks to are always of one release, and a
 * restart is all that an update takes.
 *
 * The page shows what workflows and models wrote, and may hold an access token. So that a text that
 * got through as markup does nothing all the same, the page may run and load what lies here alone,
 * send nothing elsewhere, and be in no other's frame.
 */
#include "gateway/page.h"

#include "core/slices.h"
#include "gateway/reply.h"
#include "gateway/routes.h"
#include "http/fields.h"
#include "http/params.h"

#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "        \
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "            \
    "frame-ancestors 'none'"

/* ---- which form (RFC 9110 §12.5.3) --------------------------------------------------------- */

/* What a client thinks of a coding, in thousandths; 0: it does not take it. */
enum { UNSAID = -1, MOST = 1000 };
struct weights {
    int gzip, identity, any;
};

/* The q of a coding's parameters; UNSAID: it is none. */
static int weight_of(struct http_params params)
{
    int weight = MOST;
    while (http_params_next(&params)) {
        if (!http_is_like(params.name, "q"))
            continue;
        struct dify_slice text = params.value;
        int unit = MOST;
        weight = 0;
        for (size_t i = 0; i < text.len && i < sizeof "0.123" - 1; i++) {
            if (i == 1 && text.ptr[i] == '.')
                continue;
            if (i == 1 || !http_is_digit(text.ptr[i]))
                return UNSAID;
            weight += (text.ptr[i] - '0') * unit;
            unit /= 10;
        }
    }
    return params.is_bad || weight > MOST ? UNSAID : weight;
}

static void weigh(struct dify_slice list, struct weights *weights)
{
    struct dify_slice item, coding;
    while (http_list_next(&list, &item)) {
        struct http_params params = http_params(item, &coding);
        int weight = weight_of(params);
        if (weight == UNSAID)
            continue;
        if (http_is_like(coding, "gzip") || http_is_like(coding, "x-gzip"))
            weights->gzip = weight;
        else if (http_is_like(coding, "identity"))
            weights->identity = weight;
        else if (dify__slice_is(coding, "*"))
            weights->any = weight;
    }
}

/* The form that the client would rather have; NULL: it takes none that there is. */
static const struct gw_page_form *choose(const struct gw_page_file *file,
                                         const struct http_request *http)
{
    struct weights weights = {UNSAID, UNSAID, UNSAID};
    for (size_t i = 0; i < http->field_count; i++)
        if (dify__slice_is(http->fields[i].name, "accept-encoding"))
            weigh(http->fields[i].value, &weights);
    int gzip = weights.gzip != UNSAID ? weights.gzip : weights.any;
    if (gzip > 0 && gzip >= weights.identity)
        return &file->gzip;
    int identity = weights.identity != UNSAID ? weights.identity : weights.any;
    return identity != 0 ? &file->plain : NULL;
}

/* ---- serving it ---------------------------------------------------------------------------- */

static const struct gw_page_file *find(struct dify_slice path)
{
    for (size_t i = 0; i < gw_page_file_count; i++)
        if (dify__slice_is(path, gw_page_files[i].path))
            return &gw_page_files[i];
    return NULL;
}

static void answer(const struct gw_request *request, const struct gw_page_file *file,
                   const struct gw_page_form *form)
{
    enum { OF_ALL = 3, GZIP = 8, FIELDS };
    const struct http_field fields[FIELDS] = {
        {DIFY_SLICE("ETag"), dify__slice(form->tag)},
        {DIFY_SLICE("Cache-Control"), DIFY_SLICE("no-cache")},
        {DIFY_SLICE("Vary"), DIFY_SLICE("Accept-Encoding")},
        {DIFY_SLICE("Content-Type"), dify__slice(file->type)},
        {DIFY_SLICE("Content-Security-Policy"), DIFY_SLICE(POLICY)},
        GW_NOSNIFF,
        {DIFY_SLICE("Referrer-Policy"), DIFY_SLICE("no-referrer")},
        {DIFY_SLICE("Cross-Origin-Opener-Policy"), DIFY_SLICE("same-origin")},
        [GZIP] = {DIFY_SLICE("Content-Encoding"), DIFY_SLICE("gzip")}};
    if (gw_reply_is_known(request->http, form->tag))
        http_respond(request->exchange, 304, fields, OF_ALL, DIFY_SLICE(""));
    else
        http_respond(request->exchange, 200, fields, form == &file->gzip ? FIELDS : GZIP,
                     (struct dify_slice){(const char *)form->bytes, form->len});
}

void gw_serve_page(const struct gw_request *request)
{
    const struct gw_page_file *file = find(request->http->path);
    const struct gw_page_form *form = file != NULL ? choose(file, request->http) : NULL;
    if (form != NULL)
        answer(request, file, form);
    else if (file != NULL)
        gw_reply_error(request->exchange, 406, "not_acceptable",
                       "there is this file as it is and as gzip: see Accept-Encoding", NULL);
    else
        gw_reply_error(request->exchange, 404, "not_found", "the page has no such file", NULL);
}
