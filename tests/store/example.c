/* SPDX-License-Identifier: Apache-2.0
 *
 * example.c: makes a store for command.py and has it open until its standard input ends.
 *
 *     store_example PATH
 *
 * Run 1 began in 1970 and has ended, with a log; run 2 is open; run 3 began now and has ended.
 */
#include "core/slices.h"
#include "kit.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct store_kit kit = {.wakes = {-1, -1}};
    struct dify__buffer records = {.allocator = dify__allocator(NULL), .max = 1000};
    struct dify__buffer repeats = records;
    struct store_error error;
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    char byte;
    kit.options.path = argc == 2 ? argv[1] : "";
    if (store_open(&kit.options, &kit.store, &error) != DIFY_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    kit_records(&records, 1, 2);
    if (store_record_put(&records, STORE_RECORD_STREAM, DIFY_SLICE("{\"what\":\"resumed\"}")) !=
        DIFY_OK)
        return 1;
    if (store_record_put(&repeats, STORE_RECORD_REPEAT, DIFY_SLICE("6")) != DIFY_OK ||
        store_record_put(&repeats, STORE_RECORD_V1, DIFY_SLICE("7")) != DIFY_OK ||
        store_record_put(&repeats, STORE_RECORD_PING, DIFY_SLICE("")) != DIFY_OK)
        return 1;
    uint64_t first = kit_whole_run(&kit, 1000, 2000);
    struct store_run open = kit_run(store_next_number(kit.store));
    open.extra = DIFY_SLICE("{\"trace_id\": \"t\"}");
    if (!store_begin(kit.store, &open, kit_done, &kit) ||
        !store_set_started(kit.store, open.number, DIFY_SLICE("run-2"), DIFY_SLICE("task-2"),
                           kit_done, &kit) ||
        !store_append(kit.store, open.number, 1, dify__buffer_slice(&records), kit_done, &kit))
        return 1;
    kit_append(&kit, open.number, 4, 5);
    if (!store_append(kit.store, open.number, 6, dify__buffer_slice(&repeats), kit_done, &kit))
        return 1;
    kit_whole_run(&kit, now_ms, now_ms);
    while (kit.delivered < 9)
        (void)store_deliver(kit.store);
    dify__buffer_fini(&records);
    dify__buffer_fini(&repeats);
    printf("ready\n");
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
    store_close(kit.store);
    return kit.refused != 0 || first != 1;
}
