/* SPDX-License-Identifier: Apache-2.0
 *
 * test_server_torture.c: each allocation in the life of a server fails in turn, once and for good.
 * Every exchange is closed, everything is given back, and a client has its answers or sees the
 * connection end: it never waits for ever.
 */
#include "kit.h"

#include <sys/socket.h>

#define HOST "Host: a\r\n"

static const char requests[] =
    "POST /echo?a=b HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
    "3\r\nabc\r\n300\r\n";
static const char rest[] = "\r\n0\r\n\r\nGET /stream HTTP/1.1\r\n" HOST "\r\n"
                           "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab"
                           "GET /keep HTTP/1.1\r\n" HOST "\r\nGET /bad HTTP/1.1\r\n\r\n";

/* Answers the kept exchange with more than the system takes at once, and reads all. */
static void converse(struct kit *kit, struct client *client)
{
    struct text big = {NULL, 0, 0};
    bool is_answered = false;
    text_add_repeated(&big, 'x', 0x300);
    client_say(kit, client, requests);
    for (int i = 0; i < 3; i++)
        kit_turn(kit);
    client_send(kit, client, big.ptr, big.len);
    client_say(kit, client, rest);
    text_add_repeated(&big, 'y', 12 << 20);
    struct dify_slice body = text_slice(&big);
    kit_until(kit, (client_read(client), client->is_ended || client->error != 0 ||
                                             (kit->kept_count != 0 && kit->kept[0] != NULL)));
    if (kit->kept_count != 0 && kit->kept[0] != NULL && !is_answered) {
        http_respond_begin(kit->kept[0], 200, NULL, 0, body.len + 22);
        (void)!http_sse_retry(kit->kept[0], 12345);
        (void)!http_respond_write(kit->kept[0], body);
        (void)!http_respond_write(kit->kept[0], DIFY_SLICE("12345"));
        for (int i = 0; i < 5; i++) /* nobody reads yet */
            kit_turn(kit);
        if (kit->kept[0] != NULL)
            http_exchange_cut(kit->kept[0], true, false);
    }
    client_until_end(kit, client);
    text_fini(&big);
}

static bool run(uint64_t fail_at, bool fails_on, uint64_t *calls)
{
    struct kit kit;
    struct dify_error error;
    struct client client;
    kit_init(&kit);
    kit.meter.fail_at = fail_at;
    kit.meter.fails_on = fails_on;
    kit.options.allocator = &kit.meter.allocator;
    bool is_up = http_server_new(&kit.loop, &kit.options, &kit.server) == DIFY_OK;
    if (!is_up) {
        assert_int_equal(uv_loop_close(&kit.loop), 0);
        assert_meter_empty(&kit.meter);
        return true;
    }
    if (http_server_listen(kit.server, "127.0.0.1", 0, &error) == DIFY_OK) {
        kit.port = http_server_port(kit.server);
        client_connect(&kit, &client);
        converse(&kit, &client);
        client_close(&client);
    } else {
        assert_int_equal(error.code, DIFY_ERR_NOMEM);
    }
    bool has_failed = kit.meter.failures != 0;
    *calls = kit.meter.calls;
    kit_stop(&kit);
    return has_failed;
}

static void test_torture(void **state)
{
    (void)state;
    uint64_t calls;
    assert_false(run(0, false, &calls));
    print_message("%llu allocations\n", (unsigned long long)calls);
    assert_in_range(calls, 20, 2000);
    for (uint64_t n = 1; n <= calls; n++) {
        uint64_t ignored;
        (void)run(n, false, &ignored);
        assert_true(run(n, true, &ignored) || n > calls - 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_torture)};
    return cmocka_run_group_tests_name("server torture", tests, NULL, NULL);
}
