/* SPDX-License-Identifier: Apache-2.0
 *
 * progress_rows.h: the nodes that the progress of a run has in view, as a tree.
 *
 * A list in the order of the tree: a container (an iteration or a loop) stands before what runs
 * inside it. Nodes are known by hashes of their ids; two that meet would be drawn as one, no more.
 */
#ifndef DIFY_CLI_PROGRESS_ROWS_H
#define DIFY_CLI_PROGRESS_ROWS_H

#include "difystream/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows in view; further nodes are counted, and shown when they finish. */
#define PROGRESS_ROWS 512

/* Finished rows that are kept in view because a container around them still runs; older ones are
 * dropped and counted. */
#define PROGRESS_KEPT 32

/* How deep containers are drawn inside each other. */
#define PROGRESS_DEPTH 8

/* Bytes of a node's title and error that are kept. */
#define PROGRESS_TITLE_BYTES 160
#define PROGRESS_ERROR_BYTES 320

enum progress_state {
    PROGRESS_RUNNING,
    PROGRESS_SUCCEEDED,
    PROGRESS_FAILED,
    PROGRESS_EXCEPTION, /* an error that the workflow handles */
    PROGRESS_STOPPED,
    PROGRESS_PAUSED,
    PROGRESS_UNKNOWN /* ended without saying how, or its end was not seen */
};

struct progress_row {
    struct progress_row *before, *after;
    struct progress_row *parent; /* the container around it, NULL */
    uint64_t id, node_id;        /* hashes; 0: none */
    uint64_t sequence;           /* order of first sight */
    uint64_t started_ms;
    double seconds; /* once it has ended; below 0: not told */
    uint64_t tokens;
    uint64_t round;    /* of a container the one begun last, of others the one they run in; 0: - */
    uint64_t rounds;   /* of a container; 0: not known */
    uint32_t children; /* rows right below it */
    uint32_t members;  /* how many there have been */
    uint32_t members_before_round; /* when the last round began */
    uint32_t dropped;              /* finished rows below it that are not in view */
    uint32_t retries;
    enum progress_state state;
    unsigned char depth;
    bool is_container;
    bool is_parallel; /* a container whose rounds overlap */
    bool has_tokens;
    char title[PROGRESS_TITLE_BYTES];
    char type[48];
    char error[PROGRESS_ERROR_BYTES];
    size_t title_len, type_len, error_len;
};

/* Zero-initialise all but the allocator. */
struct progress_rows {
    const struct dify_allocator *allocator;
    struct progress_row *first, *last;
    size_t count, running;
    uint64_t sequence;
};

void progress_rows_fini(struct progress_rows *rows);

enum progress_state progress_state_of(struct dify_slice status);

/* The line of an error that says most: of a Python traceback the last one, else the first. */
struct dify_slice progress_telling_line(struct dify_slice error);

void progress_row_set_error(struct progress_row *row, struct dify_slice error);

/* Fills in what a node tells of itself. */
void progress_row_describe(struct progress_row *row, const struct dify_node *node);

/* A new row that runs, below the container that `node` names. NULL where there are PROGRESS_ROWS,
 * or no memory. */
struct progress_row *progress_rows_add(struct progress_rows *rows, const struct dify_node *node,
                                       uint64_t now_ms);

/* The row of a node that runs, NULL. */
struct progress_row *progress_rows_find(const struct progress_rows *rows,
                                        const struct dify_node *node);

/* The container of that node_id that runs and was seen last, NULL. */
struct progress_row *progress_rows_container(const struct progress_rows *rows,
                                             struct dify_slice node_id);

/* A row that ran has ended in `state`, which is not RUNNING. */
void progress_rows_finish(struct progress_rows *rows, struct progress_row *row,
                          enum progress_state state);

/* Round `round` (from 1) of a container has begun. */
void progress_row_next_round(struct progress_row *row, uint64_t round);

/* The row behind `row` and all below it; NULL: the end. */
struct progress_row *progress_row_beyond(const struct progress_row *row);

/* Removes a row and all below it. */
void progress_rows_remove(struct progress_rows *rows, struct progress_row *row);

/* Drops finished rows until no more than PROGRESS_KEPT are in view below the running container that
 * `row` is in; those that failed last. */
void progress_rows_trim(struct progress_rows *rows, struct progress_row *row);

#endif
