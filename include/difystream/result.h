/* SPDX-License-Identifier: Apache-2.0
 *
 * result.h: the result of a run, as JSON text and as values.
 *
 * The format is docs/result.md: one format for every app and every release of Dify. It can be asked
 * for at any moment; until the run has ended `success` is null in the text and `has_ended` false.
 *
 *     struct dify_result result;
 *     dify_run_result(run, &result);
 *     if (!result.success)
 *         fprintf(stderr, "%.*s\n", (int)result.message.len, result.message.ptr);
 */
#ifndef DIFYSTREAM_RESULT_H
#define DIFYSTREAM_RESULT_H

#include "difystream/decimal.h"
#include "difystream/error.h"
#include "difystream/export.h"
#include "difystream/run.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

DIFY_DECLARATIONS_BEGIN

/* How a run ended: the rows of docs/result.md. */
enum dify_outcome {
    DIFY_OUTCOME_SUCCEEDED = 0,
    DIFY_OUTCOME_FAILED,            /* Dify said `failed` */
    DIFY_OUTCOME_ERROR_EVENT,       /* an `error` event; its code is the result's */
    DIFY_OUTCOME_STOPPED,           /* Dify said `stopped` */
    DIFY_OUTCOME_STOPPED_AS_FAILED, /* `failed` with "User requested stop" */
    DIFY_OUTCOME_PAUSED,
    DIFY_OUTCOME_OTHER_STATUS,      /* `partial-succeeded`, or a status not known here */
    DIFY_OUTCOME_STREAM_INCOMPLETE, /* no terminal event, and the end could not be learnt */
    DIFY_OUTCOME_RUN_LOST,
    DIFY_OUTCOME_CONNECTION_RESET,
    DIFY_OUTCOME_CONNECT_TIMEOUT,
    DIFY_OUTCOME_CONNECT_FAILED,
    DIFY_OUTCOME_READ_TIMEOUT,
    DIFY_OUTCOME_RUN_TIMEOUT,
    DIFY_OUTCOME_REFUSED, /* Dify answered 4xx; its code is the result's */
    DIFY_OUTCOME_HTTP_ERROR,
    DIFY_OUTCOME_INVALID_RESPONSE, /* what came is no answer, or passed a ceiling */
    DIFY_OUTCOME_INVALID_PARAM,    /* inputs missing or unfit, found before sending */
    DIFY_OUTCOME_UPLOAD_FAILED,
    DIFY_OUTCOME_CANCELLED,
    DIFY_OUTCOME_TOO_MANY_RUNS, /* of a gateway: no place became free; nothing was sent */
    DIFY_OUTCOME_UNAVAILABLE    /* of a gateway: it cannot take the run; nothing was sent */
};

/* A result as values. Slices are borrowed from the run, or from this very struct (so do not copy
 * it), and die with either or with the next call that feeds the run. Absent is what never came. */
struct dify_result {
    bool has_ended; /* false: a result so far */
    bool success;   /* of a run that has ended */
    enum dify_outcome outcome;
    struct dify_slice error;   /* the fixed text, Chinese; absent for a success */
    struct dify_slice code;    /* for programs; absent for a success */
    struct dify_slice message; /* English and exact; absent for a success */
    int exit_status;           /* of a command that reports this result */
    int http_status;           /* of a gateway that reports this result */

    struct dify_slice workflow_run_id, task_id, workflow_id;
    struct dify_slice status;
    struct dify_slice created_at, finished_at; /* number, Unix seconds */
    struct dify_slice conversation_id, message_id, answer;
    struct dify_slice workflow_outputs; /* JSON text, as sent */

    uint64_t total_tokens;
    bool tokens_reported; /* else the sum over the nodes */
    char total_price[DIFY_DECIMAL_TEXT_BYTES];
    char elapsed_time[DIFY_DECIMAL_TEXT_BYTES]; /* seconds, summed over the nodes */
    struct dify_slice workflow_elapsed_time;    /* number, seconds by Dify's own clock */
    struct dify_slice currency;
    struct dify_slice total_steps; /* number; "0" until it is known */
    bool complete;                 /* false: a resume could not bring back a node's figures */

    uint64_t event_count, skipped_events, unknown_events, warning_count;
    uint64_t tts_bytes; /* decoded */
    uint32_t resumed;
    bool has_tts;

    char message_text[DIFY_ERROR_MESSAGE_BYTES]; /* storage of a message made here */
};

/* Fills `*out` with the result so far. Never fails. */
DIFY_API void dify_run_result(const struct dify_run *run, struct dify_result *out);

enum dify_json_style {
    DIFY_JSON_COMPACT, /* one line, no white space, no newline at its end */
    DIFY_JSON_PRETTY   /* indented by two spaces, no newline at its end */
};

/* Takes the next bytes of a text; `len` is never 0. Anything but DIFY_OK stops the writing. */
typedef enum dify_err dify_write_fn(void *ctx, const char *bytes, size_t len);

/* Writes the result so far as JSON through `write`, in pieces; needs no memory of the result's
 * size. Returns DIFY_OK, or what `write` returned. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_run_write_result(const struct dify_run *run,
                                                             enum dify_json_style style,
                                                             dify_write_fn *write, void *ctx);

/* The merged outputs: the JSON text, as sent, of the output `name`; absent if there is none. Dies
 * with the next call that feeds or frees the run. */
DIFY_API struct dify_slice dify_run_output(const struct dify_run *run, struct dify_slice name);

/* A copy of the output `name`, which must be a string, decoded and NUL-terminated (it may hold
 * further NULs; `*len`, if `len` is not NULL, is its length without the last). `*new_text` is the
 * caller's, to be given back with dify_run_free_text(). DIFY_ERR_ABSENT if there is no such output
 * or it is no string; DIFY_ERR_NOMEM. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_run_dup_output_text(const struct dify_run *run,
                                                                const char *name, char **new_text,
                                                                size_t *len);

/* Gives back a text that dify_run_dup_output_text() of the same run made. NULL is legal. */
DIFY_API void dify_run_free_text(const struct dify_run *run, char *text);

/* Warning `index` (from 0, at most DIFY_RUN_WARNINGS are kept). False past the end. `*reason` dies
 * with the run. */
DIFY_API bool dify_run_warning(const struct dify_run *run, size_t index, uint64_t *offset,
                               const char **reason);

/* Ends the run for a reason that lies outside its stream (no connection, a refused request, a clock
 * that ran out): `outcome` becomes the result's unless the stream itself had told the end. `code`
 * replaces the outcome's own where it is not absent; `message` is shown as it is; `http_status` is
 * Dify's own for DIFY_OUTCOME_REFUSED and DIFY_OUTCOME_UPLOAD_FAILED, else 0. Texts are copied.
 * DIFY_ERR_ARGUMENT for an outcome that only a stream can tell; DIFY_ERR_STATE after an end;
 * DIFY_ERR_NOMEM. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_run_fail(struct dify_run *run,
                                                     enum dify_outcome outcome,
                                                     struct dify_slice code,
                                                     struct dify_slice message, int http_status);

DIFY_DECLARATIONS_END

#endif
