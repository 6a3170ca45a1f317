/* SPDX-License-Identifier: Apache-2.0
 *
 * record.h: keeping what a server answered, byte for byte and with its timing, in the form of the
 * recordings in tests/recordings: `difystream fold DIR/response.body` folds it again, `difystream
 * sim DIR` plays it again.
 *
 * The first stream of a run lies in the folder itself, those of later requests in resumed-1,
 * resumed-2 and so on below it. Keys do not get into the files. A recording never fails the run:
 * when it cannot be written that is reported once, what is there is closed as if the client had
 * hung up, and no more is kept. All functions but cli_record_open() take NULL for no recording.
 *
 *     if (!cli_record_open(dir, report, ctx, &record, &error)) ...
 *     cli_record_begin(record, &request, now_ms);     // for each stream
 *     cli_record_head(record, head, len);             // as it comes, in pieces or whole
 *     cli_record_bytes(record, bytes, len, now_ms);
 *     cli_record_end(record, CLI_RECORD_LAST_CHUNK, now_ms);
 *     ok = cli_record_close(record);
 */
#ifndef DIFY_CLI_RECORD_H
#define DIFY_CLI_RECORD_H

#include "difystream/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Ceilings: of a stream, of which the simulator reads so many bytes; of a recording. */
#define CLI_RECORD_BYTES ((size_t)64 << 20)
#define CLI_RECORD_STREAMS 1000

struct cli_record;

struct cli_record_error {
    char text[600];
};

struct cli_record_field {
    struct dify_slice name, value;
};

/* What was asked. The values of Authorization, Proxy-Authorization and Cookie are not kept. */
struct cli_record_request {
    struct dify_slice method, path; /* "POST", "/v1/workflows/run": the target as it was sent */
    struct dify_slice body;         /* absent: none */
    const struct cli_record_field *fields;
    size_t field_count;
};

/* How a stream ended. */
enum cli_record_end {
    CLI_RECORD_LAST_CHUNK,     /* the whole body, in HTTP chunks */
    CLI_RECORD_CONTENT_LENGTH, /* the whole body, of a length that was told */
    CLI_RECORD_EOF,            /* the connection's end is the body's end */
    CLI_RECORD_EOF_PREMATURE,  /* the connection broke */
    CLI_RECORD_CLIENT_CUT,     /* this side hung up */
    CLI_RECORD_CLIENT_TIMEOUT  /* this side had waited long enough */
};

/* Makes the folder where it is not there. False with `error`, above all if there is a recording in
 * it already. `report` (may be NULL) is told once when a recording is given up. */
bool cli_record_open(const char *folder, void (*report)(void *ctx, const char *message), void *ctx,
                     struct cli_record **out, struct cli_record_error *error);

/* A request is sent; times from here on are told since `now_ms`, of any clock that only goes on. A
 * stream that was not ended is ended as if this side had hung up. */
void cli_record_begin(struct cli_record *record, const struct cli_record_request *request,
                      uint64_t now_ms);
void cli_record_head(struct cli_record *record, const char *bytes, size_t len);
void cli_record_bytes(struct cli_record *record, const char *bytes, size_t len, uint64_t now_ms);
void cli_record_end(struct cli_record *record, enum cli_record_end how, uint64_t now_ms);

/* Frees it. False if not all was kept. */
bool cli_record_close(struct cli_record *record);

#endif
