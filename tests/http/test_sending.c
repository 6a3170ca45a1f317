/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sending.c: what the system takes of an answer at once, takes later, or does not take: the
 * client has it whole and in order, or sees the connection end. Over TCP and over a socket in the
 * file system.
 */
#include "kit.h"

#include "http/connection.h" /* to see what is left to libuv */

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define BODY_BYTES ((size_t)2 << 20)

/* ---- the system ---------------------------------------------------------------------------- */

/* What the server's next sends meet; its clients' are told by their flags. */
static struct {
    int error;   /* they fail with it, or 0 */
    size_t most; /* they take no more than this, or 0 */
    unsigned left, met;
} trouble;

ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    if ((flags & MSG_DONTWAIT) == 0 || trouble.left == 0)
        return __real_send(fd, bytes, len, flags);
    assert_int_equal(flags, MSG_DONTWAIT | MSG_NOSIGNAL);
    trouble.left--;
    trouble.met++;
    if (trouble.error == 0)
        return __real_send(fd, bytes, len < trouble.most ? len : trouble.most, flags);
    errno = trouble.error;
    return -1;
}

/* ---- a scene ------------------------------------------------------------------------------- */

/* A server on both kinds of socket, a client of one of them, and its exchange. */
struct scene {
    struct kit kit;
    struct client client;
    char folder[32], path[64];
};

static void scene_begin(struct scene *scene, bool is_unix)
{
    struct dify_error error;
    memset(&trouble, 0, sizeof trouble);
    strcpy(scene->folder, "/tmp/http_test_XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    (void)snprintf(scene->path, sizeof scene->path, "%s/socket", scene->folder);
    kit_init(&scene->kit);
    kit_start(&scene->kit);
    assert_int_equal(http_server_listen_unix(scene->kit.server, scene->path, 0600, &error),
                     DIFY_OK);
    if (is_unix)
        client_connect_unix(&scene->client, scene->path);
    else
        client_connect(&scene->kit, &scene->client);
    client_say(&scene->kit, &scene->client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    kit_until(&scene->kit, scene->kit.kept[0] != NULL);
}

static void scene_end(struct scene *scene)
{
    client_close(&scene->client);
    kit_stop(&scene->kit);
    assert_int_equal(rmdir(scene->folder), 0);
}

/* ---- whole and in order -------------------------------------------------------------------- */

/* Small buffers of both systems, so that they are full often. */
static void make_narrow(struct scene *scene)
{
    int bytes = 20000;
    uv_os_fd_t fd;
    assert_int_equal(uv_fileno(&scene->kit.kept[0]->connection->uv.handle, &fd), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
    assert_int_equal(setsockopt(scene->client.fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
}

/* Reads in pieces of any size until nothing waits. */
static void catch_up(struct scene *scene, uint64_t *seed)
{
    char bytes[60000];
    while (http_exchange_pending(scene->kit.kept[0]) != 0) {
        ssize_t count = recv(scene->client.fd, bytes, 1 + random_below(seed, sizeof bytes), 0);
        if (count > 0)
            text_add(&scene->client.got, bytes, (size_t)count);
        kit_turn(&scene->kit);
    }
}

/* Writes the body in pieces of any size, to a client that reads only when no more is taken. Returns
 * how often something was left to libuv. */
static size_t write_pieces(struct scene *scene, const struct text *body, uint64_t *seed)
{
    struct http_exchange *exchange = scene->kit.kept[0];
    size_t rests = 0;
    for (size_t at = 0; at < body->len;) {
        size_t len = 1 + random_below(seed, random_below(seed, 2) == 0 ? 300 : 50000);
        if (len > body->len - at)
            len = body->len - at;
        bool was_free = exchange->connection->write == NULL;
        if (http_respond_write(exchange, (struct dify_slice){body->ptr + at, len}))
            at += len;
        else
            catch_up(scene, seed);
        kit_turn(&scene->kit);
        rests += was_free && exchange->connection->write != NULL;
    }
    return rests;
}

static void check_slow_reader(bool is_unix, uint64_t *seed)
{
    struct scene scene;
    struct text body = {NULL, 0, 0};
    for (size_t i = 0; i < BODY_BYTES / 8; i++)
        text_addf(&body, "%07zu ", i);
    scene_begin(&scene, is_unix);
    make_narrow(&scene);
    http_respond_begin(scene.kit.kept[0], 200, NULL, 0, body.len);
    assert_in_range(write_pieces(&scene, &body, seed), 2, BODY_BYTES);
    http_respond_end(scene.kit.kept[0]);
    client_answers(&scene.kit, &scene.client, 1);
    assert_in_range(scene.client.got.len, body.len + 1, body.len + 500);
    assert_memory_equal(scene.client.got.ptr + scene.client.got.len - body.len, body.ptr, body.len);
    assert_int_equal(http_server_stats(scene.kit.server).sent_bytes, scene.client.got.len);
    kit_until(&scene.kit, scene.kit.completed == 1);
    scene_end(&scene);
    text_fini(&body);
}

static void test_slow_reader(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    check_slow_reader(false, &seed);
    check_slow_reader(true, &seed);
}

/* ---- what send(2) says --------------------------------------------------------------------- */

/* No room, or too little: the rest goes later, before what is written then. */
static void check_later(bool is_unix, int error, size_t most)
{
    struct scene scene;
    scene_begin(&scene, is_unix);
    http_respond_begin(scene.kit.kept[0], 200, NULL, 0, 9);
    assert_true(http_respond_write(scene.kit.kept[0], DIFY_SLICE("one")));
    trouble.error = error;
    trouble.most = most;
    trouble.left = 1;
    client_expect(&scene.kit, &scene.client, "\r\n\r\none");
    assert_int_equal(trouble.met, 1);
    assert_true(http_respond_write(scene.kit.kept[0], DIFY_SLICE("two")));
    trouble.left = 1;
    client_expect(&scene.kit, &scene.client, "onetwo");
    assert_int_equal(trouble.met, 2);
    assert_true(http_respond_write(scene.kit.kept[0], DIFY_SLICE("end")));
    http_respond_end(scene.kit.kept[0]);
    client_expect(&scene.kit, &scene.client, "onetwoend");
    assert_int_equal(http_server_stats(scene.kit.server).sent_bytes, scene.client.got.len);
    kit_until(&scene.kit, scene.kit.completed == 1);
    scene_end(&scene);
}

static void test_later(void **state)
{
    (void)state;
    static const int errors[] = {EAGAIN, EWOULDBLOCK, EINTR, ENOBUFS};
    for (int is_unix = 0; is_unix < 2; is_unix++) {
        for (size_t i = 0; i < COUNT_OF(errors); i++)
            check_later(is_unix, errors[i], 0);
        for (size_t most = 1; most < 4; most++)
            check_later(is_unix, 0, most);
    }
}

/* Any other error ends the connection. */
static void check_broken(bool is_unix, int error)
{
    struct scene scene;
    scene_begin(&scene, is_unix);
    http_respond_begin(scene.kit.kept[0], 200, NULL, 0, HTTP_LENGTH_UNKNOWN);
    trouble.error = error;
    trouble.left = 1;
    client_until_end(&scene.kit, &scene.client);
    assert_int_equal(scene.client.error, is_unix ? 0 : ECONNRESET);
    assert_int_equal(scene.client.got.len, 0);
    assert_int_equal(trouble.met, 1);
    assert_int_equal(scene.kit.closed, 1);
    assert_int_equal(scene.kit.completed, 0);
    assert_int_equal(http_server_stats(scene.kit.server).sent_bytes, 0);
    scene_end(&scene);
}

static void test_broken(void **state)
{
    (void)state;
    static const int errors[] = {EPIPE, ECONNRESET, ETIMEDOUT, ENOMEM, EBADF};
    for (int is_unix = 0; is_unix < 2; is_unix++)
        for (size_t i = 0; i < COUNT_OF(errors); i++)
            check_broken(is_unix, errors[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests_name("sending", tests, NULL, NULL);
}
