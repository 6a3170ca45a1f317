/* SPDX-License-Identifier: Apache-2.0
 *
 * test_load.c: much of one thing: a large upload and a large download at flat memory, thousands of
 * idle streams, many connections one after another.
 */
#include "kit.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"

#if defined(__SANITIZE_ADDRESS__)
#define UPLOAD_BYTES ((uint64_t)128 << 20)
#define HAS_SANITIZER 1
#else
#define UPLOAD_BYTES ((uint64_t)1 << 30)
#define HAS_SANITIZER 0
#endif

/* What one idle stream may take of the heap, libuv's handle included. */
#define IDLE_BYTES 1200

static size_t resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void upload(struct kit *kit, struct client *client, struct dify_slice head,
                   struct dify_slice piece, uint64_t count)
{
    client_send(kit, client, head.ptr, head.len);
    for (uint64_t i = 0; i < count; i++) {
        client_send(kit, client, piece.ptr, piece.len);
        kit_turn(kit);
    }
}

static void check_upload(bool is_chunked)
{
    struct kit kit;
    struct client client;
    struct text head = {NULL, 0, 0}, piece = {NULL, 0, 0};
    size_t body = (size_t)256 << 10;
    kit_init(&kit);
    kit_start(&kit);
    text_add_chars(&head, "POST /sink HTTP/1.1\r\n" HOST);
    if (is_chunked)
        text_add_chars(&head, "Transfer-Encoding: chunked\r\n\r\n");
    else
        text_addf(&head, "Content-Length: %llu\r\n\r\n", (unsigned long long)UPLOAD_BYTES);
    if (is_chunked)
        text_addf(&piece, "%zx\r\n", body);
    text_add_repeated(&piece, 'u', body);
    if (is_chunked)
        text_add_chars(&piece, "\r\n");
    client_connect(&kit, &client);
    size_t before = resident_bytes();
    upload(&kit, &client, text_slice(&head), text_slice(&piece), UPLOAD_BYTES / body);
    if (is_chunked)
        client_say(&kit, &client, "0\r\n\r\n");
    client_answers(&kit, &client, 1);
    size_t after = resident_bytes();
    assert_int_equal(status_at(&client.got, 0), 200);
    assert_true(kit.body_bytes == UPLOAD_BYTES);
    print_message("%llu MB, peak of the server's heap %zu KB, resident %zu KB more\n",
                  (unsigned long long)(UPLOAD_BYTES >> 20), kit.meter.peak_bytes >> 10,
                  (after > before ? after - before : 0) >> 10);
    assert_in_range(kit.meter.peak_bytes, 0, 3 * HTTP_READ_BYTES);
    if (!HAS_SANITIZER)
        assert_in_range(after > before ? after - before : 0, 0, 4 << 20);
    client_close(&client);
    text_fini(&head);
    text_fini(&piece);
    kit_stop(&kit);
}

static void test_upload(void **state)
{
    (void)state;
    check_upload(false);
    check_upload(true);
}

/* ---- many connections ---------------------------------------------------------------------- */

/* How many pairs of sockets this process may have, at most `wanted`. */
static size_t may_open(size_t wanted)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    size_t pairs = limit.rlim_cur > 200 ? (size_t)(limit.rlim_cur - 100) / 2 : 50;
    return pairs < wanted ? pairs : wanted;
}

static void test_idle_streams(void **state)
{
    (void)state;
    static struct kit kit;
    size_t count = may_open(4000);
    struct client *clients = calloc(count, sizeof *clients);
    assert_non_null(clients);
    kit_init(&kit);
    kit_start(&kit);
    size_t before = kit.meter.live_bytes;
    for (size_t i = 0; i < count; i++) {
        client_connect(&kit, &clients[i]);
        client_say(&kit, &clients[i],
                   "GET /sse HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/7.88.1\r\n"
                   "Accept: text/event-stream\r\n\r\n");
        kit_turn(&kit);
    }
    kit_until(&kit, kit.kept_count == count);
    for (int i = 0; i < 5; i++)
        kit_turn(&kit);
    size_t each = (kit.meter.live_bytes - before) / count;
    print_message("%zu idle streams, %zu bytes each\n", count, each);
    assert_in_range(each, 1, IDLE_BYTES);
    for (size_t i = 0; i < count; i++)
        assert_true(http_sse_retry(kit.kept[i], 1));
    for (size_t i = 0; i < count; i++) {
        client_expect(&kit, &clients[i], "retry: 1\n");
        if (i % 2 == 0)
            client_close(&clients[i]);
    }
    for (size_t i = 1; i < count; i += 2)
        http_respond_end(kit.kept[i]);
    for (size_t i = 1; i < count; i += 2) {
        client_expect(&kit, &clients[i], "0\r\n\r\n");
        client_close(&clients[i]);
    }
    free(clients);
    kit_stop(&kit);
}

/* A client that only leaves, with FIN, is noticed when something is written. */
static void test_left(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET /sse HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&kit, &client, "\r\n\r\n");
    client_close(&client);
    kit_until(&kit, kit.kept[0] == NULL || http_exchange_half_closed(kit.kept[0]));
    kit_until(&kit, kit.kept[0] == NULL ||
                        ((void)!http_sse_comment(kit.kept[0], DIFY_SLICE("x")), kit.closed == 1));
    assert_int_equal(kit.completed, 0);
    kit_stop(&kit);
}

static void ask_often(struct kit *kit, int count)
{
    for (int i = 0; i < count; i++) {
        struct text got = ask(kit, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
        assert_int_equal(status_at(&got, 0), 200);
        text_fini(&got);
    }
    kit_until(kit, http_server_stats(kit->server).open_connections == 0);
}

static void test_one_after_another(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit);
    kit_start(&kit);
    ask_often(&kit, 1); /* leaves the one spare buffer */
    size_t before = kit.meter.live_bytes;
    ask_often(&kit, 499);
    assert_int_equal(kit.meter.live_bytes, before);
    assert_int_equal(http_server_stats(kit.server).connections, 500);
    assert_int_equal(http_server_stats(kit.server).requests, 500);
    kit_stop(&kit);
}

/* A loop with an idle connection sleeps: it turns no more often than it is woken. */
static void test_no_spinning(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET /sse HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&kit, &client, "\r\n\r\n");
    kit_until(&kit, uv_backend_timeout(&kit.loop) != 0);
    for (int i = 0; i < 5; i++) {
        kit_turn(&kit);
        assert_int_not_equal(uv_backend_timeout(&kit.loop), 0);
    }
    client_close(&client);
    kit_stop(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upload),      cmocka_unit_test(test_idle_streams),
        cmocka_unit_test(test_left),        cmocka_unit_test(test_one_after_another),
        cmocka_unit_test(test_no_spinning),
    };
    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
