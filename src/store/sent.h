/* SPDX-License-Identifier: Apache-2.0
 *
 * sent.h: marks of runs whose request may have left, which survive the process at once.
 *
 * A row that says `submitting` is committed before the request is sent, so a process that dies in
 * between leaves a row that may have been sent and was not. The mark is made right in front of the
 * first byte, by a store to a mapped file: no call of the system, and a kill cannot undo it. It
 * says nothing after the machine went down: then every such run may have been sent.
 *
 * Marks say something of one state of the database only. So that an older copy of the one is not
 * read with the other, each life of the store has a number, which is written to both. Where they
 * differ, or the file is gone or cut off, every run that the database has as open may have been
 * sent, also one that it has as `accepted`.
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
    bool is_other;                /* when it was opened it was of no or of another state */
};

/* What the database says. */
struct store_sent_past {
    int64_t life;         /* its last one; 0: it has had none */
    uint64_t last_number; /* of its runs */
};

/* Opens or makes the file. `boot` is the machine's boot id: the marks of another one are forgotten,
 * and all runs up to the last count as sent if they are submitting. False if it cannot, with errno.
 */
DIFY_MUST_CHECK bool store_sent_open(struct store_sent *sent, const char *path,
                                     struct dify_slice boot, const struct store_sent_past *past);
void store_sent_close(struct store_sent *sent);

/* A new life: before the database has its number (it is on the disk when this returns; false if it
 * could not be written, with errno), and behind that. In between both fit. */
DIFY_MUST_CHECK bool store_sent_announce(struct store_sent *sent, int64_t life);
void store_sent_live(struct store_sent *sent);

void store_sent_mark(struct store_sent *sent, uint64_t number);

/* Whether a run that is submitting, or one that is only accepted, may have been sent. */
bool store_sent_has(const struct store_sent *sent, uint64_t number);
bool store_sent_has_accepted(const struct store_sent *sent, uint64_t number);

#endif
