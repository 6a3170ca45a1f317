/* SPDX-License-Identifier: Apache-2.0
 *
 * follow.c: many runs at once in one process, followed by the library or read by libcurl alone.
 *
 *     bench_follow follow|curl URL KEY RUNS live|idle
 *
 * `live`: starts all and waits for their ends; `idle`: waits until each has had its first event,
 * while no more come. Prints one JSON object: events, CPU, and how much the process has grown.
 */
#include "difystream/follow.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char body[] =
    "{\"inputs\":{\"topic\":\"tea\"},\"response_mode\":\"streaming\",\"user\":\"bench\"}";

struct bench {
    size_t runs, started, ended, failed;
    uint64_t events;
};

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static long resident_kb(void)
{
    long kb = 0;
    char line[256];
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Pss: %ld", &kb) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kb;
}

/* ---- the library --------------------------------------------------------------------------- */

static void on_event(void *ctx, const struct dify_event *event, uint64_t offset)
{
    struct bench *bench = ctx;
    (void)offset;
    bench->events++;
    bench->started += event->type == DIFY_EVENT_WORKFLOW_STARTED;
}

static void on_ended(void *ctx, struct dify_follow *follow)
{
    struct bench *bench = ctx;
    struct dify_result result;
    dify_run_result(dify_follow_run(follow), &result);
    bench->ended++;
    bench->failed += !result.success;
}

static bool follow(struct bench *bench, const char *url, const char *key, bool is_idle)
{
    struct dify_run_observer events = {.ctx = bench, .event = on_event};
    struct dify_follow_observer observer = {.ctx = bench, .run = &events, .ended = on_ended};
    struct dify_app_options where = {.size = sizeof where, .base_url = url, .api_key = key};
    struct dify_order order = {.size = sizeof order,
                               .kind = DIFY_KIND_WORKFLOW,
                               .inputs = DIFY_SLICE("{\"topic\":\"tea\"}"),
                               .user = "bench"};
    struct dify_client *client;
    struct dify_app *app;
    struct dify_follow **follows = calloc(bench->runs, sizeof(struct dify_follow *));
    if (follows == NULL || dify_client_new(NULL, &client) != DIFY_OK ||
        dify_app_new(client, &where, &app, NULL) != DIFY_OK)
        return false;
    for (size_t i = 0; i < bench->runs; i++) {
        if (dify_follow_new(app, &order, &observer, &follows[i]) != DIFY_OK)
            return false;
        dify_follow_start(follows[i]);
        dify_client_wait(client, 0);
    }
    while ((is_idle ? bench->started : bench->ended) < bench->runs &&
           dify_client_wait(client, 1000)) {
    }
    if (is_idle)
        return true; /* measured as it is; the process ends */
    for (size_t i = 0; i < bench->runs; i++)
        dify_follow_free(follows[i]);
    free(follows);
    dify_app_free(app);
    dify_client_free(client);
    return true;
}

/* ---- libcurl alone ------------------------------------------------------------------------- */

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    struct bench *bench = ctx;
    const char *end = bytes + size * count;
    for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) {
        if (at + 1 < end && at[1] == '\n')
            bench->events++;
    }
    return size * count;
}

static CURL *curl_request(struct bench *bench, const char *url, struct curl_slist *fields)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, bench);
    return easy;
}

static bool curl(struct bench *bench, const char *base, const char *key, bool is_idle)
{
    char url[512], field[512];
    int running = 1, left;
    CURLM *multi = curl_multi_init();
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");
    snprintf(url, sizeof url, "%s/workflows/run", base);
    snprintf(field, sizeof field, "Authorization: Bearer %s", key);
    fields = curl_slist_append(fields, field);
    for (size_t i = 0; i < bench->runs; i++) {
        CURL *easy = curl_request(bench, url, fields);
        if (easy == NULL || curl_multi_add_handle(multi, easy) != CURLM_OK)
            return false;
        curl_multi_perform(multi, &running);
    }
    /* a first ping and two events each, then nothing */
    while (running > 0 && (!is_idle || bench->events < bench->runs * 3)) {
        CURLMsg *message;
        curl_multi_poll(multi, NULL, 0, 1000, NULL);
        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left)) != NULL) {
            CURL *easy = message->easy_handle;
            bench->ended++;
            bench->failed += message->data.result != CURLE_OK;
            curl_multi_remove_handle(multi, easy);
            curl_easy_cleanup(easy);
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    if (argc != 6 || (strcmp(argv[1], "follow") != 0 && strcmp(argv[1], "curl") != 0)) {
        fputs("usage: bench_follow follow|curl URL KEY RUNS live|idle\n", stderr);
        return 2;
    }
    bool is_idle = strcmp(argv[5], "idle") == 0;
    bench.runs = strtoul(argv[4], NULL, 10);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    long before_kb = resident_kb();
    double before_s = cpu_s();
    bool ok = strcmp(argv[1], "follow") == 0 ? follow(&bench, argv[2], argv[3], is_idle)
                                             : curl(&bench, argv[2], argv[3], is_idle);
    double cpu = cpu_s() - before_s;
    printf("{\"ok\":%s,\"runs\":%zu,\"ended\":%zu,\"failed\":%zu,\"events\":%llu,"
           "\"cpu_s\":%.6f,\"grown_kb\":%ld}\n",
           ok ? "true" : "false", bench.runs, bench.ended, bench.failed,
           (unsigned long long)bench.events, cpu, resident_kb() - before_kb);
    fflush(stdout);
    _exit(ok ? 0 : 1);
}
