/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_load.c: a client of what stands before Dify.
 *
 *     bench_gateway_load run PORT REQUEST SURE CONNECTIONS SPREAD_MS MS PID
 *     bench_gateway_load hold PORT REQUEST CONNECTIONS
 *
 * REQUEST is a file with a whole request; of the zeros after @@ in it a number is made that no
 * other request has. SURE is a text that each answer must have.
 *
 * `run` has one request under way on each connection; the first ones go out evenly over SPREAD_MS.
 * It warms up as long again, and for a quarter of MS, then counts for MS milliseconds and prints
 * one JSON object: runs, seconds, CPU of the server (process PID) and of itself, stamps seen, and
 * how old they were when they were read: of all (event_*), and of the last one of each answer
 * (run_*).
 *
 * `hold` opens the connections, sends the requests, prints a line, and holds them until its input
 * ends.
 */
#define _GNU_SOURCE /* memmem() */
#include "load_tools.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES 65536
#define KEPT_BYTES 64 /* of what was read, before what is read next: for what is cut in two */
#define AGES ((size_t)1 << 22)
#define HOLD_PAUSE_US 500

struct connection {
    int fd;
    bool has_head;
    bool is_sure;
    bool is_chunked;
    size_t left; /* of the body, if it has a length */
    size_t kept_len;
    char kept[KEPT_BYTES];
    uint64_t last_us; /* the newest stamp */
};

struct ages {
    uint32_t *us;
    size_t count;
};

struct load {
    struct connection *connections;
    size_t count, begun;
    int epoll;
    char *request, *digits;
    size_t request_len;
    const char *sure;
    uint64_t numbers;

    bool counts, goes_on;
    size_t open;
    uint64_t runs, stamps;
    struct ages event_ages, run_ages;
};

/* ---- requests -------------------------------------------------------------------------------- */

static void read_request(struct load *load, const char *path)
{
    load->request = read_whole(path, &load->request_len);
    load->digits = strstr(load->request, STAMP);
    if (load->digits == NULL)
        die("the request has no place for a number");
    load->digits += sizeof STAMP - 1;
    load->numbers = now_us(); /* so that no other process has them */
}

static void ask(struct load *load, struct connection *connection)
{
    uint64_t value = ++load->numbers;
    for (size_t i = STAMP_DIGITS; i > 0; i--) {
        load->digits[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    connection->has_head = connection->is_sure = false;
    connection->kept_len = 0;
    connection->last_us = 0;
    if (send(connection->fd, load->request, load->request_len, MSG_NOSIGNAL) !=
        (ssize_t)load->request_len)
        die_of("send");
    load->open++;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void add_age(struct ages *ages, uint64_t us)
{
    if (ages->count < AGES)
        ages->us[ages->count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* The stamps that end after `seen` bytes of `bytes`. */
static void find_stamps(struct load *load, struct connection *connection, const char *bytes,
                        size_t len, size_t seen)
{
    const char *at = bytes, *end = bytes + len;
    uint64_t time_us = now_us();
    while ((at = memmem(at, (size_t)(end - at), STAMP, sizeof STAMP - 1)) != NULL) {
        at += sizeof STAMP - 1;
        if (end - at < STAMP_DIGITS)
            return;
        if (at + STAMP_DIGITS <= bytes + seen)
            continue;
        uint64_t value = 0;
        for (size_t i = 0; i < STAMP_DIGITS; i++)
            value = value * 10 + (uint64_t)(at[i] - '0');
        bool is_new = value > connection->last_us; /* a result repeats what events said */
        if (is_new)
            connection->last_us = value;
        if (!is_new || !load->counts)
            continue;
        load->stamps++;
        add_age(&load->event_ages, time_us - value);
    }
}

/* Reads the head at the start of `bytes`; returns its length. It comes in one piece. */
static size_t take_head(struct connection *connection, const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    if (end == NULL || len < 13 || memcmp(bytes, "HTTP/1.1 200 ", 13) != 0) {
        fprintf(stderr, "%.*s\n", (int)(len < 600 ? len : 600), bytes);
        die("an answer is not 200");
    }
    const char *field = strcasestr(bytes, "\r\ncontent-length:");
    connection->is_chunked = field == NULL || field > end;
    connection->left = connection->is_chunked ? 0 : strtoul(field + 17, NULL, 10);
    connection->has_head = true;
    return (size_t)(end - bytes) + 4;
}

/* The answer is whole. */
static void end_run(struct load *load, struct connection *connection)
{
    if (!connection->is_sure || connection->last_us == 0)
        die("an answer lacks what it must have");
    load->open--;
    if (load->counts) {
        load->runs++;
        add_age(&load->run_ages, now_us() - connection->last_us);
    }
    if (load->goes_on)
        ask(load, connection);
}

static void hear(struct load *load, struct connection *connection)
{
    static char bytes[KEPT_BYTES + READ_BYTES + 1];
    size_t seen = connection->kept_len;
    memcpy(bytes, connection->kept, seen);
    ssize_t count = recv(connection->fd, bytes + seen, READ_BYTES, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0)
        die("the server has closed a connection");
    size_t len = seen + (size_t)count;
    bytes[len] = '\0';
    size_t body_len = (size_t)count;
    if (!connection->has_head)
        body_len -= take_head(connection, bytes, len);
    find_stamps(load, connection, bytes, len, seen);
    connection->is_sure =
        connection->is_sure || memmem(bytes, len, load->sure, strlen(load->sure)) != NULL;
    connection->kept_len = len < KEPT_BYTES ? len : KEPT_BYTES;
    memcpy(connection->kept, bytes + len - connection->kept_len, connection->kept_len);
    if (connection->is_chunked ? len >= 7 && memcmp(bytes + len - 7, "\r\n0\r\n\r\n", 7) == 0
                               : (connection->left -= body_len) == 0)
        end_run(load, connection);
}

/* ---- run ------------------------------------------------------------------------------------- */

static void begin(struct load *load)
{
    struct connection *connection = &load->connections[load->begun++];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        die_of("epoll_ctl");
    ask(load, connection);
}

static void wait_and_hear(struct load *load, int wait_ms)
{
    struct epoll_event events[256];
    int count = epoll_wait(load->epoll, events, 256, wait_ms);
    for (int i = 0; i < count; i++)
        hear(load, events[i].data.ptr);
}

static void run_for(struct load *load, double seconds)
{
    double end = now() + seconds;
    while (now() < end)
        wait_and_hear(load, 100);
}

static int compare(const void *a, const void *b)
{
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    return first < second ? -1 : first > second;
}

static void print_ages(struct ages *ages, const char *name)
{
    qsort(ages->us, ages->count, sizeof *ages->us, compare);
    for (unsigned percent = 50; percent < 100; percent += 49)
        printf(",\"%s_p%u_us\":%lu", name, percent,
               ages->count == 0 ? 0UL : (unsigned long)ages->us[ages->count * percent / 100]);
}

static void run(struct load *load, double spread, double seconds, unsigned long pid)
{
    double start = now();
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->event_ages.us = malloc(AGES * sizeof(uint32_t));
    load->run_ages.us = malloc(AGES * sizeof(uint32_t));
    if (load->epoll < 0 || load->event_ages.us == NULL || load->run_ages.us == NULL)
        die_of("epoll_create1");
    load->goes_on = true;
    while (load->begun < load->count) {
        double due = start + spread * (double)load->begun / (double)load->count;
        if (now() >= due)
            begin(load);
        wait_and_hear(load, now() >= due ? 0 : 1);
    }
    run_for(load, spread + seconds / 4);

    load->counts = true;
    double begin_s = now(), cpu = cpu_of(pid), own = own_cpu();
    run_for(load, seconds);
    load->counts = false;
    printf("{\"runs\":%llu,\"seconds\":%.6f,\"cpu_s\":%.6f,\"own_cpu_s\":%.6f,\"stamps\":%llu",
           (unsigned long long)load->runs, now() - begin_s, cpu_of(pid) - cpu, own_cpu() - own,
           (unsigned long long)load->stamps);
    print_ages(&load->event_ages, "event");
    print_ages(&load->run_ages, "run");
    printf("}\n");
    load->goes_on = false; /* answers under way are awaited, so that no server sees a break */
    while (load->open != 0)
        wait_and_hear(load, 100);
}

/* ---- hold ------------------------------------------------------------------------------------ */

static void hold(struct load *load, unsigned long port)
{
    char bytes[256];
    for (size_t i = 0; i < load->count; i++) {
        struct timespec pause = {.tv_nsec = HOLD_PAUSE_US * 1000};
        load->connections[i].fd = connect_to(port);
        ask(load, &load->connections[i]);
        (void)nanosleep(&pause, NULL); /* so that no queue of connections overflows */
    }
    printf("%zu\n", load->count);
    (void)fflush(stdout);
    while (read(STDIN_FILENO, bytes, sizeof bytes) > 0)
        ;
}

int main(int argc, char **argv)
{
    struct load load = {0};
    bool runs = argc == 9 && strcmp(argv[1], "run") == 0;
    if (!runs && !(argc == 5 && strcmp(argv[1], "hold") == 0)) {
        fputs("usage: bench_gateway_load run PORT REQUEST SURE CONNECTIONS SPREAD_MS MS PID\n"
              "       bench_gateway_load hold PORT REQUEST CONNECTIONS\n",
              stderr);
        return 2;
    }
    unsigned long port = number(argv[2], 65535);
    read_request(&load, argv[3]);
    load.sure = argv[4];
    load.count = number(argv[runs ? 5 : 4], 1000000);
    load.connections = calloc(load.count, sizeof *load.connections);
    if (load.connections == NULL)
        die("out of memory");
    if (!runs) {
        hold(&load, port);
        return 0;
    }
    for (size_t i = 0; i < load.count; i++)
        load.connections[i].fd = connect_to(port);
    run(&load, (double)number(argv[6], 1000000) / 1000, (double)number(argv[7], 1000000) / 1000,
        number(argv[8], INT32_MAX));
    return 0;
}
