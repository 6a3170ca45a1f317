/* SPDX-License-Identifier: Apache-2.0
 *
 * upload.c: see upload.h. A file belongs to the app and the user it was uploaded with.
 */
#include "sim/upload.h"

#include "core/slices.h"

#include <string.h>

/* Dify's limits: of pictures, and of all else. */
#define IMAGE_BYTES ((uint64_t)10 << 20)
#define DOCUMENT_BYTES ((uint64_t)15 << 20)
#define AUDIO_BYTES ((uint64_t)50 << 20)
#define VIDEO_BYTES ((uint64_t)100 << 20)

/* Most bytes of a form's own fields. */
#define FIELD_BYTES 4096

struct sim_upload {
    struct http_multipart *form;
    bool is_lost; /* no memory for it */
    enum http_multipart_err err;
    bool has_file, is_in_file, is_in_user;
    struct dify__buffer name, mime_type, user;
    uint64_t size;
};

/* ---- reading a form ------------------------------------------------------------------------ */

static bool add(struct sim_upload *upload, struct dify__buffer *buffer, struct dify_slice text)
{
    enum dify_err err = dify__buffer_append(buffer, text.ptr, text.len);
    upload->is_lost = upload->is_lost || err == DIFY_ERR_NOMEM;
    return err == DIFY_OK;
}

static bool keep(struct sim_upload *upload, struct dify__buffer *buffer, struct dify_slice text)
{
    buffer->len = 0;
    return add(upload, buffer, text);
}

static bool on_part_begin(void *ctx, const struct http_part *part)
{
    struct sim_upload *upload = ctx;
    bool is_file = dify__slice_is(part->name, "file") && part->filename.ptr != NULL;
    upload->is_in_user = dify__slice_is(part->name, "user") && part->filename.ptr == NULL;
    upload->is_in_file = is_file && !upload->has_file; /* of several the first one counts */
    if (!upload->is_in_file)
        return true;
    upload->has_file = true;
    return keep(upload, &upload->name, part->sent_filename) &&
           keep(upload, &upload->mime_type, part->content_type);
}

static bool on_part_data(void *ctx, struct dify_slice bytes)
{
    struct sim_upload *upload = ctx;
    if (upload->is_in_file)
        upload->size += bytes.len;
    return !upload->is_in_user || add(upload, &upload->user, bytes);
}

static bool on_part_end(void *ctx)
{
    struct sim_upload *upload = ctx;
    upload->is_in_file = upload->is_in_user = false;
    return true;
}

void sim_upload_free(struct sim_upload *upload)
{
    const struct dify_allocator *allocator;
    if (upload == NULL)
        return;
    allocator = upload->name.allocator;
    http_multipart_free(upload->form);
    dify__buffer_fini(&upload->name);
    dify__buffer_fini(&upload->mime_type);
    dify__buffer_fini(&upload->user);
    dify__free(allocator, upload);
}

/* ---- kinds of files ------------------------------------------------------------------------ */

/* The text behind the last dot, in lower case, into `out`; empty without one. */
static struct dify_slice extension_of(struct dify_slice name, char out[16])
{
    size_t len = 0;
    while (len < name.len && len < 15 && name.ptr[name.len - 1 - len] != '.')
        len++;
    if (len >= name.len || name.ptr[name.len - 1 - len] != '.')
        return (struct dify_slice){out, 0};
    for (size_t i = 0; i < len; i++) {
        char c = name.ptr[name.len - len + i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return (struct dify_slice){out, len};
}

static bool is_one_of(struct dify_slice text, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (dify__slice_is(text, *names))
            return true;
    }
    return false;
}

/* Dify's kind of a file by its extension. */
static const char *kind_of(struct dify_slice extension)
{
    static const char *const images[] = {"jpg", "jpeg", "png", "webp", "gif", "svg", NULL};
    static const char *const audios[] = {"mp3", "m4a", "wav", "amr", "mpga", NULL};
    static const char *const videos[] = {"mp4", "mov", "mpeg", "webm", NULL};
    static const char *const documents[] = {
        "txt",  "markdown", "md",  "mdx", "pdf", "html", "htm", "xlsx", "xls",        "vtt", "doc",
        "docx", "csv",      "eml", "msg", "ppt", "pptx", "xml", "epub", "properties", NULL};
    if (is_one_of(extension, images))
        return "image";
    if (is_one_of(extension, audios))
        return "audio";
    if (is_one_of(extension, videos))
        return "video";
    return is_one_of(extension, documents) ? "document" : "custom";
}

static bool has_word(struct dify_slice text, const char *word)
{
    size_t len = strlen(word);
    for (size_t at = 0; at + len <= text.len; at++) {
        if (memcmp(text.ptr + at, word, len) == 0)
            return true;
    }
    return false;
}

/* Dify's kind of a file whose extension it does not know. */
static const char *kind_of_type(struct dify_slice mime_type)
{
    static const char *const kinds[] = {"image", "video", "audio"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (has_word(mime_type, kinds[i]))
            return kinds[i];
    }
    return has_word(mime_type, "text") || has_word(mime_type, "pdf") ? "document" : "custom";
}

static bool is_too_large(struct dify_slice extension, uint64_t size)
{
    const char *kind = kind_of(extension);
    uint64_t most = DOCUMENT_BYTES;
    if (kind[0] == 'i')
        most = IMAGE_BYTES;
    else if (kind[0] == 'a')
        most = AUDIO_BYTES;
    else if (kind[0] == 'v')
        most = VIDEO_BYTES;
    return size > most;
}

/* ---- the files that are known -------------------------------------------------------------- */

static void forget(struct sim *sim, struct sim_file *file)
{
    dify__index_remove(&sim->files_by_id, (struct dify_slice){file->id, 36}, file);
    if (file->newer != NULL)
        file->newer->older = file->older;
    else
        sim->newest_file = file->older;
    if (file->older != NULL)
        file->older->newer = file->newer;
    else
        sim->oldest_file = file->newer;
    sim->file_count--;
    dify__free(sim->allocator, file->bytes);
    dify__free(sim->allocator, file);
}

void sim_upload_forget_all(struct sim *sim)
{
    while (sim->newest_file != NULL)
        forget(sim, sim->newest_file);
}

static struct dify_slice lay(char **at, struct dify_slice text)
{
    struct dify_slice copy = {*at, text.len};
    if (text.len > 0)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

static struct sim_file *remember(struct sim_visit *visit, const struct sim_upload *upload)
{
    struct sim *sim = visit->sim;
    char small[16], *at;
    struct dify_slice name = dify__buffer_slice(&upload->name);
    struct dify_slice extension = extension_of(name, small);
    struct sim_file *file = dify__calloc(sim->allocator, sizeof(struct sim_file));
    char *bytes = dify__malloc(sim->allocator, name.len + extension.len + upload->mime_type.len +
                                                   upload->user.len + 1);
    if (file == NULL || bytes == NULL) {
        dify__free(sim->allocator, file);
        dify__free(sim->allocator, bytes);
        return NULL;
    }
    sim_new_uuid(sim, file->id);
    file->app = visit->app;
    file->bytes = at = bytes;
    file->name = lay(&at, name);
    file->extension = lay(&at, extension);
    file->mime_type = lay(&at, dify__buffer_slice(&upload->mime_type));
    file->user = lay(&at, dify__buffer_slice(&upload->user));
    file->size = upload->size;
    file->created_at = sim_now_s(sim);
    if (dify__index_put(&sim->files_by_id, (struct dify_slice){file->id, 36}, file) != DIFY_OK) {
        dify__free(sim->allocator, bytes);
        dify__free(sim->allocator, file);
        return NULL;
    }
    file->older = sim->newest_file;
    if (sim->newest_file != NULL)
        sim->newest_file->newer = file;
    else
        sim->oldest_file = file;
    sim->newest_file = file;
    if (++sim->file_count > SIM_FILES)
        forget(sim, sim->oldest_file);
    return file;
}

/* The signed address under which Dify gives a file for a while. */
static void add_url(struct sim_text *text, struct sim_visit *visit, const char *id)
{
    static const char digits[] = "0123456789abcdef";
    struct sim *sim = visit->sim;
    struct dify_slice host = http_exchange_request(visit->exchange)->host;
    char nonce[32], sign[43];
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < sizeof(nonce); i++)
        nonce[i] = digits[sim_random_next(&sim->random) & 15];
    for (size_t i = 0; i < sizeof(sign); i++)
        sign[i] = letters[sim_random_next(&sim->random) & 63];
    sim_text_add(text, "\"http://");
    sim_text_put(text, host.ptr != NULL ? host : DIFY_SLICE("localhost"));
    sim_text_add(text, "/files/");
    sim_text_add(text, id);
    sim_text_add(text, "/file-preview?timestamp=");
    sim_text_int(text, sim_now_s(sim));
    sim_text_add(text, "&nonce=");
    sim_text_put(text, (struct dify_slice){nonce, sizeof(nonce)});
    sim_text_add(text, "&sign=");
    sim_text_put(text, (struct dify_slice){sign, sizeof(sign)});
    sim_text_add(text, "%3D\"");
}

/* ---- answering ----------------------------------------------------------------------------- */

static void answer_file(struct sim_visit *visit, const struct sim_file *file)
{
    struct sim_text text;
    char owner[37];
    sim_end_user_id(visit->sim, visit->app, file->user, owner);
    sim_text_init(&text, visit->sim->allocator);
    sim_text_add(&text, "{\"id\":");
    sim_text_string(&text, (struct dify_slice){file->id, 36});
    sim_text_add(&text, ",\"name\":");
    sim_text_string(&text, file->name);
    sim_text_add(&text, ",\"size\":");
    sim_text_int(&text, (int64_t)file->size);
    sim_text_add(&text, ",\"extension\":");
    sim_text_string(&text, file->extension);
    sim_text_add(&text, ",\"mime_type\":");
    sim_text_string(&text, file->mime_type);
    sim_text_add(&text, ",\"created_by\":");
    sim_text_string(&text, dify__slice(owner));
    sim_text_add(&text, ",\"created_at\":");
    sim_text_int(&text, file->created_at);
    sim_text_add(&text, ",\"preview_url\":null,\"source_url\":");
    add_url(&text, visit, file->id);
    sim_text_add(&text, ",\"original_url\":null,\"user_id\":null,\"tenant_id\":\"");
    sim_text_add(&text, SIM_TENANT);
    sim_text_add(&text, "\",\"conversation_id\":null,\"file_key\":null}");
    sim_answer_json(visit, 201, SIM_ANSWER_ASCII, &text);
}

static void finish(struct sim_visit *visit)
{
    struct sim_upload *upload = visit->upload;
    struct dify_slice name = dify__buffer_slice(&upload->name);
    struct sim_file *file;
    char small[16];
    if (upload->err == HTTP_MULTIPART_OK)
        upload->err = http_multipart_end(upload->form);
    if (upload->is_lost || upload->err == HTTP_MULTIPART_NOMEM) {
        sim_answer_internal(visit);
    } else if (upload->err != HTTP_MULTIPART_OK || !upload->has_file) {
        sim_answer_error(visit, 400, "no_file_uploaded", DIFY_SLICE("Please upload your file."));
    } else if (name.len == 0) {
        sim_answer_error(visit, 400, "filename_not_exists_error",
                         DIFY_SLICE("The specified filename does not exist."));
    } else if (memchr(name.ptr, '/', name.len) != NULL ||
               memchr(name.ptr, '\\', name.len) != NULL) {
        sim_answer_error(visit, 400, "invalid_param",
                         DIFY_SLICE("Filename contains invalid characters"));
    } else if (is_too_large(extension_of(name, small), upload->size)) {
        sim_answer_error(visit, 413, "file_too_large",
                         sim_is_at_least(visit->sim, SIM_1_14_2)
                             ? DIFY_SLICE("")
                             : DIFY_SLICE("File size exceeded. {message}"));
    } else if ((file = remember(visit, upload)) == NULL) {
        sim_answer_internal(visit);
    } else {
        answer_file(visit, file);
    }
}

static void on_body(void *ctx, struct http_exchange *exchange, struct dify_slice bytes,
                    bool is_last)
{
    struct sim_visit *visit = ctx;
    struct sim_upload *upload = visit->upload;
    (void)exchange;
    if (visit->is_answered)
        return;
    if (upload->err == HTTP_MULTIPART_OK && bytes.len > 0)
        upload->err = http_multipart_feed(upload->form, bytes);
    if (is_last)
        finish(visit);
}

void sim_upload_serve(struct sim_visit *visit)
{
    static const struct http_multipart_callbacks callbacks = {on_part_begin, on_part_data,
                                                              on_part_end};
    const struct dify_allocator *allocator = visit->sim->allocator;
    const struct http_request *request = http_exchange_request(visit->exchange);
    struct http_body_reader reader = {.ctx = visit, .on_body = on_body};
    struct sim_upload *upload = dify__calloc(allocator, sizeof(struct sim_upload));
    if (upload == NULL) {
        sim_answer_internal(visit);
        return;
    }
    upload->name = (struct dify__buffer){.allocator = allocator, .max = FIELD_BYTES};
    upload->mime_type = upload->user = upload->name;
    visit->upload = upload;
    upload->err = http_multipart_new(allocator, http_request_field(request, "content-type"),
                                     &callbacks, upload, &upload->form);
    if (request->has_body)
        http_exchange_read(visit->exchange, &reader);
    else
        finish(visit);
}

/* ---- files of a run's inputs --------------------------------------------------------------- */

struct resolver {
    struct sim_visit *visit;
    struct dify_slice user;
    struct sim_text *out, *files, *why;
};

static void add_reference(struct sim_text *text, const char *id)
{
    char reference[SIM_REFERENCE_LEN];
    sim_reference(id, reference);
    sim_text_add(text, ",\"reference\":\"dify-file-ref:");
    sim_text_put(text, (struct dify_slice){reference, sizeof(reference)});
    sim_text_add(text, "\"");
}

static void add_dotted(struct sim_text *text, struct dify_slice extension)
{
    sim_text_add(text, ",\"extension\":\".");
    sim_text_put(text, extension);
    sim_text_add(text, "\"");
}

static void add_upload(struct resolver *resolver, const struct sim_file *file,
                       struct dify_slice type)
{
    struct sim_text *out = resolver->out;
    bool is_new = sim_is_at_least(resolver->visit->sim, SIM_1_14_2);
    sim_text_add(out, "{\"dify_model_identity\":\"__dify__file__\",\"id\":null");
    if (!is_new)
        sim_text_pair(out, ",\"tenant_id\":", DIFY_SLICE(SIM_TENANT));
    sim_text_pair(out, ",\"type\":", type);
    sim_text_add(out, ",\"transfer_method\":\"local_file\",\"remote_url\":");
    if (is_new) {
        sim_text_add(out, "\"\"");
        add_reference(out, file->id);
    } else {
        add_url(out, resolver->visit, file->id);
        sim_text_pair(out, ",\"related_id\":", (struct dify_slice){file->id, 36});
    }
    sim_text_pair(out, ",\"filename\":", file->name);
    add_dotted(out, file->extension);
    sim_text_pair(out, ",\"mime_type\":", file->mime_type);
    sim_text_add(out, ",\"size\":");
    sim_text_int(out, (int64_t)file->size);
    if (is_new)
        sim_text_pair(out, ",\"related_id\":", (struct dify_slice){file->id, 36});
    sim_text_add(out, ",\"url\":");
    add_url(out, resolver->visit, file->id);
    sim_text_add(out, "}");
}

/* A file elsewhere. Its address is not asked, so its size is not known. */
static void add_remote(struct resolver *resolver, yyjson_val *value)
{
    struct sim_text *out = resolver->out;
    struct dify_slice url = sim_member_string(value, "url"), name = url;
    char small[16];
    struct dify_slice extension;
    if (url.ptr == NULL)
        url = name = sim_member_string(value, "remote_url");
    for (size_t i = url.len; i > 0; i--) {
        if (url.ptr[i - 1] == '/') {
            name = (struct dify_slice){url.ptr + i, url.len - i};
            break;
        }
    }
    extension = extension_of(name, small);
    sim_text_add(out, "{\"dify_model_identity\":\"__dify__file__\",\"id\":null");
    if (!sim_is_at_least(resolver->visit->sim, SIM_1_14_2))
        sim_text_pair(out, ",\"tenant_id\":", DIFY_SLICE(SIM_TENANT));
    sim_text_pair(out, ",\"type\":", sim_member_string(value, "type"));
    sim_text_pair(out, ",\"transfer_method\":\"remote_url\",\"remote_url\":", url);
    sim_text_add(out, ",\"reference\":null");
    sim_text_pair(out, ",\"filename\":", name);
    add_dotted(out, extension.len > 0 ? extension : DIFY_SLICE("png"));
    sim_text_add(out, ",\"mime_type\":\"image/png\",\"size\":-1,\"related_id\":null");
    sim_text_pair(out, ",\"url\":", url);
    sim_text_add(out, "}");
}

static bool is_file(yyjson_val *value)
{
    return sim_member_string(value, "transfer_method").ptr != NULL;
}

/* Whether Dify takes an upload for what it is said to be. Of a single file it wants to hear what it
 * finds itself, by the extension, else by the media type; of those in a list what is custom has to
 * be of an extension that is allowed, and the forms here allow none. False with Dify's words. */
static bool is_of_type(struct resolver *resolver, const struct sim_file *file,
                       struct dify_slice type, bool is_in_list)
{
    const char *kind = kind_of(file->extension);
    bool is_custom = type.ptr == NULL || dify__slice_is(type, "custom");
    if (strcmp(kind, "custom") == 0)
        kind = kind_of_type(file->mime_type);
    if (!is_in_list && !dify__slice_is(is_custom ? DIFY_SLICE("custom") : type, kind)) {
        sim_text_add(resolver->why, "Detected file type does not match the specified type. Please "
                                    "verify the file.");
        return false;
    }
    if (!is_custom)
        return true;
    sim_text_add(resolver->why, "File validation failed for file: ");
    sim_text_put(resolver->why, file->name);
    return false;
}

/* One file object as it was given. False with Dify's words. */
static bool resolve_file(struct resolver *resolver, yyjson_val *value, bool is_in_list)
{
    struct dify_slice type = sim_member_string(value, "type");
    const struct sim_file *file;
    if (!dify__slice_is(sim_member_string(value, "transfer_method"), "local_file")) {
        add_remote(resolver, value);
        return true;
    }
    file = dify__index_get(&resolver->visit->sim->files_by_id,
                           sim_member_string(value, "upload_file_id"));
    if (file == NULL || file->app != resolver->visit->app ||
        !dify__slice_equals(file->user, resolver->user)) {
        sim_text_add(resolver->why, "Invalid upload file");
        return false;
    }
    if (!is_of_type(resolver, file, type, is_in_list))
        return false;
    add_upload(resolver, file, type);
    sim_text_put(resolver->files, (struct dify_slice){file->id, 36});
    return true;
}

static bool is_list_of_files(yyjson_val *value)
{
    yyjson_val *first = yyjson_arr_get_first(value);
    return first != NULL && is_file(first);
}

static bool resolve_value(struct resolver *resolver, yyjson_val *value)
{
    yyjson_val *item;
    size_t i, count;
    if (is_file(value))
        return resolve_file(resolver, value, false);
    if (!is_list_of_files(value)) {
        sim_text_value(resolver->out, value);
        return true;
    }
    sim_text_add(resolver->out, "[");
    yyjson_arr_foreach(value, i, count, item)
    {
        sim_text_add(resolver->out, i > 0 ? "," : "");
        if (!resolve_file(resolver, item, true))
            return false;
    }
    sim_text_add(resolver->out, "]");
    return true;
}

bool sim_upload_resolve(struct sim_visit *visit, struct dify_slice prepared, struct dify_slice user,
                        struct sim_text *out, struct sim_text *files, struct sim_text *why)
{
    struct resolver resolver = {visit, user, out, files, why};
    yyjson_doc *doc = sim_text_read(out, prepared);
    yyjson_val *key, *value;
    size_t i, count;
    bool is_right = true;
    sim_text_add(out, "{");
    yyjson_obj_foreach(yyjson_doc_get_root(doc), i, count, key, value)
    {
        sim_text_add(out, i > 0 ? "," : "");
        sim_text_string(out, sim_value_string(key));
        sim_text_add(out, ":");
        if (!resolve_value(&resolver, value)) {
            is_right = false;
            break;
        }
    }
    sim_text_add(out, "}");
    yyjson_doc_free(doc);
    return is_right;
}
