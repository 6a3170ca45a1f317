/* SPDX-License-Identifier: Apache-2.0
 *
 * test_spares.c: the memory of what was sent is kept for what is sent next: how much of it, and
 * that an answer in pieces allocates nothing for each, while a connection with nothing to send has
 * none of it.
 */
#include "kit.h"

#include "http/connection.h" /* to see who has which memory */

#include <sys/socket.h>

#define HOST "Host: a\r\n"

/* ---- by themselves ------------------------------------------------------------------------- */

static struct dify__buffer buffer_of(struct meter *meter, size_t capacity)
{
    struct dify__buffer buffer = {.allocator = &meter->allocator, .max = SIZE_MAX / 4};
    if (capacity != 0)
        assert_int_equal(dify__buffer_fit(&buffer, capacity), DIFY_OK);
    assert_int_equal(buffer.capacity, capacity);
    buffer.len = capacity;
    return buffer;
}

static void assert_empty(const struct dify__buffer *buffer)
{
    assert_null(buffer->ptr);
    assert_int_equal(buffer->len, 0);
    assert_int_equal(buffer->capacity, 0);
}

/* As many as HTTP_SPARES are kept, one more is not; what was kept last comes first. */
static void test_count(void **state)
{
    (void)state;
    struct meter meter;
    struct http_spares spares = {.count = 0};
    struct dify__buffer buffers[HTTP_SPARES + 1];
    const char *ptrs[HTTP_SPARES + 1];
    meter_init(&meter);
    for (size_t i = 0; i < COUNT_OF(buffers); i++) {
        buffers[i] = buffer_of(&meter, 100 + i);
        ptrs[i] = buffers[i].ptr;
    }
    for (size_t i = 0; i < COUNT_OF(buffers); i++) {
        http_spares_give(&spares, &buffers[i]);
        assert_empty(&buffers[i]);
        assert_int_equal(spares.count, i < HTTP_SPARES ? i + 1 : HTTP_SPARES);
    }
    assert_int_equal(meter.live_blocks, HTTP_SPARES);
    for (size_t i = HTTP_SPARES; i-- != 0;) {
        http_spares_take(&spares, &buffers[i]);
        assert_ptr_equal(buffers[i].ptr, ptrs[i]);
        assert_int_equal(buffers[i].capacity, 100 + i);
        assert_int_equal(buffers[i].len, 0);
    }
    http_spares_take(&spares, &buffers[HTTP_SPARES]); /* there is none */
    assert_empty(&buffers[HTTP_SPARES]);
    for (size_t i = 0; i < HTTP_SPARES; i++)
        http_spares_give(&spares, &buffers[i]);
    http_spares_fini(&spares, &meter.allocator);
    assert_int_equal(spares.count, 0);
    assert_meter_empty(&meter);
}

/* One of HTTP_SPARE_BYTES is kept, one that is larger or has grown so is not. */
static void test_size(void **state)
{
    (void)state;
    struct meter meter;
    struct http_spares spares = {.count = 0};
    meter_init(&meter);
    struct dify__buffer buffer = buffer_of(&meter, HTTP_SPARE_BYTES);
    http_spares_give(&spares, &buffer);
    assert_int_equal(spares.count, 1);
    struct dify__buffer large = buffer_of(&meter, HTTP_SPARE_BYTES + 1);
    http_spares_give(&spares, &large);
    assert_empty(&large);
    assert_int_equal(spares.count, 1);
    assert_int_equal(meter.live_bytes, HTTP_SPARE_BYTES);
    http_spares_take(&spares, &buffer);
    assert_int_equal(buffer.capacity, HTTP_SPARE_BYTES);
    assert_int_equal(dify__buffer_reserve(&buffer, HTTP_SPARE_BYTES + 1), DIFY_OK);
    http_spares_give(&spares, &buffer);
    assert_int_equal(spares.count, 0);
    assert_meter_empty(&meter);
}

/* Who has memory gets no other; who has none gives none. */
static void test_nothing_to_do(void **state)
{
    (void)state;
    struct meter meter;
    struct http_spares spares = {.count = 0};
    meter_init(&meter);
    struct dify__buffer empty = buffer_of(&meter, 0), buffer = buffer_of(&meter, 10),
                        other = buffer_of(&meter, 20);
    http_spares_give(&spares, &empty);
    assert_int_equal(spares.count, 0);
    http_spares_give(&spares, &buffer);
    const char *ptr = other.ptr;
    http_spares_take(&spares, &other);
    assert_ptr_equal(other.ptr, ptr);
    assert_int_equal(other.len, 20);
    assert_int_equal(spares.count, 1);
    dify__buffer_fini(&other);
    http_spares_fini(&spares, &meter.allocator);
    assert_meter_empty(&meter);
}

/* ---- of a server --------------------------------------------------------------------------- */

/* A server and clients, each with an answer that has begun. */
struct scene {
    struct kit kit;
    struct client clients[HTTP_SPARES + 1];
};

static void scene_begin(struct scene *scene)
{
    kit_init(&scene->kit);
    kit_start(&scene->kit);
    for (size_t i = 0; i < COUNT_OF(scene->clients); i++) {
        struct client *client = &scene->clients[i];
        client_connect(&scene->kit, client);
        client_say(&scene->kit, client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
        kit_until(&scene->kit, scene->kit.kept[i] != NULL);
        http_respond_begin(scene->kit.kept[i], 200, NULL, 0, HTTP_LENGTH_UNKNOWN);
        client_expect(&scene->kit, client, "\r\n\r\n");
    }
}

static void scene_end(struct scene *scene)
{
    for (size_t i = 0; i < COUNT_OF(scene->clients); i++)
        client_close(&scene->clients[i]);
    kit_stop(&scene->kit); /* checks that nothing is left */
}

static void assert_idle(const struct http_connection *connection)
{
    assert_empty(&connection->out);
    assert_null(connection->write);
    assert_int_equal(connection->held_bytes, 0);
}

/* Sends the piece on the first `count` connections in one turn of the loop. */
static void send_piece(struct scene *scene, size_t count, const struct text *piece)
{
    for (size_t i = 0; i < count; i++) {
        client_forget(&scene->clients[i]);
        assert_true(http_respond_write(scene->kit.kept[i], text_slice(piece)));
    }
    assert_int_equal(scene->kit.server->waiting_bytes,
                     count * http_exchange_pending(scene->kit.kept[0]));
    for (size_t i = 0; i < count; i++) {
        client_expect(&scene->kit, &scene->clients[i], piece->ptr);
        assert_idle(scene->kit.kept[i]->connection);
    }
    assert_int_equal(scene->kit.server->waiting_bytes, 0);
}

/* Pieces to few clients or to as many as there are spares cost nothing; of more, those beyond. */
static void test_pieces(void **state)
{
    (void)state;
    struct scene scene;
    struct text piece = {NULL, 0, 0};
    const struct meter *meter = &scene.kit.meter;
    const struct http_spares *spares;
    text_add_repeated(&piece, 'p', 400);
    scene_begin(&scene);
    spares = &scene.kit.server->spares;
    assert_int_equal(spares->count, 1); /* one after another, they have all used the same */
    send_piece(&scene, HTTP_SPARES + 1, &piece);
    assert_int_equal(spares->count, HTTP_SPARES);
    size_t live_blocks = meter->live_blocks;
    send_piece(&scene, HTTP_SPARES, &piece);
    uint64_t calls = meter->calls;
    for (int i = 0; i < 20; i++) {
        send_piece(&scene, 1, &piece);
        send_piece(&scene, HTTP_SPARES, &piece);
    }
    assert_int_equal(meter->calls, calls);
    send_piece(&scene, HTTP_SPARES + 1, &piece);
    assert_int_equal(meter->calls, calls + 1); /* for the one beyond */
    assert_int_equal(spares->count, HTTP_SPARES);
    assert_int_equal(meter->live_blocks, live_blocks);
    text_fini(&piece);
    scene_end(&scene);
}

/* A large piece leaves nothing behind, and takes away what it began in. */
static void test_large_piece(void **state)
{
    (void)state;
    struct scene scene;
    struct text piece = {NULL, 0, 0};
    scene_begin(&scene);
    assert_int_equal(scene.kit.server->spares.count, 1);
    text_add_repeated(&piece, 'p', HTTP_SPARE_BYTES);
    send_piece(&scene, 1, &piece);
    assert_int_equal(scene.kit.server->spares.count, 0);
    piece.len = 0;
    text_add_repeated(&piece, 'q', HTTP_SPARE_BYTES / 2 + 1);
    send_piece(&scene, 1, &piece);
    assert_int_equal(scene.kit.server->spares.count, 1);
    text_fini(&piece);
    scene_end(&scene);
}

/* What waits for a client that does not read has no more memory than it needs: a spare would be
 * held for as long, and its size is not in what is held against the ceiling. */
static void test_slow_reader(void **state)
{
    (void)state;
    struct scene scene;
    struct text large = {NULL, 0, 0}, piece = {NULL, 0, 0};
    const int bytes = 20000;
    uv_os_fd_t fd;
    scene_begin(&scene);
    const struct http_spares *spares = &scene.kit.server->spares;
    const struct http_connection *connection = scene.kit.kept[0]->connection;
    text_add_repeated(&large, 'l', HTTP_SPARE_BYTES / 2 + 1);
    text_add_repeated(&piece, 'p', 500);
    send_piece(&scene, 1, &large);
    assert_int_equal(spares->count, 1);
    assert_in_range(spares->kept[0].capacity, large.len, HTTP_SPARE_BYTES);
    assert_int_equal(uv_fileno(&connection->uv.handle, &fd), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
    while (connection->write == NULL) {
        assert_true(http_respond_write(scene.kit.kept[0], text_slice(&piece)));
        kit_turn(&scene.kit);
    }
    assert_int_equal(spares->count, 1);
    assert_in_range(connection->write->bytes.capacity, 1, 2 * piece.len);
    assert_true(http_respond_write(scene.kit.kept[0], text_slice(&piece)));
    assert_int_equal(spares->count, 1);
    assert_in_range(connection->out.capacity, 1, 2 * piece.len);
    kit_turn(&scene.kit);
    assert_int_equal(scene.kit.server->waiting_bytes, http_exchange_pending(scene.kit.kept[0]));
    text_fini(&large);
    text_fini(&piece);
    scene_end(&scene);
}

/* Calls that send nothing take nothing. */
static void test_nothing_to_send(void **state)
{
    (void)state;
    struct kit kit;
    struct client client;
    kit_init(&kit);
    kit_start(&kit);
    client_connect(&kit, &client);
    client_say(&kit, &client, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    kit_until(&kit, kit.kept[0] != NULL);
    const struct http_connection *connection = kit.kept[0]->connection;
    http_respond_begin(kit.kept[0], 200, NULL, 0, 3);
    assert_true(http_respond_write(kit.kept[0], DIFY_SLICE("one")));
    client_expect(&kit, &client, "one");
    assert_int_equal(kit.server->spares.count, 1);
    assert_true(http_respond_write(kit.kept[0], DIFY_SLICE("")));
    assert_false(http_respond_trailers(kit.kept[0], NULL, 0));
    assert_idle(connection);
    http_respond_end(kit.kept[0]);
    assert_idle(connection);
    kit_until(&kit, kit.completed == 1);
    assert_idle(connection);
    assert_int_equal(kit.server->spares.count, 1);
    client_close(&client);
    kit_stop(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count),         cmocka_unit_test(test_size),
        cmocka_unit_test(test_nothing_to_do), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_large_piece),   cmocka_unit_test(test_nothing_to_send),
        cmocka_unit_test(test_slow_reader),
    };
    return cmocka_run_group_tests_name("spares", tests, NULL, NULL);
}
