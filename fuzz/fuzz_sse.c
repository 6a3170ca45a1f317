/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_sse.c: dify_sse_* against the WHATWG algorithm as the standard words it, and against itself
 * in other cuts.
 */
#include "fuzz.h"

#include "difystream/sse.h"

/* ---- the reference: decode all, then lines, then fields -------------------------------------- */

/* Decoded text, and for each of its bytes where in the stream its character began. */
struct decoded {
    struct fuzz_text text;
    size_t *from;
    size_t room;
};

static void put(struct decoded *out, const void *bytes, size_t len, size_t from)
{
    if (out->room < out->text.len + len) {
        out->room = (out->text.len + len) * 2;
        out->from = realloc(out->from, out->room * sizeof *out->from);
        FUZZ_REQUIRE(out->from != NULL, "the fuzz target itself has no memory");
    }
    for (size_t i = 0; i < len; i++)
        out->from[out->text.len + i] = from;
    fuzz_text_add(&out->text, bytes, len);
}

/* The Encoding standard's UTF-8 decoder, section 8.1.1, step by step. */
static void decode(const uint8_t *bytes, size_t len, size_t base, struct decoded *out)
{
    unsigned needed = 0, seen = 0, lower = 0x80, upper = 0xBF;
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = bytes[i];
        if (needed == 0) {
            start = i;
            if (byte <= 0x7F) {
                put(out, &bytes[i], 1, base + i);
            } else if (byte >= 0xC2 && byte <= 0xF4) {
                needed = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
                lower = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
                upper = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
            } else {
                put(out, "\xEF\xBF\xBD", 3, base + i);
            }
            continue;
        }
        bool fits = byte >= lower && byte <= upper;
        lower = 0x80;
        upper = 0xBF;
        if (!fits) {
            put(out, "\xEF\xBF\xBD", 3, base + start);
            needed = seen = 0;
            i--; /* "prepend byte to stream" */
        } else if (++seen == needed) {
            put(out, bytes + start, needed + 1, base + start);
            needed = seen = 0;
        }
    }
    if (needed != 0)
        put(out, "\xEF\xBF\xBD", 3, base + start);
}

/* What was heard from a parser, or from the reference, in a form that can be compared. */
struct heard {
    struct fuzz_text log;
    size_t events, others;
    bool check_utf8;
};

static void hear_event(struct heard *heard, struct dify_slice type, struct dify_slice data,
                       struct dify_slice id, uint64_t offset)
{
    fuzz_text_add(&heard->log, "E", 1);
    fuzz_text_add_slice(&heard->log, type);
    fuzz_text_add_slice(&heard->log, data);
    fuzz_text_add_slice(&heard->log, id);
    fuzz_text_add(&heard->log, &offset, sizeof offset);
    heard->events++;
}

static void hear_comment(struct heard *heard, struct dify_slice text)
{
    fuzz_text_add(&heard->log, "C", 1);
    fuzz_text_add_slice(&heard->log, text);
    heard->others++;
}

static void hear_retry(struct heard *heard, uint64_t retry_ms, struct dify_slice digits)
{
    fuzz_text_add(&heard->log, "R", 1);
    fuzz_text_add(&heard->log, &retry_ms, sizeof retry_ms);
    fuzz_text_add_slice(&heard->log, digits);
    heard->others++;
}

/* State of the reference between lines. */
struct reference {
    struct fuzz_text type, data, id, last_id;
    bool has_data, in_block;
    uint64_t block;
};

static struct dify_slice slice_of(const struct fuzz_text *text)
{
    return (struct dify_slice){text->ptr != NULL ? text->ptr : "", text->len};
}

static void slow_retry(struct heard *heard, struct dify_slice value)
{
    uint64_t number = 0;
    bool is_huge = false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return;
        is_huge = is_huge || __builtin_mul_overflow(number, 10, &number) ||
                  __builtin_add_overflow(number, (uint64_t)(value.ptr[i] - '0'), &number);
    }
    while (value.len > 1 && value.ptr[0] == '0') {
        value.ptr++;
        value.len--;
    }
    if (value.len != 0)
        hear_retry(heard, is_huge ? UINT64_MAX : number, value);
}

static bool is_name(const char *line, size_t len, const char *name)
{
    return len == strlen(name) && memcmp(line, name, len) == 0;
}

static void slow_line(struct reference *ref, struct heard *heard, const char *line, size_t len)
{
    size_t name = 0;
    while (name < len && line[name] != ':')
        name++;
    size_t value = name < len ? name + 1 : len;
    if (name != 0 && value < len && line[value] == ' ')
        value++;
    struct dify_slice rest = {line + value, len - value};
    if (len == 0) {
        ref->last_id.len = 0;
        fuzz_text_add(&ref->last_id, ref->id.ptr, ref->id.len);
        if (ref->has_data) {
            ref->data.len--; /* "If the last character is a LF, then remove it" */
            hear_event(heard, ref->type.len != 0 ? slice_of(&ref->type) : DIFY_SLICE("message"),
                       slice_of(&ref->data), slice_of(&ref->last_id), ref->block);
        }
        ref->data.len = ref->type.len = 0;
        ref->has_data = ref->in_block = false;
    } else if (name == 0) {
        hear_comment(heard, rest);
    } else if (is_name(line, name, "data")) {
        fuzz_text_add(&ref->data, rest.ptr, rest.len);
        fuzz_text_add(&ref->data, "\n", 1);
        ref->has_data = true;
    } else if (is_name(line, name, "event")) {
        ref->type.len = 0;
        fuzz_text_add(&ref->type, rest.ptr, rest.len);
    } else if (is_name(line, name, "id")) {
        if (memchr(rest.ptr, '\0', rest.len) == NULL) {
            ref->id.len = 0;
            fuzz_text_add(&ref->id, rest.ptr, rest.len);
        }
    } else if (is_name(line, name, "retry")) {
        slow_retry(heard, rest);
    }
}

static void slow_parse(const uint8_t *bytes, size_t len, struct heard *heard)
{
    struct decoded all = {{NULL, 0, 0}, NULL, 0};
    struct reference ref;
    memset(&ref, 0, sizeof ref);
    size_t bom = len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    decode(bytes + bom, len - bom, bom, &all);
    const char *text = all.text.ptr;
    size_t start = 0;
    for (size_t i = 0; i < all.text.len; i++) {
        if (text[i] != '\n' && text[i] != '\r')
            continue;
        if (!ref.in_block) {
            ref.in_block = true;
            ref.block = all.from[start];
        }
        slow_line(&ref, heard, text + start, i - start);
        if (text[i] == '\r' && i + 1 < all.text.len && text[i + 1] == '\n')
            i++;
        start = i + 1;
    }
    fuzz_text_add_slice(&heard->log, slice_of(&ref.last_id));
    fuzz_text_fini(&ref.type);
    fuzz_text_fini(&ref.data);
    fuzz_text_fini(&ref.id);
    fuzz_text_fini(&ref.last_id);
    fuzz_text_fini(&all.text);
    free(all.from);
}

/* ---- the parser under test ------------------------------------------------------------------- */

static void require_utf8(const struct heard *heard, struct dify_slice text)
{
    struct decoded out = {{NULL, 0, 0}, NULL, 0};
    if (!heard->check_utf8)
        return;
    decode((const uint8_t *)text.ptr, text.len, 0, &out);
    FUZZ_REQUIRE(out.text.len == text.len &&
                     (text.len == 0 || memcmp(out.text.ptr, text.ptr, text.len) == 0),
                 "what is handed out is UTF-8");
    fuzz_text_fini(&out.text);
    free(out.from);
}

static enum dify_err on_event(void *ctx, const struct dify_sse_event *event)
{
    require_utf8(ctx, event->type);
    require_utf8(ctx, event->data);
    require_utf8(ctx, event->id);
    hear_event(ctx, event->type, event->data, event->id, event->offset);
    return DIFY_OK;
}

static enum dify_err on_comment(void *ctx, struct dify_slice text)
{
    require_utf8(ctx, text);
    hear_comment(ctx, text);
    return DIFY_OK;
}

static enum dify_err on_retry(void *ctx, uint64_t retry_ms, struct dify_slice digits)
{
    hear_retry(ctx, retry_ms, digits);
    return DIFY_OK;
}

static enum dify_err feed(struct dify_sse *sse, const uint8_t *bytes, size_t len, enum fuzz_cut cut,
                          struct fuzz_draw draw)
{
    enum dify_err err = DIFY_OK;
    for (size_t at = 0; at < len && err == DIFY_OK;) {
        size_t size = fuzz_cut_next(cut, &draw, len - at);
        char *piece = fuzz_piece(bytes + at, size);
        err = dify_sse_feed(sse, piece, size);
        free(piece);
        at += size;
        FUZZ_REQUIRE(dify_sse_offset(sse) == at, "the offset is what was fed");
    }
    return err;
}

/* Parses the input, twice if `after_reset`, and appends the last event id to the log. */
static enum dify_err parse(const uint8_t *bytes, size_t len, enum fuzz_cut cut,
                           struct fuzz_draw draw, struct dify_sse_options options, bool after_reset,
                           struct heard *heard)
{
    struct dify_sse *sse;
    heard->check_utf8 = !options.raw_bytes;
    options.size = sizeof options;
    options.ctx = heard;
    options.event = on_event;
    options.comment = on_comment;
    options.retry = on_retry;
    enum dify_err err = dify_sse_new(&options, &sse);
    FUZZ_REQUIRE(err == DIFY_OK, "a parser can be made");
    if (after_reset) {
        (void)feed(sse, bytes, len / 2 + 1 < len ? len / 2 + 1 : len, cut, draw);
        dify_sse_reset(sse);
        struct dify_slice id = dify_sse_last_event_id(sse);
        FUZZ_REQUIRE(id.len == 0 || memchr(id.ptr, '\0', id.len) == NULL, "no NUL in an id");
        struct heard nothing = {{NULL, 0, 0}, 0, 0, false};
        fuzz_text_fini(&heard->log);
        *heard = nothing;
        heard->check_utf8 = !options.raw_bytes;
    }
    err = feed(sse, bytes, len, cut, draw);
    if (err != DIFY_OK)
        FUZZ_REQUIRE(dify_sse_feed(sse, "\n\n", 2) == err, "an error is sticky");
    else
        fuzz_text_add_slice(&heard->log, dify_sse_last_event_id(sse));
    dify_sse_free(sse);
    return err;
}

/* The same in all cuts; and with what a low ceiling refuses, the same refusal. */
static void check_cuts(const uint8_t *bytes, size_t len, struct fuzz_draw draw, size_t ceiling,
                       struct heard *whole)
{
    struct dify_sse_options options = {.max_event_bytes = ceiling};
    enum dify_err err = parse(bytes, len, FUZZ_WHOLE, draw, options, false, whole);
    if (ceiling == 0)
        FUZZ_REQUIRE(err == DIFY_OK, "no stream is an error");
    for (enum fuzz_cut cut = FUZZ_BYTES; cut < FUZZ_CUTS; cut++) {
        struct heard heard = {{NULL, 0, 0}, 0, 0, false};
        FUZZ_REQUIRE(parse(bytes, len, cut, draw, options, false, &heard) == err,
                     "the same end in any cut");
        FUZZ_REQUIRE(fuzz_text_same(&heard.log, &whole->log), "the same calls in any cut");
        fuzz_text_fini(&heard.log);
    }
}

/* Bytes as they came: as many events, and decoded they are what the others heard. */
static void check_raw(const uint8_t *bytes, size_t len, struct fuzz_draw draw,
                      const struct heard *whole)
{
    struct dify_sse_options options = {.raw_bytes = true};
    struct heard raw[2] = {{{NULL, 0, 0}, 0, 0, false}, {{NULL, 0, 0}, 0, 0, false}};
    struct decoded decoded = {{NULL, 0, 0}, NULL, 0};
    for (int i = 0; i < 2; i++)
        FUZZ_REQUIRE(parse(bytes, len, i == 0 ? FUZZ_WHOLE : FUZZ_SMALL, draw, options, false,
                           &raw[i]) == DIFY_OK,
                     "no stream is an error");
    FUZZ_REQUIRE(fuzz_text_same(&raw[0].log, &raw[1].log), "raw bytes are the same in any cut");
    FUZZ_REQUIRE(raw[0].events == whole->events && raw[0].others == whole->others,
                 "as many events with raw bytes");
    decode(bytes, len, 0, &decoded);
    bool is_utf8 =
        decoded.text.len == len && (len == 0 || memcmp(decoded.text.ptr, bytes, len) == 0);
    if (is_utf8)
        FUZZ_REQUIRE(fuzz_text_same(&raw[0].log, &whole->log), "valid UTF-8 is the same raw");
    fuzz_text_fini(&decoded.text);
    free(decoded.from);
    fuzz_text_fini(&raw[0].log);
    fuzz_text_fini(&raw[1].log);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_draw draw = fuzz_draw_init(bytes, len);
    struct heard whole = {{NULL, 0, 0}, 0, 0, false}, slow = whole, low = whole, later = whole;
    check_cuts(bytes, len, draw, 0, &whole);
    slow_parse(bytes, len, &slow);
    FUZZ_REQUIRE(fuzz_text_same(&whole.log, &slow.log), "what the standard says");
    check_raw(bytes, len, draw, &whole);

    check_cuts(bytes, len, draw, 1 + fuzz_draw_below(&draw, 100), &low);
    FUZZ_REQUIRE(low.events <= whole.events, "a ceiling makes no events");

    /* Ids of the first, broken-off stream may stand before the second's first; all else is new. */
    struct dify_sse_options options = {.max_event_bytes = 0};
    FUZZ_REQUIRE(parse(bytes, len, FUZZ_LARGE, draw, options, true, &later) == DIFY_OK,
                 "a parser can be used again");
    FUZZ_REQUIRE(later.events == whole.events && later.others == whole.others,
                 "nothing stays after a reset");
    fuzz_text_fini(&whole.log);
    fuzz_text_fini(&slow.log);
    fuzz_text_fini(&low.log);
    fuzz_text_fini(&later.log);
    return 0;
}
