/* SPDX-License-Identifier: Apache-2.0
 *
 * kit.h: a store in a folder of its own, its owner's loop, and runs to write.
 */
#ifndef TESTS_STORE_KIT_H
#define TESTS_STORE_KIT_H

#include "store/store.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

struct store_kit {
    char folder[64], path[80];
    int wakes[2]; /* a pipe: the writer's thread wakes the owner */
    struct store_options options;
    struct store *store;
    struct store_reader *reader;
    unsigned delivered, refused; /* as kit_done() counts */
};

void kit_init(struct store_kit *kit); /* makes the folder */
void kit_fini(struct store_kit *kit); /* closes and removes all */
void kit_open(struct store_kit *kit);
void kit_close(struct store_kit *kit);

/* A store_done_fn that counts; its ctx is the kit. */
void kit_done(void *ctx, bool is_kept);
/* Delivers until so many were delivered since the store was opened. */
void kit_await(struct store_kit *kit, unsigned count);
/* Waits for one wake, and delivers. */
void kit_turn(struct store_kit *kit);

/* A run of that number with an id made of it. */
struct store_run kit_run(uint64_t number);
void kit_id(uint64_t number, unsigned char id[STORE_ID_BYTES]);
struct store_end kit_end(uint64_t ended_ms);

/* Begins and ends a run; returns its number. Two deliveries. */
uint64_t kit_whole_run(struct store_kit *kit, uint64_t created_ms, uint64_t ended_ms);

/* Records with the texts "1", "2", ...: those from `first` to `last`. */
void kit_records(struct dify__buffer *out, uint32_t first, uint32_t last);
void kit_append(struct store_kit *kit, uint64_t number, uint32_t first, uint32_t last);
/* Checks a log's bytes: the records from `first` on, of kit_records(); returns how many. */
uint32_t kit_check_records(struct dify_slice bytes, uint32_t first);

/* Runs one statement on the database with a connection of its own; returns its first number. */
int64_t kit_sql(struct store_kit *kit, const char *sql);

#endif
