/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_mend.c: what callers of /v1 are told of any events, cut into streams anywhere.
 *
 * Each line of the input is an event; where streams begin, and where the mender is made anew of its
 * records, is drawn. What must hold, against a plain list of all that was told: of the first stream
 * all passes as it came; after it no execution begins or ends that callers know to have begun or
 * ended (but once more after a pause), no end follows an end; what is put is JSON; a mender made of
 * the records goes on as the one before; after the end there is one, and asking again adds nothing.
 */
#include "fuzz.h"

#include "core/run_follow.h"
#include "gateway/v1_body.h"

#include <yyjson.h>

/* Lines of one input; longer ones are cut off. */
#define LINES_MAX 200

struct told_line {
    char kind;
    struct fuzz_text text;
};

struct told {
    struct gw_mend *mend;
    struct dify_run *run;
    struct dify_decoder *decoder;
    bool is_resumed;
    struct told_line line[LINES_MAX * 4];
    size_t count;
};

/* ---- the plain reference --------------------------------------------------------------------- */

static const char *string_of(yyjson_val *object, const char *name)
{
    const char *text = yyjson_get_str(yyjson_obj_get(object, name));
    return text != NULL ? text : "";
}

static bool is_pause(const char *name)
{
    return strcmp(name, "workflow_paused") == 0;
}

/* Whether the event `name` of execution `id` was told, since the last time the run went on. */
static bool was_told(const struct told *told, const char *name, const char *id)
{
    bool found = false, may_resume = false;
    for (size_t i = 0; i < told->count; i++) {
        const struct told_line *line = &told->line[i];
        if (line->kind == 'R' || line->kind == 'S')
            continue;
        yyjson_doc *doc = yyjson_read(line->text.ptr, line->text.len, 0);
        yyjson_val *root = yyjson_doc_get_root(doc), *data = yyjson_obj_get(root, "data");
        const char *this_name = string_of(root, "event");
        may_resume |= is_pause(this_name);
        if (strcmp(this_name, "workflow_started") == 0 && may_resume &&
            strcmp(string_of(data, "reason"), "resumption") == 0) {
            may_resume = false;
            found = found && strcmp(name, "node_started") != 0;
        }
        found |= strcmp(this_name, name) == 0 &&
                 (id == NULL || strcmp(string_of(data, "id"), id) == 0) &&
                 strcmp(string_of(data, "status"), "paused") != 0;
        yyjson_doc_free(doc);
    }
    return found;
}

static void check_told(const struct told *told, const char *json, size_t len)
{
    yyjson_doc *doc = yyjson_read(json, len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc), *data = yyjson_obj_get(root, "data");
    const char *name = string_of(root, "event"), *id = string_of(data, "id");
    if (strcmp(name, "node_started") == 0 && id[0] != '\0')
        FUZZ_REQUIRE(!was_told(told, name, id), "no execution begins twice");
    if (strcmp(name, "node_finished") == 0 && id[0] != '\0')
        FUZZ_REQUIRE(!was_told(told, name, id), "no execution ends twice");
    if (strcmp(name, "workflow_finished") == 0)
        FUZZ_REQUIRE(!was_told(told, name, NULL) && !was_told(told, "error", NULL),
                     "no end follows an end");
    if (strcmp(name, "error") == 0)
        FUZZ_REQUIRE(!was_told(told, name, NULL) && !was_told(told, "workflow_finished", NULL),
                     "no error follows an end");
    yyjson_doc_free(doc);
}

/* ---- telling --------------------------------------------------------------------------------- */

static void add(struct told *told, char kind, struct dify_slice text)
{
    struct told_line *line = &told->line[told->count];
    FUZZ_REQUIRE(told->count < LINES_MAX * 4, "an event is told by a few texts");
    *line = (struct told_line){.kind = kind};
    fuzz_text_add(&line->text, text.ptr, text.len);
    told->count++;
}

static void put(void *ctx, struct dify_slice json)
{
    struct told *told = ctx;
    const struct dify_event *event;
    FUZZ_REQUIRE(dify_decoder_decode(told->decoder, json, &event, NULL) == DIFY_OK,
                 "what is put is JSON");
    if (told->is_resumed)
        check_told(told, json.ptr, json.len);
    add(told, 'V', json);
}

static void on_event(void *ctx, const struct dify_event *event, uint64_t offset)
{
    struct told *told = ctx;
    size_t before = told->count;
    (void)offset;
    bool passes = gw_mend_event(told->mend, event, put, told) == GW_MEND_PASS;
    if (!told->is_resumed)
        FUZZ_REQUIRE((passes && told->count == before) || dify__is_invented_end(event),
                     "of the first stream all passes");
    if (passes && told->is_resumed)
        check_told(told, event->json.ptr, event->json.len);
    add(told, passes ? 'E' : 'R', event->json);
}

static void begin_stream(struct told *told, unsigned number)
{
    if (number != 0)
        dify_run_resume(told->run);
    told->is_resumed = number != 0;
    gw_mend_stream(told->mend, number);
    add(told, 'S', DIFY_SLICE("{}"));
}

static void recall(struct told *told, enum dify_kind kind)
{
    gw_mend_free(told->mend);
    told->mend = gw_mend_new(NULL, kind);
    for (size_t i = 0; i < told->count; i++)
        gw_mend_recall(told->mend, told->decoder, told->line[i].kind,
                       (struct dify_slice){told->line[i].text.ptr, told->line[i].text.len});
}

static void end(struct told *told)
{
    struct dify__buffer body = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    int status = 0;
    dify_run_end(told->run);
    told->is_resumed = false; /* what ends a stream may only lack its beginning */
    FUZZ_REQUIRE(gw_mend_end(told->mend, told->run, put, told), "there is memory");
    size_t count = told->count;
    FUZZ_REQUIRE(gw_mend_end(told->mend, told->run, put, told), "there is memory");
    FUZZ_REQUIRE(told->count == count, "an end is told once");
    FUZZ_REQUIRE(gw_v1_body(told->run, told->mend, (struct dify_slice){NULL, 0}, &body, &status),
                 "there is a body");
    yyjson_doc *doc = yyjson_read(body.ptr, body.len, 0);
    FUZZ_REQUIRE(doc != NULL || memchr(body.ptr, '\\', body.len) != NULL, "a body is JSON");
    FUZZ_REQUIRE(status >= 200 && status <= 599, "a body has a status");
    yyjson_doc_free(doc);
    dify__buffer_fini(&body);
}

/* Plays the lines; `recalls`: with menders made anew where it is drawn. */
static void play(struct told *told, const uint8_t *bytes, size_t len, bool recalls)
{
    struct fuzz_draw draw = fuzz_draw_init(bytes, len);
    enum dify_kind kind = fuzz_draw_below(&draw, 2) == 0 ? DIFY_KIND_CHAT : DIFY_KIND_WORKFLOW;
    struct dify_run_observer observer = {.ctx = told, .event = on_event};
    struct dify_run_options options = {.size = sizeof options, .observer = &observer};
    unsigned streams = 0;
    memset(told, 0, sizeof *told);
    FUZZ_REQUIRE(dify_run_new(&options, &told->run) == DIFY_OK, "a run can be made");
    FUZZ_REQUIRE(dify_decoder_new(NULL, &told->decoder) == DIFY_OK, "a decoder can be made");
    dify__run_distrust(told->run);
    told->mend = gw_mend_new(NULL, kind);
    begin_stream(told, streams++);
    for (size_t at = 0, lines = 0; at < len && lines < LINES_MAX / 2; lines++) {
        const uint8_t *stop = memchr(bytes + at, '\n', len - at);
        size_t line = stop != NULL ? (size_t)(stop - bytes) - at : len - at;
        struct fuzz_text frame = {NULL, 0, 0};
        size_t what = fuzz_draw_below(&draw, 6);
        if (what < 2 && recalls)
            recall(told, kind);
        if (what == 0)
            begin_stream(told, streams++);
        fuzz_text_add(&frame, "data: ", 6);
        fuzz_text_add(&frame, bytes + at, line);
        fuzz_text_add(&frame, "\n\n", 2);
        FUZZ_REQUIRE(dify_run_feed(told->run, frame.ptr, frame.len) == DIFY_OK,
                     "no stream is an error");
        fuzz_text_fini(&frame);
        at += line + 1;
    }
    end(told);
}

static void fini(struct told *told)
{
    for (size_t i = 0; i < told->count; i++)
        fuzz_text_fini(&told->line[i].text);
    gw_mend_free(told->mend);
    dify_run_free(told->run);
    dify_decoder_free(told->decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct told once, again;
    play(&once, bytes, len, false);
    play(&again, bytes, len, true);
    FUZZ_REQUIRE(once.count == again.count, "a mender made of its records goes on alike");
    for (size_t i = 0; i < once.count; i++)
        FUZZ_REQUIRE(once.line[i].kind == again.line[i].kind &&
                         fuzz_text_same(&once.line[i].text, &again.line[i].text),
                     "a mender made of its records goes on alike");
    fini(&once);
    fini(&again);
    return 0;
}
