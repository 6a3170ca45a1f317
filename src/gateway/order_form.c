/* SPDX-License-Identifier: Apache-2.0
 *
 * order_form.c: forms, of both encodings.
 */
#include "core/slices.h"
#include "core/utf8.h"
#include "gateway/limits.h"
#include "gateway/order_state.h"
#include "http/uri.h"

static const struct dify_slice nameless = {NULL, 0};

static struct dify_slice text_at(const struct gw_order *order, size_t at, size_t len)
{
    return (struct dify_slice){order->texts.ptr + at, len};
}

/* ---- names and fields ----------------------------------------------------------------------- */

/* What is wrong with the name of a field or a file is a problem, and false. */
static bool check_name(struct gw_order *order, struct dify_slice name)
{
    bool has_control = false;
    for (size_t i = 0; i < name.len; i++)
        has_control = has_control || (unsigned char)name.ptr[i] < ' ' || name.ptr[i] == 0x7F;
    if (name.len == 0)
        gw_order_problem(order, "invalid_form", "a field of the form has no name", nameless, "");
    else if (name.len > GW_NAME_BYTES)
        gw_order_problem(order, "invalid_form", "the name of the field ", name,
                         " is longer than 256 bytes");
    else if (dify__utf8_valid_length(name) != name.len)
        gw_order_problem(order, "invalid_form", "the name of the field ", name,
                         " is not UTF-8 text");
    else if (has_control)
        gw_order_problem(order, "invalid_form", "the name of the field ", name,
                         " has a control character in it");
    else
        return true;
    return false;
}

/* A field that is complete in `texts`. */
static bool take_field(struct gw_order *order, const struct gw_order_field *field)
{
    struct dify_slice name = text_at(order, field->name, field->name_len);
    struct dify_slice value = text_at(order, field->value, field->value_len);
    if (order->field_count == GW_FORM_FIELDS)
        return gw_order_fail(order, 400, "invalid_form", "the form has more than 200 fields");
    if (!check_name(order, name))
        return true;
    if (dify__utf8_valid_length(value) != value.len) {
        gw_order_problem(order, "invalid_param", "", name,
                         " is not UTF-8 text; what is no text is sent as a file");
        return true;
    }
    void *fields = order->fields;
    enum dify_err err = dify__grow(order->allocator, &fields, &order->field_capacity,
                                   order->field_count + 1, sizeof *order->fields);
    order->fields = fields;
    if (err != DIFY_OK)
        return gw_order_no_memory(order);
    struct gw_order_field *taken = &order->fields[order->field_count++];
    *taken = *field;
    taken->member = gw_order_member(order, name);
    taken->renamed = gw_order_renamed(order, name);
    return true;
}

/* Bytes of a name or a value. */
static bool put(struct gw_order *order, struct dify_slice bytes)
{
    if (bytes.len > GW_JSON_BYTES - order->field_bytes)
        return gw_order_too_large(order, "all fields of the form together are", nameless,
                                  GW_JSON_BYTES);
    order->field_bytes += bytes.len;
    return dify__buffer_append(&order->texts, bytes.ptr, bytes.len) == DIFY_OK ||
           gw_order_no_memory(order);
}

static bool put_nul(struct gw_order *order)
{
    return dify__buffer_append(&order->texts, "", 1) == DIFY_OK || gw_order_no_memory(order);
}

/* ---- files ---------------------------------------------------------------------------------- */

static bool fail_spool(struct gw_order *order, enum gw_spool_err err)
{
    switch (err) {
    case GW_SPOOL_OK:
        break;
    case GW_SPOOL_FULL:
        return gw_order_fail(order, 503, "spool_full",
                             "too many files are being received or sent; try again later");
    case GW_SPOOL_DISK:
        return gw_order_fail(order, 503, "disk_full",
                             "there is no room left here for uploaded files; try again later");
    case GW_SPOOL_MANY:
        return gw_order_fail(order, 503, "spool_failed",
                             "too many files are open here; try again later");
    case GW_SPOOL_BAD:
        return gw_order_fail(order, 503, "spool_failed", "uploaded files cannot be kept here");
    }
    return true;
}

static bool begin_file(struct gw_order *order)
{
    void *files = order->files;
    if (order->file_count == GW_FORM_FILES)
        return gw_order_fail(order, 400, "invalid_form", "the form has more than 50 files");
    enum dify_err err = dify__grow(order->allocator, &files, &order->file_capacity,
                                   order->file_count + 1, sizeof *order->files);
    order->files = files;
    if (err == DIFY_OK && order->piece == NULL)
        order->piece = dify__malloc(order->allocator, GW_PIECE_BYTES);
    if (err != DIFY_OK || order->piece == NULL)
        return gw_order_no_memory(order);
    order->piece_len = 0;
    struct dify_slice name = text_at(order, order->part_name, order->part_name_len);
    struct gw_order_file *file = &order->files[order->file_count++];
    (void)check_name(order, name);
    file->renamed = gw_order_renamed(order, name);
    file->name = order->part_name;
    file->file_name = order->part_file_name;
    order->part = GW_PART_FILE;
    gw_sha256_begin(&order->sha);
    return fail_spool(order, gw_spooled_open(&file->bytes, order->options.spool));
}

static bool write_to_file(struct gw_order *order, struct dify_slice bytes)
{
    struct gw_order_file *file = &order->files[order->file_count - 1];
    gw_sha256_add(&order->sha, bytes.ptr, bytes.len);
    return fail_spool(order, gw_spooled_add(&file->bytes, bytes));
}

static bool write_piece(struct gw_order *order)
{
    size_t len = order->piece_len;
    order->piece_len = 0;
    return len == 0 || write_to_file(order, (struct dify_slice){order->piece, len});
}

/* Of two ceilings that are passed the first one is told, however the bytes come. */
static bool check_file_bytes(struct gw_order *order, size_t len)
{
    const struct gw_order_file *file = &order->files[order->file_count - 1];
    uint64_t left = order->options.max_file_bytes - file->bytes.len - order->piece_len;
    uint64_t spool_left = gw_spool_left(order->options.spool);
    spool_left -= order->piece_len < spool_left ? order->piece_len : spool_left;
    if (len > left && left <= spool_left)
        return gw_order_too_large(order, "the file ",
                                  text_at(order, order->part_name, order->part_name_len),
                                  order->options.max_file_bytes);
    return len <= spool_left || fail_spool(order, GW_SPOOL_FULL);
}

static bool add_to_file(struct gw_order *order, struct dify_slice bytes)
{
    if (!check_file_bytes(order, bytes.len))
        return false;
    if (bytes.len > GW_PIECE_BYTES - order->piece_len && !write_piece(order))
        return false;
    if (bytes.len >= GW_PIECE_BYTES)
        return write_to_file(order, bytes);
    memcpy(order->piece + order->piece_len, bytes.ptr, bytes.len);
    order->piece_len += bytes.len;
    return true;
}

static bool end_file(struct gw_order *order)
{
    if (!write_piece(order))
        return false;
    return gw_sha256_end(&order->sha, order->files[order->file_count - 1].digest) ||
           gw_order_no_memory(order);
}

/* ---- multipart ------------------------------------------------------------------------------ */

/* The name of a file is only told: bytes of another encoding in it are no reason to refuse it. */
static bool put_file_name(struct gw_order *order, struct dify_slice file_name)
{
    order->part_file_name = order->texts.len;
    if (file_name.len > GW_NAME_BYTES) {
        gw_order_problem(order, "invalid_form", "the name of the file ",
                         text_at(order, order->part_name, order->part_name_len),
                         " is longer than 256 bytes");
        file_name.len = 0;
    }
    if (file_name.len == 0)
        file_name = DIFY_SLICE("file");
    if (dify__utf8_repair(file_name, &order->texts) != DIFY_OK)
        return gw_order_no_memory(order);
    return put_nul(order);
}

static bool on_part_begin(void *ctx, const struct http_part *part)
{
    struct gw_order *order = ctx;
    bool is_file = part->filename.ptr != NULL;
    order->part_name = order->texts.len;
    order->part_name_len = part->name.len;
    if (!put(order, part->name) || !put_nul(order))
        return false;
    order->part_value = order->texts.len;
    order->part = is_file ? GW_PART_NO_FILE : GW_PART_FIELD;
    if (!is_file)
        return true;
    if (!put_file_name(order, part->filename))
        return false;
    return part->filename.len == 0 || begin_file(order);
}

static bool on_part_data(void *ctx, struct dify_slice bytes)
{
    struct gw_order *order = ctx;
    if (order->part == GW_PART_FIELD)
        return put(order, bytes);
    if (order->part == GW_PART_NO_FILE && !begin_file(order))
        return false;
    return add_to_file(order, bytes);
}

static bool on_part_end(void *ctx)
{
    struct gw_order *order = ctx;
    if (order->part == GW_PART_NO_FILE)
        return true;
    if (order->part == GW_PART_FILE)
        return end_file(order);
    size_t len = order->texts.len - order->part_value;
    return put_nul(order) &&
           take_field(order, &(struct gw_order_field){.name = order->part_name,
                                                      .name_len = order->part_name_len,
                                                      .value = order->part_value,
                                                      .value_len = len});
}

static bool fail_form(struct gw_order *order, enum http_multipart_err err)
{
    if (err == HTTP_MULTIPART_OK)
        return true;
    if (err == HTTP_MULTIPART_STOPPED) /* and it is said why */
        return false;
    if (err == HTTP_MULTIPART_NOMEM)
        return gw_order_no_memory(order);
    if (err == HTTP_MULTIPART_NOT_A_FORM)
        return gw_order_fail(order, 400, "invalid_form",
                             "Content-Type has no good boundary: leave it to the browser, or to "
                             "what sends the form, to set Content-Type");
    return gw_order_fail(order, 400, "invalid_form", http_multipart_strerror(err));
}

bool gw_order_form_begin(struct gw_order *order, struct dify_slice content_type)
{
    static const struct http_multipart_callbacks callbacks = {on_part_begin, on_part_data,
                                                              on_part_end};
    return fail_form(
        order, http_multipart_new(order->allocator, content_type, &callbacks, order, &order->form));
}

bool gw_order_form_feed(struct gw_order *order, struct dify_slice bytes)
{
    return fail_form(order, http_multipart_feed(order->form, bytes));
}

/* ---- pairs ---------------------------------------------------------------------------------- */

/* Decodes all pairs where they lie; what follows a name or a value becomes its NUL. */
static bool take_pairs(struct gw_order *order)
{
    if (!put_nul(order))
        return false;
    char *texts = order->texts.ptr;
    struct http_query query = http_query((struct dify_slice){texts, order->texts.len - 1});
    while (http_query_next(&query)) {
        struct gw_order_field field = {.name = (size_t)(query.name.ptr - texts),
                                       .value = (size_t)(query.value.ptr - texts)};
        field.name_len = http_uri_decode(query.name, true, texts + field.name);
        field.value_len = http_uri_decode(query.value, true, texts + field.value);
        texts[field.name + field.name_len] = '\0';
        texts[field.value + field.value_len] = '\0';
        if (!take_field(order, &field))
            return false;
    }
    return true;
}

/* ---- the end -------------------------------------------------------------------------------- */

static const char *input_name(const struct gw_order *order, const struct gw_order_field *field)
{
    return field->renamed != NULL ? field->renamed : order->texts.ptr + field->name;
}

static bool is_later_given(const struct gw_order *order, size_t index)
{
    const struct gw_order_field *field = &order->fields[index];
    for (size_t i = index + 1; i < order->field_count; i++)
        if (order->fields[i].member == field->member &&
            strcmp(input_name(order, &order->fields[i]), input_name(order, field)) == 0)
            return true;
    return false;
}

static bool settle_fields(struct gw_order *order)
{
    if (order->field_count == 0)
        return true;
    order->out_fields =
        dify__calloc(order->allocator, order->field_count * sizeof *order->out_fields);
    if (order->out_fields == NULL)
        return gw_order_no_memory(order);
    for (size_t i = 0; i < order->field_count; i++) {
        const struct gw_order_field *field = &order->fields[i];
        struct dify_slice value = text_at(order, field->value, field->value_len);
        if (is_later_given(order, i))
            continue;
        if (field->member != GW_NO_MEMBER)
            order->members[field->member] = value;
        else
            order->out_fields[order->out_field_count++] =
                (struct dify_field){input_name(order, field), value};
    }
    return true;
}

static bool settle_files(struct gw_order *order)
{
    if (order->file_count == 0)
        return true;
    order->attachments =
        dify__calloc(order->allocator, order->file_count * sizeof *order->attachments);
    if (order->attachments == NULL)
        return gw_order_no_memory(order);
    for (size_t i = 0; i < order->file_count; i++) {
        const struct gw_order_file *file = &order->files[i];
        struct dify_attachment *attachment = &order->attachments[i];
        attachment->name = file->renamed != NULL ? file->renamed : order->texts.ptr + file->name;
        attachment->or_only = true;
        attachment->file = DIFY_FILE_INIT;
        attachment->file.descriptor = file->bytes.descriptor;
        attachment->file.name = order->texts.ptr + file->file_name;
    }
    return true;
}

bool gw_order_form_end(struct gw_order *order)
{
    bool is_read = order->body == GW_BODY_PAIRS ? take_pairs(order)
                                                : fail_form(order, http_multipart_end(order->form));
    return is_read && settle_fields(order) && settle_files(order);
}
