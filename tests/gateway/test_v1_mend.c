/* SPDX-License-Identifier: Apache-2.0
 *
 * test_v1_mend.c: what callers are told of a run whose stream was cut. Over every recorded stream:
 * uncut all passes; cut at any event and taken up by a snapshot (made here as servers make it, or
 * recorded) the callers' events are those of the uncut stream, as far as they can be known.
 * With DIFY_TEST_TELL in the environment each cut is named.
 */
#include "mend_kit.h"

#include <dirent.h>

#define INVENTED "Workflow stream ended without a terminal event"

/* ---- events ---------------------------------------------------------------------------------- */

/* An event of a stream, and what of it tells it from others. */
struct event {
    char name[40], id[80], status[24], task[80];
    bool is_container;
    struct text json;
};

struct events {
    struct event *event;
    size_t count;
    bool is_chatflow;
    char task[80], run[80];
    struct text answer;
};

static void add_frame(struct text *stream, const char *json)
{
    text_add_chars(stream, "data: ");
    text_add_chars(stream, json);
    text_add_chars(stream, "\n\n");
}

static void copy(char *to, size_t size, yyjson_val *value)
{
    snprintf(to, size, "%s", yyjson_is_str(value) ? yyjson_get_str(value) : "");
}

static yyjson_doc *parse(struct dify_slice json)
{
    return yyjson_read(json.ptr, json.len, YYJSON_READ_ALLOW_INVALID_UNICODE);
}

static void read_event(struct event *event, struct dify_slice json)
{
    yyjson_doc *doc = parse(json);
    yyjson_val *root = yyjson_doc_get_root(doc), *data = yyjson_obj_get(root, "data");
    const char *type = yyjson_get_str(yyjson_obj_get(data, "node_type"));
    *event = (struct event){.is_container = type != NULL && (strcmp(type, "iteration") == 0 ||
                                                             strcmp(type, "loop") == 0)};
    copy(event->name, sizeof event->name, yyjson_obj_get(root, "event"));
    copy(event->id, sizeof event->id, yyjson_obj_get(data, "id"));
    copy(event->status, sizeof event->status, yyjson_obj_get(data, "status"));
    copy(event->task, sizeof event->task, yyjson_obj_get(root, "task_id"));
    text_add(&event->json, json.ptr, json.len);
    yyjson_doc_free(doc);
}

static bool is_named(const struct event *event, const char *name)
{
    return strcmp(event->name, name) == 0;
}

/* The answer of messages, as callers put it together. */
static void add_answer(struct text *answer, struct dify_slice json)
{
    yyjson_doc *doc = parse(json);
    yyjson_val *root = yyjson_doc_get_root(doc), *text = yyjson_obj_get(root, "answer");
    const char *name = yyjson_get_str(yyjson_obj_get(root, "event"));
    bool replaces = name != NULL && strcmp(name, "message_replace") == 0;
    if (replaces)
        answer->len = 0;
    if (replaces || (name != NULL && strcmp(name, "message") == 0))
        text_add(answer, yyjson_get_str(text), yyjson_get_len(text));
    yyjson_doc_free(doc);
}

/* Takes the events of a stream apart. */
static struct events events_of(const struct text *stream)
{
    struct events events = {0};
    size_t capacity = 0;
    const char *at = stream->ptr, *end = at + stream->len;
    for (const char *line; at < end; at = line + 1) {
        line = memchr(at, '\n', (size_t)(end - at));
        if (line == NULL)
            break;
        if (strncmp(at, "data: {", 7) != 0)
            continue;
        if (events.count == capacity) {
            capacity = capacity * 2 + 64;
            events.event = realloc(events.event, capacity * sizeof *events.event);
            assert_non_null(events.event);
        }
        struct dify_slice json = {at + 6, (size_t)(line - at - 6)};
        struct event *event = &events.event[events.count++];
        read_event(event, json);
        add_answer(&events.answer, json);
        if (is_named(event, "workflow_started")) {
            snprintf(events.run, sizeof events.run, "%s", event->id);
            events.is_chatflow = strstr(event->json.ptr, "\"conversation_id\":") != NULL &&
                                 strstr(event->json.ptr, "\"message_id\":") != NULL;
        }
        if (events.task[0] == '\0')
            snprintf(events.task, sizeof events.task, "%s", event->task);
    }
    return events;
}

static void events_fini(struct events *events)
{
    for (size_t i = 0; i < events->count; i++)
        text_fini(&events->event[i].json);
    free(events->event);
    text_fini(&events->answer);
}

/* Whether it can be cut: a whole run of a release that takes runs up again. */
static bool can_resume(const char *folder, const struct events *events)
{
    if (strstr(folder, "v1.12") != NULL || strstr(folder, "v1.13") != NULL ||
        strstr(folder, "events") != NULL || events->count < 3 ||
        !is_named(&events->event[0], "workflow_started") ||
        strcmp(events->event[0].task, events->run) == 0)
        return false;
    const struct event *last = &events->event[events->count - 1];
    return is_named(last, "workflow_finished") && strstr(last->json.ptr, INVENTED) == NULL;
}

/* ---- a snapshot ------------------------------------------------------------------------------ */

/* An event as a snapshot has it: the run's id for the task's, nulls for what was known. */
static void add_emptied(struct text *out, const struct events *events, const struct event *event,
                        bool is_node)
{
    static const char *const emptied[] = {"inputs", "process_data", "outputs",
                                          "execution_metadata"};
    yyjson_doc *doc = parse(text_slice(&event->json));
    yyjson_mut_doc *copied = yyjson_doc_mut_copy(doc, NULL);
    yyjson_mut_val *root = yyjson_mut_doc_get_root(copied);
    yyjson_mut_val *data = yyjson_mut_obj_get(root, "data");
    yyjson_mut_obj_put(root, yyjson_mut_str(copied, "task_id"),
                       yyjson_mut_str(copied, events->run));
    for (size_t i = 0; is_node && i < COUNT_OF(emptied); i++)
        if (yyjson_mut_obj_get(data, emptied[i]) != NULL)
            yyjson_mut_obj_put(data, yyjson_mut_str(copied, emptied[i]), yyjson_mut_null(copied));
    char *json = yyjson_mut_write(copied, YYJSON_WRITE_ALLOW_INVALID_UNICODE, NULL);
    assert_non_null(json);
    add_frame(out, json);
    free(json);
    yyjson_mut_doc_free(copied);
    yyjson_doc_free(doc);
}

static void add_container(struct text *out, const struct events *events, const struct event *event,
                          size_t number)
{
    text_addf(out,
              "data: {\"event\":\"node_started\",\"task_id\":\"%s\",\"workflow_run_id\":\"%s\","
              "\"data\":{\"id\":\"container-%zu\",\"node_id\":\"%s\",\"node_type\":\"%s\"}}\n\n",
              events->run, events->run, number, event->id,
              strncmp(event->name, "loop", 4) == 0 ? "loop" : "iteration");
}

/* The answer of the first `count` events. */
static struct text answer_of(const struct events *events, size_t count)
{
    struct text answer = {NULL, 0, 0};
    text_add(&answer, "", 0);
    for (size_t i = 0; i < count; i++)
        add_answer(&answer, text_slice(&events->event[i].json));
    return answer;
}

static void add_stored_answer(struct text *out, const struct events *events, size_t count,
                              bool is_stored)
{
    struct text answer = answer_of(events, is_stored ? count : 0);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "event", "message_replace");
    yyjson_mut_obj_add_str(doc, root, "task_id", events->run);
    yyjson_mut_obj_add_strn(doc, root, "answer", answer.ptr, answer.len);
    yyjson_mut_obj_add_str(doc, root, "reason", "");
    char *json = yyjson_mut_write(doc, YYJSON_WRITE_ALLOW_INVALID_UNICODE, NULL);
    assert_non_null(json);
    add_frame(out, json);
    free(json);
    yyjson_mut_doc_free(doc);
    text_fini(&answer);
}

/* What a server shows of the first `count` events, by what order nodes started. */
static struct text snapshot_of(const struct events *events, size_t count, bool is_answer_stored)
{
    struct text out = {NULL, 0, 0};
    text_add_chars(&out, "event: ping\n\n");
    add_emptied(&out, events, &events->event[0], false);
    if (events->is_chatflow)
        add_stored_answer(&out, events, count, is_answer_stored);
    for (size_t i = 0; i < count; i++) {
        const struct event *event = &events->event[i];
        if (is_named(event, "iteration_started") || is_named(event, "loop_started"))
            add_container(&out, events, event, i);
        if (!is_named(event, "node_started"))
            continue;
        add_emptied(&out, events, event, true);
        for (size_t k = i + 1; k < count; k++)
            if (is_named(&events->event[k], "node_finished") &&
                strcmp(events->event[k].id, event->id) == 0)
                add_emptied(&out, events, &events->event[k], true);
    }
    return out;
}

/* ---- what must hold -------------------------------------------------------------------------- */

static bool is_told(const struct told_record *record)
{
    return record->kind == 'E' || record->kind == 'V';
}

static struct events events_told(const struct told *told)
{
    struct text stream = {NULL, 0, 0};
    text_add(&stream, "", 0);
    for (size_t i = 0; i < told->count; i++)
        if (is_told(&told->record[i]))
            add_frame(&stream, told->record[i].text.ptr);
    struct events events = events_of(&stream);
    text_fini(&stream);
    return events;
}

static size_t count_named(const struct events *events, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < events->count; i++)
        count += is_named(&events->event[i], name);
    return count;
}

/* No execution is told twice, one start, one end, one task. */
static void check_told(const struct events *got, const struct events *uncut, bool knows_task)
{
    assert_int_equal(count_named(got, "workflow_started"), 1);
    assert_int_equal(count_named(got, "workflow_finished"), 1);
    assert_int_equal(count_named(got, "message_end"), count_named(uncut, "message_end"));
    assert_string_equal(got->event[got->count - 1].name, "workflow_finished");
    for (size_t i = 0; i < got->count; i++) {
        const struct event *event = &got->event[i];
        if (event->task[0] != '\0')
            assert_string_equal(event->task, knows_task ? uncut->task : got->task);
        if (!is_named(event, "node_started") && !is_named(event, "node_finished"))
            continue;
        for (size_t k = 0; k < i; k++)
            assert_false(strcmp(got->event[k].name, event->name) == 0 &&
                         strcmp(got->event[k].id, event->id) == 0);
    }
}

/* The same to the byte, but for the value of task_id. */
static bool is_same_but_task(const struct event *have, const struct event *want)
{
    const char *a, *b;
    if (strcmp(have->task, want->task) == 0)
        return strcmp(have->json.ptr, want->json.ptr) == 0;
    a = strstr(have->json.ptr, "\"task_id\":");
    b = strstr(want->json.ptr, "\"task_id\":");
    if (a == NULL || b == NULL || a - have->json.ptr != b - want->json.ptr ||
        memcmp(have->json.ptr, want->json.ptr, (size_t)(a - have->json.ptr)) != 0)
        return false;
    return strcmp(strpbrk(a, ",}"), strpbrk(b, ",}")) == 0;
}

/* Every event from `from` on was told, in its order, but for what repeats. */
static void check_live(const struct events *got, const struct events *uncut, size_t from)
{
    size_t at = got->count, left = uncut->count;
    while (left > from && at > 0) {
        const struct event *want = &uncut->event[left - 1], *have = &got->event[at - 1];
        if (is_same_but_task(have, want)) {
            left--;
        } else { /* only what mends the answer stands between */
            if (!is_named(have, "message") && !is_named(have, "message_replace"))
                print_error("got  %.300s\nwant %.300s\n", have->json.ptr, want->json.ptr);
            assert_true(is_named(have, "message") || is_named(have, "message_replace"));
        }
        at--;
    }
    assert_int_equal(left, from);
}

/* ---- cuts ------------------------------------------------------------------------------------ */

struct cut {
    size_t at, lost;       /* events before it; events that nobody hears */
    bool is_answer_stored; /* a snapshot has it */
    bool is_killed;        /* the mender is made anew of its records */
    bool is_plain;         /* no snapshot */
    bool loses_end;        /* and the detail says it */
};

static void recall(struct told *told, enum dify_kind kind)
{
    struct dify_decoder *decoder;
    assert_int_equal(dify_decoder_new(NULL, &decoder), DIFY_OK);
    gw_mend_free(told->mend);
    told->mend = gw_mend_new(NULL, kind);
    for (size_t i = 0; i < told->count; i++)
        gw_mend_recall(told->mend, decoder, told->record[i].kind,
                       text_slice(&told->record[i].text));
    dify_decoder_free(decoder);
}

static void feed_events(struct told *told, const struct events *events, size_t from, size_t to)
{
    struct text stream = {NULL, 0, 0};
    text_add(&stream, "", 0);
    for (size_t i = from; i < to; i++)
        add_frame(&stream, events->event[i].json.ptr);
    told_feed(told, text_slice(&stream));
    text_fini(&stream);
}

/* The detail of a run: the data of its end. */
static void tell_detail(struct told *told, const struct events *events)
{
    yyjson_doc *doc = parse(text_slice(&events->event[events->count - 1].json));
    char *json = yyjson_val_write(yyjson_obj_get(yyjson_doc_get_root(doc), "data"), 0, NULL);
    assert_non_null(json);
    assert_int_equal(dify__run_tell(told->run, DIFY__TOLD_BY_DETAIL, slice_of(json)), DIFY_OK);
    free(json);
    yyjson_doc_free(doc);
}

static struct told play_cut(const struct events *events, struct cut cut,
                            const struct dify_allocator *allocator)
{
    struct told told;
    enum dify_kind kind = events->is_chatflow ? DIFY_KIND_CHAT : DIFY_KIND_WORKFLOW;
    size_t from = cut.at + cut.lost, to = events->count - cut.loses_end;
    told_init(&told, kind, allocator);
    if (told.mend == NULL)
        return told;
    told_stream(&told, 0);
    feed_events(&told, events, 0, cut.at);
    if (cut.is_killed)
        recall(&told, kind);
    told_stream(&told, 1);
    if (!cut.is_plain) {
        struct text snapshot = snapshot_of(events, from, cut.is_answer_stored);
        told_feed(&told, text_slice(&snapshot));
        text_fini(&snapshot);
    }
    feed_events(&told, events, from < to ? from : to, to);
    if (cut.loses_end)
        tell_detail(&told, events);
    told_end(&told);
    return told;
}

/* Whether nobody heard that the answer was replaced: then it cannot be known. */
static bool loses_moderation(const struct events *events, struct cut cut)
{
    for (size_t i = cut.at; i < cut.at + cut.lost; i++)
        if (is_named(&events->event[i], "message_replace"))
            return true;
    return false;
}

static void check_cut(const struct events *events, struct cut cut)
{
    struct told told = play_cut(events, cut, NULL);
    struct events got = events_told(&told);
    if (getenv("DIFY_TEST_TELL") != NULL)
        print_message("%.90s: cut at %zu, %zu lost, %d%d%d%d\n", events->event[0].json.ptr, cut.at,
                      cut.lost, cut.is_answer_stored, cut.is_killed, cut.is_plain, cut.loses_end);
    assert_false(gw_mend_is_blind(told.mend));
    check_told(&got, events, cut.at > 0);
    if (!cut.loses_end)
        check_live(&got, events, cut.at + cut.lost > 0 ? cut.at + cut.lost : 1);
    if (cut.lost == 0 && cut.at > 0 && !cut.loses_end)
        assert_int_equal(got.count, events->count);
    if (events->is_chatflow && count_named(events, "message_end") != 0 &&
        !loses_moderation(events, cut))
        assert_bytes(text_slice(&got.answer), text_slice(&events->answer));
    size_t before = told.count;
    assert_true(gw_mend_end(told.mend, told.run, told_put, &told));
    assert_int_equal(told.count, before);
    events_fini(&got);
    told_fini(&told);
}

/* Places of a stream where it is cut: with sanitizers each takes long. */
#ifdef __SANITIZE_ADDRESS__
#define CUTS 15
#else
#define CUTS 60
#endif

static void check_cuts(const struct events *events)
{
    size_t last = events->count - 1, step = 1 + events->count / CUTS;
    for (size_t at = 0; at < last; at += step) {
        for (size_t lost = 0; lost < 4 && at + lost < last; lost++) {
            struct cut cut = {.at = at, .lost = lost, .is_answer_stored = (at + lost) % 2 != 0};
            check_cut(events, cut);
            cut.is_killed = true;
            cut.loses_end = lost == 3;
            check_cut(events, cut);
        }
        if (at > 0)
            check_cut(events, (struct cut){.at = at, .is_plain = true});
        /* it ended unseen: its end alone is told again */
        check_cut(events, (struct cut){.at = at, .lost = last - at, .is_plain = true});
    }
}

/* ---- every recorded stream ------------------------------------------------------------------- */

struct walk {
    size_t streams, cut;
};

static void check_uncut(const char *folder, const struct text *stream, const struct events *events)
{
    struct told told;
    size_t told_count = 0;
    bool has_invented = strstr(stream->ptr, INVENTED) != NULL;
    told_init(&told, kind_of(folder), NULL);
    told_stream(&told, 0);
    told_feed(&told, text_slice(stream));
    for (size_t i = 1; i < told.count; i++) {
        if (has_invented && told.record[i].kind == 'R')
            continue;
        assert_int_equal(told.record[i].kind, 'E');
        if (i <= events->count && !has_invented)
            assert_bytes(text_slice(&told.record[i].text), text_slice(&events->event[i - 1].json));
        told_count++;
    }
    if (!has_invented)
        assert_int_equal(told_count, events->count);
    told_end(&told);
    struct events got = events_told(&told);
    size_t ends = count_named(&got, "workflow_finished") + count_named(&got, "error") +
                  count_named(&got, "message_end") + count_named(&got, "workflow_paused");
    assert_true(ends > 0);
    events_fini(&got);
    told_fini(&told);
}

static void check_stream(struct walk *walk, const char *folder)
{
    struct text path = {NULL, 0, 0}, stream = {NULL, 0, 0};
    text_addf(&path, "%s/response.body", folder);
    if (read_file(path.ptr, &stream) && stream.len != 0 && strstr(folder, "http-level") == NULL) {
        struct events events = events_of(&stream);
        check_uncut(folder + strlen(DIFY_RECORDINGS), &stream, &events);
        walk->streams++;
        if (can_resume(folder, &events)) {
            check_cuts(&events);
            walk->cut++;
        }
        events_fini(&events);
    }
    text_fini(&path);
    text_fini(&stream);
}

/* Folders are gone through as a list that grows at its end. */
static void test_every_recording(void **state)
{
    struct walk walk = {0, 0};
    size_t count = 1, capacity = 4096;
    char **folders = calloc(capacity, sizeof *folders);
    (void)state;
    assert_non_null(folders);
    folders[0] = strdup(DIFY_RECORDINGS);
    for (size_t i = 0; i < count; i++) {
        DIR *dir = opendir(folders[i]);
        const struct dirent *entry;
        check_stream(&walk, folders[i]);
        while (dir != NULL && (entry = readdir(dir)) != NULL) {
            struct text path = {NULL, 0, 0};
            if (entry->d_name[0] == '.' || strchr(entry->d_name, '.') == entry->d_name ||
                strstr(entry->d_name, ".json") != NULL || strstr(entry->d_name, ".tsv") != NULL)
                continue;
            text_addf(&path, "%s/%s", folders[i], entry->d_name);
            DIR *inner = count < capacity ? opendir(path.ptr) : NULL;
            if (inner != NULL) {
                closedir(inner);
                folders[count++] = strdup(path.ptr);
            }
            text_fini(&path);
        }
        if (dir != NULL)
            closedir(dir);
        free(folders[i]);
    }
    free(folders);
    print_message("%zu streams, %zu of them cut\n", walk.streams, walk.cut);
    assert_true(walk.streams > 400);
    assert_true(walk.cut > 100);
}

/* ---- recorded breaks ------------------------------------------------------------------------- */

struct broken {
    const char *name, *before, *after;
    const char *told; /* the events that callers get of the second stream, in short */
    const char *more; /* a third stream; NULL: none */
};

/* One letter an event: S and F of the workflow, s and f of nodes, c of containers, P and H of a
 * pause and its form, h of one that was filled, m, r and M of messages, t of text. */
static char letter_of(const struct event *event)
{
    static const char *const letters[] = {
        "Sworkflow_started",
        "Fworkflow_finished",
        "snode_started",
        "fnode_finished",
        "Pworkflow_paused",
        "Hhuman_input_required",
        "mmessage",
        "rmessage_replace",
        "Mmessage_end",
        "ttext_chunk",
        "hhuman_input_form_filled",
        "citeration_next",
        "eerror",
        "citeration_completed",
        "citeration_started",
    };
    for (size_t i = 0; i < COUNT_OF(letters); i++)
        if (strcmp(letters[i] + 1, event->name) == 0)
            return letters[i][0];
    return '?';
}

/* Repeated letters as one with their count. */
static struct text shorten(const struct events *events, size_t from)
{
    struct text text = {NULL, 0, 0};
    text_add(&text, "", 0);
    for (size_t i = from, run; i < events->count; i += run) {
        char letter = letter_of(&events->event[i]);
        for (run = 1; i + run < events->count && letter_of(&events->event[i + run]) == letter;)
            run++;
        text_add(&text, &letter, 1);
        if (run > 1)
            text_addf(&text, "%zu", run);
    }
    return text;
}

static void run_broken(void **state)
{
    const struct broken *broken = *state;
    const char *const streams[] = {broken->before, broken->after, broken->more};
    struct told told;
    size_t first = 0;
    told_init(&told, kind_of(broken->before), NULL);
    for (unsigned i = 0; i < 3 && streams[i] != NULL; i++) {
        struct text stream = read_recording(streams[i]);
        if (i == 1) {
            struct events so_far = events_told(&told);
            first = so_far.count;
            events_fini(&so_far);
            recall(&told, kind_of(broken->before));
        }
        told_stream(&told, i);
        told_feed(&told, text_slice(&stream));
        text_fini(&stream);
    }
    told_end(&told);
    struct events got = events_told(&told);
    struct text in_short = shorten(&got, first);
    assert_string_equal(in_short.ptr, broken->told);
    for (size_t i = 0; i < got.count; i++)
        assert_string_equal(got.event[i].task, got.task);
    text_fini(&in_short);
    events_fini(&got);
    told_fini(&told);
}

static const struct broken breaks[] = {
    {"in a chatflow", "chat-slow/reconnect-streaming-cut", "chat-slow/reconnect-events-snapshot",
     "sfsfsfsfsfsmfsfMF", NULL},
    {"in a chatflow's text", "chat-llm/reconnect-streaming-cut",
     "chat-llm/reconnect-events-snapshot", "m82fsfMF", NULL},
    {"in an iteration", "disconnect/reconnect-snapshot-in-iteration/streaming-cut",
     "disconnect/reconnect-snapshot-in-iteration/events", "sfsfsfsfsfsfsfsfsfsfctsfF", NULL},
    {"in a model's text", "llm-in-iteration/reconnect-streaming-cut",
     "llm-in-iteration/reconnect-events-snapshot", "sfcsfct2st37fsfF", NULL},
    {"on redis streams", "redis-streams-transport/snapshot-streaming-cut",
     "redis-streams-transport/snapshot-events", "sfsfstfsfF", NULL},
    {"whose end is not known", "v1.16.1/chat-slow/reconnect-streaming-cut",
     "v1.16.1/chat-slow/reconnect-events-snapshot", "sfe", NULL},
    {"a pause, seen again", "human-input/approve/streaming",
     "human-input/approve/events-paused-snapshot", "", NULL},
    {"a pause, and on", "human-input/approve/streaming",
     "human-input/approve/events-resume-snapshot-continue", "Ssht4fstfsfF",
     "human-input/approve/events-after-finish"},
    {"a chatflow's pause, and on", "chat-human/streaming", "chat-human/events-continue",
     "Sshm2fsfMF", NULL},
};

static int test_breaks(void)
{
    return run_cases("v1 mend: recorded breaks", breaks, COUNT_OF(breaks), sizeof breaks[0],
                     run_broken);
}

/* ---- ends ------------------------------------------------------------------------------------ */

struct end {
    const char *name;
    enum dify_kind kind;
    const char *events[5]; /* that came */
    unsigned from;         /* the first of a second stream; 0: there is none */
    const char *detail;    /* what was learnt then; NULL: nothing, the stream is incomplete */
    const char *put[4];    /* the texts that end it */
};

#define RUN "'workflow_run_id':'r','task_id':'t'"
#define CHAT "'conversation_id':'c','message_id':'m','created_at':1,'task_id':'t'"

static const struct end ends[] = {
    {"a workflow's that is not known",
     DIFY_KIND_WORKFLOW,
     {"{'event':'workflow_started'," RUN "}"},
     0,
     NULL,
     {"{'event':'error'," RUN ",'code':'stream_incomplete','status':502,'message':'gone'}"}},
    {"a chat's that broke",
     DIFY_KIND_CHAT,
     {"{'event':'message'," CHAT ",'answer':'a'}"},
     0,
     NULL,
     {"{'event':'error'," CHAT ",'code':'stream_incomplete','status':502,'message':'gone'}"}},
    {"a workflow's, by the detail",
     DIFY_KIND_WORKFLOW,
     {"{'event':'workflow_started'," RUN ",'data':{'workflow_id':'w'}}"},
     0,
     "{'id':'r','status':'failed','outputs':null,'error':'no','elapsed_time':1.5,"
     "'total_tokens':3,'total_steps':2,'created_at':5,'finished_at':6}",
     {"{'event':'workflow_finished'," RUN ",'data':{'id':'r','workflow_id':'w','status':'failed',"
      "'outputs':{},'error':'no','elapsed_time':1.5,'total_tokens':3,'total_steps':2,"
      "'created_by':{},'created_at':5,'finished_at':6,'exceptions_count':1,'files':[]}}"}},
    {"a chatflow's, by the detail",
     DIFY_KIND_CHAT,
     {"{'event':'workflow_started'," CHAT ",'workflow_run_id':'r'}",
      "{'event': 'message', " CHAT ", 'answer': 'on\\u0065', 'x': [1, 2]}"},
     0,
     "{'id':'r','status':'succeeded','outputs':{'answer':'one two'}}",
     {"{'event': 'message', " CHAT ", 'answer': ' two', 'x': [1, 2]}",
      "{'event':'message_end'," CHAT ",'id':'m','metadata':{'annotation_reply':null,"
      "'retriever_resources':[],'usage':{'prompt_tokens':0,'prompt_unit_price':'0.0',"
      "'prompt_price_unit':'0.0','prompt_price':'0.0','completion_tokens':0,"
      "'completion_unit_price':'0.0','completion_price_unit':'0.0','completion_price':'0.0',"
      "'total_tokens':0,'total_price':'0.0','currency':'USD','latency':0.0}},'files':[]}",
      "{'event':'workflow_finished'," CHAT ",'workflow_run_id':'r','data':{'id':'r',"
      "'workflow_id':null,'status':'succeeded','outputs':{'answer':'one two'},'error':null,"
      "'elapsed_time':0,'total_tokens':0,'total_steps':0,'created_by':{},'created_at':null,"
      "'finished_at':null,'exceptions_count':0,'files':[]}}"}},
    {"a pause, by the detail",
     DIFY_KIND_WORKFLOW,
     {"{'event':'workflow_started'," RUN "}",
      "{'event':'human_input_required'," RUN ",'data':{'form_id':'f','node_id':'n'}}"},
     0,
     "{'id':'r','status':'paused','total_steps':2,'created_at':5}",
     {"{'event':'workflow_paused'," RUN ",'data':{'workflow_run_id':'r','paused_nodes':['n'],"
      "'outputs':{},'reasons':[{'TYPE':'human_input_required','form_id':'f','node_id':'n'}],"
      "'status':'paused','created_at':null,'elapsed_time':0,'total_tokens':0,'total_steps':2}}"}},
    {"a moderated chatflow's is its message's",
     DIFY_KIND_CHAT,
     {"{'event':'message'," CHAT ",'answer':'no'}", "{'event':'message_end'," CHAT "}"},
     0,
     NULL,
     {NULL}},
    {"a message_end that was held back",
     DIFY_KIND_CHAT,
     {"{'event':'workflow_started'," CHAT ",'workflow_run_id':'r'}",
      "{'event':'message_end','task_id':'r','id':'m'}"},
     1,
     NULL,
     {"{'event':'message_end','task_id':'t','id':'m'}"}},
    {"the task's real id comes late: the first stands",
     DIFY_KIND_WORKFLOW,
     {"{'event':'workflow_started','workflow_run_id':'r','task_id':'r'}",
      "{'event':'node_started'," RUN "}", "{'event':'workflow_finished','task_id':'r'}"},
     1,
     NULL,
     {"{'event':'node_started','workflow_run_id':'r','task_id':'r'}"}},
    {"a task's id is put in whatever the spacing",
     DIFY_KIND_WORKFLOW,
     {"{'event':'workflow_started'," RUN "}",
      "{ 'event' : 'workflow_finished' , 'task_id' : 'r' , 'data':{'status':'stopped'} }"},
     1,
     NULL,
     {"{ 'event' : 'workflow_finished' , 'task_id' : 't' , 'data':{'status':'stopped'} }"}},
};

static void run_end(void **state)
{
    const struct end *end = *state;
    struct told told;
    size_t put = 0;
    told_init(&told, end->kind, NULL);
    told_stream(&told, 0);
    for (unsigned i = 0; i < COUNT_OF(end->events) && end->events[i] != NULL; i++) {
        struct text stream = STREAM(end->events[i]);
        if (i != 0 && i == end->from)
            told_stream(&told, 1);
        told_feed(&told, text_slice(&stream));
        text_fini(&stream);
    }
    if (end->detail != NULL) {
        struct text detail = {NULL, 0, 0};
        text_add_json(&detail, end->detail);
        assert_int_equal(dify__run_tell(told.run, DIFY__TOLD_BY_DETAIL, text_slice(&detail)),
                         DIFY_OK);
        text_fini(&detail);
    } else {
        assert_int_equal(dify_run_fail(told.run, DIFY_OUTCOME_STREAM_INCOMPLETE,
                                       (struct dify_slice){NULL, 0}, DIFY_SLICE("gone"), 0),
                         DIFY_OK);
    }
    told_end(&told);
    for (size_t i = 0; i < told.count; i++) {
        struct text want = {NULL, 0, 0};
        if (told.record[i].kind != 'V')
            continue;
        assert_true(put < COUNT_OF(end->put) && end->put[put] != NULL);
        text_add_json(&want, end->put[put++]);
        assert_string_equal(told.record[i].text.ptr, want.ptr);
        text_fini(&want);
    }
    assert_true(put == COUNT_OF(end->put) || end->put[put] == NULL);
    size_t before = told.count;
    assert_true(gw_mend_end(told.mend, told.run, told_put, &told));
    assert_int_equal(told.count, before);
    told_fini(&told);
}

/* ---- without memory -------------------------------------------------------------------------- */

/* Whatever allocation fails, nothing that was heard is kept from the callers. */
static void test_failing_memory(void **state)
{
    struct text stream = read_recording("chat-slow/full-streaming");
    struct events events = events_of(&stream);
    struct cut cut = {.at = 6, .lost = 4, .is_answer_stored = true};
    (void)state;
    for (uint64_t fail_at = 1, ended = 0; !ended; fail_at++) {
        struct meter meter;
        meter_init(&meter);
        meter.fail_at = fail_at;
        meter.fails_on = fail_at % 2 != 0;
        struct told told = play_cut(&events, cut, &meter.allocator);
        ended = meter.failures == 0;
        if (told.mend != NULL) {
            struct events got = events_told(&told);
            assert_true(ended || gw_mend_is_blind(told.mend));
            assert_int_equal(count_named(&got, "workflow_finished"), 1);
            assert_int_equal(count_named(&got, "message_end"), 1);
            for (size_t i = cut.at + cut.lost; i < events.count; i++) {
                size_t k = 0;
                while (k < got.count &&
                       strcmp(got.event[k].json.ptr, events.event[i].json.ptr) != 0)
                    k++;
                assert_true(k < got.count);
            }
            events_fini(&got);
        }
        told_fini(&told);
        assert_meter_empty(&meter);
    }
    events_fini(&events);
    text_fini(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_recording),
        cmocka_unit_test(test_failing_memory),
    };
    int failed = cmocka_run_group_tests_name("v1 mend", tests, NULL, NULL);
    failed += run_cases("v1 mend: ends", ends, COUNT_OF(ends), sizeof ends[0], run_end);
    return failed + test_breaks();
}
