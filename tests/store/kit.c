/* SPDX-License-Identifier: Apache-2.0
 *
 * kit.c: see kit.h.
 */
#define _DEFAULT_SOURCE

#include "kit.h"

#include "core/json_text.h"
#include "core/slices.h"
#include "store/db.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void wake(void *ctx)
{
    struct store_kit *kit = ctx;
    assert_int_equal(write(kit->wakes[1], "", 1), 1);
}

void kit_init(struct store_kit *kit)
{
    *kit = (struct store_kit){.wakes = {-1, -1}};
    const char *tmp = getenv("TMPDIR");
    snprintf(kit->folder, sizeof kit->folder, "%.30s/difystream-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(kit->folder));
    snprintf(kit->path, sizeof kit->path, "%s/runs.db", kit->folder);
    assert_int_equal(pipe(kit->wakes), 0);
    kit->options = (struct store_options){.path = kit->path, .on_wake = wake, .ctx = kit};
}

void kit_open(struct store_kit *kit)
{
    struct store_error error = {""};
    enum dify_err err = store_open(&kit->options, &kit->store, &error);
    if (err != DIFY_OK)
        fail_msg("store_open: %s", error.text);
    kit->delivered = kit->refused = 0;
    err = store_reader_open(kit->store, &kit->reader, &error);
    if (err != DIFY_OK)
        fail_msg("store_reader_open: %s", error.text);
}

void kit_close(struct store_kit *kit)
{
    store_reader_close(kit->reader);
    store_close(kit->store);
    kit->reader = NULL;
    kit->store = NULL;
}

void kit_fini(struct store_kit *kit)
{
    char name[600];
    kit_close(kit);
    close(kit->wakes[0]);
    close(kit->wakes[1]);
    DIR *folder = opendir(kit->folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        snprintf(name, sizeof name, "%s/%s", kit->folder, entry->d_name);
        unlink(name);
    }
    closedir(folder);
    assert_int_equal(rmdir(kit->folder), 0);
}

void kit_done(void *ctx, bool is_kept)
{
    struct store_kit *kit = ctx;
    kit->delivered++;
    kit->refused += !is_kept;
}

void kit_turn(struct store_kit *kit)
{
    char bytes[64];
    assert_true(read(kit->wakes[0], bytes, sizeof bytes) > 0);
    (void)store_deliver(kit->store);
}

void kit_await(struct store_kit *kit, unsigned count)
{
    while (kit->delivered < count)
        kit_turn(kit);
}

void kit_id(uint64_t number, unsigned char id[STORE_ID_BYTES])
{
    memset(id, 0xA5, STORE_ID_BYTES);
    for (unsigned i = 0; i < 8; i++)
        id[i] = (unsigned char)(number >> (56 - 8 * i));
}

struct store_run kit_run(uint64_t number)
{
    struct store_run run = {
        .number = number,
        .created_ms = 1000000 + number,
        .app = DIFY_SLICE("label-check"),
        .user = DIFY_SLICE("somebody"),
        .route = DIFY_SLICE("/api/detect"),
        .kind = 1,
        .inputs = DIFY_SLICE("{\"food_type\":\"Biscuit\"}"),
        .sent_ms = 1000000 + number,
    };
    kit_id(number, run.id);
    return run;
}

struct store_end kit_end(uint64_t ended_ms)
{
    return (struct store_end){
        .ended_ms = ended_ms,
        .status = DIFY_SLICE("succeeded"),
        .http_status = 200,
        .success = true,
        .tokens = 10,
        .price = DIFY_SLICE("0.1"),
        .currency = DIFY_SLICE("USD"),
        .steps = 3,
        .events = 9,
        .result = DIFY_SLICE("{\"success\":true}"),
    };
}

uint64_t kit_whole_run(struct store_kit *kit, uint64_t created_ms, uint64_t ended_ms)
{
    struct store_run run = kit_run(store_next_number(kit->store));
    struct store_end end = kit_end(ended_ms);
    run.created_ms = created_ms;
    assert_true(store_begin(kit->store, &run, kit_done, kit));
    assert_true(store_end(kit->store, run.number, &end, kit_done, kit));
    return run.number;
}

void kit_records(struct dify__buffer *out, uint32_t first, uint32_t last)
{
    char text[20];
    for (uint32_t at = first; at <= last; at++) {
        size_t len = dify__format_uint(at, text);
        assert_int_equal(store_record_put(out, STORE_RECORD_EVENT, (struct dify_slice){text, len}),
                         DIFY_OK);
    }
}

void kit_append(struct store_kit *kit, uint64_t number, uint32_t first, uint32_t last)
{
    struct dify__buffer records = {.allocator = dify__allocator(NULL), .max = (size_t)1 << 30};
    kit_records(&records, first, last);
    assert_true(
        store_append(kit->store, number, first, dify__buffer_slice(&records), kit_done, kit));
    dify__buffer_fini(&records);
}

uint32_t kit_check_records(struct dify_slice bytes, uint32_t first)
{
    struct store_record record;
    uint32_t count = 0;
    while (store_record_next(&bytes, &record)) {
        uint64_t value = 0;
        assert_true(dify__parse_uint(record.text, &value));
        assert_int_equal(value, first + count);
        count++;
    }
    assert_int_equal(bytes.len, 0);
    return count;
}

int64_t kit_sql(struct store_kit *kit, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int64_t value = -1;
    assert_int_equal(
        sqlite3_open_v2(kit->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
        SQLITE_OK);
    sqlite3_busy_timeout(db, 60000);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    else if (rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}
