/* SPDX-License-Identifier: Apache-2.0
 *
 * template.h: texts of a script with holes, and filling them for one run.
 *
 * A recorded or described event is the same for every run but for its ids, its times, and what the
 * caller gave. A template is cut once, when the scenario is loaded; rendering copies pieces.
 */
#ifndef SIM_TEMPLATE_H
#define SIM_TEMPLATE_H

#include "core/memory.h"

#include <stdint.h>

enum sim_hole {
    SIM_HOLE_NONE,         /* the end of a text */
    SIM_HOLE_RUN,          /* the workflow run's id */
    SIM_HOLE_TASK,         /* the task id */
    SIM_HOLE_CONVERSATION, /* chat: ids of conversation and message */
    SIM_HOLE_MESSAGE,
    SIM_HOLE_UUID,   /* the number-th other id of the script (of node executions, forms, …) */
    SIM_HOLE_TOKEN,  /* the form token of a human-input form: 22 letters and digits */
    SIM_HOLE_TIME,   /* Unix seconds: the run's start and `number` more */
    SIM_HOLE_INPUTS, /* the run's inputs as workflow_started shows them: an object */
    SIM_HOLE_INPUT,  /* one input by name, inside a string; "" where there is none */
    SIM_HOLE_USER,   /* the caller's user, inside a string */
    SIM_HOLE_OWNER,  /* Dify's id of that user */
    SIM_HOLE_FILE,   /* the id of the number-th file of the run's inputs */
    SIM_HOLE_FILE_REFERENCE, /* Dify's reference to it, which holds the id in base64 */
    SIM_HOLE_UUID_REFERENCE  /* the same to a file with the number-th other id */
};

struct sim_piece {
    struct dify_slice literal; /* comes before the hole */
    enum sim_hole hole;
    int64_t number;         /* of UUID, TIME, FILE and references */
    struct dify_slice name; /* of INPUT */
};

/* Owned by the catalogue that it was loaded into. */
struct sim_template {
    const struct sim_piece *pieces; /* the last one has SIM_HOLE_NONE */
    size_t count;
};

/* What one run puts into the holes. */
struct sim_bindings {
    char run[37], task[37], conversation[37], message[37]; /* NUL-terminated UUIDs */
    char owner[37];
    char token[23];
    uint64_t uuid_seed[2];    /* UUID n of the run is a function of these and n */
    int64_t start;            /* Unix seconds */
    double speed;             /* times of holes shrink by it as the run does; 0: all are 0 */
    struct dify_slice inputs; /* JSON */
    struct dify_slice files;  /* the ids of the inputs' files, 36 characters each */
    struct dify_slice user;
};

/* Appends the filled text. Strings are escaped as raw UTF-8 JSON has them. NOMEM, TOO_LARGE. */
DIFY_MUST_CHECK enum dify_err sim_template_render(const struct sim_template *text,
                                                  const struct sim_bindings *bindings,
                                                  struct dify__buffer *out);

/* What stands behind "dify-file-ref:" for a file with this id; a text of 72 characters. */
#define SIM_REFERENCE_LEN 72
void sim_reference(const char *id, char out[SIM_REFERENCE_LEN]);

/* The tenant of every simulated server. */
#define SIM_TENANT "852c737c-de30-497d-a607-a944ac6cf57b"

/* The number-th id of a run, as SIM_HOLE_UUID gives it. `out` has 37 bytes. */
void sim_uuid(const uint64_t seed[2], int64_t number, char *out);

#endif
