/* SPDX-License-Identifier: Apache-2.0
 *
 * play.c: envelopes, the clock, and texts in pieces.
 */
#include "sim/play.h"

#include "core/slices.h"
#include "core/utf8.h"
#include "sim/describe.h"
#include "core/style.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PING_MS 10000

void sim_play_init(struct sim_play *play, struct conf_yaml *yaml, struct sim_cutter *cutter,
                   const struct sim_app *app, const yaml_node_t *source)
{
    const struct dify_allocator *allocator = sim_loader_of(yaml)->allocator;
    *play = (struct sim_play){.yaml = yaml,
                              .loader = sim_loader_of(yaml),
                              .app = app,
                              .cutter = cutter,
                              .source = source,
                              .ping_ms = PING_MS,
                              .currency = DIFY_SLICE("USD"),
                              .answer = {.allocator = allocator, .max = SIM_FILE_BYTES}};
    sim_weave_init(&play->weave, allocator);
}

void sim_play_fini(struct sim_play *play)
{
    sim_weave_fini(&play->weave);
    dify__buffer_fini(&play->answer);
    dify__free(play->loader->allocator, play->steps);
    play->steps = NULL;
}

int64_t sim_play_id(struct sim_play *play)
{
    return play->cutter->uuids++;
}

/* ---- steps --------------------------------------------------------------------------------- */

static struct sim_step *add_step(struct sim_play *play, uint32_t at_ms)
{
    if (play->err != DIFY_OK)
        return NULL;
    if (play->count == SIM_SCRIPT_STEPS) {
        play->err = conf_yaml_fail(play->yaml, play->source, "a run has %d events at most",
                                   SIM_SCRIPT_STEPS);
        return NULL;
    }
    play->err = dify__grow(play->loader->allocator, (void **)&play->steps, &play->capacity,
                           play->count + 1, sizeof *play->steps);
    if (play->err != DIFY_OK)
        return NULL;
    struct sim_step *step = &play->steps[play->count++];
    *step = (struct sim_step){.at_ms = at_ms};
    return step;
}

void sim_play_wait(struct sim_play *play, uint32_t ms)
{
    if (ms > UINT32_MAX / 2 - play->now_ms) {
        if (play->err == DIFY_OK)
            play->err = conf_yaml_fail(play->yaml, play->source, "a run takes 24 days at most");
        return;
    }
    play->now_ms += ms;
    while (play->ping_ms <= play->now_ms && play->err == DIFY_OK) {
        struct sim_step *step = add_step(play, play->ping_ms);
        if (step != NULL)
            step->is_ping = true;
        play->ping_ms += PING_MS;
    }
}

enum dify_err sim_play_finish(struct sim_play *play, struct sim_script *script)
{
    if (play->err != DIFY_OK)
        return play->err;
    struct sim_step *steps = sim_arena_array(play->loader->arena, play->count, sizeof *steps);
    if (steps == NULL)
        return DIFY_ERR_NOMEM;
    if (play->count != 0)
        memcpy(steps, play->steps, play->count * sizeof *steps);
    script->steps = steps;
    script->step_count = play->count;
    return DIFY_OK;
}

/* ---- envelopes ----------------------------------------------------------------------------- */

static void add_hole(struct sim_play *play, const char *before, enum sim_hole hole)
{
    sim_weave_chars(&play->weave, before);
    sim_weave_hole(&play->weave, hole, 0);
}

static void begin(struct sim_play *play, const char *event, bool has_run)
{
    enum sim_mode mode = play->app->mode;
    sim_weave_chars(&play->weave, "{\"event\":\"");
    sim_weave_chars(&play->weave, event);
    if (mode == SIM_WORKFLOW) {
        add_hole(play, "\",\"workflow_run_id\":\"", SIM_HOLE_RUN);
        add_hole(play, "\",\"task_id\":\"", SIM_HOLE_TASK);
        sim_weave_chars(&play->weave, "\"");
        return;
    }
    if (mode != SIM_COMPLETION)
        add_hole(play, "\",\"conversation_id\":\"", SIM_HOLE_CONVERSATION);
    add_hole(play, "\",\"message_id\":\"", SIM_HOLE_MESSAGE);
    add_hole(play, "\",\"created_at\":", SIM_HOLE_TIME);
    if (strcmp(event, "error") == 0) /* has no task */
        return;
    add_hole(play, ",\"task_id\":\"", SIM_HOLE_TASK);
    if (has_run)
        add_hole(play, "\",\"workflow_run_id\":\"", SIM_HOLE_RUN);
    sim_weave_chars(&play->weave, "\"");
}

void sim_play_begin(struct sim_play *play, const char *event)
{
    begin(play, event, true);
    sim_weave_chars(&play->weave, ",\"data\":{");
}

void sim_play_begin_flat(struct sim_play *play, const char *event)
{
    begin(play, event, false);
    sim_weave_chars(&play->weave, ",");
}

void sim_play_end_flat(struct sim_play *play)
{
    sim_weave_chars(&play->weave, "}");
    struct sim_step *step = add_step(play, play->now_ms);
    if (step != NULL)
        play->err = sim_weave_finish(&play->weave, play->loader->arena, &step->text);
}

void sim_play_end(struct sim_play *play)
{
    sim_weave_chars(&play->weave, "}");
    sim_play_end_flat(play);
}

/* ---- values -------------------------------------------------------------------------------- */

void sim_play_add(struct sim_play *play, const char *json)
{
    sim_weave_chars(&play->weave, json);
}

void sim_play_string(struct sim_play *play, struct dify_slice text)
{
    struct dify__buffer json = {.allocator = play->loader->allocator, .max = SIM_FILE_BYTES};
    if (play->err == DIFY_OK)
        play->err = dify__style_string(text, DIFY__STYLE_RAW, &json);
    if (play->err == DIFY_OK)
        sim_weave_placeholders(&play->weave, dify__buffer_slice(&json));
    dify__buffer_fini(&json);
}

void sim_play_uuid(struct sim_play *play, int64_t number)
{
    sim_weave_chars(&play->weave, "\"");
    sim_weave_hole(&play->weave, SIM_HOLE_UUID, number);
    sim_weave_chars(&play->weave, "\"");
}

void sim_play_time(struct sim_play *play, uint32_t at_ms)
{
    sim_weave_hole(&play->weave, SIM_HOLE_TIME, at_ms / 1000);
}

void sim_play_seconds(struct sim_play *play, uint32_t ms)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%" PRIu32 ".%03" PRIu32, ms / 1000, ms % 1000);
    while (len > 2 && text[len - 1] == '0' && text[len - 2] != '.')
        text[--len] = '\0';
    sim_weave_chars(&play->weave, text);
}

void sim_play_json(struct sim_play *play, const yaml_node_t *node, const char *otherwise)
{
    if (node == NULL) {
        sim_weave_chars(&play->weave, otherwise);
        return;
    }
    struct dify__buffer json = {.allocator = play->loader->allocator, .max = SIM_FILE_BYTES};
    if (play->err == DIFY_OK)
        play->err = conf_yaml_json(play->yaml, node, &json);
    if (play->err == DIFY_OK)
        sim_weave_placeholders(&play->weave, dify__buffer_slice(&json));
    dify__buffer_fini(&json);
}

/* Unit prices are not known; the whole price is put down to the answer. */
void sim_play_usage(struct sim_play *play, const struct sim_usage *usage)
{
    uint32_t prompt = usage->tokens / 3;
    sim_play_add(play, "{\"prompt_tokens\":");
    sim_weave_int(&play->weave, prompt);
    sim_play_add(play, ",\"prompt_unit_price\":\"0\",\"prompt_price_unit\":\"0.000001\","
                       "\"prompt_price\":\"0\",\"completion_tokens\":");
    sim_weave_int(&play->weave, usage->tokens - prompt);
    sim_play_add(play, ",\"completion_unit_price\":\"0\",\"completion_price_unit\":\"0.000001\","
                       "\"completion_price\":");
    sim_play_string(play, usage->price);
    sim_play_add(play, ",\"total_tokens\":");
    sim_weave_int(&play->weave, usage->tokens);
    sim_play_add(play, ",\"total_price\":");
    sim_play_string(play, usage->price);
    sim_play_add(play, ",\"currency\":");
    sim_play_string(play, usage->currency);
    sim_play_add(play, ",\"latency\":");
    sim_play_seconds(play, usage->ms);
    sim_play_add(play, "}");
}

/* ---- texts in pieces ----------------------------------------------------------------------- */

/* The length of the character or placeholder at the text's front. */
static size_t unit_length(struct dify_slice text)
{
    size_t bad;
    if (text.len > 4 && text.ptr[0] == '{' && text.ptr[1] == '{')
        for (size_t i = 2; i + 1 < text.len; i++)
            if (text.ptr[i] == '}' && text.ptr[i + 1] == '}')
                return i + 2;
    size_t len = dify__utf8_sequence((const unsigned char *)text.ptr, text.len, &bad);
    return len != 0 ? len : bad;
}

static size_t count_units(struct dify_slice text)
{
    size_t count = 0;
    for (size_t at = 0; at < text.len; count++)
        at += unit_length((struct dify_slice){text.ptr + at, text.len - at});
    return count;
}

static void play_piece(struct sim_play *play, struct dify_slice piece, const char *event,
                       struct dify_slice selector_node)
{
    bool is_chunk = strcmp(event, "text_chunk") == 0;
    if (is_chunk) {
        sim_play_begin(play, event);
        sim_play_add(play, "\"text\":");
    } else {
        sim_play_begin_flat(play, event);
        sim_play_add(play, "\"id\":\"");
        sim_weave_hole(&play->weave, SIM_HOLE_MESSAGE, 0);
        sim_play_add(play, "\",\"answer\":");
    }
    sim_play_string(play, piece);
    if (selector_node.ptr != NULL) {
        sim_play_add(play, ",\"from_variable_selector\":[");
        sim_play_string(play, selector_node);
        sim_play_add(play, ",\"text\"]");
    } else if (strcmp(event, "message") == 0) {
        sim_play_add(play, ",\"from_variable_selector\":null");
    }
    if (is_chunk)
        sim_play_end(play);
    else
        sim_play_end_flat(play);
}

void sim_play_text(struct sim_play *play, struct dify_slice text, uint32_t chunks, uint32_t ms,
                   const char *event, struct dify_slice selector_node)
{
    const size_t units = count_units(text);
    const size_t pieces = units < chunks ? units : chunks;
    const uint32_t start = play->now_ms;
    size_t at = 0, unit = 0;
    for (size_t i = 0; i < pieces && play->err == DIFY_OK; i++) {
        size_t from = at;
        for (size_t end = units * (i + 1) / pieces; unit < end; unit++)
            at += unit_length((struct dify_slice){text.ptr + at, text.len - at});
        uint32_t due = start + (uint32_t)((uint64_t)ms * (i + 1) / (pieces + 1));
        sim_play_wait(play, due - play->now_ms);
        play_piece(play, (struct dify_slice){text.ptr + from, at - from}, event, selector_node);
    }
    uint32_t passed = play->now_ms - start;
    sim_play_wait(play, ms > passed ? ms - passed : 0);
}
