/* SPDX-License-Identifier: Apache-2.0
 *
 * target.h: the forms of a request's target (RFC 9112 §3.2).
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "http/server.h"

/* Reads request->target, which is not empty, into path, query and, from an absolute form, host.
 * NULL, or what is wrong with it; static. */
const char *http_read_target(struct http_request *request);

#endif
