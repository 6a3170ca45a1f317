/* SPDX-License-Identifier: Apache-2.0
 *
 * check.c: what is wrong with a store, as its tables promise it.
 */
#include "store/reader.h"

#include <stdio.h>

struct checking {
    sqlite3 *db;
    void (*say)(void *ctx, const char *line);
    void *ctx;
    uint64_t found;
};

/* Said of a store whose every line is wrong, at most. */
#define CHECK_LINES 1000

static void find_fault(struct checking *checking, const char *line)
{
    if (++checking->found <= CHECK_LINES)
        checking->say(checking->ctx, line);
}

/* Each row of a question is a fault, or (`is_fault` false) only worth telling. */
static int ask(struct checking *checking, const char *sql, bool is_fault)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(checking->db, sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(stmt, 0);
        rc = SQLITE_OK;
        if (line == NULL)
            continue;
        if (is_fault)
            find_fault(checking, line);
        else
            checking->say(checking->ctx, line);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

#define PART(from, count) "substr(hex(r.id), " #from ", " #count ")"
#define RUN                                                                                        \
    "'run ' || lower(" PART(1, 8) " || '-' || " PART(9, 4) " || '-' || " PART(                     \
        13, 4) " || '-' || " PART(17, 4) " || '-' || " PART(21, 12) ")"

static const char *const faults[] = {
    "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "SELECT " RUN " || ' has ended without a result' FROM runs r LEFT JOIN results s"
    " ON s.number = r.number WHERE r.state = 3 AND s.result IS NULL",
    "SELECT " RUN " || ' has a result and has not ended' FROM runs r JOIN results s"
    " ON s.number = r.number WHERE r.state < 3",
    "SELECT " RUN " || ' is in an unknown state' FROM runs r WHERE r.state NOT BETWEEN 0 AND 3",
    "SELECT " RUN " || ' lacks its inputs' FROM runs r LEFT JOIN details d"
    " ON d.number = r.number WHERE d.number IS NULL",
    "SELECT 'an idempotency key belongs to run number ' || k.number || ', which is not there'"
    " FROM keys k LEFT JOIN runs r ON r.number = k.number WHERE r.number IS NULL",
    "SELECT " RUN " || ' has an idempotency key that does not lead to it' FROM runs r"
    " JOIN details d ON d.number = r.number LEFT JOIN keys k ON k.key = d.key"
    " WHERE d.key IS NOT NULL AND k.number IS NOT r.number",
};

static const char open_runs[] =
    "SELECT " RUN " || ' is open: ' || CASE r.state WHEN 0 THEN 'accepted, not sent'"
    " WHEN 1 THEN 'submitting, may have been sent' ELSE 'started' END"
    " FROM runs r WHERE r.state < 3 ORDER BY r.number";

/* ---- logs ---------------------------------------------------------------------------------- */

static uint32_t count_records(struct dify_slice records)
{
    struct store_record record;
    uint32_t count = 0;
    while (store_record_next(&records, &record))
        count++;
    return records.len == 0 ? count : 0;
}

struct place {
    int64_t number;
    uint32_t next; /* record */
};

static void check_segment(struct checking *checking, sqlite3_stmt *stmt, struct place *place)
{
    char line[120];
    int64_t position = sqlite3_column_int64(stmt, 0), number = position >> 24;
    uint32_t first = (uint32_t)(position & STORE_RECORDS);
    int64_t count = sqlite3_column_int64(stmt, 1);
    struct dify_slice records = {sqlite3_column_blob(stmt, 2), 0};
    records.len = (size_t)sqlite3_column_bytes(stmt, 2);
    bool is_known = sqlite3_column_int(stmt, 3) != 0;
    uint32_t expected = number == place->number ? place->next : 1;
    if (!is_known && number != place->number) {
        snprintf(line, sizeof line, "a log belongs to run number %lld, which is not there",
                 (long long)number);
        find_fault(checking, line);
    } else if (is_known && first != expected) {
        snprintf(line, sizeof line, "the log of run number %lld lacks records from %u on",
                 (long long)number, (unsigned)expected);
        find_fault(checking, line);
    }
    if (count <= 0 || count_records(records) != count) {
        snprintf(line, sizeof line, "the log of run number %lld is damaged at record %u",
                 (long long)number, (unsigned)first);
        find_fault(checking, line);
    }
    *place = (struct place){number, first + (uint32_t)count};
}

static int check_logs(struct checking *checking)
{
    static const char sql[] =
        "SELECT s.position, s.count, s.records, EXISTS (SELECT 1 FROM runs r WHERE r.number ="
        " s.position >> 24) FROM segments s WHERE s.position >> 24 NOT IN (SELECT number FROM"
        " removed) ORDER BY s.position";
    struct place place = {-1, 1};
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(checking->db, sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        check_segment(checking, stmt, &place);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

enum dify_err store_check(const char *path, void (*say)(void *ctx, const char *line), void *ctx,
                          uint64_t *found, struct store_error *error)
{
    struct store_reader *reader;
    enum dify_err err = store_reader_open_path(path, &reader, error);
    if (err != DIFY_OK)
        return err;
    struct checking checking = {.db = reader->db, .say = say, .ctx = ctx};
    /* All of it of one moment: a gateway may be writing. */
    int rc = sqlite3_exec(reader->db, "BEGIN", NULL, NULL, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof faults / sizeof faults[0]; i++)
        rc = ask(&checking, faults[i], true);
    if (rc == SQLITE_OK)
        rc = check_logs(&checking);
    if (rc == SQLITE_OK)
        rc = ask(&checking, open_runs, false);
    if (rc == SQLITE_NOMEM)
        err = DIFY_ERR_NOMEM;
    else if (rc != SQLITE_OK) /* so broken that it cannot be asked */
        find_fault(&checking, sqlite3_errmsg(reader->db));
    store_reader_close(reader);
    if (err == DIFY_OK)
        *found = checking.found;
    return err;
}
