/* SPDX-License-Identifier: Apache-2.0
 *
 * sum.c: totals of runs: counted, added up exactly, and in order of their duration.
 */
#include "core/slices.h"
#include "difystream/decimal.h"
#include "store/reader.h"

#define RUNS " FROM runs r CROSS JOIN details d ON d.number = r.number"
/* Without a search what is long is not read. */
#define RUNS_ALONE " FROM runs r"
#define COUNTS                                                                                     \
    "SELECT count(*), total(r.state < 3), total(r.state = 3 AND r.success),"                       \
    " total(r.state = 3 AND NOT r.success), total(r.tokens), total(r.rating = 'like'),"            \
    " total(r.rating = 'dislike')"
#define DURATIONS "SELECT max(r.ended - r.created, 0)"
#define PRICES "SELECT r.currency, r.price"

static enum dify_err prepare(struct store_reader *reader, const struct store_filter *filter,
                             const char *with_details, const char *alone, const char *order,
                             sqlite3_stmt **out)
{
    bool has_search = filter->search.ptr != NULL && filter->search.len != 0;
    int rc = store_prepare_filtered(reader, has_search ? with_details : alone, order, filter, out);
    return rc == SQLITE_OK ? DIFY_OK : store_read_err(rc);
}

static enum dify_err count(struct store_reader *reader, const struct store_filter *filter,
                           struct store_totals *totals)
{
    sqlite3_stmt *stmt;
    enum dify_err err = prepare(reader, filter, COUNTS RUNS, COUNTS RUNS_ALONE, "", &stmt);
    if (err != DIFY_OK)
        return err;
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        uint64_t *const out[] = {&totals->runs,    &totals->open,   &totals->succeeded,
                                 &totals->failed,  &totals->tokens, &totals->likes,
                                 &totals->dislikes};
        for (int i = 0; i < 7; i++)
            *out[i] = (uint64_t)sqlite3_column_int64(stmt, i);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? DIFY_OK : store_read_err(rc);
}

/* The nearest rank: the smallest that so many hundredths of all do not exceed. */
static uint64_t rank(uint64_t all, unsigned percent)
{
    return (all / 100) * percent + (all % 100 * percent + 99) / 100;
}

static enum dify_err measure(struct store_reader *reader, const struct store_filter *filter,
                             struct store_totals *totals)
{
    uint64_t all = totals->succeeded + totals->failed;
    sqlite3_stmt *stmt;
    int rc;
    enum dify_err err = prepare(reader, filter, DURATIONS RUNS, DURATIONS RUNS_ALONE,
                                " AND r.state = 3 ORDER BY 1", &stmt);
    if (err != DIFY_OK)
        return err;
    for (uint64_t at = 1; (rc = sqlite3_step(stmt)) == SQLITE_ROW && at <= all; at++) {
        if (at == rank(all, 50))
            totals->median_ms = (uint64_t)sqlite3_column_int64(stmt, 0);
        if (at == rank(all, 95))
            totals->p95_ms = (uint64_t)sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? DIFY_OK : store_read_err(rc);
}

/* Currencies come one behind the other; the last one is told after the end. */
static enum dify_err add_prices(struct store_reader *reader, const struct store_filter *filter,
                                store_price_fn *price, void *ctx)
{
    struct dify_decimal sum = DIFY_DECIMAL_ZERO, term;
    char text[DIFY_DECIMAL_TEXT_BYTES], currency[STORE_CURRENCY_BYTES];
    struct dify_slice at_hand = {NULL, 0};
    sqlite3_stmt *stmt;
    int rc;
    enum dify_err err =
        prepare(reader, filter, PRICES RUNS, PRICES RUNS_ALONE,
                " AND r.state = 3 AND r.price IS NOT NULL ORDER BY r.currency", &stmt);
    if (err != DIFY_OK)
        return err;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct dify_slice next = store_column_text(stmt, 0);
        if (dify_decimal_parse(store_column_text(stmt, 1), &term) != DIFY_OK ||
            next.len > sizeof currency)
            continue;
        if (at_hand.ptr != NULL && !dify__slice_equals(at_hand, next)) {
            price(ctx, at_hand, (struct dify_slice){text, dify_decimal_format(&sum, text)});
            sum = DIFY_DECIMAL_ZERO;
        }
        if (next.len != 0)
            memcpy(currency, next.ptr, next.len);
        at_hand = (struct dify_slice){currency, next.len};
        dify_decimal_add(&sum, &term);
    }
    sqlite3_finalize(stmt);
    if (rc == SQLITE_DONE && at_hand.ptr != NULL)
        price(ctx, at_hand, (struct dify_slice){text, dify_decimal_format(&sum, text)});
    return rc == SQLITE_DONE ? DIFY_OK : store_read_err(rc);
}

enum dify_err store_sum(struct store_reader *reader, const struct store_filter *filter,
                        struct store_totals *totals, store_price_fn *price, void *ctx)
{
    struct store_totals sums = {0};
    struct store_filter all = *filter;
    all.before = 0;
    /* All of it of one moment. */
    int rc = sqlite3_exec(reader->db, "BEGIN", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return store_read_err(rc);
    enum dify_err err = count(reader, &all, &sums);
    if (err == DIFY_OK)
        err = measure(reader, &all, &sums);
    if (err == DIFY_OK && price != NULL)
        err = add_prices(reader, &all, price, ctx);
    sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
    if (err == DIFY_OK)
        *totals = sums;
    return err;
}
