/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_multipart.c: the parser of forms.
 *
 * The input is a body; its boundary is what stands behind the "--" of its first line, as a client's
 * is, or "B". What must hold: in any cut the calls are those of a slow reference that compares
 * every position with the delimiter; an error is sticky; a failed allocation is reported; no name
 * has a NUL, nor a file's a folder; a head in the plainest form, made of the input, is read as
 * written; parameters read from the input lie in it, in order.
 */
#include "fuzz.h"

#include "../tests/http/multipart_reference.h"
#include "difystream/allocator.h"
#include "http/params.h"

/* ---- what is heard --------------------------------------------------------------------------- */

struct heard {
    struct fuzz_text log; /* the data of a part is a text of its own, put together */
    struct fuzz_text data;
};

static bool on_begin(void *ctx, const struct http_part *part)
{
    struct heard *heard = ctx;
    FUZZ_REQUIRE(part->name.ptr != NULL, "a part has a name");
    FUZZ_REQUIRE(memchr(part->name.ptr, '\0', part->name.len) == NULL, "no NUL in a name");
    if (part->filename.ptr != NULL) {
        for (size_t i = 0; i < part->filename.len; i++)
            FUZZ_REQUIRE(strchr("/\\", part->filename.ptr[i]) == NULL, "no folder, no NUL");
        FUZZ_REQUIRE(part->filename.len == 0 || part->filename.len > 2 ||
                         memcmp(part->filename.ptr, "..", part->filename.len) != 0,
                     "a file is no folder");
    }
    fuzz_text_add(&heard->log, "[", 1);
    fuzz_text_add_slice(&heard->log, part->name);
    fuzz_text_add_slice(&heard->log, part->filename);
    fuzz_text_add_slice(&heard->log, part->content_type);
    return true;
}

static bool on_data(void *ctx, struct dify_slice bytes)
{
    struct heard *heard = ctx;
    FUZZ_REQUIRE(bytes.len != 0, "no empty data");
    fuzz_text_add(&heard->data, bytes.ptr, bytes.len);
    return true;
}

static void put_data(struct heard *heard)
{
    fuzz_text_add_slice(&heard->log, (struct dify_slice){heard->data.ptr, heard->data.len});
    fuzz_text_fini(&heard->data);
}

static bool on_end(void *ctx)
{
    struct heard *heard = ctx;
    put_data(heard);
    fuzz_text_add(&heard->log, "]", 1);
    return true;
}

static const struct http_multipart_callbacks callbacks = {on_begin, on_data, on_end};

static void heard_fini(struct heard *heard)
{
    fuzz_text_fini(&heard->log);
    fuzz_text_fini(&heard->data);
}

/* ---- an allocator that fails ----------------------------------------------------------------- */

struct failing {
    size_t left; /* calls until one fails */
    bool has_failed;
};

static void *failing_malloc(void *ctx, size_t size)
{
    struct failing *failing = ctx;
    failing->has_failed = failing->has_failed || failing->left-- == 0;
    return failing->has_failed ? NULL : malloc(size);
}

static void *failing_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    struct failing *failing = ctx;
    (void)old_size;
    failing->has_failed = failing->has_failed || failing->left-- == 0;
    return failing->has_failed ? NULL : realloc(ptr, size);
}

static void failing_free(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

/* ---- framing --------------------------------------------------------------------------------- */

static enum http_multipart_err parse(const struct dify_allocator *allocator, struct dify_slice type,
                                     struct dify_slice body, enum fuzz_cut cut,
                                     struct fuzz_draw draw, struct heard *heard)
{
    struct http_multipart *form;
    enum http_multipart_err err = http_multipart_new(allocator, type, &callbacks, heard, &form);
    if (err != HTTP_MULTIPART_OK)
        return err;
    for (size_t at = 0; at < body.len && err == HTTP_MULTIPART_OK;) {
        size_t size = fuzz_cut_next(cut, &draw, body.len - at);
        char *piece = fuzz_piece((const uint8_t *)body.ptr + at, size);
        err = http_multipart_feed(form, (struct dify_slice){piece, size});
        free(piece);
        at += size;
    }
    if (err == HTTP_MULTIPART_OK)
        err = http_multipart_end(form);
    size_t len = heard->log.len;
    if (err != HTTP_MULTIPART_OK)
        FUZZ_REQUIRE(http_multipart_feed(form, DIFY_SLICE("\r\n--B--")) == err &&
                         http_multipart_end(form) == err && heard->log.len == len,
                     "an error is sticky");
    http_multipart_free(form);
    put_data(heard);
    return err;
}

static void check_framing(struct dify_slice body, const char *boundary, struct fuzz_draw draw)
{
    char type[40 + HTTP_BOUNDARY_BYTES];
    int len = snprintf(type, sizeof type, "multipart/form-data; boundary=\"%s\"", boundary);
    struct dify_slice type_slice = {type, (size_t)len};
    struct heard slow = {{NULL, 0, 0}, {NULL, 0, 0}};
    enum http_multipart_err err = reference_parse(boundary, body, &callbacks, &slow);
    put_data(&slow);
    for (enum fuzz_cut cut = FUZZ_WHOLE; cut < FUZZ_CUTS; cut++) {
        struct heard heard = {{NULL, 0, 0}, {NULL, 0, 0}};
        FUZZ_REQUIRE(parse(NULL, type_slice, body, cut, draw, &heard) == err,
                     "the reference's end, in any cut");
        FUZZ_REQUIRE(fuzz_text_same(&heard.log, &slow.log), "the reference's calls, in any cut");
        heard_fini(&heard);
    }
    struct failing failing = {fuzz_draw_below(&draw, 8), false};
    struct dify_allocator allocator = {&failing, failing_malloc, failing_realloc, failing_free};
    struct heard heard = {{NULL, 0, 0}, {NULL, 0, 0}};
    enum http_multipart_err is = parse(&allocator, type_slice, body, FUZZ_SMALL, draw, &heard);
    FUZZ_REQUIRE(is == (failing.has_failed ? HTTP_MULTIPART_NOMEM : err),
                 "a failed allocation is reported");
    heard_fini(&heard);
    heard_fini(&slow);
}

/* What the client named, as long as it can be one. */
static void find_boundary(struct dify_slice body, char boundary[HTTP_BOUNDARY_BYTES + 1])
{
    size_t len = 0;
    while (body.len > 2 + len && memcmp(body.ptr, "--", 2) == 0 && len < HTTP_BOUNDARY_BYTES &&
           body.ptr[2 + len] > ' ' && body.ptr[2 + len] <= '~' &&
           strchr("\"\\", body.ptr[2 + len]) == NULL)
        len++;
    if (len > 2 && memcmp(body.ptr + len, "--", 2) == 0)
        len -= 2; /* of an empty form */
    memcpy(boundary, len != 0 ? body.ptr + 2 : "B", len != 0 ? len : 1);
    boundary[len != 0 ? len : 1] = '\0';
}

/* ---- heads ----------------------------------------------------------------------------------- */

/* The length of `bytes` up to what would need decoding. */
static size_t plain_length(struct dify_slice bytes)
{
    size_t len = 0;
    while (len < bytes.len && ((unsigned char)bytes.ptr[len] >= ' ') &&
           strchr("\"\\%/\x7F", bytes.ptr[len]) == NULL)
        len++;
    return len;
}

/* A head made of the input is read as what it was made of. */
static void check_plain_head(struct dify_slice bytes)
{
    struct fuzz_text head = {NULL, 0, 0};
    size_t name = plain_length(bytes);
    size_t rest = name < bytes.len ? name + 1 : name;
    struct dify_slice left = {bytes.ptr + rest, bytes.len - rest};
    size_t file = plain_length(left);
    fuzz_text_add(&head, "X: y\r\nContent-Disposition: form-data; name=\"", 44);
    fuzz_text_add(&head, bytes.ptr, name);
    fuzz_text_add(&head, "\"; filename=\"x/", 15);
    fuzz_text_add(&head, left.ptr, file);
    fuzz_text_add(&head, "\"\r\n", 3);
    struct http_part part;
    FUZZ_REQUIRE(http_part_head(head.ptr, head.len, &part), "a plain head is read");
    FUZZ_REQUIRE(part.name.len == name && memcmp(part.name.ptr, bytes.ptr, name) == 0,
                 "the name is as written");
    bool is_folder = (file == 1 || file == 2) && memcmp(left.ptr, "..", file) == 0;
    FUZZ_REQUIRE(is_folder ||
                     (part.filename.len == file && memcmp(part.filename.ptr, left.ptr, file) == 0),
                 "the file name is as written");
    fuzz_text_fini(&head);
}

/* The input as header parameters: slices lie in it, in order, and all of it is read. */
static void check_params(struct dify_slice bytes)
{
    struct dify_slice first;
    struct http_params params = http_params(bytes, &first);
    const char *at = first.ptr + first.len, *end = bytes.ptr + bytes.len;
    while (http_params_next(&params)) {
        FUZZ_REQUIRE(params.name.len != 0 && params.name.ptr > at, "names in order");
        FUZZ_REQUIRE(params.value.ptr > params.name.ptr + params.name.len, "values behind names");
        at = params.value.ptr + params.value.len;
        FUZZ_REQUIRE(at <= end && params.rest.ptr >= at, "slices within the input");
        FUZZ_REQUIRE(params.rest.ptr + params.rest.len == end,
                     "the rest ends where the input does");
    }
    FUZZ_REQUIRE(params.is_bad || params.rest.len == 0, "all is read unless it is bad");
    FUZZ_REQUIRE(!http_params_next(&params), "the end stays the end");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char boundary[HTTP_BOUNDARY_BYTES + 1];
    struct dify_slice body = {len != 0 ? (const char *)bytes : "", len};
    find_boundary(body, boundary);
    check_framing(body, boundary, fuzz_draw_init(bytes, len));
    if (body.len < 2000) {
        check_plain_head(body);
        check_params(body);
    }
    return 0;
}
