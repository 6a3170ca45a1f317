/* SPDX-License-Identifier: Apache-2.0
 *
 * load_tools.c: see load_tools.h.
 */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "load_tools.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

void die_of(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(1);
}

unsigned long number(const char *text, unsigned long max)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value == 0 || value > max)
        die("a number is wrong");
    return value;
}

char *read_whole(const char *path, size_t *len)
{
    FILE *file = fopen(path, "r");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        die_of(path);
    *len = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*len + 1);
    if (text == NULL || fread(text, 1, *len, file) != *len)
        die_of(path);
    text[*len] = '\0';
    (void)fclose(file);
    return text;
}

static double seconds_of(clockid_t clock)
{
    struct timespec time;
    (void)clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

uint64_t now_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

double own_cpu(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

double cpu_of(unsigned long pid)
{
    char path[320];
    double seconds = 0;
    (void)snprintf(path, sizeof path, "/proc/%lu/task", pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        die_of(path);
    for (const struct dirent *task; (task = readdir(tasks)) != NULL;) {
        unsigned long long ns;
        if (task->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "/proc/%lu/task/%s/schedstat", pid, task->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL || fscanf(file, "%llu", &ns) != 1)
            die("cannot read the server's CPU time");
        (void)fclose(file);
        seconds += (double)ns * 1e-9;
    }
    (void)closedir(tasks);
    return seconds;
}

int connect_to(unsigned long port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)port)};
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) != 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die_of("connect");
    return fd;
}
