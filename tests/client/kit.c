/* SPDX-License-Identifier: Apache-2.0
 *
 * kit.c: see kit.h.
 */
#include "kit.h"

#include "core/memory.h"

static void meddle(struct watched *watched)
{
    watched->heard++;
    if (watched->meddle != NULL)
        watched->meddle(watched);
}

static void on_changed(void *ctx, struct dify_follow *follow,
                       const struct dify_follow_change *change)
{
    struct watched *watched = ctx;
    assert_true(change->from == watched->state);
    assert_true(change->from != DIFY_FOLLOW_ENDED || change->reason == DIFY_REASON_CONTINUED);
    assert_true(change->to == dify_follow_state_of(follow));
    assert_null(strstr(change->text, "app-secret"));
    watched->state = change->to;
    text_addf(&watched->path, "%s%s", watched->path.len > 0 ? " " : "",
              dify_reason_name(change->reason));
    meddle(watched);
}

static bool on_submit(void *ctx, struct dify_follow *follow, struct dify_slice inputs)
{
    struct watched *watched = ctx;
    (void)follow;
    watched->submits++;
    watched->sent_at_s = watched->fake->env.unix_ms(watched->fake) / 1000;
    watched->sent.len = 0;
    text_add(&watched->sent, inputs.ptr, inputs.len);
    meddle(watched);
    return !watched->holds;
}

static void on_sending(void *ctx, struct dify_follow *follow)
{
    struct watched *watched = ctx;
    (void)follow;
    watched->sendings++;
}

static void on_stream(void *ctx, struct dify_follow *follow, unsigned number,
                      struct dify_slice head)
{
    struct watched *watched = ctx;
    (void)follow;
    assert_int_equal(number, watched->streams);
    assert_int_equal(watched->stream_ends, watched->streams);
    assert_true(head.len > 0);
    assert_int_equal(dify__grow(dify__allocator(NULL), (void **)&watched->kept,
                                &watched->kept_capacity, watched->streams + 1,
                                sizeof *watched->kept),
                     DIFY_OK);
    watched->streams++;
    meddle(watched);
}

static void on_bytes(void *ctx, struct dify_follow *follow, struct dify_slice bytes)
{
    struct watched *watched = ctx;
    (void)follow;
    assert_true(bytes.len > 0);
    assert_int_equal(watched->stream_ends + 1, watched->streams);
    text_add(&watched->kept[watched->streams - 1], bytes.ptr, bytes.len);
    meddle(watched);
}

static void on_stream_end(void *ctx, struct dify_follow *follow, enum dify_reason reason)
{
    struct watched *watched = ctx;
    (void)follow;
    assert_true((unsigned)reason < DIFY_REASONS);
    watched->stream_ends++;
    assert_int_equal(watched->stream_ends, watched->streams);
    meddle(watched);
}

static void on_stop_failed(void *ctx, struct dify_follow *follow, struct dify_slice message)
{
    struct watched *watched = ctx;
    assert_ptr_equal(follow, watched->follow);
    assert_true(message.len != 0);
    watched->stop_failures++;
    meddle(watched);
}

static void on_ended(void *ctx, struct dify_follow *follow)
{
    struct watched *watched = ctx;
    assert_true(dify_follow_has_ended(follow));
    assert_int_equal(watched->stream_ends, watched->streams);
    watched->ended++;
    meddle(watched);
}

struct dify_order plain_order(void)
{
    return (struct dify_order){.size = sizeof(struct dify_order),
                               .inputs = DIFY_SLICE("{\"topic\":\"tea\"}")};
}

void watch(struct watched *watched, struct fake *fake, const struct dify_order *order)
{
    struct dify_order plain = plain_order();
    struct dify_follow_observer observer = {.ctx = watched,
                                            .changed = on_changed,
                                            .submit = on_submit,
                                            .sending = on_sending,
                                            .stream = on_stream,
                                            .bytes = on_bytes,
                                            .stream_end = on_stream_end,
                                            .stop_failed = on_stop_failed,
                                            .ended = on_ended};
    memset(watched, 0, sizeof *watched);
    watched->fake = fake;
    assert_int_equal(
        dify_follow_new(fake->app, order != NULL ? order : &plain, &observer, &watched->follow),
        DIFY_OK);
}

void begin(struct watched *watched, struct fake *fake, const struct dify_order *order)
{
    watch(watched, fake, order);
    dify_follow_start(watched->follow);
}

void finish(struct watched *watched)
{
    struct dify_result result;
    fake_settle(watched->fake);
    assert_true(dify_follow_has_ended(watched->follow));
    assert_int_equal(watched->ended, 1);
    assert_null(watched->fake->exchanges);
    assert_int_equal(watched->fake->env.alarms.count, 0);
    assert_true(watched->fake->most_readers <= 1);
    dify_run_result(dify_follow_run(watched->follow), &result);
    assert_true(result.has_ended);
}

void watched_fini(struct watched *watched)
{
    dify_follow_free(watched->follow);
    text_fini(&watched->path);
    text_fini(&watched->sent);
    for (size_t i = 0; i < watched->streams; i++)
        text_fini(&watched->kept[i]);
    free(watched->kept);
}

void take_up(struct watched *first, struct watched *second)
{
    char user[300], id[64];
    struct dify_slice known = dify_follow_run_id(first->follow);
    struct dify_order order = {.size = sizeof order,
                               .inputs = text_slice(&first->sent),
                               .kind = dify_follow_kind(first->follow),
                               .user = user,
                               .sent_at_s = first->sent_at_s};
    snprintf(user, sizeof user, "%s", dify_follow_user(first->follow));
    snprintf(id, sizeof id, "%.*s", (int)known.len, known.len > 0 ? known.ptr : "");
    if (id[0] != '\0')
        order.workflow_run_id = id;
    dify_follow_free(first->follow);
    first->follow = NULL;
    assert_int_equal(first->fake->env.under_way, 0);
    watch(second, first->fake, &order);
    for (size_t i = 0; i < first->streams; i++)
        assert_int_equal(dify_follow_recall(second->follow, true, text_slice(&first->kept[i])),
                         DIFY_OK);
    dify_follow_start(second->follow);
}

void reach(struct watched *watched, enum dify_follow_state state)
{
    while (dify_follow_state_of(watched->follow) != state) {
        assert_false(dify_follow_has_ended(watched->follow));
        assert_true(fake_step(watched->fake));
    }
}

void assert_code(const struct watched *watched, const char *code)
{
    struct dify_result result;
    dify_run_result(dify_follow_run(watched->follow), &result);
    if (*code == '\0' && !result.success)
        print_error("%.*s: %.*s\n", (int)result.code.len, result.code.ptr, (int)result.message.len,
                    result.message.ptr);
    assert_int_equal(result.success, *code == '\0');
    if (*code != '\0')
        assert_slice(result.code, code);
}

/* ---- comparing ----------------------------------------------------------------------------- */

static yyjson_doc *read_result(const struct dify_run *run)
{
    struct text text = result_text(run, DIFY_JSON_COMPACT);
    yyjson_doc *doc = parse_result(&text);
    assert_non_null(doc);
    text_fini(&text);
    return doc;
}

static void assert_member(yyjson_doc *got, yyjson_doc *wanted, const char *pointer)
{
    yyjson_val *a = yyjson_doc_ptr_get(got, pointer), *b = yyjson_doc_ptr_get(wanted, pointer);
    if ((a == NULL && b == NULL) || (a != NULL && b != NULL && yyjson_equals(a, b)))
        return;
    char *a_text = a != NULL ? yyjson_val_write(a, 0, NULL) : NULL;
    char *b_text = b != NULL ? yyjson_val_write(b, 0, NULL) : NULL;
    print_error("%s is %s, not %s\n", pointer, a_text != NULL ? a_text : "absent",
                b_text != NULL ? b_text : "absent");
    fail();
}

static bool is_named(yyjson_doc *result, const char *id)
{
    yyjson_val *named = yyjson_doc_ptr_get(result, "/data/metadata/incomplete_nodes"), *item;
    size_t i, count;
    yyjson_arr_foreach(named, i, count,
                       item) if (strcmp(yyjson_get_str(item), id) == 0) return true;
    return false;
}

/* Whether the client was told a node's end, and whether it happened at all. */
static void end_of(const struct fake_run *run, size_t node, bool *has, bool *is_told)
{
    *has = *is_told = false;
    for (size_t i = 0; i < run->events; i++) {
        const struct fake_event *event = &run->event[i];
        if (event->kind != FAKE_NODE_FINISHED || event->node != node)
            continue;
        *has = i < run->at;
        *is_told = event->is_told;
    }
}

static bool knows_node(const struct dify_run *run, const char *id)
{
    struct dify_node node;
    for (size_t i = 0; dify_run_node(run, i, &node); i++)
        if (node.id.len == strlen(id) && memcmp(node.id.ptr, id, node.id.len) == 0)
            return true;
    return false;
}

static void check_named(const struct watched *watched, const struct fake_run *run,
                        yyjson_doc *result, bool is_exact)
{
    const struct dify_run *folded = dify_follow_run(watched->follow);
    for (size_t i = 1; i <= run->nodes; i++) {
        const struct fake_node *node = &run->node[i - 1];
        bool has, is_told;
        if (strcmp(node->type, "iteration") == 0)
            continue;
        end_of(run, i, &has, &is_told);
        bool is_missing = has && !is_told && knows_node(folded, node->id);
        bool named = is_named(result, node->id);
        /* in that window the end of a node may be lost that a snapshot has shown running; where the
         * run then failed, it might as well have been running still */
        bool is_fine =
            is_missing ? named || (!is_exact && run->window_ms > 0) : !named || !is_exact;
        if (!is_fine)
            print_error("%s %s is %s, end %s\n", node->node_id, node->id,
                        named ? "named" : "not named", is_told ? "told" : "not told");
        assert_true(is_fine);
    }
}

/* Between a snapshot and the live events behind it a node within a container may come and go, and
 * nothing tells of it. */
static bool hides_nodes(const struct fake_run *run)
{
    for (size_t i = 0; run->window_ms > 0 && i < run->nodes; i++) {
        bool is_told = run->node[i].outer == 0;
        for (size_t j = 0; j < run->events; j++)
            is_told = is_told || (run->event[j].node == i + 1 && run->event[j].is_told);
        if (!is_told)
            return true;
    }
    return false;
}

/* Nodes in any order of first sight. */
static void check_nodes(yyjson_doc *got, yyjson_doc *wanted)
{
    yyjson_val *a = yyjson_doc_ptr_get(got, "/data/nodes"), *b, *item;
    size_t i, j, count, all;
    b = yyjson_doc_ptr_get(wanted, "/data/nodes");
    assert_int_equal(yyjson_arr_size(a), yyjson_arr_size(b));
    yyjson_arr_foreach(a, i, count, item)
    {
        bool has = false;
        yyjson_val *other;
        yyjson_arr_foreach(b, j, all, other) has = has || yyjson_equals(item, other);
        if (!has)
            print_error("not a node of it: %s\n", yyjson_get_str(yyjson_obj_get(item, "node_id")));
        assert_true(has);
    }
}

void assert_same(const struct watched *watched, const struct fake_run *run)
{
    struct dify_run *folded = fake_fold(run);
    yyjson_doc *got = read_result(dify_follow_run(watched->follow)), *wanted = read_result(folded);
    bool is_complete = yyjson_get_bool(yyjson_doc_ptr_get(got, "/data/metadata/complete"));
    bool is_success = strcmp(run->status, "succeeded") == 0;
    assert_member(got, wanted, "/data/workflow_run_id");
    assert_member(got, wanted, "/data/status");
    assert_member(got, wanted, "/data/workflow_outputs");
    if (run->tokens > 0)
        assert_member(got, wanted, "/data/metadata/total_tokens");
    assert_member(got, wanted, "/data/metadata/total_steps");
    if (is_success && yyjson_doc_ptr_get(got, "/data/conversation_id") != NULL)
        assert_member(got, wanted, "/data/answer"); /* else nothing said that it is a chat */
    check_named(watched, run, got, is_success);
    bool hides_ends = run->window_ms > 0 && !is_success; /* see check_named() */
    if (is_complete && !hides_ends && !hides_nodes(run)) {
        assert_member(got, wanted, "/data/outputs");
        assert_member(got, wanted, "/data/metadata/total_price");
        check_nodes(got, wanted);
    }
    yyjson_doc_free(got);
    yyjson_doc_free(wanted);
    dify_run_free(folded);
}

int seeded_tell(void **state)
{
    const struct seeded *seeded = *state;
    if (!seeded->is_done)
        print_error("DIFY_TEST_SEED=%llu DIFY_RUNS=1 replays it\n",
                    (unsigned long long)(seeded->seed + seeded->at));
    return 0;
}
