/* SPDX-License-Identifier: Apache-2.0
 *
 * media.h: what a file is, by its first bytes and its name. Its kind: dify_file_kind().
 */
#ifndef DIFY_CLIENT_MEDIA_H
#define DIFY_CLIENT_MEDIA_H

#include "difystream/client.h"

/* A media type; "application/octet-stream" for what is not known. Static. */
const char *dify__media_type(const char *name, struct dify_slice head);

#endif
