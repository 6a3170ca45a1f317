/* SPDX-License-Identifier: Apache-2.0
 *
 * kit.h: a server under test and its clients, all on one loop and one thread. Clients are
 * non-blocking sockets; whoever waits for something lets the loop turn until it is there, or fails
 * after KIT_PATIENCE_MS, which no passing test comes near.
 *
 * kit_start() makes the server described here. A test with a server of its own makes it on
 * kit->loop with the meter's allocator, sets kit->port for its clients, closes it, and ends with
 * kit_fini() in place of kit_stop().
 *
 * What the server does depends on the path:
 *   /hello  answers "hello"               /echo    answers with the body, once it is whole
 *   /stream answers "one", "two", "three" in chunks    /sink  reads the body away, answers its
 * length /ignore answers without reading       /keep    does nothing: the test has the exchange
 *   /pause  reads, but pauses at once     /sse     begins a stream of events and keeps it
 *   /q, /wide as /echo, /wide with a ceiling of 1000 bytes    /fields has fields of its own
 *   /also   has fields that go with any answer; its body is only looked at by the layer
 *   /chunk  echoes every piece of the body as it comes
 */
#ifndef HTTP_TESTS_KIT_H
#define HTTP_TESTS_KIT_H

#include "../unit/support.h"
#include "http/server.h"
#include "http/sse_out.h"

#include <poll.h>

#define KIT_PATIENCE_MS 60000
#define KIT_KEPT 5000

struct kit {
    uv_loop_t loop;
    struct meter meter; /* its allocator is used when options.allocator is not set */
    uint16_t port;      /* that clients connect to */
    struct http_server *server;
    struct http_server_options options;
    struct http_exchange *kept[KIT_KEPT]; /* of /keep, /pause, /sse; NULL once closed */
    size_t kept_count;
    size_t requests, closed, completed, broken, drained, half_closed;
    uint64_t body_bytes; /* read from bodies, ever */
    bool is_closed;      /* the server is gone */
};

/* Makes a server that listens on a free port of 127.0.0.1. Set kit->options first. */
void kit_init(struct kit *kit);
void kit_start(struct kit *kit);

/* Closes the server, waits for its end and checks that no memory is left. */
void kit_stop(struct kit *kit);

/* Lets the loop end, which must hold nothing that stays, and checks that no memory is left. */
void kit_fini(struct kit *kit);

/* One turn of the loop, which waits for at most a millisecond. */
void kit_turn(struct kit *kit);

/* Turns until `condition`. */
#define kit_until(kit, condition)                                                                  \
    do {                                                                                           \
        uint64_t kit_began = uv_hrtime();                                                          \
        while (!(condition)) {                                                                     \
            if (uv_hrtime() - kit_began > (uint64_t)KIT_PATIENCE_MS * 1000000)                     \
                fail_msg("%s:%d: waited in vain for %s", __FILE__, __LINE__, #condition);          \
            kit_turn(kit);                                                                         \
        }                                                                                          \
    } while (0)

/* ---- clients ------------------------------------------------------------------------------- */

struct client {
    int fd;
    struct text got;
    bool is_ended; /* the server's FIN has come */
    int error;     /* of the last read, or 0 */
};

void client_connect(struct kit *kit, struct client *client);
void client_connect_unix(struct client *client, const char *path);
void client_close(struct client *client);

/* Sends all, turning the loop while the socket is full; stops when the server closed. */
void client_send(struct kit *kit, struct client *client, const void *bytes, size_t len);
void client_say(struct kit *kit, struct client *client, const char *chars);

/* Takes the fields Date out of heads. */
void drop_dates(struct text *text);

/* Drops what has come so far. */
void client_forget(struct client *client);

/* Reads what there is. */
void client_read(struct client *client);

/* Waits until `count` whole answers have come (heads with Content-Length or chunks). */
void client_answers(struct kit *kit, struct client *client, size_t count);

/* Waits until the text has come. */
void client_expect(struct kit *kit, struct client *client, const char *chars);

/* Waits for the server's FIN or RST. */
void client_until_end(struct kit *kit, struct client *client);

/* Whole answers in the text, and how many bytes they take. */
size_t count_answers(const struct text *text, size_t *used);

/* The status of the answer that begins at `at`; 0 if none does. */
int status_at(const struct text *text, size_t at);

/* One request on a connection of its own; what came until the server closed or the answer was
 * whole. To be freed. */
struct text ask(struct kit *kit, const char *request);

#endif
