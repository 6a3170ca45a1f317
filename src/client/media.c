/* SPDX-License-Identifier: Apache-2.0
 *
 * media.c: what a file is, by its first bytes and its name.
 *
 * Its type is said by its content, where that has a signature, else by its name. Its kind is what
 * Dify will find, which does not look at the content: the extension says it, where it is on one of
 * Dify's lists, else the type that came with the upload. A run that calls a file anything else is
 * refused, from 1.13 to 1.14 by silence.
 */
#include "client/media.h"

#include "core/slices.h"

#include <stdbool.h>
#include <strings.h>

struct extension {
    const char *name; /* without a dot */
    const char *type;
    const char *kind; /* NULL: on none of Dify's lists */
};

static const struct extension extensions[] = {
    {"jpg", "image/jpeg", "image"},
    {"jpeg", "image/jpeg", "image"},
    {"png", "image/png", "image"},
    {"gif", "image/gif", "image"},
    {"webp", "image/webp", "image"},
    {"svg", "image/svg+xml", "image"},
    {"bmp", "image/bmp", NULL},
    {"heic", "image/heic", NULL},
    {"tif", "image/tiff", NULL},
    {"tiff", "image/tiff", NULL},
    {"txt", "text/plain", "document"},
    {"md", "text/markdown", "document"},
    {"markdown", "text/markdown", "document"},
    {"mdx", "text/markdown", "document"},
    {"html", "text/html", "document"},
    {"htm", "text/html", "document"},
    {"csv", "text/csv", "document"},
    {"xml", "text/xml", "document"}, /* so also for a Dify whose lists do not have it */
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
    {"json", "application/json", NULL},
    {"zip", "application/zip", NULL},
};

struct signature {
    size_t at;
    const char *bytes;
    size_t len;
    const char *type;
    bool is_of_several; /* files of other types begin so, too: the name comes first */
};

/* Only where the bytes leave no doubt: office files, for one, are all ZIP archives. */
static const struct signature signatures[] = {
    {0, "\x89PNG\r\n\x1a\n", 8, "image/png", false},
    {0, "\xff\xd8\xff", 3, "image/jpeg", false},
    {0, "GIF87a", 6, "image/gif", false},
    {0, "GIF89a", 6, "image/gif", false},
    {8, "WEBP", 4, "image/webp", false},
    {0, "%PDF-", 5, "application/pdf", false},
    {0, "ID3", 3, "audio/mpeg", false},
    {8, "WAVE", 4, "audio/wav", false},
    {0, "#!AMR", 5, "audio/amr", false},
    {4, "ftypM4A", 7, "audio/mp4", false},
    {4, "ftypqt", 6, "video/quicktime", false},
    {4, "ftypisom", 8, "video/mp4", true}, /* .m4a as well */
    {4, "ftypmp4", 7, "video/mp4", true},
    {0, "\x1a\x45\xdf\xa3", 4, "video/webm", false},
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

/* Dots at the beginning of a name begin no extension. */
const char *dify__file_extension(const char *name)
{
    const char *slash = name != NULL ? strrchr(name, '/') : NULL;
    name = slash != NULL ? slash + 1 : name;
    while (name != NULL && *name == '.')
        name++;
    return name != NULL ? strrchr(name, '.') : NULL;
}

static const struct extension *find_extension(const char *name)
{
    const char *dot = dify__file_extension(name);
    for (size_t i = 0; dot != NULL && i < sizeof extensions / sizeof extensions[0]; i++)
        if (strcasecmp(dot + 1, extensions[i].name) == 0)
            return &extensions[i];
    return NULL;
}

bool dify__may_be_custom(const char *name)
{
    static const char *const names[] = {"doc", "eml", "epub", "msg", "ppt", "pptx"};
    const char *dot = dify__file_extension(name);
    for (size_t i = 0; dot != NULL && i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(dot + 1, names[i]) == 0)
            return true;
    return false;
}

/* Whether the type, without its parameters, has the word in it. */
static bool has_word(const char *type, const char *word)
{
    size_t len = strlen(word), type_len = strcspn(type, ";");
    for (size_t at = 0; at + len <= type_len; at++)
        if (strncasecmp(type + at, word, len) == 0)
            return true;
    return false;
}

const char *dify__kind_of_extension(const char *name)
{
    const struct extension *extension = find_extension(name);
    return extension != NULL ? extension->kind : NULL;
}

const char *dify__file_kind(const char *name, const char *type)
{
    static const char *const kinds[] = {"image", "video", "audio"};
    const char *kind = dify__kind_of_extension(name);
    if (kind != NULL)
        return kind;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (has_word(type, kinds[i]))
            return kinds[i];
    return has_word(type, "text") || has_word(type, "pdf") ? "document" : "custom";
}

const char *dify_file_kind(const char *name, struct dify_slice head)
{
    return dify__file_kind(name, dify__media_type(name, head));
}

const char *dify__media_type(const char *name, struct dify_slice head)
{
    const struct signature *signature = find_signature(head);
    const struct extension *extension = find_extension(name);
    if (signature != NULL && (extension == NULL || !signature->is_of_several))
        return signature->type;
    return extension != NULL ? extension->type : "application/octet-stream";
}
