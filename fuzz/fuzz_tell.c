/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_tell.c: what stands in for the events of a stream: a run's detail, a blocking answer.
 *
 * The last line of the input is what is told, the lines before it are a stream that was cut. What
 * must hold: the result is that of the stream with the event behind it that Dify would have sent
 * (put together by yyjson), counted apart; what is no object is refused and changes nothing; the
 * result is strict JSON; a failed allocation makes no success.
 */
#define _GNU_SOURCE /* memmem */

#include "failing.h"
#include "fuzz.h"

#include "core/run_follow.h"
#include "difystream/result.h"

#include <yyjson.h>

/* Deeper texts may be refused for their depth: they are told, but not compared. */
#define BRACKETS_MAX 40

/* ---- runs ------------------------------------------------------------------------------------ */

static enum dify_err to_text(void *ctx, const char *bytes, size_t len)
{
    fuzz_text_add(ctx, bytes, len);
    return DIFY_OK;
}

static void feed(struct dify_run *run, const char *bytes, size_t len)
{
    FUZZ_REQUIRE(dify_run_feed(run, bytes, len) == DIFY_OK, "no stream is an error");
}

static struct dify_run *run_of(struct dify_slice stream)
{
    struct dify_run *run;
    FUZZ_REQUIRE(dify_run_new(NULL, &run) == DIFY_OK, "a run can be made");
    feed(run, stream.ptr, stream.len);
    feed(run, "\n\n", 2);
    return run;
}

/* The result without what tells events of a stream from others: their count, places and names. */
static struct fuzz_text end_of(struct dify_run *run)
{
    static const char *const keys[] = {"\"event_count\":", "\"offset\":", "terminal event, after "};
    struct fuzz_text all = {NULL, 0, 0}, text = {NULL, 0, 0};
    dify_run_end(run);
    FUZZ_REQUIRE(dify_run_write_result(run, DIFY_JSON_COMPACT, to_text, &all) == DIFY_OK,
                 "a result can be written");
    dify_run_free(run);
    for (size_t at = 0; at < all.len; at++) {
        fuzz_text_add(&text, all.ptr + at, 1);
        for (size_t i = 0; i < 3; i++) {
            size_t len = strlen(keys[i]);
            if (text.len >= len && memcmp(text.ptr + text.len - len, keys[i], len) == 0)
                at +=
                    i < 2 ? strspn(all.ptr + at + 1, "0123456789") : strcspn(all.ptr + at + 1, "{");
        }
    }
    yyjson_doc *doc = yyjson_read(all.ptr, all.len, YYJSON_READ_NUMBER_AS_RAW);
    FUZZ_REQUIRE(doc != NULL || memchr(all.ptr, '\\', all.len) != NULL, "a result is strict JSON");
    yyjson_doc_free(doc);
    fuzz_text_fini(&all);
    return text;
}

/* ---- the event that Dify would have sent ----------------------------------------------------- */

static yyjson_mut_val *last_of(yyjson_mut_val *object, const char *key)
{
    size_t i, max;
    yyjson_mut_val *name, *value, *found = NULL;
    yyjson_mut_obj_foreach(object, i, max, name, value)
    {
        if (yyjson_mut_equals_str(name, key))
            found = value;
    }
    return found;
}

/* An object that is written in a string; NULL: it is none. */
static yyjson_mut_val *inner_of(yyjson_mut_doc *doc, yyjson_mut_val *text)
{
    yyjson_doc *inner =
        yyjson_read(yyjson_mut_get_str(text), yyjson_mut_get_len(text), YYJSON_READ_NUMBER_AS_RAW);
    yyjson_mut_val *object = yyjson_is_obj(yyjson_doc_get_root(inner))
                                 ? yyjson_val_mut_copy(doc, yyjson_doc_get_root(inner))
                                 : NULL;
    yyjson_doc_free(inner);
    return object;
}

/* Of the outputs in a detail, those of the event; the text of a string is made plain in `data` as
 * well, so that both are written alike. */
static void add_outputs(yyjson_mut_doc *doc, yyjson_mut_val *event_data, yyjson_mut_val *key,
                        yyjson_mut_val *value)
{
    yyjson_mut_val *outputs = yyjson_mut_null(doc), *inner;
    if (yyjson_mut_is_null(value)) {
        outputs = yyjson_mut_obj(doc);
    } else if (!yyjson_mut_is_str(value)) {
        outputs = yyjson_mut_val_mut_copy(doc, value);
    } else if ((inner = inner_of(doc, value)) != NULL) {
        size_t len;
        char *plain = yyjson_mut_val_write(inner, 0, &len);
        yyjson_mut_set_strn(value, yyjson_mut_get_str(yyjson_mut_strncpy(doc, plain, len)), len);
        free(plain);
        outputs = inner;
    }
    yyjson_mut_obj_add(event_data, yyjson_mut_val_mut_copy(doc, key), outputs);
}

static void add_event(struct fuzz_text *stream, yyjson_mut_val *event)
{
    size_t len;
    char *text = yyjson_mut_val_write(event, 0, &len);
    FUZZ_REQUIRE(text != NULL, "an event can be written");
    fuzz_text_add(stream, "data: ", 6);
    fuzz_text_add(stream, text, len);
    fuzz_text_add(stream, "\n\n", 2);
    free(text);
}

static void add_string(yyjson_mut_doc *doc, yyjson_mut_val *event, const char *key,
                       yyjson_mut_val *value)
{
    yyjson_mut_val *copy = yyjson_mut_is_str(value) ? yyjson_mut_val_mut_copy(doc, value) : NULL;
    yyjson_mut_obj_add(event, yyjson_mut_str(doc, key), copy != NULL ? copy : yyjson_mut_null(doc));
}

static void run_event(yyjson_mut_doc *doc, yyjson_mut_val *data, yyjson_mut_val *task_id,
                      struct fuzz_text *stream)
{
    size_t i, max;
    yyjson_mut_val *key, *value;
    yyjson_mut_val *event = yyjson_mut_obj(doc), *event_data = yyjson_mut_obj(doc);
    bool is_paused = yyjson_mut_equals_str(last_of(data, "status"), "paused");
    yyjson_mut_obj_add_str(doc, event, "event",
                           is_paused ? "workflow_paused" : "workflow_finished");
    add_string(doc, event, "workflow_run_id", last_of(data, "id"));
    add_string(doc, event, "task_id", task_id);
    yyjson_mut_obj_foreach(data, i, max, key, value)
    {
        if (yyjson_mut_equals_str(key, "outputs"))
            add_outputs(doc, event_data, key, value);
        else
            yyjson_mut_obj_add(event_data, yyjson_mut_val_mut_copy(doc, key),
                               yyjson_mut_val_mut_copy(doc, value));
    }
    yyjson_mut_obj_add_val(doc, event, "data", event_data);
    add_event(stream, event);
}

static void chat_events(yyjson_mut_doc *doc, yyjson_mut_val *root, struct fuzz_text *stream)
{
    static const char *const names[] = {"message", "message_end"};
    for (size_t n = 0; n < 2; n++) {
        size_t i, max;
        yyjson_mut_val *key, *value, *event = yyjson_mut_obj(doc);
        yyjson_mut_obj_add_str(doc, event, "event", names[n]);
        yyjson_mut_obj_foreach(root, i, max, key, value)
        {
            if (!yyjson_mut_equals_str(key, "event"))
                yyjson_mut_obj_add(event, yyjson_mut_val_mut_copy(doc, key),
                                   yyjson_mut_val_mut_copy(doc, value));
        }
        add_event(stream, event);
    }
}

/* The object that is called `data` first. */
static yyjson_mut_val *data_of(yyjson_mut_val *root)
{
    size_t i, max;
    yyjson_mut_val *key, *value;
    yyjson_mut_obj_foreach(root, i, max, key, value)
    {
        if (yyjson_mut_equals_str(key, "data") && yyjson_mut_is_obj(value))
            return value;
    }
    return NULL;
}

/* ---- the target ------------------------------------------------------------------------------ */

static bool is_deep(struct dify_slice text)
{
    size_t brackets = 0;
    for (size_t i = 0; i < text.len; i++)
        brackets += text.ptr[i] == '{' || text.ptr[i] == '[';
    return brackets > BRACKETS_MAX;
}

/* Tells `doc` in plain words and as the event, and holds the results against each other. */
static void compare(struct dify_slice stream, enum dify__told_by source, yyjson_mut_doc *doc)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc), *data = root;
    struct fuzz_text events = {NULL, 0, 0};
    size_t len;
    if (source == DIFY__TOLD_BY_BLOCKING_CHAT)
        chat_events(doc, root, &events);
    else if (source == DIFY__TOLD_BY_DETAIL)
        run_event(doc, root, NULL, &events);
    else if ((data = data_of(root)) != NULL)
        run_event(doc, data, last_of(root, "task_id"), &events);
    char *plain = yyjson_mut_val_write(root, 0, &len);

    struct dify_run *told = run_of(stream), *streamed = run_of(stream);
    enum dify_err err = dify__run_tell(told, source, (struct dify_slice){plain, len});
    FUZZ_REQUIRE(err == (data != NULL ? DIFY_OK : DIFY_ERR_JSON), "an object is told");
    if (source != DIFY__TOLD_BY_BLOCKING_CHAT)
        dify__run_note_gap(streamed);
    if (events.len != 0)
        feed(streamed, events.ptr, events.len);
    FUZZ_REQUIRE(dify_run_has_terminal_event(told) == dify_run_has_terminal_event(streamed) &&
                     dify__run_is_paused(told) == dify__run_is_paused(streamed),
                 "the same end");
    struct fuzz_text one = end_of(told), other = end_of(streamed);
    FUZZ_REQUIRE(fuzz_text_same(&one, &other), "the result of the event");
    fuzz_text_fini(&one);
    fuzz_text_fini(&other);
    fuzz_text_fini(&events);
    free(plain);
}

/* Tells the bytes as they stand. */
static void tell(struct dify_slice stream, enum dify__told_by source, struct dify_slice text)
{
    struct dify_run *told = run_of(stream), *before = run_of(stream);
    uint64_t count = dify__run_event_count(told);
    enum dify_err err = dify__run_tell(told, source, text);
    FUZZ_REQUIRE(err == DIFY_OK || err == DIFY_ERR_JSON || err == DIFY_ERR_DEPTH,
                 "nothing that is told is an error of the run");
    FUZZ_REQUIRE(dify__run_event_count(told) == count, "it is no event");
    if (err != DIFY_OK)
        FUZZ_REQUIRE(dify_run_has_terminal_event(told) == dify_run_has_terminal_event(before),
                     "what is refused is no end");
    struct fuzz_text result = end_of(told);
    fuzz_text_fini(&result);
    dify_run_free(before);
}

static void check_memory(struct dify_slice stream, enum dify__told_by source,
                         struct dify_slice text, struct fuzz_draw draw)
{
    struct failing failing = {0, 1 + fuzz_draw_below(&draw, 40)};
    struct dify_allocator allocator = failing_allocator(&failing);
    struct dify_run_options options = {.size = sizeof options, .allocator = &allocator};
    struct dify_result result;
    struct dify_run *run;
    if (dify_run_new(&options, &run) != DIFY_OK)
        return;
    enum dify_err err = dify_run_feed(run, stream.ptr, stream.len);
    enum dify_err told = dify__run_tell(run, source, text);
    FUZZ_REQUIRE(err == DIFY_OK || told == err, "an error stays");
    dify_run_end(run);
    dify_run_result(run, &result);
    FUZZ_REQUIRE(!result.success || (told != DIFY_ERR_NOMEM && err != DIFY_ERR_NOMEM),
                 "without memory there is no success");
    dify_run_free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_draw draw = fuzz_draw_init(bytes, len);
    size_t at = len;
    while (at > 0 && bytes[at - 1] != '\n')
        at--;
    char *text = fuzz_piece(bytes + at, len - at);
    struct dify_slice stream = {(const char *)bytes, at}, told = {text, len - at};
    bool is_deep_text = is_deep(told);
    for (int i = 0; i < 3; i++) {
        enum dify__told_by source = DIFY__TOLD_BY_DETAIL + i;
        tell(stream, source, told);
        check_memory(stream, source, told, draw);
        /* escapes within the string of an object may be mended, which yyjson does not */
        yyjson_doc *doc =
            is_deep_text ? NULL : yyjson_read(text, told.len, YYJSON_READ_NUMBER_AS_RAW);
        if (yyjson_is_obj(yyjson_doc_get_root(doc)) && memmem(text, told.len, "\\\\u", 3) == NULL) {
            yyjson_mut_doc *copy = yyjson_doc_mut_copy(doc, NULL);
            compare(stream, source, copy);
            yyjson_mut_doc_free(copy);
        }
        yyjson_doc_free(doc);
    }
    free(text);
    return 0;
}
