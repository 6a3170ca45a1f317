/* SPDX-License-Identifier: Apache-2.0
 *
 * part_head.h: the head of a part of a form: its header lines (RFC 7578 §4).
 */
#ifndef HTTP_PART_HEAD_H
#define HTTP_PART_HEAD_H

#include "http/multipart.h"

/* Reads the header lines at `head`, each with its CRLF, without the blank line behind them. Texts
 * are decoded in place; the slices of `part` point into `head`. False if a line is malformed or
 * there is no form-data name; `part` is then undefined. */
DIFY_MUST_CHECK bool http_part_head(char *head, size_t len, struct http_part *part);

#endif
