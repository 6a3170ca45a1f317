/* SPDX-License-Identifier: Apache-2.0
 *
 * sent.h: marks of runs whose request may have left, which survive the process at once.
 *
 * A row that says `submitting` is committed before the request is sent, so a process that dies in
 * between leaves a row that may have been sent and was not. The mark is made right in front of the
 * first byte, by a store to a mapped file: no call of the system, and a kill cannot undo it. It
 * says nothing after the machine went down: then every such run may have been sent.
 */
#ifndef STORE_SENT_H
#define STORE_SENT_H

#include "difystream/export.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Runs whose marks are told apart; of those further apart by number, an older one counts as sent.
 */
#define STORE_SENT_SLOTS 65536u

struct store_sent {
    struct store_sent_file *file; /* mapped; NULL: none, every run may have been sent */
};

/* Opens or makes the file. `boot` is the machine's boot id: the marks of another one are forgotten,
 * and all runs up to `last_number` count as sent. False if it cannot, with errno. */
DIFY_MUST_CHECK bool store_sent_open(struct store_sent *sent, const char *path,
                                     struct dify_slice boot, uint64_t last_number);
void store_sent_close(struct store_sent *sent);

void store_sent_mark(struct store_sent *sent, uint64_t number);

/* Whether the run may have been sent. */
bool store_sent_has(const struct store_sent *sent, uint64_t number);

#endif
