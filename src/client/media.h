/* SPDX-License-Identifier: Apache-2.0
 *
 * media.h: what a file is, by its first bytes and its name.
 */
#ifndef DIFY_CLIENT_MEDIA_H
#define DIFY_CLIENT_MEDIA_H

#include "difystream/client.h"

/* A media type; "application/octet-stream" for what is not known. Static. */
const char *dify__media_type(const char *name, struct dify_slice head);

/* As dify_file_kind(), of a file that is uploaded as of this type; and what its name alone says,
 * whatever the type: NULL where that is nothing. Static. */
const char *dify__file_kind(const char *name, const char *type);
const char *dify__kind_of_extension(const char *name);

/* Whether the extension is that of a document only where Dify reads files by Unstructured
 * (ETL_TYPE). By default it finds such a file "custom". */
bool dify__may_be_custom(const char *name);

/* Where the extension of a name begins, with its dot; NULL: it has none. */
const char *dify__file_extension(const char *name);

#endif
