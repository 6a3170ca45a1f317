/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sse_out.c: streams of events, as a client gets them.
 */
#include "kit.h"

#define HOST "Host: a\r\n"
#define HEAD                                                                                       \
    "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n"                  \
    "Content-Type: text/event-stream; charset=utf-8\r\n"                                           \
    "Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n"

static void begin(struct kit *kit, struct client *client)
{
    kit_init(kit);
    kit_start(kit);
    client_connect(kit, client);
    client_say(kit, client, "GET /sse HTTP/1.1\r\n" HOST "\r\n");
    client_expect(kit, client, "\r\n\r\n");
    drop_dates(&client->got);
    assert_string_equal(client->got.ptr, HEAD "\r\n");
    client_forget(client);
}

static void test_events(void **state)
{
    (void)state;
    static const struct dify_slice absent = {NULL, 0};
    static const struct {
        struct dify_slice id, event, data;
        const char *text;
    } cases[] = {
        {{NULL, 0}, {NULL, 0}, {"a", 1}, "9\r\ndata: a\n\n\r\n"},
        {{"1-2", 3}, {"end", 3}, {"a", 1}, "1C\r\nid: 1-2\nevent: end\ndata: a\n\n\r\n"},
        {{"", 0}, {"", 0}, {"", 0}, "D\r\nid: \ndata: \n\n\r\n"},
        {{"a\nb", 3},
         {"c\rd", 3},
         {"x\ny\r\nz\rw\n", 9},
         "28\r\ndata: x\ndata: y\ndata: z\ndata: w\ndata: \n\n\r\n"},
        {{"a\0b", 3}, {NULL, 0}, {"x", 1}, "9\r\ndata: x\n\n\r\n"},
    };
    struct kit kit;
    struct client client;
    begin(&kit, &client);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        client_forget(&client);
        assert_true(http_sse_event(kit.kept[0], cases[i].id, cases[i].event, cases[i].data));
        client_expect(&kit, &client, "\n\n\r\n");
        assert_string_equal(client.got.ptr, cases[i].text);
    }
    client_forget(&client);
    assert_true(http_sse_comment(kit.kept[0], absent));
    client_expect(&kit, &client, "\n\n\r\n");
    assert_string_equal(client.got.ptr, "4\r\n: \n\n\r\n");
    client_forget(&client);
    assert_true(http_sse_comment(kit.kept[0], DIFY_SLICE("a\nb")));
    client_expect(&kit, &client, "\n\n\r\n");
    assert_string_equal(client.got.ptr, "9\r\n: a\n: b\n\n\r\n");
    client_forget(&client);
    assert_true(http_sse_retry(kit.kept[0], 3000));
    client_expect(&kit, &client, "\n\n\r\n");
    assert_string_equal(client.got.ptr, "D\r\nretry: 3000\n\n\r\n");
    http_respond_end(kit.kept[0]);
    client_expect(&kit, &client, "0\r\n\r\n");
    client_close(&client);
    kit_stop(&kit);
}

/* What is written in one turn of the loop goes out together. */
static void test_one_turn(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    begin(&kit, &client);
    for (int i = 0; i < 10; i++) {
        assert_true(http_sse_retry(kit.kept[0], 1));
        client_read(&client);
        assert_int_equal(client.got.len, 0);
    }
    assert_int_equal(http_exchange_pending(kit.kept[0]), 10 * 15);
    kit_turn(&kit);
    kit_until(&kit, (client_read(&client), client.got.len == 10 * 15));
    client_close(&client);
    kit_stop(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_one_turn),
    };
    return cmocka_run_group_tests_name("sse_out", tests, NULL, NULL);
}
