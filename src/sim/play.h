/* SPDX-License-Identifier: Apache-2.0
 *
 * play.h: writing the events of a described run, one after the other, as Dify 1.14.2 sends them.
 *
 * A play has a clock, which its writer moves on; a worker's ping is put in every ten seconds. An
 * error stays until sim_play_finish() tells.
 */
#ifndef SIM_PLAY_H
#define SIM_PLAY_H

#include "difystream/decimal.h"
#include "sim/cutter.h"
#include "sim/loader.h"

/* What a node or an answer used; JSON texts as they will stand in the events. */
struct sim_usage {
    uint32_t tokens;
    struct dify_slice price, currency; /* texts without quotes */
    uint32_t ms;
};

struct sim_play {
    struct conf_yaml *yaml;
    const struct sim_loader *loader;
    const struct sim_app *app;
    struct sim_cutter *cutter; /* numbers ids */
    enum dify_err err;
    struct sim_weave weave;
    struct sim_step *steps;
    size_t count, capacity;
    const yaml_node_t *source; /* for messages */
    uint32_t now_ms, ping_ms;
    uint32_t started_ms;        /* when this part of the run began */
    struct dify_slice currency; /* of the whole run */
    uint64_t tokens;
    unsigned node_steps, exceptions;
    struct dify__buffer answer; /* of a chat, as text */
};

void sim_play_init(struct sim_play *play, struct conf_yaml *yaml, struct sim_cutter *cutter,
                   const struct sim_app *app, const yaml_node_t *source);
void sim_play_fini(struct sim_play *play);

/* Moves the clock. */
void sim_play_wait(struct sim_play *play, uint32_t ms);

/* The number of a new id. */
int64_t sim_play_id(struct sim_play *play);

/* Begins an event, up to the place of its first own member: inside `data`, or flat. */
void sim_play_begin(struct sim_play *play, const char *event);
void sim_play_begin_flat(struct sim_play *play, const char *event);
void sim_play_end(struct sim_play *play);      /* closes `data` and the event */
void sim_play_end_flat(struct sim_play *play); /* closes the event */

/* Pieces of the event at hand. */
void sim_play_add(struct sim_play *play, const char *json);
void sim_play_string(struct sim_play *play, struct dify_slice text); /* with quotes; holes in it */
void sim_play_uuid(struct sim_play *play, int64_t number);           /* with quotes */
void sim_play_time(struct sim_play *play, uint32_t at_ms);
void sim_play_seconds(struct sim_play *play, uint32_t ms); /* as 1.25 */
void sim_play_json(struct sim_play *play, const yaml_node_t *node, const char *otherwise);
void sim_play_usage(struct sim_play *play, const struct sim_usage *usage);

/* Streams a text in `chunks` pieces over `ms`, as text_chunk or message events. `selector` is the
 * JSON of from_variable_selector. */
void sim_play_text(struct sim_play *play, struct dify_slice text, uint32_t chunks, uint32_t ms,
                   const char *event, struct dify_slice selector_node);

/* The script's steps. Errors: as they came; DIFY_ERR_ARGUMENT past SIM_SCRIPT_STEPS. */
DIFY_MUST_CHECK enum dify_err sim_play_finish(struct sim_play *play, struct sim_script *script);

#endif
