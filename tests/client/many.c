/* SPDX-License-Identifier: Apache-2.0
 *
 * many.c: a program that follows many runs at once, for the tests over real sockets.
 *
 * usage: many --base-url URL --api-key KEY [options] <ORDERS >RESULTS
 *
 * ORDERS has one JSON object a line: `inputs`, `user`, `kind` (workflow, chat, completion),
 * `query`, `conversation_id`, `workflow_id`, `files` ([{"name", "path" or "descriptor", "as",
 * "type"}]), `workflow_run_id`, `task_id`, `sent_at`, `no_check`, `blocking`, `stop_after`
 * (events), `continue` (how often a paused run is gone on with at once). RESULTS has one JSON
 * object for each run as it ends: {"line", "user", "result", "changes"}, where `changes` is [[from,
 * to, reason, text]]; and last {"counts": {reason: n}, "peak_kb": n}.
 *
 *   --window N        so many at once (64)
 *   --speed N         the client's clock, as the simulator's
 *   --seed N          the client's random numbers
 *   --host uv         on libuv instead of the host that is built in
 *   --refuse N        this host refuses one in N watches of a socket, by the seed
 *   --keep FOLDER     the bytes of each stream, as FOLDER/LINE-NUMBER.sse
 *   --connect-timeout, --silence-timeout, --run-timeout MS
 */
#include "difystream/follow.h"

#include "core/json_text.h"
#include "core/memory.h"
#include "core/slices.h"
#include "uv_host.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <yyjson.h>

#define MOST_FILES 8
#define MOST_PATH 4096

struct many {
    struct dify_client *client;
    struct dify_app *app;
    struct uv_host *uv;
    const char *keep;
    unsigned long window, running, lines;
    bool is_fed; /* no further order will come */
};

struct one {
    struct many *many;
    struct dify_follow *follow;
    unsigned long line;
    uint64_t stop_after, events, continues;
    struct dify__buffer changes;
    struct dify_run_observer run_observer;
    struct dify_attachment files[MOST_FILES];
    yyjson_doc *order; /* the files' names lie in it */
    FILE *stream;
};

static void die(const char *what)
{
    fprintf(stderr, "many: %s\n", what);
    exit(2);
}

static enum dify_err append(void *ctx, const char *bytes, size_t len)
{
    return dify__buffer_append(ctx, bytes, len);
}

/* ---- what is heard of a run ---------------------------------------------------------------- */

static void on_event(void *ctx, const struct dify_event *event, uint64_t offset)
{
    struct one *one = ctx;
    (void)event;
    (void)offset;
    if (one->stop_after != 0 && ++one->events == one->stop_after)
        dify_follow_stop(one->follow);
}

static void on_changed(void *ctx, struct dify_follow *follow,
                       const struct dify_follow_change *change)
{
    struct one *one = ctx;
    struct dify__writer writer;
    (void)follow;
    if (one->changes.len > 0 && dify__buffer_append(&one->changes, ",", 1) != DIFY_OK)
        die("out of memory");
    dify__writer_init(&writer, DIFY_JSON_COMPACT, append, &one->changes);
    dify__write_open(&writer, '[');
    dify__write_element(&writer);
    dify__write_string(&writer, dify__slice(dify_follow_state_name(change->from)));
    dify__write_element(&writer);
    dify__write_string(&writer, dify__slice(dify_follow_state_name(change->to)));
    dify__write_element(&writer);
    dify__write_string(&writer, dify__slice(dify_reason_name(change->reason)));
    dify__write_element(&writer);
    dify__write_string(&writer, dify__slice(change->text != NULL ? change->text : ""));
    dify__write_close(&writer, ']');
    if (dify__writer_finish(&writer) != DIFY_OK)
        die("out of memory");
}

static void on_stream(void *ctx, struct dify_follow *follow, unsigned number,
                      struct dify_slice head)
{
    struct one *one = ctx;
    char path[MOST_PATH];
    (void)follow;
    (void)head;
    if (one->many->keep == NULL)
        return;
    snprintf(path, sizeof path, "%s/%lu-%u.sse", one->many->keep, one->line, number);
    one->stream = fopen(path, "wb");
    if (one->stream == NULL)
        die("a stream cannot be kept");
}

static void on_bytes(void *ctx, struct dify_follow *follow, struct dify_slice bytes)
{
    struct one *one = ctx;
    (void)follow;
    if (one->stream != NULL && fwrite(bytes.ptr, 1, bytes.len, one->stream) != bytes.len)
        die("a stream cannot be kept");
}

static void on_stream_end(void *ctx, struct dify_follow *follow, enum dify_reason reason)
{
    struct one *one = ctx;
    (void)follow;
    (void)reason;
    if (one->stream != NULL)
        fclose(one->stream);
    one->stream = NULL;
}

/* ---- results ------------------------------------------------------------------------------- */

static enum dify_err put(void *ctx, const char *bytes, size_t len)
{
    return fwrite(bytes, 1, len, ctx) == len ? DIFY_OK : DIFY_ERR_STATE;
}

static void report(const struct one *one)
{
    struct dify__writer writer;
    struct dify_slice changes = dify__buffer_slice(&one->changes);
    dify__writer_init(&writer, DIFY_JSON_COMPACT, put, stdout);
    dify__write_open(&writer, '{');
    dify__write_key(&writer, "line");
    dify__write_uint(&writer, one->line);
    dify__write_key(&writer, "user");
    dify__write_string(&writer, dify__slice(dify_follow_user(one->follow)));
    enum dify_err err = dify__writer_finish(&writer);
    printf(",\"result\":");
    if (err == DIFY_OK)
        err = dify_run_write_result(dify_follow_run(one->follow), DIFY_JSON_COMPACT, put, stdout);
    printf(",\"changes\":[%.*s]}\n", (int)changes.len, changes.ptr);
    if (err != DIFY_OK || ferror(stdout) != 0)
        die("a result cannot be written");
}

static void sum_up(const struct many *many)
{
    struct rusage usage;
    const char *comma = "";
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"counts\":{");
    for (unsigned reason = 0; reason < DIFY_REASONS; reason++) {
        uint64_t count = dify_client_count(many->client, (enum dify_reason)reason);
        if (count == 0)
            continue;
        printf("%s\"%s\":%llu", comma, dify_reason_name((enum dify_reason)reason),
               (unsigned long long)count);
        comma = ",";
    }
    printf("},\"peak_kb\":%ld}\n", usage.ru_maxrss);
}

static void feed(struct many *many);

static void on_ended(void *ctx, struct dify_follow *follow)
{
    struct one *one = ctx;
    struct many *many = one->many;
    if (one->continues > 0 && dify_follow_continue(follow) == DIFY_OK) {
        one->continues--;
        return;
    }
    if (one->stream != NULL)
        fclose(one->stream);
    report(one);
    dify_follow_free(follow);
    dify__buffer_fini(&one->changes);
    yyjson_doc_free(one->order);
    free(one);
    many->running--;
    feed(many);
    if (many->running == 0 && many->uv != NULL)
        uv_host_stop(many->uv);
}

/* ---- orders -------------------------------------------------------------------------------- */

static const char *text_of(yyjson_val *object, const char *key)
{
    return yyjson_get_str(yyjson_obj_get(object, key));
}

static uint64_t number_of(yyjson_val *object, const char *key)
{
    return yyjson_get_uint(yyjson_obj_get(object, key));
}

static enum dify_kind kind_of(const char *name)
{
    if (name == NULL)
        return DIFY_KIND_AUTO;
    if (strcmp(name, "chat") == 0)
        return DIFY_KIND_CHAT;
    return strcmp(name, "completion") == 0 ? DIFY_KIND_COMPLETION : DIFY_KIND_WORKFLOW;
}

static size_t read_files(struct one *one, yyjson_val *files)
{
    size_t i, count;
    yyjson_val *file;
    yyjson_arr_foreach(files, i, count, file)
    {
        if (i == MOST_FILES)
            die("too many files");
        struct dify_attachment *attachment = &one->files[i];
        yyjson_val *descriptor = yyjson_obj_get(file, "descriptor");
        *attachment =
            (struct dify_attachment){.name = text_of(file, "name"), .file = DIFY_FILE_INIT};
        attachment->file.path = text_of(file, "path");
        attachment->file.name = text_of(file, "as");
        attachment->file.type = text_of(file, "type");
        if (descriptor != NULL)
            attachment->file.descriptor = yyjson_get_int(descriptor);
    }
    return yyjson_arr_size(files);
}

static enum dify_err order(struct one *one)
{
    yyjson_val *root = yyjson_doc_get_root(one->order);
    const char *query = text_of(root, "query");
    size_t len = 0;
    char *inputs = yyjson_val_write(yyjson_obj_get(root, "inputs"), 0, &len);
    struct dify_order order = {.size = sizeof order,
                               .kind = kind_of(text_of(root, "kind")),
                               .workflow_id = text_of(root, "workflow_id"),
                               .inputs = {inputs, len},
                               .attachments = one->files,
                               .attachment_count = read_files(one, yyjson_obj_get(root, "files")),
                               .user = text_of(root, "user"),
                               .conversation_id = text_of(root, "conversation_id"),
                               .no_check = yyjson_get_bool(yyjson_obj_get(root, "no_check")),
                               .blocking = yyjson_get_bool(yyjson_obj_get(root, "blocking")),
                               .workflow_run_id = text_of(root, "workflow_run_id"),
                               .sent_at_s = (int64_t)number_of(root, "sent_at"),
                               .task_id = text_of(root, "task_id")};
    struct dify_follow_observer observer = {.ctx = one,
                                            .run = &one->run_observer,
                                            .changed = on_changed,
                                            .stream = on_stream,
                                            .bytes = on_bytes,
                                            .stream_end = on_stream_end,
                                            .ended = on_ended};
    if (query != NULL)
        order.query = dify__slice(query);
    one->stop_after = number_of(root, "stop_after");
    one->continues = number_of(root, "continue");
    enum dify_err err = dify_follow_new(one->many->app, &order, &observer, &one->follow);
    free(inputs);
    return err;
}

static void start(struct many *many, const char *line, size_t len)
{
    struct one *one = calloc(1, sizeof *one);
    if (one == NULL)
        die("out of memory");
    one->many = many;
    one->line = many->lines++;
    one->changes = (struct dify__buffer){.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2};
    one->run_observer = (struct dify_run_observer){.ctx = one, .event = on_event};
    one->order = yyjson_read(line, len, 0);
    if (one->order == NULL)
        die("an order is no JSON");
    if (order(one) != DIFY_OK)
        die("an order was refused");
    many->running++;
    dify_follow_start(one->follow);
}

/* Starts runs until as many are under way as there may be. */
static void feed(struct many *many)
{
    char *line = NULL;
    size_t capacity = 0;
    while (!many->is_fed && many->running < many->window) {
        ssize_t len = getline(&line, &capacity, stdin);
        if (len <= 0)
            many->is_fed = true;
        else
            start(many, line, (size_t)len);
    }
    free(line);
}

/* ---- the program --------------------------------------------------------------------------- */

struct given {
    struct dify_client_options client;
    struct dify_app_options app;
    unsigned long window;
    const char *keep;
    bool on_uv;
    unsigned refuses;
};

static void parse(int argc, char **argv, struct given *given)
{
    static const struct option options[] = {
        {"base-url", required_argument, NULL, 'u'},
        {"api-key", required_argument, NULL, 'k'},
        {"window", required_argument, NULL, 'w'},
        {"speed", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'r'},
        {"host", required_argument, NULL, 'h'},
        {"refuse", required_argument, NULL, 'n'},
        {"keep", required_argument, NULL, 'f'},
        {"connect-timeout", required_argument, NULL, 'c'},
        {"silence-timeout", required_argument, NULL, 'q'},
        {"run-timeout", required_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'u':
            given->app.base_url = optarg;
            break;
        case 'k':
            given->app.api_key = optarg;
            break;
        case 'w':
            given->window = strtoul(optarg, NULL, 10);
            break;
        case 's':
            given->client.speed = strtod(optarg, NULL);
            break;
        case 'r':
            given->client.seed = strtoull(optarg, NULL, 10);
            break;
        case 'h':
            given->on_uv = strcmp(optarg, "uv") == 0;
            break;
        case 'n':
            given->refuses = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'f':
            given->keep = optarg;
            break;
        case 'c':
            given->app.connect_timeout_ms = strtoull(optarg, NULL, 10);
            break;
        case 'q':
            given->app.silence_timeout_ms = strtoull(optarg, NULL, 10);
            break;
        case 't':
            given->app.run_timeout_ms = strtoull(optarg, NULL, 10);
            break;
        default:
            die("an unknown option");
        }
    }
    if (given->app.base_url == NULL || given->app.api_key == NULL || given->window == 0)
        die("--base-url and --api-key are needed, and a window");
}

int main(int argc, char **argv)
{
    struct given given = {.client = {.size = sizeof given.client},
                          .app = {.size = sizeof given.app, .proxy = ""},
                          .window = 64};
    struct dify_error error;
    parse(argc, argv, &given);
    struct many many = {.window = given.window, .keep = given.keep};
    if (given.on_uv) {
        many.uv = uv_host_new();
        if (many.uv == NULL)
            die("no loop");
        given.client.host = uv_host_of(many.uv);
        uv_host_refuse(many.uv, given.refuses, given.client.seed);
    }
    if (dify_client_new(&given.client, &many.client) != DIFY_OK)
        die("no client");
    if (dify_app_new(many.client, &given.app, &many.app, &error) != DIFY_OK)
        die(error.message);
    feed(&many);
    if (many.uv == NULL)
        dify_client_wait_all(many.client);
    else if (many.running > 0)
        uv_host_run(many.uv, many.client);
    if (many.running != 0)
        die("runs have not ended");
    sum_up(&many);
    dify_app_free(many.app);
    dify_client_free(many.client);
    uv_host_free(many.uv);
    return fflush(stdout) == 0 ? 0 : 2;
}
