/* SPDX-License-Identifier: Apache-2.0
 *
 * read.c: readers: single runs, lists, logs.
 */
#include "store/reader.h"

#include "core/hex.h"
#include "core/slices.h"

#include <stdlib.h>

/* ---- rows ---------------------------------------------------------------------------------- */

/* The order in which fill() takes them. */
#define COLUMNS                                                                                    \
    "SELECT r.number, r.id, r.state, r.epoch, r.created, r.sent, r.ended, r.app, r.user, r.route," \
    " d.workflow_id, d.conversation_id, d.query, d.inputs, r.kind, d.digest, r.run_id,"            \
    " r.task_id, r.message_id, r.status, r.code, r.price, r.currency, r.http_status, r.success,"   \
    " r.tokens, r.steps, r.events, (SELECT (position & 16777215) + count - 1 FROM segments"        \
    "  WHERE position BETWEEN r.number << 24 AND r.number << 24 | 16777215"                        \
    "  ORDER BY position DESC LIMIT 1), r.rating, r.comment"
#define DETAILS " CROSS JOIN details d ON d.number = r.number"
#define ONE                                                                                        \
    COLUMNS ", s.result, d.key, d.extra FROM runs r" DETAILS                                       \
            " LEFT JOIN results s ON s.number = r.number"
#define MANY COLUMNS ", NULL, d.key, d.extra FROM runs r"

static const char *const texts[] = {
    [STORE_READ_ID] = ONE " WHERE r.id = ?1",
    [STORE_READ_RUN_ID] = ONE " WHERE r.run_id = ?1 ORDER BY r.number DESC LIMIT 1",
    [STORE_READ_TASK] = ONE " WHERE r.task_id = ?1 ORDER BY r.number DESC LIMIT 1",
    [STORE_READ_KEY] = ONE " WHERE r.number = (SELECT number FROM keys WHERE key = ?1)",
    [STORE_READ_OPEN] = MANY " INDEXED BY runs_open" DETAILS " WHERE r.state < 3 ORDER BY r.number",
    [STORE_READ_OPEN_OF] =
        MANY " INDEXED BY runs_open" DETAILS " WHERE r.state < 3 AND r.app = ?1 ORDER BY r.number",
    [STORE_READ_NEXT] = ONE " WHERE r.number > ?1 AND +r.created >= ?2 ORDER BY r.number LIMIT 1",
    /* From the segment with the record at ?2, or the first behind it, on. */
    [STORE_READ_LOG] =
        "SELECT position, count, records FROM segments WHERE position >= coalesce((SELECT position"
        " FROM segments WHERE position BETWEEN ?1 AND ?2 ORDER BY position DESC LIMIT 1), ?1)"
        " AND position <= ?3 ORDER BY position",
};

struct dify_slice store_column_text(sqlite3_stmt *stmt, int at)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);
    return (struct dify_slice){text, text != NULL ? (size_t)sqlite3_column_bytes(stmt, at) : 0};
}

static struct dify_slice column_blob(sqlite3_stmt *stmt, int at)
{
    const char *bytes = sqlite3_column_blob(stmt, at);
    return (struct dify_slice){bytes, bytes != NULL ? (size_t)sqlite3_column_bytes(stmt, at) : 0};
}

static void fill(sqlite3_stmt *stmt, struct store_row *row)
{
    struct dify_slice *texts_a[] = {
        &row->app,   &row->user,  &row->route, &row->workflow_id, &row->conversation_id,
        &row->query, &row->inputs};
    struct dify_slice *texts_b[] = {&row->run_id, &row->task_id, &row->message_id, &row->status,
                                    &row->code,   &row->price,   &row->currency};
    *row = (struct store_row){.number = (uint64_t)sqlite3_column_int64(stmt, 0)};
    struct dify_slice id = column_blob(stmt, 1), digest = column_blob(stmt, 15);
    struct dify_slice key = column_blob(stmt, 32);
    if (id.len == STORE_ID_BYTES)
        memcpy(row->id, id.ptr, STORE_ID_BYTES);
    row->state = (enum store_state)sqlite3_column_int(stmt, 2);
    row->epoch = (uint32_t)sqlite3_column_int64(stmt, 3);
    row->created_ms = (uint64_t)sqlite3_column_int64(stmt, 4);
    row->sent_ms = (uint64_t)sqlite3_column_int64(stmt, 5);
    row->ended_ms = (uint64_t)sqlite3_column_int64(stmt, 6);
    for (int i = 0; i < 7; i++)
        *texts_a[i] = store_column_text(stmt, 7 + i);
    row->kind = (unsigned)sqlite3_column_int64(stmt, 14);
    row->key = key.len == STORE_HASH_BYTES ? (const unsigned char *)key.ptr : NULL;
    row->digest = digest.len == STORE_HASH_BYTES ? (const unsigned char *)digest.ptr : NULL;
    for (int i = 0; i < 7; i++)
        *texts_b[i] = store_column_text(stmt, 16 + i);
    row->http_status = (unsigned)sqlite3_column_int64(stmt, 23);
    row->success = sqlite3_column_int(stmt, 24) != 0;
    row->tokens = (uint64_t)sqlite3_column_int64(stmt, 25);
    row->steps = (uint32_t)sqlite3_column_int64(stmt, 26);
    row->events = (uint32_t)sqlite3_column_int64(stmt, 27);
    row->records = (uint32_t)sqlite3_column_int64(stmt, 28);
    row->rating = store_column_text(stmt, 29);
    row->comment = store_column_text(stmt, 30);
    row->result = store_column_text(stmt, 31);
    row->extra = store_column_text(stmt, 33);
}

enum dify_err store_read_err(int rc)
{
    int kind = rc & 0xFF;
    return kind == SQLITE_NOMEM ? DIFY_ERR_NOMEM : DIFY_ERR_STATE;
}

/* Hands over the rows of a statement; ABSENT if there are none. */
static enum dify_err hand_over(sqlite3_stmt *stmt, store_row_fn *found, void *ctx)
{
    struct store_row row;
    bool has_some = false, goes_on = true;
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && goes_on) {
        has_some = true;
        fill(stmt, &row);
        goes_on = found(ctx, &row);
    }
    sqlite3_reset(stmt);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        return store_read_err(rc);
    return has_some ? DIFY_OK : DIFY_ERR_ABSENT;
}

/* ---- single runs --------------------------------------------------------------------------- */

enum dify_err store_find(struct store_reader *reader, const unsigned char id[STORE_ID_BYTES],
                         store_row_fn *found, void *ctx)
{
    sqlite3_stmt *stmt = reader->stmts[STORE_READ_ID];
    int rc = store_bind_blob(stmt, 1, (struct dify_slice){(const char *)id, STORE_ID_BYTES});
    return rc != SQLITE_OK ? store_read_err(rc) : hand_over(stmt, found, ctx);
}

/* Of a statement whose one parameter is a text. */
static enum dify_err find_by(struct store_reader *reader, enum store_read read,
                             struct dify_slice text, store_row_fn *found, void *ctx)
{
    sqlite3_stmt *stmt = reader->stmts[read];
    int rc = store_bind_text(stmt, 1, text);
    return rc != SQLITE_OK ? store_read_err(rc) : hand_over(stmt, found, ctx);
}

enum dify_err store_find_run_id(struct store_reader *reader, struct dify_slice run_id,
                                store_row_fn *found, void *ctx)
{
    return find_by(reader, STORE_READ_RUN_ID, run_id, found, ctx);
}

enum dify_err store_find_task(struct store_reader *reader, struct dify_slice task_id,
                              store_row_fn *found, void *ctx)
{
    return find_by(reader, STORE_READ_TASK, task_id, found, ctx);
}

enum dify_err store_find_key(struct store_reader *reader, const unsigned char key[STORE_HASH_BYTES],
                             store_row_fn *found, void *ctx)
{
    sqlite3_stmt *stmt = reader->stmts[STORE_READ_KEY];
    int rc = store_bind_blob(stmt, 1, (struct dify_slice){(const char *)key, STORE_HASH_BYTES});
    return rc != SQLITE_OK ? store_read_err(rc) : hand_over(stmt, found, ctx);
}

/* ---- lists --------------------------------------------------------------------------------- */

enum dify_err store_list_open(struct store_reader *reader, store_row_fn *row, void *ctx)
{
    return hand_over(reader->stmts[STORE_READ_OPEN], row, ctx);
}

enum dify_err store_list_open_of(struct store_reader *reader, struct dify_slice app,
                                 store_row_fn *row, void *ctx)
{
    return find_by(reader, STORE_READ_OPEN_OF, app, row, ctx);
}

struct each {
    store_row_fn *row;
    void *ctx;
    uint64_t last;
    bool goes_on;
};

static bool pass_on(void *ctx, const struct store_row *row)
{
    struct each *each = ctx;
    each->last = row->number;
    each->goes_on = each->row(each->ctx, row);
    return each->goes_on;
}

/* One question a run: a single one that lasts would keep the write-ahead log from being emptied. */
enum dify_err store_each(struct store_reader *reader, uint64_t since_ms, store_row_fn *row,
                         void *ctx)
{
    sqlite3_stmt *stmt = reader->stmts[STORE_READ_NEXT];
    struct each each = {.row = row, .ctx = ctx, .goes_on = true};
    enum dify_err err = DIFY_OK;
    while (err == DIFY_OK && each.goes_on) {
        int rc = store_bind_uint(stmt, 1, each.last);
        rc |= store_bind_uint(stmt, 2, since_ms);
        err = rc != SQLITE_OK ? DIFY_ERR_NOMEM : hand_over(stmt, pass_on, &each);
    }
    return err == DIFY_ERR_ABSENT && each.last != 0 ? DIFY_OK : err;
}

/* Of ids as they are written, the hexadecimal digits; absent where it can be no part of one. */
static struct dify_slice hex_digits(struct dify_slice search, char room[2 * STORE_ID_BYTES])
{
    size_t len = 0;
    for (size_t i = 0; i < search.len; i++) {
        if (search.ptr[i] == '-')
            continue;
        if (dify__hex_digit(search.ptr[i]) > 15 || len == 2 * (size_t)STORE_ID_BYTES)
            return (struct dify_slice){NULL, 0};
        room[len++] = search.ptr[i];
    }
    return (struct dify_slice){len != 0 ? room : NULL, len};
}

static int bind(sqlite3_stmt *stmt, const char *name, struct dify_slice text)
{
    int at = sqlite3_bind_parameter_index(stmt, name);
    return at == 0 ? SQLITE_OK : store_bind_text(stmt, at, text);
}

static int bind_number(sqlite3_stmt *stmt, const char *name, uint64_t value)
{
    int at = sqlite3_bind_parameter_index(stmt, name);
    return at == 0 ? SQLITE_OK : store_bind_uint(stmt, at, value);
}

/* ---- filters ------------------------------------------------------------------------------- */

/* What a pointer to a filter is called in SQL. */
#define FILTER_TYPE "store_filter"

static bool is_named(const struct store_filter *filter, struct dify_slice app)
{
    for (size_t i = 0; i < filter->app_count; i++)
        if (dify__slice_equals(filter->apps[i], app))
            return true;
    return filter->app_count == 0;
}

bool store_filter_has_app(const struct store_filter *filter, struct dify_slice app)
{
    struct dify_slice hidden = filter->hidden_prefix;
    if (!is_named(filter, app))
        return false;
    return hidden.len == 0 || app.len < hidden.len ||
           memcmp(app.ptr, hidden.ptr, hidden.len) != 0 ||
           dify__slice_equals(app, filter->unhidden);
}

static void sql_has_app(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct store_filter *filter = sqlite3_value_pointer(values[1], FILTER_TYPE);
    struct dify_slice app = {(const char *)sqlite3_value_text(values[0]), 0};
    (void)count;
    app.len = app.ptr != NULL ? (size_t)sqlite3_value_bytes(values[0]) : 0;
    sqlite3_result_int(context, filter != NULL && store_filter_has_app(filter, app));
}

static int bind_filter(sqlite3_stmt *stmt, const char *name, const struct store_filter *filter)
{
    int at = sqlite3_bind_parameter_index(stmt, name);
    /* SQLite takes it as void *, and hands it to nobody but the function above. */
    union {
        const struct store_filter *given;
        void *taken;
    } pointer = {filter};
    return at == 0 ? SQLITE_OK : sqlite3_bind_pointer(stmt, at, pointer.taken, FILTER_TYPE, NULL);
}

/* What a text of a filter adds to the SQL. */
static const char *if_present(struct dify_slice text, const char *sql)
{
    return text.ptr != NULL && text.len != 0 ? sql : "";
}

int store_prepare_filtered(struct store_reader *reader, const char *select, const char *order,
                           const struct store_filter *filter, sqlite3_stmt **out)
{
    char sql[3000], digits[2 * STORE_ID_BYTES];
    bool is_running = dify__slice_is(filter->status, "running");
    sqlite3_stmt *stmt = NULL;
    sqlite3_snprintf(
        sizeof sql, sql, "%s WHERE 1%s%s%s%s%s%s%s%s%s", select,
        filter->before != 0 ? " AND r.number < :before" : "",
        if_present(filter->app, " AND r.app = :app"),
        filter->app_count != 0 || filter->hidden_prefix.len != 0
            ? " AND difystream_has_app(r.app, :filter)"
            : "",
        if_present(filter->user, " AND r.user = :user"),
        is_running ? " AND r.state < 3"
                   : if_present(filter->status, " AND r.state = 3 AND r.status = :status"),
        filter->since_ms != 0 ? " AND r.created >= :since" : "",
        filter->until_ms != 0 ? " AND r.created < :until" : "",
        if_present(filter->search,
                   " AND (difystream_has(r.user, :search) OR difystream_has(hex(r.id), :digits)"
                   " OR difystream_has(r.run_id, :search) OR difystream_has(r.task_id, :search)"
                   " OR difystream_has(r.message_id, :search)"
                   " OR difystream_has(d.conversation_id, :search)"
                   " OR difystream_has(d.inputs, :search))"),
        order);
    int rc = sqlite3_prepare_v2(reader->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = bind_number(stmt, ":before", filter->before);
        rc |= bind(stmt, ":app", filter->app);
        rc |= bind_filter(stmt, ":filter", filter);
        rc |= bind(stmt, ":user", filter->user);
        rc |= bind(stmt, ":status", filter->status);
        rc |= bind_number(stmt, ":since", filter->since_ms);
        rc |= bind_number(stmt, ":until", filter->until_ms);
        rc |= bind_number(stmt, ":limit", filter->limit);
        rc |= bind(stmt, ":search", filter->search);
        struct dify_slice found = hex_digits(filter->search, digits);
        int at = sqlite3_bind_parameter_index(stmt, ":digits");
        if (at != 0 && found.ptr != NULL) /* the room here is gone when the statement runs */
            rc |=
                sqlite3_bind_text64(stmt, at, found.ptr, found.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    if (rc != SQLITE_OK) {
        sqlite3_finalize(stmt);
        return rc;
    }
    *out = stmt;
    return SQLITE_OK;
}

enum dify_err store_list(struct store_reader *reader, const struct store_filter *filter,
                         store_row_fn *row, void *ctx)
{
    sqlite3_stmt *stmt;
    int rc = store_prepare_filtered(reader, MANY DETAILS, " ORDER BY r.number DESC LIMIT :limit",
                                    filter, &stmt);
    if (rc != SQLITE_OK)
        return store_read_err(rc);
    enum dify_err err = hand_over(stmt, row, ctx);
    sqlite3_finalize(stmt);
    return err;
}

/* ---- logs ---------------------------------------------------------------------------------- */

/* Appends a segment; what is over `out`'s own ceiling is left for the next call. */
static enum dify_err append_segment(sqlite3_stmt *stmt, struct dify__buffer *out, bool has_some,
                                    bool *goes_on)
{
    struct dify_slice records = column_blob(stmt, 2);
    enum dify_err err = dify__buffer_append(out, records.ptr, records.len);
    *goes_on = err == DIFY_OK;
    return err == DIFY_ERR_TOO_LARGE && has_some ? DIFY_OK : err;
}

enum dify_err store_read_log(struct store_reader *reader, uint64_t number, uint32_t from,
                             size_t enough, struct dify__buffer *out, uint32_t *first)
{
    sqlite3_stmt *stmt = reader->stmts[STORE_READ_LOG];
    bool has_some = false, goes_on = true;
    enum dify_err err = DIFY_OK;
    if (number >= STORE_NUMBERS || from > STORE_RECORDS)
        return DIFY_ERR_ABSENT;
    int rc = sqlite3_bind_int64(stmt, 1, STORE_POSITION(number, 0));
    rc |= sqlite3_bind_int64(stmt, 2, STORE_POSITION(number, from));
    rc |= sqlite3_bind_int64(stmt, 3, STORE_POSITION(number, STORE_RECORDS));
    if (rc != SQLITE_OK)
        return store_read_err(rc);
    while (goes_on && err == DIFY_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        uint32_t begin = (uint32_t)(sqlite3_column_int64(stmt, 0) & STORE_RECORDS);
        if (begin + (uint64_t)sqlite3_column_int64(stmt, 1) <= from)
            continue;
        err = append_segment(stmt, out, has_some, &goes_on);
        if (err == DIFY_OK && !has_some)
            *first = begin;
        has_some = true;
        goes_on = goes_on && out->len < enough;
    }
    sqlite3_reset(stmt);
    if (err == DIFY_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
        return store_read_err(rc);
    return err != DIFY_OK || has_some ? err : DIFY_ERR_ABSENT;
}

/* ---- readers ------------------------------------------------------------------------------- */

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool has(struct dify_slice text, struct dify_slice part)
{
    for (size_t at = 0; part.len <= text.len && at <= text.len - part.len; at++) {
        size_t same = 0;
        while (same < part.len && lower(text.ptr[at + same]) == lower(part.ptr[same]))
            same++;
        if (same == part.len)
            return true;
    }
    return false;
}

/* LIKE, without its wild cards and its ceiling. Letters outside ASCII are found as they are. */
static void sql_has(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct dify_slice slice[2];
    for (int i = 0; i < count; i++) {
        slice[i].ptr = (const char *)sqlite3_value_text(values[i]);
        slice[i].len = slice[i].ptr != NULL ? (size_t)sqlite3_value_bytes(values[i]) : 0;
    }
    bool is_in = slice[0].ptr != NULL && slice[1].ptr != NULL && has(slice[0], slice[1]);
    sqlite3_result_int(context, is_in);
}

static int prepare(struct store_reader *reader)
{
    int rc = sqlite3_create_function_v2(reader->db, "difystream_has", 2,
                                        SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, sql_has, NULL,
                                        NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_function_v2(reader->db, "difystream_has_app", 2, SQLITE_UTF8, NULL,
                                        sql_has_app, NULL, NULL, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < STORE_READ_COUNT; i++)
        rc = store_db_prepare(reader->db, texts[i], &reader->stmts[i]);
    return rc;
}

enum dify_err store_reader_open_path(const char *path, struct store_reader **out,
                                     struct store_error *error)
{
    struct store_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return DIFY_ERR_NOMEM;
    enum dify_err err = store_db_open_to_read(path, &reader->db, error);
    if (err == DIFY_OK && prepare(reader) != SQLITE_OK)
        err = store_complain(error, "%s: %s", path, sqlite3_errmsg(reader->db));
    if (err != DIFY_OK) {
        store_reader_close(reader);
        return err;
    }
    *out = reader;
    return DIFY_OK;
}

enum dify_err store_reader_open(struct store *store, struct store_reader **out,
                                struct store_error *error)
{
    return store_reader_open_path(store_path(store), out, error);
}

void store_reader_close(struct store_reader *reader)
{
    if (reader == NULL)
        return;
    for (size_t i = 0; i < STORE_READ_COUNT; i++)
        sqlite3_finalize(reader->stmts[i]);
    sqlite3_close(reader->db);
    free(reader);
}
