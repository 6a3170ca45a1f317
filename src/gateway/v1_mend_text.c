/* SPDX-License-Identifier: Apache-2.0
 *
 * v1_mend_text.c: texts that are put in place of others: an event with another task_id, the rest of
 * an answer. Byte by byte the event that Dify sent, but for the one value.
 */
#include "core/json.h"
#include "core/json_text.h"
#include "core/slices.h"
#include "core/style.h"
#include "gateway/v1_mend_state.h"

#include <string.h>

/* What a text that was put may keep of memory. */
#define KEEP_BYTES ((size_t)16 << 10)

/* ---- one value in place of another ----------------------------------------------------------- */

/* The text and, where it is a string, the value of the last member `name` of an object. */
static enum dify_err find_string(struct dify__json *json, struct dify_slice object,
                                 const char *name, struct dify_slice *text,
                                 struct dify_slice *value)
{
    struct dify__members members;
    *text = *value = (struct dify_slice){NULL, 0};
    enum dify_err err = dify__json_read_again(json, object);
    if (err != DIFY_OK)
        return err;
    dify__members_of_root(&members, json);
    while (dify__members_next(&members)) {
        if (!dify__slice_is(members.key, name))
            continue;
        *value = dify__members_string(&members);
        *text = dify__members_text(&members);
    }
    return DIFY_OK;
}

/* `json` into `out`, with the string `value` in place of `old`, a part of it. */
static enum dify_err substitute(struct dify_slice json, struct dify_slice old,
                                struct dify_slice value, struct dify__buffer *out)
{
    const char *behind = old.ptr + old.len;
    dify__buffer_clear(out, KEEP_BYTES);
    enum dify_err err = dify__buffer_append(out, json.ptr, (size_t)(old.ptr - json.ptr));
    if (err == DIFY_OK)
        err = dify__style_string(value, DIFY__STYLE_RAW, out);
    return err == DIFY_OK ? dify__buffer_append(out, behind, (size_t)(json.ptr + json.len - behind))
                          : err;
}

bool gw__mend_is_foreign_task(const struct gw_mend *mend, struct dify_slice task_id)
{
    return task_id.ptr != NULL && mend->task_id != 0 &&
           !dify__slice_equals(task_id, gw__mend_id(mend, mend->task_id));
}

void gw__mend_put_event(struct gw_mend *mend, struct dify_slice json, gw_mend_put *put, void *ctx)
{
    struct dify__json reader;
    struct dify_slice text, task_id;
    dify__json_init(&reader, mend->allocator);
    enum dify_err err = find_string(&reader, json, "task_id", &text, &task_id);
    bool is_foreign = err == DIFY_OK && gw__mend_is_foreign_task(mend, task_id);
    if (is_foreign)
        err = substitute(json, text, gw__mend_id(mend, mend->task_id), &mend->other);
    dify__json_fini(&reader);
    gw__mend_note(mend, err);
    put(ctx, is_foreign && err == DIFY_OK ? dify__buffer_slice(&mend->other) : json);
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* A message of a run of which none was heard. */
static enum dify_err write_message(struct gw_mend *mend, struct dify_slice answer)
{
    struct dify__writer writer;
    dify__buffer_clear(&mend->text, KEEP_BYTES);
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, &mend->text);
    dify__write_open(&writer, '{');
    dify__key_string(&writer, "event", DIFY_SLICE("message"));
    dify__key_string(&writer, "conversation_id", gw__mend_id(mend, mend->conversation_id));
    dify__key_string(&writer, "message_id", gw__mend_id(mend, mend->message_id));
    dify__key_number(&writer, "created_at", gw__mend_id(mend, mend->created_at));
    dify__key_string(&writer, "task_id", gw__mend_id(mend, mend->task_id));
    dify__key_string(&writer, "id", gw__mend_id(mend, mend->message_id));
    dify__key_string(&writer, "answer", answer);
    dify__key_null(&writer, "from_variable_selector");
    dify__write_close(&writer, '}');
    return dify__writer_finish(&writer);
}

/* As a snapshot words it. */
static enum dify_err write_replace(struct gw_mend *mend, struct dify_slice answer)
{
    struct dify__writer writer;
    dify__buffer_clear(&mend->text, KEEP_BYTES);
    dify__writer_init(&writer, DIFY_JSON_COMPACT, dify__write_to_buffer, &mend->text);
    dify__write_open(&writer, '{');
    dify__key_string(&writer, "event", DIFY_SLICE("message_replace"));
    dify__key_string(&writer, "task_id", gw__mend_id(mend, mend->task_id));
    dify__key_string(&writer, "answer", answer);
    dify__key_string(&writer, "reason", DIFY_SLICE(""));
    dify__key_string(&writer, "conversation_id", gw__mend_id(mend, mend->conversation_id));
    dify__key_string(&writer, "message_id", gw__mend_id(mend, mend->message_id));
    dify__key_number(&writer, "created_at", gw__mend_id(mend, mend->created_at));
    dify__write_close(&writer, '}');
    return dify__writer_finish(&writer);
}

/* More of the answer, in the words of the first message of the run. */
static enum dify_err make_message(struct gw_mend *mend, struct dify_slice rest)
{
    struct dify__json reader;
    struct dify_slice text = {NULL, 0}, ignored, message = dify__buffer_slice(&mend->message);
    enum dify_err err = DIFY_OK;
    dify__json_init(&reader, mend->allocator);
    if (message.len != 0)
        err = find_string(&reader, message, "answer", &text, &ignored);
    if (err == DIFY_OK)
        err = text.ptr != NULL ? substitute(message, text, rest, &mend->text)
                               : write_message(mend, rest);
    dify__json_fini(&reader);
    return err;
}

bool gw__mend_put_answer(struct gw_mend *mend, struct dify_slice answer, gw_mend_put *put,
                         void *ctx)
{
    struct dify_slice told = dify__buffer_slice(&mend->answer);
    bool is_more = answer.len > told.len;
    bool continues = is_more && memcmp(answer.ptr, told.ptr, told.len) == 0;
    if (!is_more || mend->is_answer_lost || mend->is_answer_fixed)
        return true;
    struct dify_slice rest = {answer.ptr + told.len, answer.len - told.len};
    enum dify_err err = continues ? make_message(mend, rest) : write_replace(mend, answer);
    gw__mend_note(mend, err);
    if (err != DIFY_OK)
        return false;
    gw__mend_put_event(mend, dify__buffer_slice(&mend->text), put, ctx);
    gw__mend_tell_answer(mend, continues ? rest : answer, !continues);
    return true;
}

void gw__mend_put_outputs(struct gw_mend *mend, struct dify_slice outputs, gw_mend_put *put,
                          void *ctx)
{
    struct dify__json reader;
    struct dify_slice text, answer;
    if (outputs.ptr == NULL || outputs.ptr[0] != '{')
        return;
    dify__json_init(&reader, mend->allocator);
    enum dify_err err = find_string(&reader, outputs, "answer", &text, &answer);
    gw__mend_note(mend, err);
    if (err == DIFY_OK && answer.ptr != NULL)
        (void)gw__mend_put_answer(mend, answer, put, ctx);
    dify__json_fini(&reader);
}
