/* SPDX-License-Identifier: Apache-2.0
 *
 * test_progress.c: what a run's progress leaves on the screen.
 *
 * Everything is drawn to a small terminal, and after each drawing it must be as a shell wants it.
 */
#include "screen.h"

#include "cli/progress.h"
#include "cli/progress_view.h"

#include <inttypes.h>
#include <locale.h>

/* A run whose progress is drawn to a screen. */
struct stage {
    struct meter meter;
    struct screen screen;
    struct cli_progress *progress;
    struct dify_run *run;
    FILE *out;
    char *drawn;
    size_t drawn_len;
    size_t frame_len; /* of what was drawn last */
    uint64_t now_ms;
};

static void open_stage(struct stage *stage, enum cli_progress_kind kind, size_t columns,
                       size_t rows)
{
    memset(stage, 0, sizeof *stage);
    meter_init(&stage->meter);
    screen_init(&stage->screen, columns, rows);
    stage->out = open_memstream(&stage->drawn, &stage->drawn_len);
    assert_non_null(stage->out);
    struct cli_progress_options options = {.kind = kind,
                                           .out = stage->out,
                                           .columns = columns,
                                           .rows = rows,
                                           .style = {true, true},
                                           .show_text = true,
                                           .now_ms = 1000,
                                           .allocator = &stage->meter.allocator};
    stage->now_ms = options.now_ms;
    stage->progress = cli_progress_new(&options);
    assert_non_null(stage->progress);
    struct dify_run_observer observer = cli_progress_observer(stage->progress);
    stage->run = new_run_with((struct dify_run_options){.observer = &observer});
}

/* What was drawn since the last time, on the screen. */
static void show(struct stage *stage)
{
    struct screen *screen = &stage->screen;
    assert_int_equal(fflush(stage->out), 0);
    stage->frame_len = stage->drawn_len;
    screen_write(screen, stage->drawn, stage->drawn_len);
    rewind(stage->out);
    assert_int_equal(fflush(stage->out), 0);
    assert_int_equal(screen->unknown, 0);
    assert_int_equal(screen->x, 0);
    assert_true(screen->wraps && screen->has_cursor && !screen->is_coloured);
    assert_true(screen_is_blank_below(screen));
}

static void close_stage(struct stage *stage)
{
    cli_progress_free(stage->progress);
    dify_run_free(stage->run);
    assert_meter_empty(&stage->meter);
    fclose(stage->out);
    free(stage->drawn);
    screen_fini(&stage->screen);
}

static void play(struct stage *stage, struct text stream)
{
    assert_int_equal(dify_run_feed(stage->run, stream.ptr, stream.len), DIFY_OK);
    text_fini(&stream);
}

static void tick(struct stage *stage, uint64_t ms)
{
    stage->now_ms += ms;
    cli_progress_tick(stage->progress, stage->now_ms);
    show(stage);
}

static void end(struct stage *stage)
{
    cli_progress_end(stage->progress);
    show(stage);
}

/* Runs of blanks are read as two; spinners as '*'. */
static struct text lines_of(const struct stage *stage)
{
    struct text raw = screen_text(&stage->screen);
    struct text text = {NULL, 0, 0};
    for (size_t i = 0; i < raw.len; i++) {
        size_t blanks = strspn(raw.ptr + i, " ");
        bool at_start = i == 0 || raw.ptr[i - 1] == '\n';
        if (at_start && blanks != 0) {
            text_add_repeated(&text, ' ', blanks);
            i += blanks - 1;
        } else if (blanks > 2) {
            text_add_chars(&text, "  ");
            i += blanks - 1;
        } else if (i + 2 < raw.len && raw.ptr[i] == '\xE2' && raw.ptr[i + 1] == '\xA0') {
            text_add_chars(&text, "*");
            i += 2;
        } else {
            text_add(&text, raw.ptr + i, 1);
        }
    }
    text_add(&text, "", 0);
    text_fini(&raw);
    return text;
}

static void assert_lines(const struct stage *stage, const char *expected)
{
    struct text lines = lines_of(stage);
    assert_string_equal(lines.ptr != NULL ? lines.ptr : "", expected);
    text_fini(&lines);
}

static size_t count_lines_with(const struct stage *stage, const char *part)
{
    struct text lines = lines_of(stage);
    size_t count = 0;
    for (char *at = lines.ptr; at != NULL && (at = strstr(at, part)) != NULL; at++)
        count++;
    text_fini(&lines);
    return count;
}

/* ---- events ---------------------------------------------------------------------------------- */

#define STARTED(id, more)                                                                          \
    "{'event':'node_started','data':{'id':'" id "','node_id':'n" id "','title':'" id "'" more "}}"
#define FINISHED(id, status, more)                                                                 \
    "{'event':'node_finished','data':{'id':'" id "','node_id':'n" id "','title':'" id              \
    "','elapsed_time':0.25,'status':'" status "'" more "}}"
#define DONE(status) "{'event':'workflow_finished','data':{'status':'" status "'}}"

static void add_node(struct text *stream, const char *event, unsigned number, const char *more)
{
    text_addf(stream,
              "data: {\"event\":\"node_%s\",\"data\":{\"id\":\"e%u\",\"node_id\":\"x\",\"title\":"
              "\"node %u\",\"elapsed_time\":0.001%s}}\n\n",
              event, number, number, more);
}

/* ---- live ------------------------------------------------------------------------------------ */

static void test_running_below_what_is_over(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, CLI_PROGRESS_LIVE, 60, 10);
    tick(&stage, 0);
    assert_lines(&stage, "* 0.0 s \xC2\xB7 0 nodes done\n");
    play(&stage, STREAM(STARTED("a", ""), STARTED("b", "")));
    tick(&stage, 1200);
    assert_lines(&stage,
                 "* a  1.2 s\n* b  1.2 s\n* 1.2 s \xC2\xB7 0 nodes done \xC2\xB7 2 running\n");
    play(&stage, STREAM(FINISHED("b", "succeeded", "")));
    tick(&stage, 100);
    assert_lines(&stage, "\xE2\x9C\x93 b  250 ms\n* a  1.3 s\n"
                         "* 1.3 s \xC2\xB7 1 node done \xC2\xB7 1 running\n");
    cli_progress_say(stage.progress, CLI_PROGRESS_WARNING,
                     "connection reset by peer; taking the run up again in 0.8 s (1 of 3)");
    show(&stage);
    cli_progress_hide(stage.progress);
    show(&stage);
    assert_lines(&stage, "\xE2\x9C\x93 b  250 ms\n! connection reset by peer; taking the run up "
                         "again in 0.8\n  s (1 of 3)\n");
    play(&stage, STREAM(FINISHED("a", "failed", ",'error':'no\\nmore'"), DONE("failed")));
    tick(&stage, 100);
    end(&stage);
    assert_lines(&stage,
                 "\xE2\x9C\x93 b  250 ms\n! connection reset by peer; taking the run up "
                 "again in 0.8\n  s (1 of 3)\n\xE2\x9C\x97 a  250 ms\n  no\n"
                 "\xE2\x9C\x97 failed in 1.40 s \xC2\xB7 2 nodes \xC2\xB7 1 failed \xC2\xB7 "
                 "0 tokens\n");
    cli_progress_end(stage.progress);
    cli_progress_tick(stage.progress, 99999);
    show(&stage);
    assert_int_equal(stage.frame_len, 0);
    close_stage(&stage);
}

static void test_ends(void **state)
{
    static const struct {
        const char *event;
        const char *line;
    } cases[] = {
        {DONE("succeeded"), "\xE2\x9C\x93 succeeded in <1 ms \xC2\xB7 0 nodes \xC2\xB7 0 tokens\n"},
        {DONE("partial-succeeded"),
         "! partial-succeeded in <1 ms \xC2\xB7 0 nodes \xC2\xB7 0 tokens\n"},
        {DONE("stopped"), "~ stopped in <1 ms \xC2\xB7 0 nodes \xC2\xB7 0 tokens\n"},
        {"{'event':'workflow_paused','data':{}}",
         "~ paused in <1 ms \xC2\xB7 0 nodes \xC2\xB7 0 tokens\n"},
        {"{'event':'message_end','metadata':{'usage':{'total_tokens':12345}}}",
         "\xE2\x9C\x93 succeeded in <1 ms \xC2\xB7 0 nodes \xC2\xB7 12,345 tokens\n"},
        {"{'event':'error','message':'Quota exceeded'}",
         "! Quota exceeded\n\xE2\x9C\x97 failed in <1 ms \xC2\xB7 0 nodes \xC2\xB7 0 tokens\n"},
        {"{'event':'ping'}", "~ no end seen after <1 ms \xC2\xB7 0 nodes \xC2\xB7 0 tokens\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;
        open_stage(&stage, CLI_PROGRESS_LIVE, 80, 10);
        play(&stage, STREAM(cases[i].event));
        tick(&stage, 0);
        end(&stage);
        assert_lines(&stage, cases[i].line);
        close_stage(&stage);
    }
}

/* The result knows more than the events that came: a price, an end that was asked for. */
static void test_a_result_has_the_last_word(void **state)
{
    struct stage stage;
    struct dify_result result;
    (void)state;
    open_stage(&stage, CLI_PROGRESS_LIVE, 120, 10);
    play(&stage, STREAM(STARTED("a", ""),
                        FINISHED("a", "succeeded",
                                 ",'execution_metadata':{'total_tokens':7,'total_price':'0.25',"
                                 "'currency':'EUR\\u001b['}")));
    dify_run_result(stage.run, &result);
    cli_progress_result(stage.progress, &result); /* has not ended */
    dify_run_end(stage.run);
    dify_run_result(stage.run, &result);
    cli_progress_result(stage.progress, &result);
    struct text expected = {NULL, 0, 0};
    text_addf(
        &expected,
        "\xE2\x9C\x93 a  250 ms  7 tokens\n! %.*s\n"
        "\xE2\x9C\x97 failed in <1 ms \xC2\xB7 1 node \xC2\xB7 7 tokens \xC2\xB7 0.25 EUR?[\n",
        (int)result.message.len, result.message.ptr);
    end(&stage);
    assert_lines(&stage, expected.ptr);
    text_fini(&expected);
    close_stage(&stage);

    open_stage(&stage, CLI_PROGRESS_LIVE, 80, 10);
    play(&stage, STREAM("{'event':'workflow_finished','data':{'status':'failed','error':'E'}}"));
    dify_run_end(stage.run);
    dify_run_result(stage.run, &result);
    cli_progress_result(stage.progress, &result);
    end(&stage);
    assert_lines(&stage, "! E\n\xE2\x9C\x97 failed in <1 ms \xC2\xB7 0 nodes \xC2\xB7 0 tokens\n");
    close_stage(&stage);
}

static void test_what_was_printed_below_stays(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, CLI_PROGRESS_LIVE, 80, 10);
    tick(&stage, 100);
    screen_write(&stage.screen, "stopped\n", 8);
    cli_progress_forget(stage.progress);
    tick(&stage, 100);
    assert_lines(&stage, "* 0.1 s \xC2\xB7 0 nodes done\nstopped\n* 0.2 s \xC2\xB7 0 nodes done\n");
    close_stage(&stage);
}

static void test_a_pause_can_be_over(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, CLI_PROGRESS_LIVE, 80, 10);
    play(&stage, STREAM(STARTED("form", ""), FINISHED("form", "paused", ""),
                        "{'event':'workflow_paused','data':{}}"));
    tick(&stage, 100);
    play(&stage, STREAM(FINISHED("form", "succeeded", ""), DONE("succeeded")));
    end(&stage);
    assert_lines(&stage, "~ form paused  250 ms\n\xE2\x9C\x93 form  250 ms\n"
                         "\xE2\x9C\x93 succeeded in 100 ms \xC2\xB7 1 node \xC2\xB7 0 tokens\n");
    close_stage(&stage);
}

static void test_rounds_and_retries(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, CLI_PROGRESS_LIVE, 60, 20);
    play(&stage,
         STREAM("{'event':'iteration_started','data':{'id':'it','node_id':'it','title':'it',"
                "'node_type':'iteration','metadata':{'iteration_length': 3}}}",
                "{'event':'iteration_next','data':{'node_id':'it','index':0}}",
                "{'event':'iteration_next','data':{'node_id':'it','index':1}}",
                STARTED("a", ",'iteration_id':'it'"), STARTED("b", ",'iteration_id':'it'"),
                "{'event':'node_retry','data':{'id':'b','node_id':'nb','title':'b',"
                "'iteration_id':'it','status':'retry','error':'again'}}",
                FINISHED("a", "succeeded",
                         ",'iteration_id':'it','execution_metadata':{'iteration_index': 1}")));
    tick(&stage, 100);
    assert_lines(&stage, "* it 2/3  0.1 s\n  \xE2\x9C\x93 a #2  250 ms\n  * b \xE2\x86\xBB"
                         "1  0.1 s\n* 0.1 s \xC2\xB7 1 node done \xC2\xB7 2 running\n");
    /* the container ends, and what ran inside is not heard of again */
    play(&stage, STREAM("{'event':'iteration_completed','data':{'id':'it','node_id':'it',"
                        "'node_type':'iteration','title':'it','status':'failed','error':'x',"
                        "'elapsed_time':0.2}}"));
    tick(&stage, 100);
    end(&stage);
    assert_lines(&stage, "\xE2\x9C\x97 it 2/3  200 ms\n  x\n  \xE2\x9C\x93 a #2  250 ms\n"
                         "  ~ b \xE2\x86\xBB"
                         "1 unfinished  100 ms\n    again\n"
                         "~ no end seen after 200 ms \xC2\xB7 1 node \xC2\xB7 0 tokens\n");
    close_stage(&stage);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void test_thousands_at_once(void **state)
{
    enum { NODES = 3000 };
    struct stage stage;
    struct text stream = {NULL, 0, 0};
    (void)state;
    open_stage(&stage, CLI_PROGRESS_LIVE, 80, 24);
    for (unsigned i = 0; i < NODES; i++)
        add_node(&stream, "started", i, "");
    play(&stage, stream);
    for (int i = 0; i < 3; i++) {
        tick(&stage, 100);
        assert_true(stage.frame_len < (size_t)24 * 160);
    }
    assert_int_equal(stage.screen.above_lines, 0);
    assert_int_equal(count_lines_with(&stage, "* node"), 21);
    assert_int_equal(count_lines_with(&stage, "491 more running"), 1);
    assert_int_equal(count_lines_with(&stage, "3,000 running"), 1);
    memset(&stream, 0, sizeof stream);
    for (unsigned i = 0; i < NODES; i++)
        add_node(&stream, "finished", i, ",\"status\":\"succeeded\"");
    play(&stage, stream);
    tick(&stage, 100);
    end(&stage);
    assert_int_equal(count_lines_with(&stage, "\xE2\x9C\x93 node"), NODES);
    assert_int_equal(count_lines_with(&stage, "3,000 nodes"), 1);
    assert_true(stage.meter.peak_bytes < (size_t)1 << 20);
    close_stage(&stage);
}

static void test_a_long_iteration_keeps_a_few(void **state)
{
    struct stage stage;
    struct text stream =
        STREAM("{'event':'iteration_started','data':{'id':'it','node_id':'it','title':'it',"
               "'node_type':'iteration','metadata':{'iteration_length':1000}}}");
    (void)state;
    open_stage(&stage, CLI_PROGRESS_LIVE, 80, 24);
    for (unsigned i = 0; i < 1000; i++) {
        text_addf(&stream,
                  "data: {\"event\":\"iteration_next\",\"data\":{\"node_id\":\"it\",\"index\":%u}}"
                  "\n\n",
                  i);
        add_node(&stream, "started", i, ",\"iteration_id\":\"it\"");
        add_node(&stream, "finished", i,
                 i == 5 ? ",\"iteration_id\":\"it\",\"status\":\"failed\",\"error\":\"five\""
                        : ",\"iteration_id\":\"it\",\"status\":\"succeeded\"");
    }
    play(&stage, stream);
    tick(&stage, 100);
    assert_int_equal(stage.screen.above_lines, 0);
    assert_int_equal(count_lines_with(&stage, "* it 1000/1000"), 1);
    play(&stage, STREAM("{'event':'iteration_completed','data':{'id':'it','node_id':'it','title':"
                        "'it','node_type':'iteration','status':'succeeded'}}"));
    end(&stage);
    assert_int_equal(count_lines_with(&stage, "node 5 #6"), 1); /* it failed */
    assert_int_equal(count_lines_with(&stage, "  five\n"), 1);
    assert_int_equal(count_lines_with(&stage, "\xE2\x9C\x93 node"), PROGRESS_KEPT - 1);
    assert_int_equal(count_lines_with(&stage, "968 more done before these"), 1);
    assert_true(stage.meter.peak_bytes < (size_t)512 << 10);
    close_stage(&stage);
}

static void test_text_streams_below_the_nodes(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, CLI_PROGRESS_LIVE, 40, 12);
    play(&stage, STREAM(STARTED("llm", ""),
                        "{'event':'text_chunk','data':{'text':'One line of words that wraps at a "
                        "blank,\\n\\tthen'}}",
                        "{'event':'text_chunk','data':{'text':' \\u4f60\\u597d'}}"));
    tick(&stage, 100);
    assert_lines(&stage, "* llm  0.1 s\n\xE2\x94\x82 One line of words that wraps at a\n"
                         "\xE2\x94\x82 blank,\n\xE2\x94\x82  then \xE4\xBD\xA0\xE5\xA5\xBD\n"
                         "* 0.1 s \xC2\xB7 0 nodes done \xC2\xB7 1 running\n");
    for (int i = 0; i < 2000; i++)
        play(&stage, STREAM("{'event':'message','answer':'\\u4f60\\u597d\\u0301 '}"));
    tick(&stage, 100);
    assert_int_equal(count_lines_with(&stage, "\xE2\x94\x82"), 3);
    play(&stage, STREAM("{'event':'message_replace','answer':'gone'}"));
    tick(&stage, 100);
    assert_int_equal(count_lines_with(&stage, "\xE2\x94\x82 gone\n"), 1);
    assert_int_equal(count_lines_with(&stage, "\xE2\x94\x82"), 1);
    end(&stage);
    assert_int_equal(count_lines_with(&stage, "\xE2\x94\x82"), 0);
    close_stage(&stage);
}

#define NASTY "a\\u001b[31m\\u001b]0;t\\u0007\\r\\n\\t\\u0000\\u007f\\u009b31m\\u0085z\\ud83d"

static void test_no_control_character_comes_through(void **state)
{
    static const enum cli_progress_kind kinds[] = {CLI_PROGRESS_LIVE, CLI_PROGRESS_PLAIN};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct stage stage;
        open_stage(&stage, kinds[i], 40, 12);
        play(&stage,
             STREAM(STARTED(NASTY, ",'node_type':'" NASTY "'"),
                    "{'event':'text_chunk','data':{'text':'" NASTY "'}}",
                    "{'event':'node_retry','data':{'id':'" NASTY "','error':'" NASTY "'}}"));
        tick(&stage, 100);
        play(&stage, STREAM(FINISHED(NASTY, NASTY, ",'error':'" NASTY "'"),
                            "{'event':'iteration_started','data':{'node_id':'it','title':'" NASTY
                            "','metadata':{'iteration_length':'" NASTY "'}}}",
                            "{'event':'error','message':'" NASTY "'}"));
        cli_progress_say(stage.progress, CLI_PROGRESS_ERROR, "\033[2J\x9B\r\n\x80\xFFok");
        show(&stage);
        tick(&stage, 100);
        end(&stage);
        close_stage(&stage);
    }
}

/* ---- recordings ------------------------------------------------------------------------------ */

static const char *const recordings[] = {
    "label-check/streaming", "iter-par-cont/bad-streaming", "v1.12.1/loop-in-iter/streaming",
    "loop-break/streaming",  "http-retry-ok/streaming",     "parallel-3/streaming",
    "llm-one/streaming",     "chat-llm/streaming",          "llm-in-iteration/streaming"};

/* Whatever the moments of ticks and the widths of the terminal are, the lines that stay have the
 * same words. A terminal that becomes narrower breaks lines of the region; none may be left over.
 */
static void test_recordings_at_any_pace_and_width(void **state)
{
    uint64_t seed = test_seed();
    (void)state;
    for (size_t i = 0; i < COUNT_OF(recordings) * 8; i++) {
        struct text body = read_recording(recordings[i % COUNT_OF(recordings)]);
        struct stage stage;
        bool resizes = i >= COUNT_OF(recordings) * 4;
        open_stage(&stage, CLI_PROGRESS_LIVE, 60 + random_below(&seed, 140),
                   resizes ? 60 : 2 + random_below(&seed, 30));
        for (size_t at = 0; at < body.len;) {
            size_t len = 1 + random_below(&seed, 3000);
            len = len < body.len - at ? len : body.len - at;
            assert_int_equal(feed_copy(stage.run, body.ptr + at, len), DIFY_OK);
            at += len;
            if (resizes && random_below(&seed, 3) == 0) {
                size_t columns = 30 + random_below(&seed, 170);
                screen_resize(&stage.screen, columns, 60);
                cli_progress_resize(stage.progress, columns, 60);
            }
            tick(&stage, random_below(&seed, 200));
            assert_int_equal(count_lines_with(&stage, " done"), stage.screen.columns > 24);
        }
        end(&stage);
        assert_int_equal(count_lines_with(&stage, " done"), 0);
        assert_int_equal(count_lines_with(&stage, "*"), 0);
        assert_int_equal(count_lines_with(&stage, "\xE2\x9C\x93 Start"), 1);
        text_fini(&body);
        close_stage(&stage);
    }
}

/* One event of a server that keeps no order. */
static void add_any_event(struct text *stream, uint64_t *seed)
{
    static const char *const names[] = {
        "node_started",      "node_started",        "node_finished",  "node_finished",
        "node_retry",        "iteration_started",   "loop_started",   "iteration_next",
        "loop_next",         "iteration_completed", "loop_completed", "text_chunk",
        "workflow_finished", "workflow_paused",     "message_end",    "error"};
    static const char *const titles[] = {"x", "",
                                         "\xE9\x80\x90\xE5\x9B\xBE\xE6\xA3\x80\xE6\xB5\x8B",
                                         "e\xCC\x81\xCC\x81", "\xF0\x9F\x98\x80 a b c d e f g"};
    static const char *const ends[] = {"succeeded", "failed", "paused", "exception", "other"};
    size_t most = random_below(seed, 400) == 0 ? 16 : 12; /* ends of the run are rare */
    text_addf(stream, "data: {\"event\":\"%s\",\"data\":{", names[random_below(seed, most)]);
    text_addf(stream, "\"node_id\":\"%c\",\"status\":\"%s\",\"index\":%u,\"text\":\"%s \"",
              (char)('a' + random_below(seed, 6)), ends[random_below(seed, COUNT_OF(ends))],
              (unsigned)random_below(seed, 5), titles[random_below(seed, COUNT_OF(titles))]);
    text_addf(stream, ",\"title\":\"%s\",\"error\":\"e\"", titles[random_below(seed, 5)]);
    if (random_below(seed, 4) != 0)
        text_addf(stream, ",\"id\":\"%u\"", (unsigned)random_below(seed, 60));
    if (random_below(seed, 6) == 0)
        text_add_chars(stream, ",\"node_type\":\"iteration\"");
    if (random_below(seed, 2) == 0)
        text_addf(stream, ",\"iteration_id\":\"%c\"", (char)('a' + random_below(seed, 6)));
    if (random_below(seed, 2) == 0)
        text_addf(stream, ",\"loop_id\":\"%c\"", (char)('a' + random_below(seed, 6)));
    text_addf(stream, ",\"metadata\":{\"iteration_length\":%u}}}\n\n",
              (unsigned)random_below(seed, 9));
}

static void test_any_order_of_events(void **state)
{
    uint64_t seed = test_seed();
    (void)state;
    for (int i = 0; i < 60; i++) {
        struct stage stage;
        open_stage(&stage, i % 6 == 5 ? CLI_PROGRESS_PLAIN : CLI_PROGRESS_LIVE,
                   20 + random_below(&seed, 100), 2 + random_below(&seed, 40));
        for (int j = 0; j < 60; j++) {
            struct text stream = {NULL, 0, 0};
            for (size_t count = random_below(&seed, 12); count > 0; count--)
                add_any_event(&stream, &seed);
            play(&stage, stream);
            if (random_below(&seed, 10) == 0)
                cli_progress_hide(stage.progress);
            if (random_below(&seed, 10) == 0)
                cli_progress_say(stage.progress, CLI_PROGRESS_NOTE, "a few words, some of them");
            tick(&stage, random_below(&seed, 30000));
        }
        end(&stage);
        assert_int_equal(count_lines_with(&stage, "*"), 0);
        close_stage(&stage);
    }
}

/* ---- plain, none, no memory ------------------------------------------------------------------ */

static void test_plain_lines(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, CLI_PROGRESS_PLAIN, 80, 24);
    play(&stage, STREAM("{'event':'loop_started','data':{'id':'lp','node_id':'lp','title':'Loop',"
                        "'node_type':'loop','metadata':{'loop_length':2}}}",
                        STARTED("a", ",'loop_id':'lp','node_type':'code'"),
                        "{'event':'text_chunk','data':{'text':'not shown'}}"));
    stage.now_ms += 61500;
    cli_progress_tick(stage.progress, stage.now_ms);
    play(&stage, STREAM("{'event':'node_retry','data':{'id':'a','node_id':'na','loop_id':'lp',"
                        "'error':'503'}}",
                        FINISHED("a", "failed",
                                 ",'loop_id':'lp','error':'E','execution_metadata':"
                                 "{'total_tokens':1234,'loop_index':0}"),
                        STARTED("b", ""), DONE("failed")));
    cli_progress_say(stage.progress, CLI_PROGRESS_NOTE, "run 0190");
    cli_progress_end(stage.progress);
    assert_int_equal(fflush(stage.out), 0);
    assert_string_equal(stage.drawn,
                        "    0.0 s  started     Loop (loop)\n"
                        "    0.0 s  started     Loop > a #1 (code)\n"
                        "   61.5 s  retry       Loop > a #1 (code), 1 so far: 503\n"
                        "   61.5 s  failed      Loop > a #1 (code), 250 ms, 1,234 tokens: E\n"
                        "   61.5 s  started     b\n"
                        "   61.5 s  note        run 0190\n"
                        "   61.5 s  unfinished  Loop (loop), 1m 02s\n"
                        "   61.5 s  unfinished  b, <1 ms\n"
                        "   61.5 s  failed      run, 1 node, 1,234 tokens\n");
    close_stage(&stage);
}

static void test_none_is_nothing(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, CLI_PROGRESS_NONE, 80, 24);
    play(&stage, read_recording("label-check/streaming"));
    cli_progress_say(stage.progress, CLI_PROGRESS_ERROR, "x");
    cli_progress_hide(stage.progress);
    tick(&stage, 100);
    end(&stage);
    assert_lines(&stage, "");
    close_stage(&stage);
    cli_progress_event(NULL, NULL);
    cli_progress_node(NULL, NULL, DIFY_NODE_STARTED);
    cli_progress_say(NULL, CLI_PROGRESS_NOTE, "x");
    cli_progress_tick(NULL, 1);
    cli_progress_resize(NULL, 1, 1);
    cli_progress_hide(NULL);
    cli_progress_forget(NULL);
    cli_progress_result(NULL, NULL);
    cli_progress_end(NULL);
    cli_progress_free(NULL);
}

/* For want of memory lines are missing, and the screen is in order all the same. */
static void test_each_allocation_failed(void **state)
{
    struct text body = read_recording("label-check/streaming");
    (void)state;
    for (uint64_t fail_at = 1;; fail_at++) {
        for (int on = 0; on < 2; on++) {
            struct stage stage;
            open_stage(&stage, CLI_PROGRESS_LIVE, 60, 12);
            stage.meter.fail_at = stage.meter.calls + fail_at;
            stage.meter.fails_on = on != 0;
            for (size_t at = 0; at < body.len; at += 2000) {
                size_t len = body.len - at < 2000 ? body.len - at : 2000;
                assert_int_equal(dify_run_feed(stage.run, body.ptr + at, len), DIFY_OK);
                tick(&stage, 100);
            }
            end(&stage);
            bool was_reached = stage.meter.failures != 0;
            close_stage(&stage);
            if (!was_reached) {
                assert_true(fail_at > 5);
                text_fini(&body);
                return;
            }
        }
    }
}

/* ---- words ----------------------------------------------------------------------------------- */

static void test_figures(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } durations[] = {{-1, ""},          {0, "<1 ms"},        {0.0004999, "<1 ms"},
                     {0.0005, "1 ms"},  {0.9994, "999 ms"},  {0.9995, "1.00 s"},
                     {9.994, "9.99 s"}, {9.995, "10.0 s"},   {59.949, "59.9 s"},
                     {59.95, "1m 00s"}, {3599.4, "59m 59s"}, {3600, "1h 00m"},
                     {1e300, "long"},   {1e9, "277777h 46m"}};
    char out[PROGRESS_FIGURE_BYTES];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(durations); i++)
        assert_string_equal(progress_duration(out, durations[i].seconds), durations[i].text);
    assert_string_equal(progress_ticking(out, 59999), "59.9 s");
    assert_string_equal(progress_ticking(out, 60000), "1m 00s");
    assert_string_equal(progress_ticking(out, UINT64_MAX), "long");
    assert_string_equal(progress_count(out, 0), "0");
    assert_string_equal(progress_count(out, 999), "999");
    assert_string_equal(progress_count(out, 1000), "1,000");
    assert_string_equal(progress_count(out, UINT64_MAX), "18,446,744,073,709,551,615");
}

static void test_texts_are_kept_to_their_ceiling(void **state)
{
    static struct progress_text text;
    const struct cli_style style = {false, true};
    struct dify_slice lines[PROGRESS_TEXT_LINES];
    struct text more = {NULL, 0, 0};
    (void)state;
    for (int i = 0; i < 5000; i++) {
        progress_text_add(&text, slice_of(i % 7 == 0 ? "\xE4\xBD\xA0\n" : "\xE4\xBD\xA0"));
        assert_true(text.len <= PROGRESS_TEXT_BYTES);
        assert_true(((unsigned char)text.bytes[0] & 0xC0) != 0x80);
    }
    assert_int_equal(progress_text_lines(&text, &style, 10, lines, 100), PROGRESS_TEXT_LINES);
    text_add_repeated(&more, 'x', 100000);
    progress_text_add(&text, text_slice(&more));
    assert_int_equal(progress_text_lines(&text, &style, 10, lines, 2), 2);
    assert_int_equal(lines[0].len, 10);
    text_fini(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_below_what_is_over),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_a_result_has_the_last_word),
        cmocka_unit_test(test_what_was_printed_below_stays),
        cmocka_unit_test(test_a_pause_can_be_over),
        cmocka_unit_test(test_rounds_and_retries),
        cmocka_unit_test(test_thousands_at_once),
        cmocka_unit_test(test_a_long_iteration_keeps_a_few),
        cmocka_unit_test(test_text_streams_below_the_nodes),
        cmocka_unit_test(test_no_control_character_comes_through),
        cmocka_unit_test(test_recordings_at_any_pace_and_width),
        cmocka_unit_test(test_any_order_of_events),
        cmocka_unit_test(test_plain_lines),
        cmocka_unit_test(test_none_is_nothing),
        cmocka_unit_test(test_each_allocation_failed),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_texts_are_kept_to_their_ceiling),
    };
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
