/* SPDX-License-Identifier: Apache-2.0
 *
 * media.c: what a file is, by its first bytes and its name.
 *
 * Content comes before the name for what has a signature; Dify's own lists of extensions decide
 * which kind an extension is of.
 */
#include "client/media.h"

#include "core/slices.h"

#include <strings.h>

struct extension {
    const char *name; /* without a dot */
    const char *type;
    const char *kind;
};

static const struct extension extensions[] = {
    {"jpg", "image/jpeg", "image"},
    {"jpeg", "image/jpeg", "image"},
    {"png", "image/png", "image"},
    {"gif", "image/gif", "image"},
    {"webp", "image/webp", "image"},
    {"svg", "image/svg+xml", "image"},
    {"bmp", "image/bmp", "custom"},
    {"heic", "image/heic", "custom"},
    {"tif", "image/tiff", "custom"},
    {"tiff", "image/tiff", "custom"},
    {"txt", "text/plain", "document"},
    {"md", "text/markdown", "document"},
    {"markdown", "text/markdown", "document"},
    {"mdx", "text/markdown", "document"},
    {"html", "text/html", "document"},
    {"htm", "text/html", "document"},
    {"csv", "text/csv", "document"},
    {"xml", "application/xml", "document"},
    {"vtt", "text/vtt", "document"},
    {"properties", "text/plain", "document"},
    {"pdf", "application/pdf", "document"},
    {"doc", "application/msword", "document"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document"},
    {"xls", "application/vnd.ms-excel", "document"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "document"},
    {"ppt", "application/vnd.ms-powerpoint", "document"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation",
     "document"},
    {"epub", "application/epub+zip", "document"},
    {"eml", "message/rfc822", "document"},
    {"msg", "application/vnd.ms-outlook", "document"},
    {"mp3", "audio/mpeg", "audio"},
    {"m4a", "audio/mp4", "audio"},
    {"wav", "audio/wav", "audio"},
    {"amr", "audio/amr", "audio"},
    {"mpga", "audio/mpeg", "audio"},
    {"mp4", "video/mp4", "video"},
    {"mov", "video/quicktime", "video"},
    {"mpeg", "video/mpeg", "video"},
    {"webm", "video/webm", "video"},
    {"json", "application/json", "custom"},
    {"zip", "application/zip", "custom"},
};

struct signature {
    size_t at;
    const char *bytes;
    size_t len;
    const char *type;
    const char *kind;
};

/* Only where the bytes leave no doubt: office files, for one, are all ZIP archives. */
static const struct signature signatures[] = {
    {0, "\x89PNG\r\n\x1a\n", 8, "image/png", "image"},
    {0, "\xff\xd8\xff", 3, "image/jpeg", "image"},
    {0, "GIF87a", 6, "image/gif", "image"},
    {0, "GIF89a", 6, "image/gif", "image"},
    {8, "WEBP", 4, "image/webp", "image"},
    {0, "%PDF-", 5, "application/pdf", "document"},
    {0, "ID3", 3, "audio/mpeg", "audio"},
    {8, "WAVE", 4, "audio/wav", "audio"},
    {0, "#!AMR", 5, "audio/amr", "audio"},
    {4, "ftypM4A", 7, "audio/mp4", "audio"},
    {4, "ftypqt", 6, "video/quicktime", "video"},
    {4, "ftypisom", 8, "video/mp4", "video"},
    {4, "ftypmp4", 7, "video/mp4", "video"},
    {0, "\x1a\x45\xdf\xa3", 4, "video/webm", "video"},
};

static const struct signature *find_signature(struct dify_slice head)
{
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        const struct signature *known = &signatures[i];
        if (head.len >= known->at + known->len &&
            memcmp(head.ptr + known->at, known->bytes, known->len) == 0)
            return known;
    }
    return NULL;
}

static const struct extension *find_extension(const char *name)
{
    const char *dot = name != NULL ? strrchr(name, '.') : NULL;
    for (size_t i = 0; dot != NULL && i < sizeof extensions / sizeof extensions[0]; i++)
        if (strcasecmp(dot + 1, extensions[i].name) == 0)
            return &extensions[i];
    return NULL;
}

const char *dify_file_kind(const char *name, struct dify_slice head)
{
    const struct signature *signature = find_signature(head);
    const struct extension *extension = find_extension(name);
    if (signature != NULL)
        return signature->kind;
    return extension != NULL ? extension->kind : "custom";
}

const char *dify__media_type(const char *name, struct dify_slice head)
{
    const struct signature *signature = find_signature(head);
    const struct extension *extension = find_extension(name);
    if (signature != NULL)
        return signature->type;
    return extension != NULL ? extension->type : "application/octet-stream";
}
