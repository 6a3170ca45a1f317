/* SPDX-License-Identifier: Apache-2.0
 *
 * sse.c: the WHATWG event-stream algorithm as a push parser.
 *
 * Lines are found on raw bytes: LF, CR and the colon are ASCII, so decoding UTF-8 first, as the
 * standard words it, gives the same lines; values are decoded where they are handed out.
 *
 * Where the bytes of an event are (sse_state.h):
 *  - `chunk_data`: its only data line lies within the chunk being fed: nothing is copied;
 *  - else `data` from `data_skip` on: several data lines, or a line that came in several chunks
 *    (then the buffer of the line becomes the buffer of the data, and `data_skip` hides "data: ").
 * Outside dify_sse_feed() nothing points into a chunk.
 */
#include "core/sse_state.h"

#include "core/slices.h"
#include "core/utf8.h"
#include "difystream/limits.h"

#include <string.h>

/* "data: ", which a line may have in front of a full event's data. */
#define LINE_EXTRA 6

/* Memory that a parser keeps from event to event. */
#define KEEP_BYTES 4096

static const char bom[3] = {'\xEF', '\xBB', '\xBF'};

/* `*value` with bad UTF-8 as U+FFFD; it then points into `sse->repaired`. */
static enum dify_err repair(struct dify_sse *sse, struct dify_slice *value)
{
    if (dify__utf8_valid_length(*value) == value->len)
        return DIFY_OK;
    sse->has_kept = true;
    dify__buffer_clear(&sse->repaired, SIZE_MAX);
    enum dify_err err = dify__utf8_repair(*value, &sse->repaired);
    if (err == DIFY_OK)
        *value = dify__buffer_slice(&sse->repaired);
    return err;
}

static inline enum dify_err decode(struct dify_sse *sse, struct dify_slice *value)
{
    return sse->options.raw_bytes ? DIFY_OK : repair(sse, value);
}

static enum dify_err set_buffer(struct dify__buffer *buffer, struct dify_slice value)
{
    buffer->len = 0;
    return dify__buffer_append(buffer, value.ptr, value.len);
}

enum dify_err dify__sse_init(struct dify_sse *sse, const struct dify_sse_options *options)
{
    const struct dify_allocator *allocator = dify__allocator(options->allocator);
    memset(sse, 0, sizeof *sse);
    sse->options = *options;
    sse->allocator = allocator;
    if (sse->options.max_event_bytes == 0)
        sse->options.max_event_bytes = DIFY_SSE_EVENT_BYTES;
    if (sse->options.max_event_bytes > SIZE_MAX / 8)
        sse->options.max_event_bytes = SIZE_MAX / 8;
    size_t max = sse->options.max_event_bytes + LINE_EXTRA;
    sse->line = sse->data = (struct dify__buffer){.allocator = allocator, .max = max};
    /* repaired values may be three times as long as they came */
    sse->repaired = (struct dify__buffer){.allocator = allocator, .max = 3 * max};
    sse->type = sse->id = sse->current_id = sse->repaired;
    struct dify_slice id = options->last_event_id;
    sse->options.last_event_id = (struct dify_slice){NULL, 0};
    enum dify_err err = decode(sse, &id);
    if (err == DIFY_OK)
        err = set_buffer(&sse->id, id);
    if (err == DIFY_OK)
        err = set_buffer(&sse->current_id, id);
    if (err != DIFY_OK)
        dify__sse_fini(sse);
    return err;
}

enum dify_err dify_sse_new(const struct dify_sse_options *options, struct dify_sse **out)
{
    if (options == NULL || options->size != sizeof *options)
        return DIFY_ERR_ARGUMENT;
    const struct dify_allocator *allocator = dify__allocator(options->allocator);
    struct dify_sse *sse = dify__malloc(allocator, sizeof *sse);
    if (sse == NULL)
        return DIFY_ERR_NOMEM;
    enum dify_err err = dify__sse_init(sse, options);
    if (err == DIFY_OK)
        *out = sse;
    else
        dify__free(allocator, sse);
    return err;
}

void dify__sse_fini(struct dify_sse *sse)
{
    dify__buffer_fini(&sse->line);
    dify__buffer_fini(&sse->data);
    dify__buffer_fini(&sse->type);
    dify__buffer_fini(&sse->id);
    dify__buffer_fini(&sse->current_id);
    dify__buffer_fini(&sse->repaired);
}

void dify_sse_free(struct dify_sse *sse)
{
    if (sse == NULL)
        return;
    dify__sse_fini(sse);
    dify__free(sse->allocator, sse);
}

static void forget_event(struct dify_sse *sse)
{
    if (sse->has_kept) {
        dify__buffer_clear(&sse->data, KEEP_BYTES);
        dify__buffer_clear(&sse->type, KEEP_BYTES);
        dify__buffer_clear(&sse->repaired, KEEP_BYTES);
        sse->data_skip = 0;
    }
    sse->chunk_data = NULL;
    sse->has_data = sse->has_kept = false;
    sse->in_block = false;
}

void dify_sse_reset(struct dify_sse *sse)
{
    forget_event(sse);
    dify__buffer_clear(&sse->line, KEEP_BYTES);
    /* An id whose event never ended is not the last event id (standard, "dispatch"). */
    dify__buffer_clear(&sse->id, SIZE_MAX);
    struct dify_slice id = dify__buffer_slice(&sse->current_id);
    sse->failed = dify__buffer_append(&sse->id, id.ptr, id.len);
    sse->id_changed = false;
    sse->offset = 0;
    sse->block_offset = 0;
    sse->skip_lf = false;
    sse->bom_matched = 0;
}

struct dify_slice dify_sse_last_event_id(const struct dify_sse *sse)
{
    return dify__buffer_slice(&sse->current_id);
}

uint64_t dify_sse_offset(const struct dify_sse *sse)
{
    return sse->offset;
}

/* Moves data that lies in the chunk into the buffer. */
static enum dify_err own_data(struct dify_sse *sse)
{
    const char *chunk = sse->chunk_data;
    if (chunk == NULL)
        return DIFY_OK;
    sse->chunk_data = NULL;
    sse->has_kept = true;
    return dify__buffer_append(&sse->data, chunk, sse->chunk_len);
}

/* A data line. `in_chunk`: it lies in the chunk being fed, else in `sse->line`. */
static enum dify_err add_data(struct dify_sse *sse, struct dify_slice value, bool in_chunk)
{
    size_t max = sse->options.max_event_bytes;
    if (!sse->has_data) {
        sse->has_data = true;
        if (value.len > max)
            return DIFY_ERR_TOO_LARGE;
        if (in_chunk) {
            sse->chunk_data = value.ptr;
            sse->chunk_len = value.len;
            return DIFY_OK;
        }
        struct dify__buffer line = sse->line;
        sse->line = sse->data;
        sse->data = line;
        sse->data_skip = line.len - value.len;
        sse->has_kept = true;
        return DIFY_OK;
    }
    enum dify_err err = own_data(sse);
    if (err != DIFY_OK)
        return err;
    if (value.len >= max || sse->data.len - sse->data_skip > max - 1 - value.len)
        return DIFY_ERR_TOO_LARGE;
    err = dify__buffer_append(&sse->data, "\n", 1);
    return err == DIFY_OK ? dify__buffer_append(&sse->data, value.ptr, value.len) : err;
}

static enum dify_err set_type(struct dify_sse *sse, struct dify_slice value)
{
    enum dify_err err = decode(sse, &value);
    sse->has_kept = true;
    return err == DIFY_OK ? set_buffer(&sse->type, value) : err;
}

static enum dify_err set_id(struct dify_sse *sse, struct dify_slice value)
{
    if (value.len != 0 && memchr(value.ptr, '\0', value.len) != NULL)
        return DIFY_OK;
    enum dify_err err = decode(sse, &value);
    sse->id_changed = true;
    return err == DIFY_OK ? set_buffer(&sse->id, value) : err;
}

static enum dify_err set_retry(struct dify_sse *sse, struct dify_slice digits)
{
    uint64_t value = 0;
    if (digits.len == 0 || sse->options.retry == NULL)
        return DIFY_OK;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = (unsigned char)digits.ptr[i] - (unsigned)'0';
        if (digit > 9)
            return DIFY_OK;
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    while (digits.len > 1 && digits.ptr[0] == '0') {
        digits.ptr++;
        digits.len--;
    }
    return sse->options.retry(sse->options.ctx, value, digits);
}

static enum dify_err take_comment(struct dify_sse *sse, struct dify_slice text)
{
    if (sse->options.comment == NULL)
        return DIFY_OK;
    enum dify_err err = decode(sse, &text);
    return err == DIFY_OK ? sse->options.comment(sse->options.ctx, text) : err;
}

/* A blank line: the standard's "dispatch the event". */
static enum dify_err dispatch(struct dify_sse *sse)
{
    enum dify_err err = DIFY_OK;
    if (sse->id_changed)
        err = set_buffer(&sse->current_id, dify__buffer_slice(&sse->id));
    sse->id_changed = false;
    if (err == DIFY_OK && sse->has_data && sse->options.event != NULL) {
        struct dify_sse_event event = {.offset = sse->block_offset};
        const char *data = sse->chunk_data;
        size_t len = sse->chunk_len;
        if (data == NULL) {
            data = sse->data.ptr != NULL ? sse->data.ptr + sse->data_skip : "";
            len = sse->data.len - sse->data_skip;
        }
        event.data = (struct dify_slice){data, len};
        err = decode(sse, &event.data);
        event.type = DIFY_SLICE("message");
        if (sse->has_kept && sse->type.len != 0)
            event.type = dify__buffer_slice(&sse->type);
        event.id = dify__buffer_slice(&sse->current_id);
        if (err == DIFY_OK)
            err = sse->options.event(sse->options.ctx, &event);
    } else if (err == DIFY_OK && !sse->has_data && sse->type.len != 0 &&
               sse->options.empty != NULL) {
        err = sse->options.empty(sse->options.ctx, dify__buffer_slice(&sse->type));
    }
    forget_event(sse);
    return err;
}

/* A line that is not blank and no comment: "field: value". */
static enum dify_err take_field(struct dify_sse *sse, struct dify_slice line, bool in_chunk)
{
    bool is_data = line.len > 4 && memcmp(line.ptr, "data:", 5) == 0; /* nearly always */
    const char *colon = is_data ? line.ptr + 4 : memchr(line.ptr, ':', line.len);
    struct dify_slice name = line;
    struct dify_slice value = {line.ptr + line.len, 0};
    if (colon != NULL) {
        name.len = (size_t)(colon - line.ptr);
        value = (struct dify_slice){colon + 1, line.len - name.len - 1};
        if (value.len != 0 && value.ptr[0] == ' ') {
            value.ptr++;
            value.len--;
        }
    }
    if (is_data || dify__slice_is(name, "data"))
        return add_data(sse, value, in_chunk);
    if (dify__slice_is(name, "event"))
        return set_type(sse, value);
    if (dify__slice_is(name, "id"))
        return set_id(sse, value);
    if (dify__slice_is(name, "retry"))
        return set_retry(sse, value);
    return DIFY_OK;
}

static enum dify_err take_line(struct dify_sse *sse, struct dify_slice line, bool in_chunk)
{
    if (line.len == 0)
        return dispatch(sse);
    if (line.len > sse->options.max_event_bytes + LINE_EXTRA)
        return DIFY_ERR_TOO_LARGE;
    if (line.ptr[0] == ':')
        return take_comment(sse, (struct dify_slice){line.ptr + 1, line.len - 1});
    return take_field(sse, line, in_chunk);
}

/* The start of the stream: drops one BOM, however it is cut. Returns the bytes used. */
static enum dify_err take_bom(struct dify_sse *sse, const char *bytes, size_t len, size_t *used)
{
    size_t i = 0;
    while (i < len && sse->bom_matched < sizeof bom && bytes[i] == bom[sse->bom_matched]) {
        sse->bom_matched++;
        i++;
    }
    *used = i;
    if (i == len || sse->bom_matched == sizeof bom)
        return DIFY_OK;
    /* No BOM after all: what looked like one belongs to the first line. */
    unsigned matched = sse->bom_matched;
    sse->bom_matched = sizeof bom;
    if (matched != 0) {
        sse->in_block = true; /* the block begins at 0 */
        return dify__buffer_append(&sse->line, bom, matched);
    }
    return DIFY_OK;
}

/* Where the next LF and the next CR are. Each byte is searched once for either, so that a stream of
 * one kind of line end is not searched again and again for the other; for CR, which hardly ever
 * comes, in steps that stay in the processor's cache until the line is parsed. */
struct line_ends {
    const char *lf;    /* NULL: not looked for yet */
    const char *cr;    /* NULL: there is none before `clean` */
    const char *clean; /* how far was searched for CR */
};

#define CR_STEP 4096

static const char *next_line_end(struct line_ends *ends, const char *from, const char *end)
{
    if (ends->lf == NULL || ends->lf < from) {
        const char *lf = *from == '\n' ? from : memchr(from, '\n', (size_t)(end - from));
        ends->lf = lf != NULL ? lf : end;
    }
    if (ends->cr != NULL && ends->cr < from) {
        ends->cr = NULL;
        ends->clean = from;
    }
    while (ends->cr == NULL && ends->clean < ends->lf) {
        size_t len = (size_t)(end - ends->clean);
        len = len < CR_STEP ? len : CR_STEP;
        ends->cr = memchr(ends->clean, '\r', len);
        ends->clean += len;
    }
    return ends->cr != NULL && ends->cr < ends->lf ? ends->cr : ends->lf;
}

/* Takes a line's end at `at`, the line beginning at `*from`, and moves `*from` behind it. */
static enum dify_err end_line(struct dify_sse *sse, const char **from, const char *at,
                              const char *end)
{
    struct dify_slice line = {*from, (size_t)(at - *from)};
    bool in_chunk = sse->line.len == 0;
    enum dify_err err = DIFY_OK;
    if (!in_chunk) {
        err = dify__buffer_append(&sse->line, line.ptr, line.len);
        line = dify__buffer_slice(&sse->line);
    }
    *from = at + 1;
    if (*at == '\r') {
        if (*from < end && **from == '\n')
            ++*from;
        else
            sse->skip_lf = *from == end;
    }
    if (err == DIFY_OK)
        err = take_line(sse, line, in_chunk);
    if (!in_chunk)
        dify__buffer_clear(&sse->line, KEEP_BYTES);
    return err;
}

static enum dify_err feed(struct dify_sse *sse, const char *bytes, size_t len)
{
    const char *at = bytes;
    const char *end = bytes + len;
    enum dify_err err;
    if (sse->bom_matched < sizeof bom) {
        size_t used;
        err = take_bom(sse, at, len, &used);
        if (err != DIFY_OK)
            return err;
        at += used;
    }
    if (sse->skip_lf && at < end) {
        sse->skip_lf = false;
        if (*at == '\n')
            at++;
    }
    struct line_ends ends = {NULL, NULL, at};
    while (at < end) {
        if (!sse->in_block) {
            sse->in_block = true;
            sse->block_offset = sse->offset + (uint64_t)(at - bytes);
        }
        const char *line_end = next_line_end(&ends, at, end);
        if (line_end == end) {
            err = dify__buffer_append(&sse->line, at, (size_t)(end - at));
            if (err != DIFY_OK)
                return err;
            break;
        }
        err = end_line(sse, &at, line_end, end);
        if (err != DIFY_OK)
            return err;
    }
    return own_data(sse);
}

enum dify_err dify_sse_feed(struct dify_sse *sse, const void *bytes, size_t len)
{
    if (sse->failed == DIFY_OK && len != 0) {
        sse->failed = feed(sse, bytes, len);
        sse->chunk_data = NULL;
        sse->offset += len;
    }
    return sse->failed;
}
