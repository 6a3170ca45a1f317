/* SPDX-License-Identifier: Apache-2.0
 *
 * target.c: see target.h.
 */
#include "http/target.h"

#include "core/slices.h"
#include "http/fields.h"

/* The authority of an absolute target is the host, by both ways of saying it. */
static const char *read_absolute(struct http_request *request, size_t scheme)
{
    struct dify_slice rest = {request->target.ptr + scheme, request->target.len - scheme};
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    struct dify_slice authority = {rest.ptr, end};
    if (!http_is_host(authority))
        return "bad authority in the request target";
    if (request->host.ptr != NULL && !http_are_alike(authority, request->host))
        return "the request target has another host than the field Host";
    if (end < rest.len && rest.ptr[end] == '?')
        return "a request target without a path";
    request->host = authority;
    request->target =
        end < rest.len ? (struct dify_slice){rest.ptr + end, rest.len - end} : DIFY_SLICE("/");
    return NULL;
}

const char *http_read_target(struct http_request *request)
{
    struct dify_slice target = request->target;
    const char *wrong = NULL;
    if (dify__slice_is(target, "*")) {
        if (request->method != HTTP_OPTIONS_)
            return "target * is for OPTIONS";
    } else if (target.len >= 7 && http_is_like((struct dify_slice){target.ptr, 7}, "http://")) {
        wrong = read_absolute(request, 7);
    } else if (target.len >= 8 && http_is_like((struct dify_slice){target.ptr, 8}, "https://")) {
        wrong = read_absolute(request, 8);
    } else if (target.ptr[0] != '/') {
        return "bad request target";
    }
    if (wrong != NULL)
        return wrong;
    const char *mark = memchr(request->target.ptr, '?', request->target.len);
    request->path = request->target;
    if (mark != NULL) {
        request->path.len = (size_t)(mark - request->target.ptr);
        request->query = (struct dify_slice){mark + 1, request->target.len - request->path.len - 1};
    }
    return NULL;
}
