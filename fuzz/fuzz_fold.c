/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_fold.c: a stream folded in many ways, which must all say the same; and what they say must be
 * strict JSON that agrees with the values of dify_run_result() and dify_run_output().
 */
#include "fuzz.h"

#include "difystream/limits.h"
#include "difystream/result.h"
#include "difystream/run.h"

#include <yyjson.h>

#define EMPTY ((struct fuzz_text){NULL, 0, 0})

/* ---- an allocator that keeps account, and gives nothing where it is told to ------------------ */

struct account {
    size_t blocks;  /* not given back yet */
    size_t asked;   /* how often memory was asked for */
    size_t fail_at; /* the request that gets nothing; 0: none */
    bool fail_on;   /* and all after it */
    size_t failed;
};

struct header {
    size_t size;
    size_t unused; /* keeps what follows aligned */
};

static bool gives(struct account *account)
{
    account->asked++;
    if (account->fail_at == 0 || account->asked < account->fail_at ||
        (account->asked > account->fail_at && !account->fail_on))
        return true;
    account->failed++;
    return false;
}

static void *count_malloc(void *ctx, size_t size)
{
    struct account *account = ctx;
    FUZZ_REQUIRE(size != 0, "allocator.h: size is never 0");
    struct header *header = gives(account) ? malloc(sizeof *header + size) : NULL;
    if (header == NULL)
        return NULL;
    header->size = size;
    account->blocks++;
    return header + 1;
}

static void *count_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    struct account *account = ctx;
    FUZZ_REQUIRE(ptr != NULL && size != 0, "allocator.h: ptr is never NULL, size never 0");
    struct header *header = (struct header *)ptr - 1;
    FUZZ_REQUIRE(header->size == old_size, "allocator.h: old_size is what was asked for last");
    header = gives(account) ? realloc(header, sizeof *header + size) : NULL;
    if (header == NULL)
        return NULL;
    header->size = size;
    return header + 1;
}

static void count_free(void *ctx, void *ptr)
{
    struct account *account = ctx;
    FUZZ_REQUIRE(ptr != NULL, "allocator.h: ptr is never NULL");
    account->blocks--;
    free((struct header *)ptr - 1);
}

/* ---- reading JSON with yyjson itself --------------------------------------------------------- */

static unsigned hex_unit(const char *at, const char *end)
{
    unsigned unit = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return 0;
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdefABCDEF";
        const char *digit = at[i] != '\0' ? strchr(digits, at[i]) : NULL;
        if (digit == NULL)
            return 0;
        unsigned value = (unsigned)(digit - digits);
        unit = unit << 4 | (value > 15 ? value - 6 : value);
    }
    return unit;
}

/* Reads strict JSON, numbers as their text. yyjson refuses escapes of lone surrogates, which a
 * result may hold: they are made escapes of private characters (\uD83D: \uE83D) and counted. */
static yyjson_doc *read_json(const char *text, size_t len, yyjson_read_flag flags, size_t *lone)
{
    char *copy = fuzz_piece((const uint8_t *)text, len);
    char *end = copy + len;
    *lone = 0;
    for (char *at = copy; at < end; at++) {
        if (*at != '\\')
            continue;
        unsigned unit = hex_unit(at, end);
        unsigned next = unit >> 10 == 0x36 ? hex_unit(at + 6, end) : 0;
        if (next >> 10 == 0x37) {
            at += 11;
        } else {
            if (unit >> 11 == 0x1B) {
                at[2] = 'E';
                ++*lone;
            }
            at++;
        }
    }
    yyjson_read_err why;
    yyjson_doc *doc = yyjson_read_opts(copy, len, flags | YYJSON_READ_NUMBER_AS_RAW, NULL, &why);
    if (doc == NULL)
        fprintf(stderr, "yyjson: %s at %zu of %.*s\n", why.msg, why.pos, (int)len, text);
    free(copy);
    return doc;
}

static bool says(yyjson_val *value, struct dify_slice text)
{
    if (text.ptr == NULL)
        return yyjson_is_null(value);
    return yyjson_is_str(value) && yyjson_get_len(value) == text.len &&
           memcmp(yyjson_get_str(value), text.ptr, text.len) == 0;
}

static bool says_number(yyjson_val *value, const char *text)
{
    return yyjson_is_raw(value) && yyjson_get_len(value) == strlen(text) &&
           memcmp(yyjson_get_raw(value), text, strlen(text)) == 0;
}

/* ---- events, as the observer sees them ------------------------------------------------------- */

static void check_json(struct dify_slice json)
{
    size_t lone;
    if (json.ptr == NULL)
        return;
    yyjson_doc *doc = read_json(json.ptr, json.len, YYJSON_READ_ALLOW_INVALID_UNICODE, &lone);
    FUZZ_REQUIRE(doc != NULL, "event.h: JSON is valid by RFC 8259");
    yyjson_doc_free(doc);
}

static void check_number(const struct dify_number *number)
{
    struct dify_decimal value;
    if (number->text.ptr == NULL)
        return;
    FUZZ_REQUIRE(dify_decimal_parse(number->text, &value) != DIFY_ERR_NUMBER,
                 "event.h: a number is the text of a JSON number");
}

/* Hears all that a run tells its observer. */
struct observed {
    struct fuzz_text log;
    bool check_events; /* once is enough: in other cuts the log is the same */
    size_t events, warnings;
};

static void on_event(void *ctx, const struct dify_event *event, uint64_t offset)
{
    struct observed *observed = ctx;
    const struct dify_event_data *data = &event->data;
    const struct dify_slice json[] = {
        event->json,        event->data_json,  event->metadata,
        event->files,       event->tool_input, data->inputs,
        data->process_data, data->outputs,     data->execution_metadata,
        data->reasons,      data->actions,     data->metadata,
        data->data};
    const struct dify_number *number[] = {
        &event->created_at, &event->status,           &data->index,         &data->steps,
        &data->created_at,  &data->finished_at,       &data->elapsed_time,  &data->total_tokens,
        &data->total_steps, &data->usage.total_price, &event->usage.latency};
    const struct dify_slice text[] = {
        event->name,   event->task_id,      event->workflow_run_id, event->message_id,
        event->answer, event->code,         event->message,         data->id,
        data->node_id, data->title,         data->status,           data->error,
        data->text,    data->usage.currency};
    for (size_t i = 0; observed->check_events && i < sizeof json / sizeof *json; i++)
        check_json(json[i]);
    for (size_t i = 0; observed->check_events && i < sizeof number / sizeof *number; i++)
        check_number(number[i]);
    for (size_t i = 0; i < sizeof json / sizeof *json; i++)
        fuzz_text_add_slice(&observed->log, json[i]);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        fuzz_text_add_slice(&observed->log, text[i]);
    fuzz_text_add(&observed->log, &offset, sizeof offset);
    observed->events++;
}

static void on_node(void *ctx, const struct dify_node *node, enum dify_node_change change)
{
    struct observed *observed = ctx;
    const struct dify_slice seen[] = {
        node->id,       node->node_id,    node->node_type,    node->title,        node->index,
        node->status,   node->started_at, node->finished_at,  node->elapsed_time, node->total_price,
        node->currency, node->error,      node->iteration_id, node->loop_id,      node->steps};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
        fuzz_text_add_slice(&observed->log, seen[i]);
    fuzz_text_add(&observed->log, &change, sizeof change);
    fuzz_text_add(&observed->log, &node->total_tokens, sizeof node->total_tokens);
    fuzz_text_add(&observed->log, &node->retries, sizeof node->retries);
}

static void on_audio(void *ctx, struct dify_slice bytes)
{
    struct observed *observed = ctx;
    fuzz_text_add(&observed->log, "A", 1);
    fuzz_text_add_slice(&observed->log, bytes);
}

static void on_warning(void *ctx, uint64_t offset, const char *reason)
{
    struct observed *observed = ctx;
    fuzz_text_add(&observed->log, &offset, sizeof offset);
    fuzz_text_add(&observed->log, reason, strlen(reason) + 1);
    observed->warnings++;
}

/* ---- one fold -------------------------------------------------------------------------------- */

/* How to fold, and what came of it. */
struct fold {
    const uint8_t *bytes;
    size_t len;
    struct dify_run_options options;
    bool resume;    /* the first half, then a resumed stream with all of it */
    bool ask_often; /* for the result so far, after each piece */
    size_t fail_at; /* see struct account */
    bool fail_on;

    enum dify_err err;
    struct account account;
    struct observed observed;
    struct fuzz_text compact, pretty;
};

static enum dify_err to_text(void *ctx, const char *bytes, size_t len)
{
    FUZZ_REQUIRE(len != 0, "result.h: len is never 0");
    fuzz_text_add(ctx, bytes, len);
    return DIFY_OK;
}

static enum dify_err to_nowhere(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    return DIFY_ERR_WRITE;
}

/* Asks for the result so far; `err` is what the last piece gave. */
static void ask(const struct dify_run *run, enum dify_err err)
{
    struct fuzz_text text = EMPTY;
    struct dify_result result;
    dify_run_result(run, &result);
    bool has_ended = err != DIFY_OK || dify_run_has_terminal_event(run);
    FUZZ_REQUIRE(result.has_ended == has_ended && (has_ended || !result.success),
                 "only a terminal event or an error ends a run within its stream");
    FUZZ_REQUIRE(dify_run_write_result(run, DIFY_JSON_COMPACT, to_text, &text) == DIFY_OK,
                 "the result so far can be written");
    FUZZ_REQUIRE((strncmp(text.ptr, "{\"success\":null,", 16) == 0) == !has_ended,
                 "result.h: until the run has ended success is null");
    FUZZ_REQUIRE(dify_run_write_result(run, DIFY_JSON_PRETTY, to_nowhere, NULL) == DIFY_ERR_WRITE,
                 "result.h: returns what write returned");
    fuzz_text_fini(&text);
}

static enum dify_err feed(const struct fold *fold, struct dify_run *run, size_t len,
                          enum fuzz_cut cut, struct fuzz_draw draw)
{
    enum dify_err err = DIFY_OK;
    for (size_t at = 0; at < len && err == DIFY_OK;) {
        size_t size = fuzz_cut_next(cut, &draw, len - at);
        char *piece = fuzz_piece(fold->bytes + at, size);
        err = dify_run_feed(run, piece, size);
        free(piece); /* nothing may point into it any more */
        at += size;
        if (fold->ask_often)
            ask(run, err);
    }
    return err;
}

static void check_result(const struct fold *fold, const struct dify_run *run);

/* Folds; `fold`'s second half is then filled in. */
static void run_fold(struct fold *fold, enum fuzz_cut cut, struct fuzz_draw draw)
{
    struct dify_run *run = NULL;
    struct dify_allocator allocator = {&fold->account, count_malloc, count_realloc, count_free};
    struct dify_run_observer observer = {.ctx = &fold->observed,
                                         .event = on_event,
                                         .node = on_node,
                                         .audio = on_audio,
                                         .warning = on_warning};
    struct dify_run_options options = fold->options;
    fold->account = (struct account){0, 0, fold->fail_at, fold->fail_on, 0};
    fold->observed = (struct observed){EMPTY, cut == FUZZ_WHOLE, 0, 0};
    fold->compact = fold->pretty = EMPTY;
    options.size = sizeof options;
    options.allocator = &allocator;
    options.observer = &observer;
    fold->err = dify_run_new(&options, &run);
    if (fold->err != DIFY_OK) {
        FUZZ_REQUIRE(fold->err == DIFY_ERR_NOMEM && run == NULL && fold->account.failed != 0,
                     "only memory is missing");
        FUZZ_REQUIRE(fold->account.blocks == 0, "no memory is kept by what was not made");
        return;
    }
    if (fold->resume) {
        fold->err = feed(fold, run, fold->len / 2, cut, draw);
        dify_run_resume(run);
    }
    if (fold->err == DIFY_OK)
        fold->err = feed(fold, run, fold->len, cut, draw);
    if (fold->err != DIFY_OK)
        FUZZ_REQUIRE(dify_run_feed(run, "x", 1) == fold->err, "run.h: errors are sticky");
    dify_run_end(run);
    FUZZ_REQUIRE(dify_run_feed(run, "x", 1) == DIFY_ERR_STATE, "run.h: no feeding after the end");
    FUZZ_REQUIRE(
        dify_run_write_result(run, DIFY_JSON_COMPACT, to_text, &fold->compact) == DIFY_OK &&
            dify_run_write_result(run, DIFY_JSON_PRETTY, to_text, &fold->pretty) == DIFY_OK,
        "the result can be written");
    if (fold->account.fail_at == 0)
        check_result(fold, run);
    dify_run_free(run);
    FUZZ_REQUIRE(fold->account.blocks == 0, "all memory was given back");
}

static void fold_fini(struct fold *fold)
{
    fuzz_text_fini(&fold->observed.log);
    fuzz_text_fini(&fold->compact);
    fuzz_text_fini(&fold->pretty);
}

/* ---- what a result must be ------------------------------------------------------------------- */

/* The pretty text less its white space is the compact one. */
static void check_styles(const struct fold *fold)
{
    struct fuzz_text bare = EMPTY;
    bool in_string = false;
    const struct fuzz_text *pretty = &fold->pretty;
    for (size_t i = 0; i < pretty->len; i++) {
        char c = pretty->ptr[i];
        if (!in_string && (c == ' ' || c == '\n'))
            continue;
        fuzz_text_add(&bare, &c, 1);
        if (in_string && c == '\\')
            fuzz_text_add(&bare, &pretty->ptr[++i], 1);
        else if (c == '"')
            in_string = !in_string;
    }
    FUZZ_REQUIRE(fuzz_text_same(&bare, &fold->compact), "both styles say the same");
    fuzz_text_fini(&bare);
}

/* An output by name: the text as sent means what the result shows. */
static void check_output(const struct dify_run *run, yyjson_val *key, yyjson_val *shown)
{
    struct dify_slice name = {yyjson_get_str(key), yyjson_get_len(key)};
    struct dify_slice json = dify_run_output(run, name);
    size_t lone;
    FUZZ_REQUIRE(json.ptr != NULL, "each output shown can be had by name");
    yyjson_doc *doc = read_json(json.ptr, json.len, YYJSON_READ_ALLOW_INVALID_UNICODE, &lone);
    FUZZ_REQUIRE(doc != NULL, "an output is JSON");
    char *as_sent = yyjson_val_write(yyjson_doc_get_root(doc), YYJSON_WRITE_ESCAPE_UNICODE, NULL);
    char *as_shown = yyjson_val_write(shown, YYJSON_WRITE_ESCAPE_UNICODE, NULL);
    /* NULL: three-byte forms of lone surrogates, which yyjson does not write. */
    if (as_sent != NULL && as_shown != NULL)
        FUZZ_REQUIRE(strcmp(as_sent, as_shown) == 0, "an output keeps its meaning");
    free(as_sent);
    free(as_shown);
    yyjson_doc_free(doc);

    char *text = NULL;
    size_t len = 0;
    if (memchr(name.ptr, '\0', name.len) != NULL)
        return;
    enum dify_err err = dify_run_dup_output_text(run, name.ptr, &text, &len);
    FUZZ_REQUIRE(err == (yyjson_is_str(shown) ? DIFY_OK : DIFY_ERR_ABSENT),
                 "an output's text can be had if it is a string");
    if (err == DIFY_OK && lone == 0 && memchr(json.ptr, '\xED', json.len) == NULL)
        FUZZ_REQUIRE(says(shown, (struct dify_slice){text, len}) && text[len] == '\0',
                     "an output's text is what the result shows");
    dify_run_free_text(run, text);
}

static void check_outputs(const struct dify_run *run, yyjson_val *outputs)
{
    size_t i, max;
    yyjson_val *key, *value;
    FUZZ_REQUIRE(yyjson_is_obj(outputs), "data.outputs is an object");
    yyjson_obj_foreach(outputs, i, max, key, value)
    {
        if (i > 100) /* enough, and the search for each would take long */
            break;
        FUZZ_REQUIRE(yyjson_obj_getn(outputs, yyjson_get_str(key), yyjson_get_len(key)) == value,
                     "outputs are merged by key");
        check_output(run, key, value);
    }
}

static void check_success(const struct fold *fold, const struct dify_result *result,
                          yyjson_val *root, yyjson_val *data)
{
    yyjson_val *status = yyjson_obj_get(data, "status");
    bool is_success = yyjson_is_true(yyjson_obj_get(root, "success"));
    FUZZ_REQUIRE(result->has_ended && is_success == result->success, "success");
    FUZZ_REQUIRE(result->success == (result->exit_status == 0 && result->http_status == 200),
                 "success, exit and HTTP status agree");
    if (is_success) {
        FUZZ_REQUIRE(fold->err == DIFY_OK, "never a success past a ceiling");
        FUZZ_REQUIRE(
            yyjson_equals_str(status, "succeeded") ||
                (fold->options.accept_partial && yyjson_equals_str(status, "partial-succeeded")),
            "success only if the status is succeeded");
        FUZZ_REQUIRE(yyjson_obj_get(root, "error") == NULL, "a success has no error");
    } else {
        FUZZ_REQUIRE(yyjson_get_len(yyjson_obj_get(root, "error")) != 0 &&
                         yyjson_get_len(yyjson_obj_get(root, "code")) != 0 &&
                         yyjson_get_len(yyjson_obj_get(root, "message")) != 0,
                     "a failure has error, code and message");
    }
}

static void check_order(yyjson_val *object, const char *const *keys)
{
    yyjson_obj_iter iter;
    FUZZ_REQUIRE(yyjson_obj_iter_init(object, &iter), "an object");
    for (; *keys != NULL; keys++)
        FUZZ_REQUIRE(yyjson_equals_str(yyjson_obj_iter_next(&iter), *keys),
                     "result.md: the fixed members in their order");
}

static void check_result(const struct fold *fold, const struct dify_run *run)
{
    static const char *const top[] = {"success", "data", NULL};
    static const char *const failed[] = {"success", "error", "code", "message", "data", NULL};
    static const char *const fixed[] = {"workflow_run_id", "task_id",     "status",
                                        "outputs",         "metadata",    "created_at",
                                        "finished_at",     "event_count", NULL};
    size_t lone;
    struct dify_result result;
    dify_run_result(run, &result);
    yyjson_doc *doc = read_json(fold->compact.ptr, fold->compact.len, 0, &lone);
    FUZZ_REQUIRE(doc != NULL, "the result is strict JSON");
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *data = yyjson_obj_get(root, "data");
    yyjson_val *metadata = yyjson_obj_get(data, "metadata");
    check_styles(fold);
    check_order(root, result.success ? top : failed);
    check_order(data, fixed);
    check_success(fold, &result, root, data);

    char events[24];
    snprintf(events, sizeof events, "%zu", fold->observed.events);
    FUZZ_REQUIRE(says_number(yyjson_obj_get(data, "event_count"), events),
                 "event_count is what the observer heard");
    FUZZ_REQUIRE(result.warning_count == fold->observed.warnings, "and so are the warnings");
    FUZZ_REQUIRE(says_number(yyjson_obj_get(metadata, "total_price"), result.total_price) &&
                     says_number(yyjson_obj_get(metadata, "elapsed_time"), result.elapsed_time),
                 "the sums as values and as JSON");
    FUZZ_REQUIRE(result.resumed == (fold->resume ? 1 : 0), "data.resumed");
    if (lone == 0) {
        FUZZ_REQUIRE(says(yyjson_obj_get(data, "workflow_run_id"), result.workflow_run_id) &&
                         says(yyjson_obj_get(data, "task_id"), result.task_id) &&
                         says(yyjson_obj_get(data, "status"), result.status),
                     "texts as values and as JSON");
        check_outputs(run, yyjson_obj_get(data, "outputs"));
    }
    yyjson_doc_free(doc);
}

/* ---- the target ------------------------------------------------------------------------------ */

static void require_same(const struct fold *fold, const struct fold *other)
{
    FUZZ_REQUIRE(fold->err == other->err, "the same error in any cut");
    FUZZ_REQUIRE(fuzz_text_same(&fold->compact, &other->compact), "the same result in any cut");
    FUZZ_REQUIRE(fuzz_text_same(&fold->observed.log, &other->observed.log),
                 "the same observations in any cut");
}

/* Folds `base` whole, and in the cuts from `first` to `last`. */
static void check_cuts(struct fold *base, enum fuzz_cut first, enum fuzz_cut last,
                       struct fuzz_draw draw)
{
    run_fold(base, FUZZ_WHOLE, draw);
    for (enum fuzz_cut cut = first; cut <= last; cut++) {
        struct fold fold = *base;
        fold.options.decoder = NULL; /* its own one, which knows no other stream */
        fold.ask_often = cut == FUZZ_LARGE;
        run_fold(&fold, cut, draw);
        require_same(base, &fold);
        fold_fini(&fold);
    }
}

/* A failed allocation is reported, or harmless: the result is then what it is with memory. */
static void check_memory(const struct fold *base, struct fuzz_draw draw)
{
    struct fold fold = *base;
    fold.fail_at = 1 + fuzz_draw_below(&draw, base->account.asked);
    fold.fail_on = fuzz_draw_below(&draw, 2) == 0;
    fold.options.decoder = NULL;
    run_fold(&fold, FUZZ_WHOLE, draw);
    if (fold.err == DIFY_ERR_NOMEM)
        FUZZ_REQUIRE(fold.account.failed != 0 &&
                         (fold.compact.len == 0 ||
                          strncmp(fold.compact.ptr, "{\"success\":false,", 17) == 0),
                     "without memory there is no success");
    else
        require_same(base, &fold);
    fold_fini(&fold);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct dify_decoder *decoder; /* shared by all inputs, as a gateway would */
    struct fuzz_draw draw = fuzz_draw_init(bytes, len);
    if (decoder == NULL)
        FUZZ_REQUIRE(dify_decoder_new(NULL, &decoder) == DIFY_OK, "a decoder can be made");
    struct fold fold = {.bytes = bytes, .len = len};
    fold.options.decoder = decoder;
    fold.options.accept_partial = fuzz_draw_below(&draw, 2) == 0;
    check_cuts(&fold, FUZZ_BYTES, FUZZ_LARGE, draw);
    FUZZ_REQUIRE(fold.err == DIFY_OK, "no stream is an error");
    check_memory(&fold, draw);
    fold_fini(&fold);

    enum fuzz_cut one = FUZZ_BYTES + (enum fuzz_cut)fuzz_draw_below(&draw, 3);
    struct fold low = {.bytes = bytes, .len = len, .options = fold.options};
    low.resume = fuzz_draw_below(&draw, 2) == 0;
    low.options.max_nodes = 1 + fuzz_draw_below(&draw, 4);
    low.options.max_kept_bytes = 1 + fuzz_draw_below(&draw, 4096);
    low.options.max_event_bytes = 64 + fuzz_draw_below(&draw, 4096);
    check_cuts(&low, one, one, draw);
    fold_fini(&low);

    struct fold resumed = {.bytes = bytes, .len = len, .options = fold.options, .resume = true};
    check_cuts(&resumed, one, one, draw);
    fold_fini(&resumed);
    return 0;
}
