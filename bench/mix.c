/* SPDX-License-Identifier: Apache-2.0
 *
 * mix.c: writes event streams like those of a Dify server, for measuring.
 *
 *     bench_mix KIND BYTES [SEED] >stream 2>composition
 *
 * KIND:
 *  mix    runs of about 8 MB each, from workflow_started to workflow_finished; by bytes a third
 *         each of text chunks, of nodes with 10 KB, and of nodes with 1 to 2 MB; and pings
 *  run    the same as one endless run
 *  text   one run of text chunks
 *  nodes  one run of nodes with 10 KB, each an execution of its own
 *  large  one run of nodes with 1 to 2 MB
 *  one    a single event
 *
 * The same arguments give the same bytes. What the stream is made of goes to standard error, a line
 * for each kind of event: name, events, bytes. Shapes are those of tests/recordings.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_BYTES ((uint64_t)8000000)
#define NODE_BYTES 10000
#define NODE_REST 1700 /* what a node_finished has beside its texts */
#define LARGE_BYTES 1000000

enum kind { TEXT_CHUNK, NODE_STARTED, NODE_FINISHED, LARGE, PING, OTHER, KINDS };

static const char *const kind_names[KINDS] = {
    [TEXT_CHUNK] = "text_chunk",
    [NODE_STARTED] = "node_started",
    [NODE_FINISHED] = "node_finished, 10 KB",
    [LARGE] = "node_finished, 1 to 2 MB",
    [PING] = "ping",
    [OTHER] = "workflow_started, workflow_finished",
};

struct mix {
    uint64_t random;
    uint64_t events[KINDS], bytes[KINDS];
    uint64_t total, max; /* bytes */
    char run_id[37], task_id[37];
    /* the event at hand */
    char *text;
    size_t len, capacity;
};

/* ---- randomness (splitmix64) ---- */

static uint64_t next(struct mix *mix)
{
    uint64_t z = mix->random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static unsigned below(struct mix *mix, unsigned limit)
{
    return (unsigned)(next(mix) % limit);
}

static void make_uuid(struct mix *mix, char uuid[37])
{
    uint64_t a = next(mix), b = next(mix);
    snprintf(uuid, 37, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(a & 0xFFFFFFFF),
             (unsigned)(a >> 32 & 0xFFFF), (unsigned)(a >> 48 & 0xFFF), (unsigned)(b >> 48 & 0xFFF),
             (unsigned long long)(b & 0xFFFFFFFFFFFF));
}

/* ---- text ---- */

static void put_bytes(struct mix *mix, const char *bytes, size_t len)
{
    if (len > mix->capacity - mix->len) {
        mix->capacity = 2 * mix->capacity + len;
        mix->text = realloc(mix->text, mix->capacity);
        if (mix->text == NULL) {
            fputs("bench_mix: out of memory\n", stderr);
            exit(1);
        }
    }
    memcpy(mix->text + mix->len, bytes, len);
    mix->len += len;
}

static void put(struct mix *mix, const char *text)
{
    put_bytes(mix, text, strlen(text));
}

static void put_number(struct mix *mix, int decimals, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.*f", decimals, value);
    put(mix, text);
}

static const char *const english[] = {
    "the ",   "label ",    "of ",       "a ",          "product ", "must ",    "state ",
    "net ",   "content ",  "in ",       "metric ",     "units, ",  "and ",     "ingredients ",
    "are ",   "listed ",   "by ",       "weight; ",    "see ",     "GB 7718",  " section ",
    "4.1.2 ", "(applies ", "to ",       "pre-packed ", "food). ",  "Result: ", "compliant ",
    "with ",  "minor ",    "remarks. ", "120 g ",
};

static const char *const chinese[] = {
    "预包装食品", "标签",     "应当", "标明",   "净含量",   "和",       "配料表", "，",
    "生产日期",   "清晰",     "醒目", "。",     "不得",     "使用",     "模糊",   "的",
    "文字",       "或者",     "图形", "、",     "符合",     "国家标准", "要求",   "：",
    "饼干",       "单一包装", "120g", "“特殊”", "检测结果", "合格",     "；",     "依据",
};

/* What must be escaped in a string of JSON, or stands between sentences. */
static const char *const escapes[] = {"\\n", "\\n\\n- ",     "\\\"strict\\\" ",
                                      "\\t", "C:\\\\label ", " | "};

/* JSON within a string, as code and HTTP nodes hand it on. */
static const char *const nested[] = {
    "{\\\"name\\\": \\\"label1.png\\\", \\\"ok\\\": true, \\\"score\\\": 0.97}, ",
    "{\\\"检测\\\": \\\"合格\\\", \\\"items\\\": [1, 2, 3]}, ",
};

#define PICK(mix, table) ((table)[below(mix, sizeof(table) / sizeof((table)[0]))])

/* The inside of a string, about `size` bytes: paragraphs of either language. */
static void put_prose(struct mix *mix, size_t size)
{
    size_t end = mix->len + size;
    while (mix->len < end) {
        unsigned words = 10 + below(mix, 40);
        unsigned language = below(mix, 16);
        if (language == 0)
            put(mix, PICK(mix, nested));
        for (; words != 0 && mix->len < end; words--)
            put(mix, language < 9 ? PICK(mix, chinese) : PICK(mix, english));
        put(mix, PICK(mix, escapes));
    }
}

/* An array of records, about `size` bytes. */
static void put_records(struct mix *mix, size_t size)
{
    size_t end = mix->len + size;
    put(mix, "[");
    for (unsigned i = 0; i == 0 || mix->len < end; i++) {
        put(mix, i == 0 ? "{\"id\":" : ",{\"id\":");
        put_number(mix, 0, i);
        put(mix, ",\"name\":\"label.png\",\"score\":");
        put_number(mix, 6, below(mix, 1000000) / 1e6);
        put(mix, ",\"ok\":true,\"note\":null,\"box\":{\"x\":");
        put_number(mix, 0, below(mix, 4000));
        put(mix, ",\"y\":");
        put_number(mix, 0, below(mix, 4000));
        put(mix, ",\"corners\":[0,0,12,34]},\"tags\":[\"food\",\"净含量\"],\"text\":\"");
        put_prose(mix, 20 + below(mix, 200));
        put(mix, "\"}");
    }
    put(mix, "]");
}

/* ---- events ---- */

static void begin(struct mix *mix, const char *event)
{
    mix->len = 0;
    put(mix, "data: {\"event\":\"");
    put(mix, event);
    put(mix, "\",\"workflow_run_id\":\"");
    put(mix, mix->run_id);
    put(mix, "\",\"task_id\":\"");
    put(mix, mix->task_id);
    put(mix, "\",\"data\":{");
}

static void write_event(struct mix *mix, enum kind kind)
{
    if (fwrite(mix->text, 1, mix->len, stdout) != mix->len)
        exit(1); /* the reader left */
    mix->events[kind]++;
    mix->bytes[kind] += mix->len;
    mix->total += mix->len;
}

static void end(struct mix *mix, enum kind kind)
{
    put(mix, "}}\n\n");
    write_event(mix, kind);
}

static void write_ping(struct mix *mix)
{
    mix->len = 0;
    put(mix, "event: ping\n\n");
    write_event(mix, PING);
}

static void write_text_chunk(struct mix *mix)
{
    begin(mix, "text_chunk");
    put(mix, "\"text\":\"");
    for (unsigned words = 1 + below(mix, 4); words != 0; words--)
        put(mix, below(mix, 2) != 0 ? PICK(mix, chinese) : PICK(mix, english));
    if (below(mix, 8) == 0)
        put(mix, PICK(mix, escapes));
    put(mix, "\",\"from_variable_selector\":[\"llm\",\"text\"]");
    end(mix, TEXT_CHUNK);
}

struct node {
    char id[37];
    unsigned number; /* which of the workflow's nodes */
};

static void put_node(struct mix *mix, const struct node *node)
{
    static const char *const types[] = {"llm", "code", "http-request", "template-transform"};
    static const char *const titles[] = {"识别", "判定", "规则查询", "Summary"};
    char text[200];
    snprintf(text, sizeof text,
             "\"id\":\"%s\",\"node_id\":\"17953492800%02u\",\"node_type\":\"%s\",\"title\":\"%s "
             "%u\",\"index\":1,\"predecessor_node_id\":null,\"inputs\":",
             node->id, node->number, types[node->number % 4], titles[node->number % 4],
             node->number);
    put(mix, text);
}

static void write_node_started(struct mix *mix, const struct node *node)
{
    begin(mix, "node_started");
    put_node(mix, node);
    put(mix, "null,\"inputs_truncated\":false,\"created_at\":1795349280,\"extras\":{},"
             "\"iteration_id\":null,\"loop_id\":null,\"agent_strategy\":null");
    end(mix, NODE_STARTED);
}

static void put_usage(struct mix *mix)
{
    put(mix, "{\"prompt_tokens\":1830,\"prompt_unit_price\":\"0.15\",\"prompt_price_unit\":"
             "\"0.000001\",\"prompt_price\":\"0.0002745\",\"completion_tokens\":");
    put_number(mix, 0, 1000 + below(mix, 9000));
    put(mix, ",\"completion_unit_price\":\"0.60\",\"completion_price_unit\":\"0.000001\","
             "\"completion_price\":\"0.0014340\",\"total_tokens\":");
    put_number(mix, 0, 2000 + below(mix, 9000));
    put(mix, ",\"total_price\":\"");
    put_number(mix, 7, below(mix, 100000) / 1e7);
    put(mix, "\",\"currency\":\"USD\",\"latency\":1.314,\"time_to_first_token\":0.048,"
             "\"time_to_generate\":1.265}");
}

/* About `size` bytes: a fifth inputs, two fifths process data, two fifths outputs. */
static void write_node_finished(struct mix *mix, const struct node *node, size_t size,
                                enum kind kind)
{
    begin(mix, "node_finished");
    put_node(mix, node);
    put(mix, "{\"query\":\"");
    put_prose(mix, size / 5);
    put(mix, "\",\"n\":3},\"inputs_truncated\":false,\"process_data\":{\"model_mode\":\"chat\","
             "\"prompts\":[{\"role\":\"system\",\"text\":\"");
    put_prose(mix, size * 2 / 5);
    put(mix, "\",\"files\":[]}],\"usage\":");
    put_usage(mix);
    put(mix, ",\"finish_reason\":\"stop\"},\"process_data_truncated\":false,\"outputs\":"
             "{\"text\":\"");
    put_prose(mix, size / 5);
    put(mix, "\",\"result\":");
    put_records(mix, size / 5);
    put(mix, ",\"usage\":");
    put_usage(mix);
    put(mix, "},\"outputs_truncated\":false,\"status\":\"succeeded\",\"error\":null,"
             "\"elapsed_time\":");
    put_number(mix, 6, below(mix, 10000000) / 1e6);
    put(mix, ",\"execution_metadata\":{\"total_tokens\":");
    put_number(mix, 0, 2000 + below(mix, 9000));
    put(mix, ",\"total_price\":\"");
    put_number(mix, 7, below(mix, 100000) / 1e7);
    put(mix, "\",\"currency\":\"USD\"},\"created_at\":1795349280,\"finished_at\":1795349281,"
             "\"files\":[],\"iteration_id\":null,\"loop_id\":null");
    end(mix, kind);
}

static void write_workflow_started(struct mix *mix)
{
    make_uuid(mix, mix->run_id);
    make_uuid(mix, mix->task_id);
    begin(mix, "workflow_started");
    put(mix, "\"id\":\"");
    put(mix, mix->run_id);
    put(mix,
        "\",\"workflow_id\":\"307b103e-0db7-4345-a9dc-1ca4389be65b\",\"inputs\":{\"query\":\"");
    put_prose(mix, 2000);
    put(mix, "\"},\"created_at\":1795349280,\"reason\":\"initial\"");
    end(mix, OTHER);
}

static void write_workflow_finished(struct mix *mix)
{
    begin(mix, "workflow_finished");
    put(mix, "\"id\":\"");
    put(mix, mix->run_id);
    put(mix, "\",\"workflow_id\":\"307b103e-0db7-4345-a9dc-1ca4389be65b\",\"status\":\"succeeded\","
             "\"outputs\":{\"report\":\"");
    put_prose(mix, 4000);
    put(mix, "\"},\"error\":null,\"elapsed_time\":12.345678,\"total_tokens\":123456,"
             "\"total_steps\":300,\"created_by\":{\"id\":\"u\",\"user\":\"bench\"},"
             "\"created_at\":1795349280,\"finished_at\":1795349292,\"exceptions_count\":0,"
             "\"files\":[]");
    end(mix, OTHER);
}

static struct node new_node(struct mix *mix)
{
    struct node node;
    make_uuid(mix, node.id);
    node.number = below(mix, 24);
    return node;
}

static void write_large_node(struct mix *mix)
{
    struct node node = new_node(mix);
    write_node_started(mix, &node);
    write_node_finished(mix, &node, LARGE_BYTES + below(mix, LARGE_BYTES), LARGE);
}

/* A part of a run: a large node now and then, small ones, and text chunks while one of them runs.
 */
static void write_part(struct mix *mix)
{
    const uint64_t *bytes = mix->bytes;
    if (bytes[LARGE] + LARGE_BYTES < bytes[TEXT_CHUNK]) {
        write_large_node(mix);
    } else {
        struct node node = new_node(mix);
        write_node_started(mix, &node);
        while (bytes[TEXT_CHUNK] < bytes[NODE_FINISHED])
            write_text_chunk(mix);
        write_node_finished(mix, &node, NODE_BYTES / 2 - NODE_REST + below(mix, NODE_BYTES),
                            NODE_FINISHED);
    }
    if (below(mix, 30) == 0)
        write_ping(mix);
}

static void write_runs(struct mix *mix, uint64_t run_bytes)
{
    while (mix->total < mix->max) {
        uint64_t run_end = mix->total + run_bytes;
        write_ping(mix);
        write_workflow_started(mix);
        while (mix->total < run_end && mix->total < mix->max)
            write_part(mix);
        write_workflow_finished(mix);
    }
}

static void write_only(struct mix *mix, enum kind kind)
{
    write_workflow_started(mix);
    while (mix->total < mix->max) {
        struct node node;
        switch (kind) {
        case TEXT_CHUNK:
            write_text_chunk(mix);
            break;
        case LARGE:
            write_large_node(mix);
            break;
        default:
            node = new_node(mix);
            write_node_finished(mix, &node, NODE_BYTES - NODE_REST, NODE_FINISHED);
            break;
        }
    }
    write_workflow_finished(mix);
}

int main(int argc, char **argv)
{
    struct mix mix = {.random = 1};
    if (argc < 3 || argc > 4) {
        fputs("usage: bench_mix mix|run|text|nodes|large|one BYTES [SEED]\n", stderr);
        return 2;
    }
    mix.max = strtoull(argv[2], NULL, 10);
    if (argc == 4)
        mix.random = strtoull(argv[3], NULL, 10);
    make_uuid(&mix, mix.run_id);
    make_uuid(&mix, mix.task_id);
    if (strcmp(argv[1], "mix") == 0) {
        write_runs(&mix, RUN_BYTES);
    } else if (strcmp(argv[1], "run") == 0) {
        write_runs(&mix, mix.max);
    } else if (strcmp(argv[1], "text") == 0) {
        write_only(&mix, TEXT_CHUNK);
    } else if (strcmp(argv[1], "nodes") == 0) {
        write_only(&mix, NODE_FINISHED);
    } else if (strcmp(argv[1], "large") == 0) {
        write_only(&mix, LARGE);
    } else {
        struct node node = new_node(&mix);
        write_node_finished(&mix, &node, (size_t)mix.max, LARGE);
    }
    for (enum kind kind = 0; kind < KINDS; kind++)
        if (mix.events[kind] != 0)
            fprintf(stderr, "%s\t%llu\t%llu\n", kind_names[kind],
                    (unsigned long long)mix.events[kind], (unsigned long long)mix.bytes[kind]);
    free(mix.text);
    return fflush(stdout) == 0 ? 0 : 1;
}
