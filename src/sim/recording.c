/* SPDX-License-Identifier: Apache-2.0
 *
 * recording.c: reading a recorded answer. Two passes over its frames: the first learns the run's
 * ids, the second cuts.
 */
#include "sim/recording.h"

#include "core/hex.h"
#include "core/json.h"
#include "core/slices.h"
#include "core/style.h"

#include <string.h>

/* A relayed stream begins with a ping at once; a worker's first one comes after ten seconds. */
#define FIRST_PING_MS 5000

struct frame {
    struct dify_slice json; /* absent: a ping */
    struct dify_slice inputs;
    uint32_t at_ms;
    bool is_resumption;
};

/* What became of the connection. */
enum how { HOW_WHOLE, HOW_LEFT, HOW_CUT };

struct reader {
    const struct sim_loader *loader;
    const char *folder;
    size_t line; /* of the scenario */
    struct dify__buffer body, chunks, request;
    const char *chunks_path, *body_path, *request_path;
    struct frame *frames;
    size_t count, capacity;
    enum how how;
    struct dify__json json;
    struct sim_cutter *cutter;
    struct sim_app *app;
    struct sim_recorded *recorded;
    struct dify_slice path; /* of the request */
    bool has_run, has_conversation, has_thought, has_agent_text, has_message;
    bool run_ended, message_ended;
};

/* ---- files --------------------------------------------------------------------------------- */

static enum dify_err read_one(const struct reader *reader, const char *name, const char **path,
                              struct dify__buffer *out)
{
    struct dify_slice joined;
    enum dify_err err = sim_loader_join(reader->loader, reader->folder, name, &joined);
    if (err != DIFY_OK)
        return err;
    *path = joined.ptr;
    return sim_loader_read(reader->loader, joined.ptr, reader->line, out);
}

static enum dify_err read_files(struct reader *reader)
{
    enum dify_err err = read_one(reader, "response.body", &reader->body_path, &reader->body);
    if (err == DIFY_OK)
        err = read_one(reader, "chunks.tsv", &reader->chunks_path, &reader->chunks);
    if (err == DIFY_OK)
        err = read_one(reader, "request.json", &reader->request_path, &reader->request);
    return err;
}

/* ---- the request --------------------------------------------------------------------------- */

/* A text as it stands inside a string of raw JSON, in the arena. */
static enum dify_err escape(const struct reader *reader, struct dify_slice text,
                            struct dify_slice *out)
{
    struct dify__buffer buffer = {.allocator = reader->loader->allocator, .max = SIM_FILE_BYTES};
    enum dify_err err = dify__style_string(text, DIFY__STYLE_RAW, &buffer);
    if (err == DIFY_OK)
        err = sim_arena_copy(reader->loader->arena,
                             (struct dify_slice){buffer.ptr + 1, buffer.len - 2}, out);
    dify__buffer_fini(&buffer);
    return err;
}

/* The value of `user` in a target's query, decoded in the arena; absent: none. */
static enum dify_err user_of_path(const struct reader *reader, struct dify_slice path,
                                  struct dify_slice *out)
{
    char *text = sim_arena_array(reader->loader->arena, path.len + 1, 1);
    size_t at = 0, len = 0;
    if (text == NULL)
        return DIFY_ERR_NOMEM;
    while (at < path.len && !((path.ptr[at] == '?' || path.ptr[at] == '&') && path.len - at > 6 &&
                              memcmp(path.ptr + at + 1, "user=", 5) == 0))
        at++;
    if (at == path.len)
        return DIFY_OK;
    for (at += 6; at < path.len && path.ptr[at] != '&'; at++) {
        char c = path.ptr[at];
        if (c == '%' && path.len - at > 2 && dify__hex_digit(path.ptr[at + 1]) < 16 &&
            dify__hex_digit(path.ptr[at + 2]) < 16) {
            c = (char)(dify__hex_digit(path.ptr[at + 1]) << 4 | dify__hex_digit(path.ptr[at + 2]));
            at += 2;
        }
        text[len++] = c == '+' ? ' ' : c;
    }
    *out = (struct dify_slice){text, len};
    return DIFY_OK;
}

/* `inputs` of the request, made compact, in the arena. */
static enum dify_err take_inputs(struct reader *reader, struct dify_slice text)
{
    struct dify__buffer buffer = {.allocator = reader->loader->allocator, .max = SIM_FILE_BYTES};
    enum dify_err err = dify__style_text(text, DIFY__STYLE_RAW, &buffer);
    if (err == DIFY_OK)
        err = sim_arena_copy(reader->loader->arena, dify__buffer_slice(&buffer),
                             &reader->recorded->inputs);
    dify__buffer_fini(&buffer);
    return err == DIFY_ERR_JSON || err == DIFY_ERR_DEPTH ? DIFY_OK : err;
}

/* The uploads that the request names, in order. */
static enum dify_err know_files(struct reader *reader, struct dify_slice text)
{
    static const char key[] = "\"upload_file_id\"";
    const size_t len = sizeof key - 1;
    enum dify_err err = DIFY_OK;
    for (size_t at = 0; at + len < text.len && err == DIFY_OK; at++) {
        if (text.ptr[at] != '"' || memcmp(text.ptr + at, key, len) != 0)
            continue;
        at += len;
        while (at < text.len && text.ptr[at] != '"')
            at++;
        if (at + 37 <= text.len)
            err = sim_cutter_know(reader->cutter, (struct dify_slice){text.ptr + at + 1, 36},
                                  SIM_HOLE_FILE);
    }
    return err;
}

static enum dify_err read_request_body(struct reader *reader, yyjson_val *body,
                                       struct dify_slice text, struct dify_slice *user)
{
    struct dify__members members;
    enum dify_err err = DIFY_OK;
    dify__members_of(&members, &reader->json, body, text);
    while (err == DIFY_OK && dify__members_next(&members)) {
        if (dify__slice_is(members.key, "inputs") && yyjson_is_obj(members.value))
            err = take_inputs(reader, dify__members_text(&members));
        else if (dify__slice_is(members.key, "query") && yyjson_is_str(members.value))
            err = sim_arena_copy(reader->loader->arena, dify__members_string(&members),
                                 &reader->recorded->query);
        else if (dify__slice_is(members.key, "user") && yyjson_is_str(members.value))
            *user = dify__members_string(&members);
    }
    return err == DIFY_OK ? know_files(reader, text) : err;
}

static enum dify_err read_request(struct reader *reader)
{
    struct dify_slice user = {NULL, 0};
    enum dify_err err = dify__json_read(&reader->json, dify__buffer_slice(&reader->request));
    if (err == DIFY_ERR_NOMEM)
        return err;
    if (err != DIFY_OK)
        return sim_fail(reader->loader, reader->request_path, 0, "byte %llu: %s",
                        (unsigned long long)reader->json.error.offset, reader->json.error.message);
    struct dify__members members;
    dify__members_of_root(&members, &reader->json);
    while (err == DIFY_OK && dify__members_next(&members)) {
        if (dify__slice_is(members.key, "path"))
            err = sim_arena_copy(reader->loader->arena, dify__members_string(&members),
                                 &reader->path);
        else if (dify__slice_is(members.key, "body"))
            err = read_request_body(reader, members.value, dify__members_text(&members), &user);
    }
    if (err == DIFY_OK && user.ptr == NULL)
        err = user_of_path(reader, reader->path, &user);
    if (err == DIFY_OK && user.len != 0 && reader->cutter->user.ptr == NULL)
        err = escape(reader, user, &reader->cutter->user);
    return err;
}

/* ---- chunks and frames --------------------------------------------------------------------- */

/* Reads chunks.tsv line by line beside the body. */
struct chunks {
    const char *at, *end;
    size_t line;
    size_t body_end; /* where the chunk at hand ends in the body */
    uint32_t at_ms;
};

static struct dify_slice next_line(struct chunks *chunks)
{
    const char *start = chunks->at;
    const char *newline = memchr(start, '\n', (size_t)(chunks->end - start));
    const char *end = newline != NULL ? newline : chunks->end;
    chunks->at = newline != NULL ? newline + 1 : chunks->end;
    chunks->line++;
    if (end > start && end[-1] == '\r')
        end--;
    return (struct dify_slice){start, (size_t)(end - start)};
}

/* A number, of whose decimals nothing is kept; 0 if none begins here. */
static size_t leading_number(struct dify_slice text, uint64_t max, uint64_t *out)
{
    size_t at = 0;
    uint64_t value = 0;
    for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++) {
        value = value * 10 + (uint64_t)(text.ptr[at] - '0');
        if (value > max)
            return 0;
    }
    if (at == 0)
        return 0;
    *out = value;
    if (at < text.len && text.ptr[at] == '.')
        for (at++; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9';)
            at++;
    return at;
}

static enum dify_err bad_chunks(const struct reader *reader, size_t line, const char *what)
{
    return sim_fail(reader->loader, reader->chunks_path, line, "%s", what);
}

/* "MS<tab>BYTES" */
static enum dify_err take_chunk(const struct reader *reader, struct chunks *chunks,
                                struct dify_slice line)
{
    uint64_t ms, bytes;
    size_t used = leading_number(line, UINT32_MAX, &ms);
    if (used == 0 || used == line.len || line.ptr[used] != '\t')
        return bad_chunks(reader, chunks->line,
                          "a line is milliseconds, a tab, and a number of bytes");
    struct dify_slice rest = {line.ptr + used + 1, line.len - used - 1};
    used = leading_number(rest, SIM_FILE_BYTES, &bytes);
    if (used == 0 || used != rest.len)
        return bad_chunks(reader, chunks->line,
                          "a line is milliseconds, a tab, and a number of bytes");
    chunks->body_end += (size_t)bytes;
    if (ms > chunks->at_ms)
        chunks->at_ms = (uint32_t)ms;
    return DIFY_OK;
}

/* Goes to the chunk that holds the byte before `offset`. */
static enum dify_err go_to(const struct reader *reader, struct chunks *chunks, size_t offset)
{
    while (chunks->body_end < offset) {
        struct dify_slice line = {"#", 1};
        if (chunks->at < chunks->end)
            line = next_line(chunks);
        if (line.len != 0 && line.ptr[0] == '#')
            return bad_chunks(reader, chunks->line, "the body has more bytes than all chunks");
        enum dify_err err = take_chunk(reader, chunks, line);
        if (err != DIFY_OK)
            return err;
    }
    return DIFY_OK;
}

/* "# end<tab>HOW<tab>MS" */
static enum dify_err read_end(struct reader *reader, struct chunks *chunks)
{
    static const struct {
        const char *text;
        enum how how;
    } known[] = {{"# end\tlast-chunk\t", HOW_WHOLE},    {"# end\tcontent-length\t", HOW_WHOLE},
                 {"# end\teof\t", HOW_WHOLE},           {"# end\tclient-cut\t", HOW_LEFT},
                 {"# end\tclient-timeout\t", HOW_LEFT}, {"# end\teof-premature\t", HOW_CUT}};
    struct dify_slice line = {"", 0};
    if (chunks->at < chunks->end)
        line = next_line(chunks);
    if (line.len != 0 && line.ptr[0] != '#')
        return bad_chunks(reader, chunks->line, "the chunks have more bytes than the body");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t len = strlen(known[i].text);
        if (line.len >= len && memcmp(line.ptr, known[i].text, len) == 0) {
            reader->how = known[i].how;
            return DIFY_OK;
        }
    }
    return bad_chunks(reader, chunks->line,
                      "the last line tells the end: \"# end\", a tab, one of last-chunk, eof, "
                      "eof-premature, client-cut, a tab, milliseconds");
}

static enum dify_err add_frame(struct reader *reader, struct frame frame)
{
    if (reader->count > SIM_SCRIPT_STEPS)
        return sim_fail(reader->loader, reader->body_path, 0, "has more than %d frames",
                        SIM_SCRIPT_STEPS);
    enum dify_err err = dify__grow(reader->loader->allocator, (void **)&reader->frames,
                                   &reader->capacity, reader->count + 1, sizeof *reader->frames);
    if (err == DIFY_OK)
        reader->frames[reader->count++] = frame;
    return err;
}

/* Where the frame at `at` ends, behind its blank line; 0 if it has none. */
static size_t frame_end(struct dify_slice body, size_t at)
{
    while (at < body.len) {
        const char *newline = memchr(body.ptr + at, '\n', body.len - at);
        if (newline == NULL)
            return 0;
        at = (size_t)(newline - body.ptr) + 1;
        if (at < body.len && body.ptr[at] == '\n')
            return at + 1;
    }
    return 0;
}

static bool begins(struct dify_slice text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.ptr, prefix, len) == 0;
}

/* The frames of the body; a piece of one at the end, as a broken connection leaves it, is dropped.
 */
static enum dify_err read_frames(struct reader *reader)
{
    const struct dify_slice body = dify__buffer_slice(&reader->body);
    const struct dify_slice lines = dify__buffer_slice(&reader->chunks);
    struct chunks chunks = {lines.ptr, lines.ptr + lines.len, 0, 0, 0};
    for (size_t at = 0, end; (end = frame_end(body, at)) != 0; at = end) {
        struct dify_slice text = {body.ptr + at, end - at - 2};
        struct frame frame = {.json = {NULL, 0}};
        if (begins(text, "data: "))
            frame.json = (struct dify_slice){text.ptr + 6, text.len - 6};
        else if (!dify__slice_is(text, "event: ping"))
            return sim_fail(reader->loader, reader->body_path, 0,
                            "byte %zu: what begins here is neither \"data: …\" nor a ping; is "
                            "this an event stream?",
                            at);
        enum dify_err err = go_to(reader, &chunks, end);
        frame.at_ms = chunks.at_ms;
        if (err == DIFY_OK)
            err = add_frame(reader, frame);
        if (err != DIFY_OK)
            return err;
    }
    enum dify_err err = go_to(reader, &chunks, body.len);
    if (err == DIFY_OK && chunks.body_end != body.len)
        err = bad_chunks(reader, chunks.line, "the chunks have more bytes than the body");
    return err == DIFY_OK ? read_end(reader, &chunks) : err;
}

/* ---- the first pass: what the events say --------------------------------------------------- */

/* The ids and times of one event. */
struct facts {
    struct dify_slice event, run, task, conversation, message, workflow, app;
    struct dify_slice inputs; /* as text */
    int64_t created_at, data_created_at;
    bool is_resumption;
};

static int64_t integer_of(yyjson_val *value)
{
    return yyjson_is_int(value) ? yyjson_get_sint(value) : 0;
}

static void read_inputs(struct facts *facts, const struct dify__json *json, yyjson_val *inputs)
{
    struct dify__members members;
    dify__members_of(&members, json, inputs, facts->inputs);
    while (dify__members_next(&members))
        if (dify__slice_is(members.key, "sys.app_id"))
            facts->app = dify__members_string(&members);
}

static void read_data(struct facts *facts, const struct dify__json *json, yyjson_val *data,
                      struct dify_slice text)
{
    struct dify__members members;
    dify__members_of(&members, json, data, text);
    while (dify__members_next(&members)) {
        if (dify__slice_is(members.key, "workflow_id")) {
            facts->workflow = dify__members_string(&members);
        } else if (dify__slice_is(members.key, "created_at")) {
            facts->data_created_at = integer_of(members.value);
        } else if (dify__slice_is(members.key, "reason")) {
            facts->is_resumption = dify__slice_is(dify__members_string(&members), "resumption");
        } else if (dify__slice_is(members.key, "inputs") && yyjson_is_obj(members.value) &&
                   dify__slice_is(facts->event, "workflow_started")) {
            facts->inputs = dify__members_text(&members);
            read_inputs(facts, json, members.value);
        }
    }
}

static void read_event(struct facts *facts, const struct dify__json *json)
{
    const struct {
        const char *key;
        struct dify_slice *value;
    } strings[] = {{"event", &facts->event},
                   {"workflow_run_id", &facts->run},
                   {"task_id", &facts->task},
                   {"conversation_id", &facts->conversation},
                   {"message_id", &facts->message}};
    struct dify__members members;
    dify__members_of_root(&members, json);
    while (dify__members_next(&members)) {
        for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
            if (dify__slice_is(members.key, strings[i].key))
                *strings[i].value = dify__members_string(&members);
        if (dify__slice_is(members.key, "created_at"))
            facts->created_at = integer_of(members.value);
        else if (dify__slice_is(members.key, "data"))
            read_data(facts, json, members.value, dify__members_text(&members));
    }
}

/* An id of the app: the app takes the first one it meets, later ones are replaced by its own. */
static enum dify_err know_own(struct sim_cutter *cutter, struct dify_slice id, char own[37])
{
    if (!sim_is_id(id))
        return DIFY_OK;
    if (own[0] == '\0') {
        memcpy(own, id.ptr, 36);
        own[36] = '\0';
    }
    return sim_cutter_replace(cutter, id, (struct dify_slice){own, 36});
}

static enum dify_err know_ids(struct reader *reader, const struct facts *facts)
{
    struct sim_cutter *cutter = reader->cutter;
    enum dify_err err = know_own(cutter, facts->workflow, reader->app->workflow_id);
    if (err == DIFY_OK)
        err = know_own(cutter, facts->app, reader->app->id);
    if (err == DIFY_OK)
        err = sim_cutter_know(cutter, facts->run, SIM_HOLE_RUN);
    if (err == DIFY_OK)
        err = sim_cutter_know(cutter, facts->task, SIM_HOLE_TASK);
    if (err == DIFY_OK)
        err = sim_cutter_know(cutter, facts->conversation, SIM_HOLE_CONVERSATION);
    if (err == DIFY_OK)
        err = sim_cutter_know(cutter, facts->message, SIM_HOLE_MESSAGE);
    return err;
}

static void note_kind(struct reader *reader, const struct facts *facts)
{
    const struct dify_slice event = facts->event;
    reader->has_run |= facts->run.len != 0;
    reader->has_conversation |= facts->conversation.len != 0;
    reader->has_thought |= dify__slice_is(event, "agent_thought");
    reader->has_agent_text |= dify__slice_is(event, "agent_message");
    reader->has_message |= dify__slice_is(event, "message");
    bool is_error = dify__slice_is(event, "error");
    reader->run_ended |= is_error || dify__slice_is(event, "workflow_finished") ||
                         dify__slice_is(event, "workflow_paused");
    reader->message_ended |= is_error || dify__slice_is(event, "message_end");
}

/* The first form token of the script, as its text stands in the event. */
static enum dify_err note_token(const struct reader *reader, struct dify_slice json)
{
    struct sim_cutter *cutter = reader->cutter;
    static const char key[] = "\"form_token\":\"";
    const size_t len = sizeof key - 1;
    const char *end = json.ptr + json.len;
    for (const char *at = json.ptr; cutter->token.ptr == NULL && at != NULL;) {
        at = memchr(at, '"', (size_t)(end - at));
        if (at == NULL || (size_t)(end - at) < len)
            break;
        if (memcmp(at, key, len) == 0) {
            const char *quote = memchr(at + len, '"', (size_t)(end - at) - len);
            if (quote != NULL && quote > at + len)
                return sim_arena_copy(reader->loader->arena,
                                      (struct dify_slice){at + len, (size_t)(quote - at) - len},
                                      &cutter->token);
        }
        at++;
    }
    return DIFY_OK;
}

static enum dify_err learn(struct reader *reader, struct frame *frame)
{
    struct facts facts = {.created_at = 0};
    enum dify_err err = dify__json_read(&reader->json, frame->json);
    if (err == DIFY_ERR_NOMEM)
        return err;
    if (err != DIFY_OK)
        return DIFY_OK; /* what is no JSON is played as it was */
    read_event(&facts, &reader->json);
    note_kind(reader, &facts);
    frame->is_resumption = facts.is_resumption;
    if (reader->json.text.ptr == frame->json.ptr) /* not a mended copy */
        frame->inputs = facts.inputs;
    if (reader->cutter->start == 0) {
        bool is_start = dify__slice_is(facts.event, "workflow_started");
        reader->cutter->start = (is_start || facts.created_at == 0) && facts.data_created_at != 0
                                    ? facts.data_created_at
                                    : facts.created_at;
    }
    err = note_token(reader, frame->json);
    return err == DIFY_OK ? know_ids(reader, &facts) : err;
}

/* ---- the script ---------------------------------------------------------------------------- */

static bool path_has(const struct reader *reader, const char *part)
{
    size_t len = strlen(part);
    for (size_t at = 0; at + len <= reader->path.len; at++)
        if (memcmp(reader->path.ptr + at, part, len) == 0)
            return true;
    return false;
}

/* Whether the stream begins with the ping of an API process that relays a run. */
static bool is_relayed(const struct reader *reader)
{
    return reader->count != 0 && reader->frames[0].json.ptr == NULL &&
           reader->frames[0].at_ms < FIRST_PING_MS;
}

static enum sim_mode mode_of(const struct reader *reader)
{
    if (path_has(reader, "/completion-messages"))
        return SIM_COMPLETION;
    if (reader->has_run || is_relayed(reader) || path_has(reader, "/workflow"))
        return reader->has_conversation || path_has(reader, "/chat-messages") ? SIM_ADVANCED_CHAT
                                                                              : SIM_WORKFLOW;
    if (reader->has_thought || reader->has_agent_text)
        return reader->has_message ? SIM_AGENT : SIM_AGENT_CHAT;
    return SIM_CHAT;
}

/* Only a workflow's or chatflow's own end ends its stream: behind a moderated chatflow's
 * message_end comes silence. */
static enum sim_end end_of(const struct reader *reader)
{
    enum sim_mode mode = mode_of(reader);
    bool is_run = mode == SIM_WORKFLOW || mode == SIM_ADVANCED_CHAT;
    if (reader->how == HOW_CUT)
        return SIM_CUTS;
    return (is_run ? reader->run_ended : reader->message_ended) ? SIM_ENDS : SIM_SILENT;
}

/* The first frame that is played. */
static size_t first_of(const struct reader *reader, enum sim_part part)
{
    if (part == SIM_PART_AFTER)
        for (size_t i = reader->count; i > 0; i--)
            if (reader->frames[i - 1].is_resumption)
                return i - 1;
    return is_relayed(reader) ? 1 : 0;
}

static enum dify_err lay_steps(struct reader *reader, enum sim_part part, struct sim_script *script)
{
    const struct sim_loader *loader = reader->loader;
    const size_t first = first_of(reader, part);
    const size_t count = reader->count - first;
    if (count > SIM_SCRIPT_STEPS)
        return sim_fail(loader, reader->body_path, 0, "has more than %d frames", SIM_SCRIPT_STEPS);
    struct sim_step *steps = sim_arena_array(loader->arena, count, sizeof *steps);
    if (steps == NULL)
        return DIFY_ERR_NOMEM;
    uint32_t zero = part == SIM_PART_AFTER && count != 0 ? reader->frames[first].at_ms : 0;
    struct sim_weave weave;
    enum dify_err err = DIFY_OK;
    sim_weave_init(&weave, loader->allocator);
    for (size_t i = 0; i < count && err == DIFY_OK; i++) {
        const struct frame *frame = &reader->frames[first + i];
        steps[i].at_ms = frame->at_ms - zero;
        steps[i].is_ping = frame->json.ptr == NULL;
        if (steps[i].is_ping)
            continue;
        err = sim_cutter_cut(reader->cutter, frame->json, frame->inputs, &weave);
        if (err == DIFY_OK)
            err = sim_weave_finish(&weave, loader->arena, &steps[i].text);
    }
    sim_weave_fini(&weave);
    script->steps = steps;
    script->step_count = count;
    script->end = end_of(reader);
    return err;
}

static enum dify_err run_reader(struct reader *reader, enum sim_part part,
                                struct sim_script *script)
{
    enum dify_err err = read_files(reader);
    if (err == DIFY_OK)
        err = read_request(reader);
    if (err == DIFY_OK)
        err = read_frames(reader);
    for (size_t i = 0; i < reader->count && err == DIFY_OK; i++)
        if (reader->frames[i].json.ptr != NULL)
            err = learn(reader, &reader->frames[i]);
    if (err == DIFY_OK)
        err = lay_steps(reader, part, script);
    reader->recorded->mode = mode_of(reader);
    return err;
}

enum dify_err sim_recording_load(const struct sim_loader *loader, const char *folder, size_t line,
                                 enum sim_part part, struct sim_cutter *cutter, struct sim_app *app,
                                 struct sim_script *script, struct sim_recorded *recorded)
{
    const struct dify__buffer empty = {.allocator = loader->allocator,
                                       .max = SIM_FILE_BYTES + ((size_t)64 << 10)};
    struct reader reader = {.loader = loader,
                            .folder = folder,
                            .line = line,
                            .body = empty,
                            .chunks = empty,
                            .request = empty,
                            .cutter = cutter,
                            .app = app,
                            .recorded = recorded};
    *recorded = (struct sim_recorded){.mode = SIM_WORKFLOW};
    dify__json_init(&reader.json, loader->allocator);
    enum dify_err err = run_reader(&reader, part, script);
    dify__json_fini(&reader.json);
    dify__free(loader->allocator, reader.frames);
    dify__buffer_fini(&reader.body);
    dify__buffer_fini(&reader.chunks);
    dify__buffer_fini(&reader.request);
    return err;
}
