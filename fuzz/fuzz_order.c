/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_order.c: bodies of requests.
 *
 * The input is a body: JSON where it begins with '{', a form of parts where it begins with "--"
 * (its first line then names the boundary), else a form of pairs. It is read for a configured path
 * and for the runs route. What must hold: in any cut the order is the same, or the refusal; an
 * order written as another form, its parts the other way round, or its JSON written otherwise, is
 * the same order; a refusal says why, in one line of UTF-8; a failed allocation is reported; the
 * spool is empty at the end.
 */
#include "fuzz.h"

#include "core/utf8.h"
#include "failing.h"
#include "gateway/limits.h"
#include "gateway/order.h"

#include <unistd.h>
#include <yyjson.h>

#define OTHER_BOUNDARY "----other-boundary-0123456789"

static char name_a[] = "a", name_b[] = "b", name_f[] = "f", name_user[] = "user";
static struct gw_rename renames[] = {{name_a, name_b}, {name_f, name_user}};
static const struct gw_route_config route = {.renames = renames, .rename_count = 2};

struct body {
    const char *type;
    struct dify_slice bytes;
    bool is_bare, is_renamed;
};

/* What a body came to. */
struct came {
    bool is_taken;
    struct gw_refusal refusal;
    struct fuzz_text order;
    unsigned char digest[GW_SHA256_BYTES];
};

/* ---- reading -------------------------------------------------------------------------------- */

static const char *folder(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static struct gw_order *read_body(const struct dify_allocator *allocator, struct gw_spool *spool,
                                  const struct body *body, enum fuzz_cut cut, struct fuzz_draw draw,
                                  struct gw_refusal *refusal)
{
    struct gw_order_options options = {.allocator = allocator,
                                       .spool = spool,
                                       .max_file_bytes = 1000,
                                       .route = body->is_renamed ? &route : NULL,
                                       .is_bare = body->is_bare};
    struct gw_order *order = NULL;
    struct dify_slice type = {body->type, strlen(body->type)};
    if (!gw_order_new(&options, type, &order, refusal))
        return NULL;
    bool is_fine = true;
    for (size_t at = 0; at < body->bytes.len && is_fine;) {
        size_t size = fuzz_cut_next(cut, &draw, body->bytes.len - at);
        char *piece = fuzz_piece((const uint8_t *)body->bytes.ptr + at, size);
        is_fine = gw_order_feed(order, (struct dify_slice){piece, size}, refusal);
        free(piece);
        at += size;
    }
    if (is_fine && gw_order_finish(order, refusal))
        return order;
    gw_order_free(order);
    return NULL;
}

static struct dify_slice slice_of(const char *chars)
{
    return (struct dify_slice){chars, chars != NULL ? strlen(chars) : 0};
}

static struct fuzz_text bytes_of(const struct dify_file *file)
{
    struct fuzz_text bytes = {NULL, 0, 0};
    char some[256];
    ssize_t len;
    fuzz_text_add(&bytes, "", 0);
    while ((len = read(file->descriptor, some, sizeof some)) > 0)
        fuzz_text_add(&bytes, some, (size_t)len);
    FUZZ_REQUIRE(len == 0, "a file can be read");
    return bytes;
}

static void describe(const struct gw_order *order, struct fuzz_text *text)
{
    struct dify_order out = {.size = sizeof out};
    gw_order_fill(order, &out);
    fuzz_text_add_slice(text, gw_order_app(order));
    fuzz_text_add_slice(text, slice_of(out.user));
    fuzz_text_add_slice(text, out.query);
    fuzz_text_add_slice(text, slice_of(out.conversation_id));
    fuzz_text_add_slice(text, slice_of(out.workflow_id));
    fuzz_text_add_slice(text, out.inputs);
    for (size_t i = 0; i < out.field_count; i++) {
        FUZZ_REQUIRE(*out.fields[i].name != '\0', "a field has a name");
        for (size_t j = 0; j < i; j++)
            FUZZ_REQUIRE(strcmp(out.fields[i].name, out.fields[j].name) != 0, "a name is once");
        fuzz_text_add_slice(text, slice_of(out.fields[i].name));
        fuzz_text_add_slice(text, out.fields[i].text);
    }
    for (size_t i = 0; i < out.attachment_count; i++) {
        struct fuzz_text bytes = bytes_of(&out.attachments[i].file);
        fuzz_text_add_slice(text, slice_of(out.attachments[i].name));
        fuzz_text_add_slice(text, slice_of(out.attachments[i].file.name));
        fuzz_text_add_slice(text, (struct dify_slice){bytes.ptr, bytes.len});
        fuzz_text_fini(&bytes);
    }
}

static void check_refusal(const struct gw_refusal *refusal)
{
    struct dify_slice message = slice_of(refusal->message);
    FUZZ_REQUIRE(refusal->code != NULL && message.len != 0, "a refusal says why");
    FUZZ_REQUIRE(refusal->status >= 400 && refusal->status < 600, "and has a status");
    FUZZ_REQUIRE(dify__utf8_valid_length(message) == message.len, "in UTF-8");
    for (size_t i = 0; i < message.len; i++)
        FUZZ_REQUIRE((unsigned char)message.ptr[i] >= ' ' && message.ptr[i] != 0x7F, "in a line");
}

static struct came come(const struct body *body, enum fuzz_cut cut, struct fuzz_draw draw)
{
    struct gw_spool spool = {folder(), 2000, 0};
    struct came came = {.order = {NULL, 0, 0}};
    struct gw_order *order = read_body(NULL, &spool, body, cut, draw, &came.refusal);
    came.is_taken = order != NULL;
    if (order != NULL) {
        describe(order, &came.order);
        FUZZ_REQUIRE(gw_order_digest(order, "app", came.digest), "a digest");
    } else {
        check_refusal(&came.refusal);
    }
    gw_order_free(order);
    FUZZ_REQUIRE(spool.used_bytes == 0, "the spool is empty");
    return came;
}

/* ---- the same, written otherwise ------------------------------------------------------------ */

static void require_same_digest(const struct body *body, const unsigned char *digest)
{
    struct fuzz_draw none = {0};
    struct came came = come(body, FUZZ_WHOLE, none);
    FUZZ_REQUIRE(came.is_taken, "what is written otherwise is taken as well");
    FUZZ_REQUIRE(memcmp(came.digest, digest, GW_SHA256_BYTES) == 0, "and is the same");
    fuzz_text_fini(&came.order);
}

/* JSON spaced and escaped otherwise, its members the other way round. */
static void check_json_anew(const struct body *body, const unsigned char *digest)
{
    yyjson_doc *doc = yyjson_read(body->bytes.ptr, body->bytes.len, YYJSON_READ_NUMBER_AS_RAW);
    FUZZ_REQUIRE(doc != NULL, "what is taken is JSON");
    yyjson_mut_doc *copy = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(copy);
    yyjson_val *key, *value;
    size_t i, count;
    yyjson_obj_foreach(yyjson_doc_get_root(doc), i, count, key, value)
    {
        yyjson_mut_obj_insert(root, yyjson_val_mut_copy(copy, key),
                              yyjson_val_mut_copy(copy, value), 0);
    }
    yyjson_mut_doc_set_root(copy, root);
    size_t len;
    char *text = yyjson_mut_write(
        copy, YYJSON_WRITE_PRETTY | YYJSON_WRITE_ESCAPE_UNICODE | YYJSON_WRITE_ESCAPE_SLASHES,
        &len);
    FUZZ_REQUIRE(text != NULL, "it can be written");
    struct body anew = *body;
    anew.bytes = (struct dify_slice){text, len};
    if (len < GW_JSON_BYTES)
        require_same_digest(&anew, digest);
    free(text);
    yyjson_mut_doc_free(copy);
    yyjson_doc_free(doc);
}

/* Adds a part; false if its name or bytes cannot be written as they are. */
static bool add_part(struct fuzz_text *form, const char *name, const char *file_name,
                     struct dify_slice bytes)
{
    char head[2000];
    if (strpbrk(name, "\"\\%") != NULL || strlen(name) > 300)
        return false;
    if (file_name != NULL && (strpbrk(file_name, "\"\\%/\x7F") != NULL || strlen(file_name) > 300))
        return false;
    int len = snprintf(head, sizeof head,
                       "--" OTHER_BOUNDARY "\r\nContent-Disposition: form-data; %s%s%s name=\"%s\""
                       "\r\n\r\n",
                       file_name != NULL ? "filename=\"" : "", file_name != NULL ? file_name : "",
                       file_name != NULL ? "\";" : "", name);
    fuzz_text_add(form, head, (size_t)len);
    fuzz_text_add(form, bytes.ptr, bytes.len);
    fuzz_text_add(form, "\r\n", 2);
    return true;
}

static bool add_member(struct fuzz_text *form, const char *name, struct dify_slice value)
{
    return value.ptr == NULL || add_part(form, name, NULL, value);
}

/* All files of the input of file `last` that come before it, and it, in their order. */
static bool add_files_of(struct fuzz_text *form, const struct dify_order *out, size_t last)
{
    for (size_t i = last + 1; i < out->attachment_count; i++)
        if (strcmp(out->attachments[i].name, out->attachments[last].name) == 0)
            return true; /* written with a later one */
    for (size_t i = 0; i <= last; i++) {
        const struct dify_attachment *attachment = &out->attachments[i];
        if (strcmp(attachment->name, out->attachments[last].name) != 0)
            continue;
        struct fuzz_text bytes = bytes_of(&attachment->file);
        bool is_fine = add_part(form, attachment->name, attachment->file.name,
                                (struct dify_slice){bytes.ptr, bytes.len});
        fuzz_text_fini(&bytes);
        if (!is_fine)
            return false;
    }
    return true;
}

/* An order as a form of its own making. */
static void check_form_anew(const struct body *body, const unsigned char *digest)
{
    struct gw_spool spool = {folder(), 2000, 0};
    struct dify_order out = {.size = sizeof out};
    struct fuzz_draw none = {0};
    struct gw_refusal refusal;
    struct fuzz_text form = {NULL, 0, 0};
    struct gw_order *order = read_body(NULL, &spool, body, FUZZ_WHOLE, none, &refusal);
    FUZZ_REQUIRE(order != NULL, "it is taken again");
    gw_order_fill(order, &out);
    bool is_fine = true;
    for (size_t i = out.attachment_count; i-- > 0 && is_fine;)
        is_fine = add_files_of(&form, &out, i);
    is_fine = is_fine && add_member(&form, "user", slice_of(out.user)) &&
              add_member(&form, "app", gw_order_app(order)) &&
              add_member(&form, "query", out.query) &&
              add_member(&form, "conversation_id", slice_of(out.conversation_id)) &&
              add_member(&form, "workflow_id", slice_of(out.workflow_id)) &&
              add_member(&form, "inputs", out.inputs);
    for (size_t i = out.field_count; i-- > 0 && is_fine;)
        is_fine = add_part(&form, out.fields[i].name, NULL, out.fields[i].text);
    fuzz_text_add(&form, "--" OTHER_BOUNDARY "--", sizeof "--" OTHER_BOUNDARY "--" - 1);
    struct body anew = {"multipart/form-data; boundary=" OTHER_BOUNDARY,
                        {form.ptr, form.len},
                        body->is_bare,
                        false};
    gw_order_free(order);
    if (is_fine)
        require_same_digest(&anew, digest);
    fuzz_text_fini(&form);
}

/* ---- one body ------------------------------------------------------------------------------- */

static void check_no_memory(const struct body *body, struct fuzz_draw draw)
{
    struct failing failing = {0, 1 + fuzz_draw_below(&draw, 20)};
    struct dify_allocator allocator = failing_allocator(&failing);
    struct gw_spool spool = {folder(), 2000, 0};
    struct gw_refusal refusal = {0, "", ""};
    struct gw_order *order = read_body(&allocator, &spool, body, FUZZ_SMALL, draw, &refusal);
    if (failing.asked >= failing.fail_at)
        FUZZ_REQUIRE(order == NULL && refusal.status == 503 &&
                         strcmp(refusal.code, "no_memory") == 0,
                     "a failed allocation is reported");
    gw_order_free(order);
    FUZZ_REQUIRE(spool.used_bytes == 0, "the spool is empty");
}

static void check_body(const struct body *body, struct fuzz_draw draw)
{
    struct came whole = come(body, FUZZ_WHOLE, draw);
    for (enum fuzz_cut cut = FUZZ_BYTES; cut < FUZZ_CUTS; cut++) {
        struct came came = come(body, cut, draw);
        FUZZ_REQUIRE(came.is_taken == whole.is_taken, "taken in any cut, or in none");
        FUZZ_REQUIRE(fuzz_text_same(&came.order, &whole.order), "the same order in any cut");
        if (whole.is_taken)
            FUZZ_REQUIRE(memcmp(came.digest, whole.digest, sizeof whole.digest) == 0,
                         "the same digest in any cut");
        else
            FUZZ_REQUIRE(strcmp(came.refusal.message, whole.refusal.message) == 0 &&
                             strcmp(came.refusal.code, whole.refusal.code) == 0 &&
                             came.refusal.status == whole.refusal.status,
                         "the same refusal in any cut");
        fuzz_text_fini(&came.order);
    }
    bool is_json = strcmp(body->type, "application/json") == 0;
    if (whole.is_taken && is_json)
        check_json_anew(body, whole.digest);
    if (whole.is_taken && !body->is_renamed && !(is_json && body->is_bare))
        check_form_anew(body, whole.digest);
    check_no_memory(body, draw);
    fuzz_text_fini(&whole.order);
}

/* The boundary of a first line "--…", or "B". */
static void add_boundary(struct fuzz_text *type, struct dify_slice body)
{
    size_t len = 2;
    while (len < body.len && len < 60 && body.ptr[len] > ' ' && body.ptr[len] <= '~' &&
           strchr("\"\\", body.ptr[len]) == NULL)
        len++;
    fuzz_text_add(type, "multipart/form-data; boundary=\"", 31);
    fuzz_text_add(type, len > 2 ? body.ptr + 2 : "B", len > 2 ? len - 2 : 1);
    fuzz_text_add(type, "\"", 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_text type = {NULL, 0, 0};
    struct dify_slice whole = {len != 0 ? (const char *)bytes : "", len};
    if (len != 0 && bytes[0] == '{')
        fuzz_text_add(&type, "application/json", 16);
    else if (len > 1 && memcmp(bytes, "--", 2) == 0)
        add_boundary(&type, whole);
    else
        fuzz_text_add(&type, "application/x-www-form-urlencoded", 33);
    for (unsigned kind = 0; kind < 3; kind++) {
        struct body body = {type.ptr, whole, kind < 2, kind == 1};
        check_body(&body, fuzz_draw_init(bytes, len));
    }
    fuzz_text_fini(&type);
    return 0;
}
