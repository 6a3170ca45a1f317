/* SPDX-License-Identifier: Apache-2.0
 *
 * run_follow.c: see run_follow.h. What is told outside the stream is put into the words of an event
 * and folded as one, so that the fold stays the only writer.
 */
#include "core/run_follow.h"

#include "core/decoder.h"
#include "core/fold_state.h"
#include "core/json_text.h"
#include "core/slices.h"

#include <assert.h>

void dify__run_distrust(struct dify_run *run)
{
    run->distrusts = true;
}

bool dify__run_take_invented_end(struct dify_run *run)
{
    bool has = run->has_invented_end;
    run->has_invented_end = false;
    return has;
}

static void mark_open(struct dify__nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (!dify__node_is_final(&nodes->node[i]))
            nodes->node[i].flags |= DIFY__NODE_IN_GAP;
}

void dify__run_note_gap(struct dify_run *run)
{
    run->has_gap = true;
    mark_open(&run->nodes);
    mark_open(&run->containers);
}

void dify__run_learn_ids(struct dify_run *run, struct dify_slice workflow_run_id,
                         struct dify_slice task_id)
{
    dify__fill(run, &run->workflow_run_id, workflow_run_id);
    if (run->task_id == 0 || run->task_id == run->workflow_run_id)
        dify__replace(run, &run->task_id, task_id);
}

/* ---- events that stand in ------------------------------------------------------------------ */

/* Folds the event that stands in `text`. */
static enum dify_err fold_text(struct dify_run *run, const struct dify__buffer *text)
{
    const struct dify_event *event;
    enum dify_err err = dify__decoder_envelope(run->decoder, dify__buffer_slice(text), &event);
    if (err != DIFY_OK)
        return err;
    dify__run_fold(run, event);
    return run->failed;
}

/* The outputs of a detail: an object; before Dify 1.13 a string that holds one, or null where the
 * stream says {}. */
static void write_outputs(struct dify__writer *writer, const struct dify_run *run,
                          const struct dify__members *member)
{
    struct dify_slice text = dify__members_string(member);
    struct dify__json inner;
    dify__write_key(writer, "outputs");
    if (text.ptr == NULL) {
        dify__write_json(writer, yyjson_is_null(member->value) ? DIFY_SLICE("{}")
                                                               : dify__members_text(member));
        return;
    }
    dify__json_init(&inner, run->allocator);
    enum dify_err err = dify__json_read(&inner, text);
    if (err == DIFY_OK)
        dify__write_json(writer, inner.text);
    else
        dify__write_null(writer);
    if (err != DIFY_OK && err != DIFY_ERR_JSON && err != DIFY_ERR_DEPTH)
        writer->err = err;
    dify__json_fini(&inner);
}

/* {"event": NAME, ids, "data": {all members of `source`}} */
static void write_run_event(struct dify__writer *writer, const struct dify_run *run,
                            const char *name, struct dify__members source,
                            struct dify_slice task_id)
{
    struct dify_slice run_id = {NULL, 0};
    for (struct dify__members members = source; dify__members_next(&members);)
        if (dify__slice_is(members.key, "id"))
            run_id = dify__members_string(&members);
    dify__write_open(writer, '{');
    dify__write_key(writer, "event");
    dify__write_string(writer, dify__slice(name));
    dify__write_key(writer, "workflow_run_id");
    dify__write_string(writer, run_id);
    dify__write_key(writer, "task_id");
    dify__write_string(writer, task_id);
    dify__write_key(writer, "data");
    dify__write_open(writer, '{');
    while (dify__members_next(&source)) {
        if (dify__slice_is(source.key, "outputs")) {
            write_outputs(writer, run, &source);
        } else {
            dify__write_key_text(writer, source.key);
            dify__write_json(writer, dify__members_text(&source));
        }
    }
    dify__write_close(writer, '}');
    dify__write_close(writer, '}');
}

/* The object behind `key` of the root. False if there is none. */
static bool find_object(const struct dify__json *json, const char *key, struct dify__members *out)
{
    struct dify__members members;
    dify__members_of_root(&members, json);
    while (dify__members_next(&members)) {
        if (dify__slice_is(members.key, key) && yyjson_is_obj(members.value)) {
            dify__members_of(out, json, members.value, dify__members_text(&members));
            return true;
        }
    }
    return false;
}

static struct dify_slice find_string(struct dify__members members, const char *key)
{
    struct dify_slice found = {NULL, 0};
    while (dify__members_next(&members))
        if (dify__slice_is(members.key, key))
            found = dify__members_string(&members);
    return found;
}

static enum dify_err tell_run(struct dify_run *run, struct dify__members data,
                              struct dify_slice task_id)
{
    struct dify__buffer text = {.allocator = run->allocator, .max = SIZE_MAX / 2};
    struct dify__writer writer;
    bool is_paused = dify__slice_is(find_string(data, "status"), "paused");
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, &text);
    write_run_event(&writer, run, is_paused ? "workflow_paused" : "workflow_finished", data,
                    task_id);
    enum dify_err err = dify__writer_finish(&writer);
    if (err == DIFY_OK)
        err = fold_text(run, &text);
    dify__buffer_fini(&text);
    return err;
}

/* The answer of a blocking chat, once as `message` and once as `message_end`: each reads what is
 * its own. */
static enum dify_err tell_chat(struct dify_run *run, const struct dify__json *json)
{
    static const char *const names[] = {"message", "message_end"};
    enum dify_err err = DIFY_OK;
    for (size_t i = 0; i < 2 && err == DIFY_OK; i++) {
        struct dify__buffer text = {.allocator = run->allocator, .max = SIZE_MAX / 2};
        struct dify__members members;
        struct dify__writer writer;
        dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, &text);
        dify__write_open(&writer, '{');
        dify__members_of_root(&members, json);
        while (dify__members_next(&members)) {
            if (dify__slice_is(members.key, "event"))
                continue;
            dify__write_key_text(&writer, members.key);
            dify__write_json(&writer, dify__members_text(&members));
        }
        dify__write_key(&writer, "event");
        dify__write_string(&writer, dify__slice(names[i]));
        dify__write_close(&writer, '}');
        err = dify__writer_finish(&writer);
        if (err == DIFY_OK)
            err = fold_text(run, &text);
        dify__buffer_fini(&text);
    }
    return err;
}

static enum dify_err tell(struct dify_run *run, enum dify__told_by source,
                          const struct dify__json *json)
{
    struct dify__members root, data;
    if (source == DIFY__TOLD_BY_BLOCKING_CHAT)
        return tell_chat(run, json);
    /* what Dify did on the way was not heard */
    dify__run_note_gap(run);
    dify__members_of_root(&root, json);
    if (source == DIFY__TOLD_BY_DETAIL)
        return tell_run(run, root, (struct dify_slice){NULL, 0});
    if (!find_object(json, "data", &data))
        return DIFY_ERR_JSON;
    return tell_run(run, data, find_string(root, "task_id"));
}

enum dify_err dify__run_tell(struct dify_run *run, enum dify__told_by source,
                             struct dify_slice text)
{
    struct dify__json json;
    if (run->has_ended || run->in_feed)
        return DIFY_ERR_STATE;
    if (run->failed != DIFY_OK)
        return run->failed;
    dify__json_init(&json, run->allocator);
    enum dify_err err = dify__json_read(&json, text);
    bool distrusts = run->distrusts;
    run->in_feed = true;
    run->distrusts = false; /* what stands in the run's row is no stream's invention */
    if (err == DIFY_OK)
        err = tell(run, source, &json);
    run->distrusts = distrusts;
    run->in_feed = false;
    if (err != DIFY_ERR_JSON && err != DIFY_ERR_DEPTH)
        dify__run_note(run, err);
    dify__json_fini(&json);
    return err;
}

/* ---- ends ---------------------------------------------------------------------------------- */

void dify__run_note_stop(struct dify_run *run)
{
    run->was_stopped = true;
    if (run->has_message_end && !run->has_workflow_finished && !run->has_error)
        dify__fold_status(run, DIFY_SLICE("stopped"));
}

void dify__run_end_stopped(struct dify_run *run)
{
    assert(!run->in_feed);
    dify__fold_status(run, DIFY_SLICE("stopped"));
    run->was_stopped = run->has_ended = true;
}

void dify__run_reopen(struct dify_run *run)
{
    run->has_ended = run->is_paused = run->was_stopped = run->forms_changed = false;
}

bool dify__run_has_other_forms(const struct dify_run *run)
{
    return run->forms > 0 && run->forms_changed;
}

bool dify__run_has_conversation(const struct dify_run *run)
{
    return run->conversation_id != 0;
}

bool dify__run_is_paused(const struct dify_run *run)
{
    return run->is_paused;
}

bool dify__run_has_workflow_finished(const struct dify_run *run)
{
    return run->has_workflow_finished;
}

bool dify__run_has_message_end(const struct dify_run *run)
{
    return run->has_message_end;
}

uint64_t dify__run_event_count(const struct dify_run *run)
{
    return run->event_count;
}

bool dify__run_has_error_event(const struct dify_run *run)
{
    return run->has_error;
}

static char next_of_id(struct dify_slice *id)
{
    while (id->len > 0 && *id->ptr == '-') {
        id->ptr++;
        id->len--;
    }
    if (id->len == 0)
        return '\0';
    char c = *id->ptr++;
    id->len--;
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool dify__is_same_id(struct dify_slice a, struct dify_slice b)
{
    char of_a, of_b;
    do {
        of_a = next_of_id(&a);
        of_b = next_of_id(&b);
    } while (of_a == of_b && of_a != '\0');
    return of_a == of_b && a.len == b.len;
}

struct dify_slice dify__run_id(const struct dify_run *run)
{
    return dify__texts_get(&run->texts, run->workflow_run_id);
}

struct dify_slice dify__run_task(const struct dify_run *run)
{
    if (run->task_id == run->workflow_run_id)
        return (struct dify_slice){NULL, 0};
    return dify__texts_get(&run->texts, run->task_id);
}
