/* SPDX-License-Identifier: Apache-2.0
 *
 * catalogue.h: the apps of a simulated Dify and what their runs do, read from scenario files.
 *
 * A catalogue is immutable once loaded. docs/simulator.md describes the files.
 */
#ifndef SIM_CATALOGUE_H
#define SIM_CATALOGUE_H

#include "core/memory.h"
#include "sim/template.h"

#include <stdint.h>

enum sim_mode {
    SIM_WORKFLOW,
    SIM_ADVANCED_CHAT, /* a chatflow */
    SIM_CHAT,
    SIM_AGENT_CHAT,
    SIM_COMPLETION,
    SIM_AGENT /* the New Agent apps of 1.16.1 */
};

/* One thing that a run does. */
struct sim_step {
    uint32_t at_ms;           /* since the run began */
    bool is_ping;             /* the worker's ping; then there is no text */
    struct sim_template text; /* the event's JSON */
};

/* How a script goes on when its steps are done. */
enum sim_end {
    SIM_ENDS,   /* the stream is closed as after a run's end */
    SIM_SILENT, /* nothing more comes (a lost end); the server's 300 s apply */
    SIM_CUTS    /* the connection closes without the last chunk */
};

struct sim_script {
    /* When a run plays it: every member of `when_inputs` (a JSON object, or absent) equals that of
     * the run's inputs, files being compared by their number and type only; and `when_query`, where
     * it is present, equals the query. */
    struct dify_slice when_inputs, when_query;
    struct sim_step *steps;
    size_t step_count;
    enum sim_end end;
    /* What the stored run says in the end where it differs from the last event (an event that
     * Dify could not encode): the `data` of a workflow_finished. Usually empty (count 0). */
    struct sim_template stored;
    struct sim_script *resumed; /* plays after the form was submitted; NULL if it never pauses */
    struct sim_script *expired; /* plays when the form's time is over; may be NULL */
};

struct sim_app {
    const struct dify_allocator *allocator; /* the catalogue's */
    struct dify_slice name, key;
    char id[37], workflow_id[37];
    enum sim_mode mode;
    bool is_published;
    bool has_api;        /* else all is refused with 403 */
    uint32_t max_active; /* the app's limit of runs at once; 0: none */
    /* JSON objects, as the routes answer them (DIFY__STYLE_ASCII), without the newline behind. */
    struct dify_slice parameters, info, meta, site;
    struct sim_script *scripts;
    size_t script_count; /* at least 1 */
};

struct sim_catalogue {
    const struct dify_allocator *allocator;
    struct sim_app *apps;
    size_t app_count;
    struct dify_slice release; /* the one that a scenario asks for; absent: none does */
    struct sim_arena *arena;   /* everything above and below lies in it */
};

/* Ceilings. */
#define SIM_APPS 1000        /* of a catalogue */
#define SIM_APP_SCRIPTS 1000 /* runs of an app */
#define SIM_SCRIPT_STEPS 100000
#define SIM_FILE_BYTES ((size_t)64 << 20)

void sim_catalogue_init(struct sim_catalogue *catalogue, const struct dify_allocator *allocator);
void sim_catalogue_fini(struct sim_catalogue *catalogue);

/* Why a scenario could not be loaded: one line, "FILE:LINE: what", for a person. */
struct sim_load_error {
    char text[512];
};

/* Adds the apps of a scenario file (YAML; paths in it are taken from its folder), or of a folder
 * that holds a recording (request.json, response.body, chunks.tsv): then one app,
 * named after the folder. Nothing is added on an error. DIFY_ERR_ARGUMENT with `error`; NOMEM. */
DIFY_MUST_CHECK enum dify_err sim_catalogue_load(struct sim_catalogue *catalogue, const char *path,
                                                 struct sim_load_error *error);

/* The same from a YAML text with a name for messages. Paths are taken from the working folder. */
DIFY_MUST_CHECK enum dify_err sim_catalogue_load_text(struct sim_catalogue *catalogue,
                                                      const char *name, struct dify_slice yaml,
                                                      struct sim_load_error *error);

/* NULL if no app has the key. */
const struct sim_app *sim_catalogue_app(const struct sim_catalogue *catalogue,
                                        struct dify_slice key);

/* The script that a run with these inputs (a JSON object) and query plays: the first that fits,
 * else the last. `query` may be absent. Takes memory for the time of the call from the catalogue's
 * allocator; NULL without. */
const struct sim_script *sim_app_script(const struct sim_app *app, struct dify_slice inputs,
                                        struct dify_slice query);

#endif
