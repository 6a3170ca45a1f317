/* SPDX-License-Identifier: Apache-2.0
 *
 * test_nodes.c: records of nodes and how they are found (docs/result.md, rule 8).
 */
#include "support.h"

#include "core/nodes.h"

struct fixture {
    struct meter meter;
    struct dify__budget budget;
    struct dify__texts texts;
    struct dify__nodes nodes;
};

static void init(struct fixture *f, size_t max)
{
    meter_init(&f->meter);
    f->budget = (struct dify__budget){0, (size_t)64 << 20};
    dify__texts_init(&f->texts, &f->meter.allocator, &f->budget, 7);
    dify__nodes_init(&f->nodes, &f->meter.allocator, &f->texts, &f->budget, max);
}

static void fini(struct fixture *f)
{
    dify__nodes_fini(&f->nodes);
    dify__texts_fini(&f->texts);
    assert_meter_empty(&f->meter);
}

/* `id` may be NULL. */
static uint32_t add(struct fixture *f, const char *id, const char *node_id)
{
    uint32_t number = 0;
    assert_int_equal(dify__nodes_add(&f->nodes, slice_of(id), &number), DIFY_OK);
    if (number != DIFY__NO_NODE)
        assert_int_equal(dify__nodes_place(&f->nodes, number, slice_of(node_id)), DIFY_OK);
    return number;
}

static void test_by_id(void **state)
{
    (void)state;
    struct fixture f;
    char id[16];
    init(&f, 100000);
    assert_int_equal(dify__nodes_by_id(&f.nodes, slice_of("e1")), DIFY__NO_NODE);
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(id, sizeof id, "e%u", (unsigned)i);
        assert_int_equal(add(&f, id, "n"), i);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(id, sizeof id, "e%u", (unsigned)i);
        assert_int_equal(dify__nodes_by_id(&f.nodes, slice_of(id)), i);
    }
    assert_int_equal(dify__nodes_by_id(&f.nodes, slice_of("e5000")), DIFY__NO_NODE);
    assert_int_equal(dify__nodes_by_id(&f.nodes, slice_of(NULL)), DIFY__NO_NODE);
    fini(&f);
}

static void test_latest_open(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, 10);
    struct dify_slice a = {"a", 1};
    assert_int_equal(dify__nodes_latest_open(&f.nodes, a), DIFY__NO_NODE);
    (void)add(&f, NULL, "a");
    (void)add(&f, "x", "b");
    (void)add(&f, "y", "a");
    (void)add(&f, NULL, "a");
    assert_int_equal(dify__nodes_latest_open(&f.nodes, a), 3);
    f.nodes.node[2].flags |= DIFY__NODE_FINISHED;
    assert_int_equal(dify__nodes_latest_open(&f.nodes, a), 3);
    f.nodes.node[3].flags |= DIFY__NODE_FINISHED;
    assert_int_equal(dify__nodes_latest_open(&f.nodes, a), 0);
    f.nodes.node[0].flags |= DIFY__NODE_FINISHED;
    assert_int_equal(dify__nodes_latest_open(&f.nodes, a), DIFY__NO_NODE);
    assert_int_equal(add(&f, NULL, "a"), 4);
    f.nodes.node[4].flags |= DIFY__NODE_FINISHED | DIFY__NODE_PROVISIONAL;
    assert_int_equal(dify__nodes_latest_open(&f.nodes, a), 4); /* it will finish again */
    assert_int_equal(dify__nodes_latest_open(&f.nodes, slice_of("b")), 1);
    assert_int_equal(dify__nodes_latest_open(&f.nodes, slice_of(NULL)), DIFY__NO_NODE);
    fini(&f);
}

static void test_first_unnamed(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, 10);
    struct dify_slice a = {"a", 1};
    assert_int_equal(dify__nodes_first_unnamed(&f.nodes, a), DIFY__NO_NODE);
    (void)add(&f, "named", "a");
    (void)add(&f, NULL, "a");
    (void)add(&f, NULL, "b");
    (void)add(&f, NULL, "a");
    assert_int_equal(dify__nodes_first_unnamed(&f.nodes, a), 1);
    assert_int_equal(dify__nodes_name(&f.nodes, 1, slice_of("one")), DIFY_OK);
    assert_int_equal(dify__nodes_by_id(&f.nodes, slice_of("one")), 1);
    assert_int_equal(dify__nodes_first_unnamed(&f.nodes, a), 3);
    assert_int_equal(dify__nodes_name(&f.nodes, 3, slice_of("two")), DIFY_OK);
    assert_int_equal(dify__nodes_first_unnamed(&f.nodes, a), DIFY__NO_NODE);
    assert_int_equal(add(&f, NULL, "a"), 4);
    assert_int_equal(dify__nodes_first_unnamed(&f.nodes, a), 4);
    assert_int_equal(dify__nodes_first_unnamed(&f.nodes, slice_of("b")), 2);
    fini(&f);
}

static void test_a_record_has_one_place(void **state)
{
    (void)state;
    struct fixture f;
    struct dify_node view;
    init(&f, 10);
    assert_int_equal(add(&f, "e", NULL), 0);
    dify__nodes_view(&f.nodes, 0, &view);
    assert_slice(view.node_id, NULL);
    assert_int_equal(dify__nodes_place(&f.nodes, 0, slice_of("a")), DIFY_OK);
    assert_int_equal(dify__nodes_place(&f.nodes, 0, slice_of("b")), DIFY_OK);
    dify__nodes_view(&f.nodes, 0, &view);
    assert_slice(view.id, "e");
    assert_slice(view.node_id, "a");
    assert_int_equal(dify__nodes_latest_open(&f.nodes, slice_of("b")), DIFY__NO_NODE);
    fini(&f);
}

static void test_ceiling(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, 2);
    assert_int_equal(add(&f, "1", "a"), 0);
    assert_int_equal(add(&f, "2", "a"), 1);
    assert_int_equal(add(&f, "3", "a"), DIFY__NO_NODE);
    assert_int_equal(f.nodes.count, 2);
    assert_int_equal(dify__nodes_by_id(&f.nodes, slice_of("3")), DIFY__NO_NODE);
    fini(&f);
}

/* A search costs, over a whole run, no more than a step a record: a hundred thousand of
 * one node, each ended in order, without a quadratic walk (this would take 10^10 steps). */
static void test_many_records_of_one_node(void **state)
{
    (void)state;
    struct fixture f;
    const uint32_t count = 100000;
    init(&f, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(add(&f, NULL, "n"), i);
        assert_int_equal(dify__nodes_latest_open(&f.nodes, slice_of("n")), i);
        f.nodes.node[i].flags |= DIFY__NODE_FINISHED;
    }
    char id[16];
    for (uint32_t i = 0; i < count; i++) {
        snprintf(id, sizeof id, "%u", (unsigned)i);
        assert_int_equal(dify__nodes_first_unnamed(&f.nodes, slice_of("n")), i);
        assert_int_equal(dify__nodes_name(&f.nodes, i, slice_of(id)), DIFY_OK);
    }
    assert_int_equal(dify__nodes_first_unnamed(&f.nodes, slice_of("n")), DIFY__NO_NODE);
    fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_id),         cmocka_unit_test(test_latest_open),
        cmocka_unit_test(test_first_unnamed), cmocka_unit_test(test_a_record_has_one_place),
        cmocka_unit_test(test_ceiling),       cmocka_unit_test(test_many_records_of_one_node),
    };
    return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}
