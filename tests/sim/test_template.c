/* SPDX-License-Identifier: Apache-2.0
 *
 * test_template.c: templates by themselves; and every recording, cut and filled with its own
 * values, gives the recorded bytes again.
 */
#include "../unit/support.h"

#include "sim/catalogue.h"
#include "sim/cutter.h"
#include "sim/loader.h"
#include "sim/weave.h"

#include <dirent.h>
#include <inttypes.h>
#include <sys/stat.h>

#define UUID_A "01234567-89ab-cdef-0123-456789abcdef"
#define UUID_B "fedcba98-7654-3210-fedc-ba9876543210"
#define UUID_C "0f0f0f0f-1111-4222-8333-444455556666"

/* ---- bindings ------------------------------------------------------------------------------ */

static struct sim_bindings plain_bindings(void)
{
    struct sim_bindings bindings = {.run = "11111111-1111-4111-8111-111111111111",
                                    .task = "22222222-2222-4222-8222-222222222222",
                                    .conversation = "33333333-3333-4333-8333-333333333333",
                                    .message = "44444444-4444-4444-8444-444444444444",
                                    .owner = "55555555-5555-4555-8555-555555555555",
                                    .files = DIFY_SLICE("66666666-6666-4666-8666-666666666666"),
                                    .token = "abcdefghijklmnopqrstuv",
                                    .uuid_seed = {7, 9},
                                    .start = 1700000000,
                                    .speed = 1,
                                    .inputs = DIFY_SLICE("{\"a\":1}"),
                                    .user = DIFY_SLICE("u")};
    return bindings;
}

static struct dify__buffer new_buffer(void)
{
    return (struct dify__buffer){.allocator = dify__allocator(NULL), .max = SIM_FILE_BYTES * 2};
}

static void assert_renders(const struct sim_template *text, const struct sim_bindings *bindings,
                           const char *expected)
{
    struct dify__buffer out = new_buffer();
    assert_int_equal(sim_template_render(text, bindings, &out), DIFY_OK);
    assert_bytes(dify__buffer_slice(&out), slice_of(expected));
    dify__buffer_fini(&out);
}

/* ---- holes --------------------------------------------------------------------------------- */

static void test_each_hole_is_filled(void **state)
{
    (void)state;
    struct sim_arena *arena = sim_arena_new(dify__allocator(NULL));
    struct sim_bindings bindings = plain_bindings();
    struct sim_template text;
    struct sim_weave weave;
    char uuid[37], expected[600];

    sim_weave_init(&weave, dify__allocator(NULL));
    static const enum sim_hole holes[] = {
        SIM_HOLE_RUN,   SIM_HOLE_TASK,          SIM_HOLE_CONVERSATION, SIM_HOLE_MESSAGE,
        SIM_HOLE_TOKEN, SIM_HOLE_INPUTS,        SIM_HOLE_USER,         SIM_HOLE_OWNER,
        SIM_HOLE_FILE,  SIM_HOLE_FILE_REFERENCE};
    for (size_t i = 0; i < COUNT_OF(holes); i++) {
        sim_weave_chars(&weave, "<");
        sim_weave_hole(&weave, holes[i], 0);
        sim_weave_chars(&weave, ">");
    }
    sim_weave_hole(&weave, SIM_HOLE_UUID, 5);
    sim_weave_hole(&weave, SIM_HOLE_TIME, 12);
    assert_int_equal(sim_weave_finish(&weave, arena, &text), DIFY_OK);
    assert_int_equal(text.pieces[text.count - 1].hole, SIM_HOLE_NONE);

    sim_uuid(bindings.uuid_seed, 5, uuid);
    snprintf(expected, sizeof expected,
             "<%s><%s><%s><%s><%s><{\"a\":1}><u><%s><%s><%s>%s1700000012", bindings.run,
             bindings.task, bindings.conversation, bindings.message, bindings.token, bindings.owner,
             bindings.files.ptr,
             "eyJyZWNvcmRfaWQiOiI2NjY2NjY2Ni02NjY2LTQ2NjYtODY2Ni02NjY2NjY2NjY2NjYifQ==", uuid);
    assert_renders(&text, &bindings, expected);
    sim_weave_fini(&weave);
    sim_arena_free(arena);
}

/* Inputs and users come from outside: what they hold must not end the string that they stand in. */
static void test_what_the_caller_gave_is_escaped(void **state)
{
    (void)state;
    static const char inputs[] =
        "{\"text\":\"a\\\"b\\\\c\\n\\u001b\\u4f60\\ud83d\\ude00/\",\"n\":1.50,\"null\":null,"
        "\"list\":[1,\"x\"],\"\\u4f60\":\"named\"}";
    static const struct {
        const char *name, *expected;
    } cases[] = {{"text", "a\\\"b\\\\c\\n\\u001b\xE4\xBD\xA0\xF0\x9F\x98\x80/"},
                 {"n", "1.50"},
                 {"null", ""},
                 {"list", "[1,\\\"x\\\"]"},
                 {"\xE4\xBD\xA0", "named"},
                 {"absent", ""},
                 {"", ""}};
    struct sim_arena *arena = sim_arena_new(dify__allocator(NULL));
    struct sim_bindings bindings = plain_bindings();
    struct sim_weave weave;
    struct sim_template text;
    bindings.inputs = slice_of(inputs);
    sim_weave_init(&weave, dify__allocator(NULL));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        sim_weave_input(&weave, slice_of(cases[i].name));
        assert_int_equal(sim_weave_finish(&weave, arena, &text), DIFY_OK);
        assert_renders(&text, &bindings, cases[i].expected);
    }
    bindings.inputs = DIFY_SLICE("[]");
    assert_renders(&text, &bindings, "");

    sim_weave_hole(&weave, SIM_HOLE_USER, 0);
    assert_int_equal(sim_weave_finish(&weave, arena, &text), DIFY_OK);
    bindings.user = DIFY_SLICE("\"\x1F\xC3\xA9");
    assert_renders(&text, &bindings, "\\\"\\u001f\xC3\xA9");
    sim_weave_fini(&weave);
    sim_arena_free(arena);
}

static void test_times_shrink_with_the_speed(void **state)
{
    (void)state;
    struct sim_arena *arena = sim_arena_new(dify__allocator(NULL));
    struct sim_bindings bindings = plain_bindings();
    struct sim_weave weave;
    struct sim_template text;
    sim_weave_init(&weave, dify__allocator(NULL));
    sim_weave_hole(&weave, SIM_HOLE_TIME, 15);
    sim_weave_chars(&weave, " ");
    sim_weave_hole(&weave, SIM_HOLE_TIME, -3);
    assert_int_equal(sim_weave_finish(&weave, arena, &text), DIFY_OK);
    assert_renders(&text, &bindings, "1700000015 1699999997");
    bindings.speed = 10;
    assert_renders(&text, &bindings, "1700000001 1699999999");
    bindings.speed = 0.5;
    assert_renders(&text, &bindings, "1700000030 1699999994");
    bindings.speed = 0;
    assert_renders(&text, &bindings, "1700000000 1700000000");
    sim_weave_fini(&weave);
    sim_arena_free(arena);
}

static void test_uuids_are_of_version_4_and_differ(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static char all[COUNT][37];
    const uint64_t seeds[2][2] = {{0, 0}, {0, 1}};
    for (int64_t i = 0; i < COUNT; i++) {
        sim_uuid(seeds[i % 2], i / 2, all[i]);
        assert_true(sim_is_id((struct dify_slice){all[i], strlen(all[i])}));
        assert_int_equal(all[i][14], '4');
        assert_non_null(strchr("89ab", all[i][19]));
        for (int64_t j = 0; j < i; j++)
            assert_string_not_equal(all[i], all[j]);
    }
}

static void test_a_full_buffer_is_told(void **state)
{
    (void)state;
    struct sim_arena *arena = sim_arena_new(dify__allocator(NULL));
    struct sim_bindings bindings = plain_bindings();
    struct sim_weave weave;
    struct sim_template text;
    sim_weave_init(&weave, dify__allocator(NULL));
    sim_weave_chars(&weave, "0123456789");
    sim_weave_hole(&weave, SIM_HOLE_RUN, 0);
    assert_int_equal(sim_weave_finish(&weave, arena, &text), DIFY_OK);
    for (size_t max = 40; max <= 60; max++) {
        struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = max};
        assert_int_equal(sim_template_render(&text, &bindings, &out),
                         max < 46 ? DIFY_ERR_TOO_LARGE : DIFY_OK);
        dify__buffer_fini(&out);
    }
    sim_weave_fini(&weave);
    sim_arena_free(arena);
}

static void test_a_failed_allocation_is_told(void **state)
{
    (void)state;
    struct sim_bindings bindings = plain_bindings();
    struct sim_arena *arena = sim_arena_new(dify__allocator(NULL));
    struct sim_weave weave;
    struct sim_template text;
    sim_weave_init(&weave, dify__allocator(NULL));
    for (int i = 0; i < 20; i++) {
        sim_weave_chars(&weave, "some text that makes the buffer grow");
        sim_weave_input(&weave, DIFY_SLICE("a"));
    }
    assert_int_equal(sim_weave_finish(&weave, arena, &text), DIFY_OK);
    uint64_t failures = 1;
    for (uint64_t fail_at = 1; failures != 0; fail_at++) {
        struct meter meter;
        meter_init(&meter);
        meter.fail_at = fail_at;
        struct dify__buffer out = {.allocator = &meter.allocator, .max = 10000};
        enum dify_err err = sim_template_render(&text, &bindings, &out);
        failures = meter.failures;
        assert_int_equal(err, failures != 0 ? DIFY_ERR_NOMEM : DIFY_OK);
        dify__buffer_fini(&out);
        assert_meter_empty(&meter);
        assert_true(fail_at < 100);
    }
    sim_weave_fini(&weave);
    sim_arena_free(arena);
}

/* ---- cutting ------------------------------------------------------------------------------- */

/* The template's pieces in a form that can be read: holes as <kind number>. */
static struct text show(const struct sim_template *text)
{
    static const char *const kinds[] = {"none",  "run",  "task",   "conv",  "msg", "uuid",
                                        "token", "time", "inputs", "input", "user"};
    struct text out = {NULL, 0, 0};
    for (size_t i = 0; i < text->count; i++) {
        text_add(&out, text->pieces[i].literal.ptr, text->pieces[i].literal.len);
        if (text->pieces[i].hole != SIM_HOLE_NONE)
            text_addf(&out, "<%s %" PRId64 ">", kinds[text->pieces[i].hole],
                      text->pieces[i].number);
    }
    text_add(&out, "", 0);
    return out;
}

static void assert_cut(struct sim_cutter *cutter, const char *text, const char *expected)
{
    struct sim_arena *arena = sim_arena_new(dify__allocator(NULL));
    struct sim_weave weave;
    struct sim_template out;
    struct text json = {NULL, 0, 0}, wanted = {NULL, 0, 0};
    text_add_json(&json, text);
    text_add_json(&wanted, expected);
    sim_weave_init(&weave, dify__allocator(NULL));
    assert_int_equal(
        sim_cutter_cut(cutter, text_slice(&json), (struct dify_slice){NULL, 0}, &weave), DIFY_OK);
    assert_int_equal(sim_weave_finish(&weave, arena, &out), DIFY_OK);
    struct text shown = show(&out);
    assert_bytes(text_slice(&shown), text_slice(&wanted));
    text_fini(&shown);
    text_fini(&json);
    text_fini(&wanted);
    sim_weave_fini(&weave);
    sim_arena_free(arena);
}

static void test_ids_are_cut_wherever_they_stand(void **state)
{
    (void)state;
    struct sim_cutter cutter;
    sim_cutter_init(&cutter, dify__allocator(NULL));
    assert_int_equal(sim_cutter_know(&cutter, slice_of(UUID_A), SIM_HOLE_RUN), DIFY_OK);
    assert_int_equal(sim_cutter_know(&cutter, slice_of(UUID_A), SIM_HOLE_TASK), DIFY_OK);
    assert_int_equal(sim_cutter_replace(&cutter, slice_of(UUID_C), slice_of(UUID_C)), DIFY_OK);
    assert_cut(&cutter, UUID_A, "<run 0>");
    assert_cut(&cutter, "x" UUID_A "y" UUID_B "-", "x<run 0>y<uuid 0>-");
    assert_cut(&cutter, "/files/" UUID_B "/p?" UUID_C, "/files/<uuid 0>/p?" UUID_C);
    assert_cut(&cutter, "11111111-1111-1111-1111-111111111111," UUID_B, "<uuid 1>,<uuid 0>");
    /* longer runs of digits, capitals, and what is too short are no ids */
    assert_cut(&cutter, "0" UUID_B, "0" UUID_B);
    assert_cut(&cutter, UUID_B "0", UUID_B "0");
    assert_cut(&cutter, "FEDCBA98-7654-3210-fedc-ba9876543210",
               "FEDCBA98-7654-3210-fedc-ba9876543210");
    assert_cut(&cutter, "fedcba98-7654-3210-fedc-ba987654321",
               "fedcba98-7654-3210-fedc-ba987654321");
    sim_cutter_fini(&cutter);
}

static void test_an_id_of_the_app_becomes_the_apps_own(void **state)
{
    (void)state;
    struct sim_cutter cutter;
    sim_cutter_init(&cutter, dify__allocator(NULL));
    assert_int_equal(sim_cutter_replace(&cutter, slice_of(UUID_A), slice_of(UUID_C)), DIFY_OK);
    assert_cut(&cutter, "<" UUID_A ">", "<" UUID_C ">");
    sim_cutter_fini(&cutter);
}

static void test_times_of_the_run_are_cut(void **state)
{
    (void)state;
    struct sim_cutter cutter;
    sim_cutter_init(&cutter, dify__allocator(NULL));
    assert_cut(&cutter, "{'created_at':1700000005}", "{'created_at':1700000005}"); /* no start */
    cutter.start = 1700000000;
    assert_cut(&cutter, "{'created_at':1700000005,'n':1700000005}",
               "{'created_at':<time 5>,'n':1700000005}");
    assert_cut(&cutter, "{'finished_at': 1699999999}", "{'finished_at': <time -1>}");
    assert_cut(&cutter, "{'created_at':1700086399,'b_at':1700086400,'c_at':1699913601}",
               "{'created_at':<time 86399>,'b_at':1700086400,'c_at':<time -86399>}");
    assert_cut(&cutter, "{'created_at':17000000051,'b_at':170000000}",
               "{'created_at':17000000051,'b_at':170000000}");
    assert_cut(&cutter, "{'expiration_time':1700259200}", "{'expiration_time':<time 259200>}");
    assert_cut(&cutter, "'u':'http://h/f?timestamp=1700000001&nonce=1'",
               "'u':'http://h/f?timestamp=<time 1>&nonce=1'");
    sim_cutter_fini(&cutter);
}

static void test_users_and_tokens_are_cut(void **state)
{
    (void)state;
    struct sim_cutter cutter;
    sim_cutter_init(&cutter, dify__allocator(NULL));
    cutter.user = slice_of("user-1");
    cutter.token = slice_of("AaVXqrWUPrPW8eDCn8YesH");
    assert_cut(&cutter, "{'sys.user_id':'user-1','user':'user-1','role':'user-1'}",
               "{'sys.user_id':'<user 0>','user':'<user 0>','role':'user-1'}");
    assert_cut(&cutter, "{'user':'user-10','sys.user_id': 'user-1'}",
               "{'user':'user-10','sys.user_id': '<user 0>'}");
    assert_cut(&cutter,
               "{'form_token':'AaVXqrWUPrPW8eDCn8YesH','a':'/form/AaVXqrWUPrPW8eDCn8YesH'}",
               "{'form_token':'<token 0>','a':'/form/<token 0>'}");
    sim_cutter_fini(&cutter);
}

/* ---- every recording ----------------------------------------------------------------------- */

struct tally {
    size_t recordings, steps, holes[SIM_HOLE_UUID_REFERENCE + 1];
};

/* The first `key` in the text, or NULL. */
static const char *find(struct dify_slice text, const char *key)
{
    size_t len = strlen(key);
    const char *end = text.ptr + text.len;
    for (const char *at = text.ptr; (size_t)(end - at) >= len; at++) {
        at = memchr(at, key[0], (size_t)(end - at) - len + 1);
        if (at == NULL || memcmp(at, key, len) == 0)
            return at;
    }
    return NULL;
}

/* The text from `at` on. */
static struct dify_slice from(struct dify_slice text, const char *at)
{
    return (struct dify_slice){at, (size_t)(text.ptr + text.len - at)};
}

/* Behind the first `key` in the text, up to `end`; false if there is none. */
static bool after(struct dify_slice text, const char *key, const char *ends, char *out, size_t size)
{
    const char *at = find(text, key);
    if (at == NULL)
        return false;
    size_t len = strcspn(at + strlen(key), ends);
    if (len >= size)
        return false;
    memcpy(out, at + strlen(key), len);
    out[len] = '\0';
    return true;
}

/* A string member, compact or spaced. */
static void find_string(struct dify_slice text, const char *name, char *out, size_t size)
{
    char key[60];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    if (after(text, key, "\"", out, size))
        return;
    snprintf(key, sizeof key, "\"%s\": \"", name);
    (void)after(text, key, "\"", out, size);
}

struct recorded {
    struct sim_bindings bindings;
    char user[300];
    struct text body, request;
};

static int64_t first_time(struct dify_slice text)
{
    char number[40];
    const char *key = find(text, "workflow_started");
    if (key != NULL) { /* that of `data` */
        key = find(from(text, key), "\"inputs\":");
        text = from(text, key);
        if (after(text, "},\"created_at\":", ",}", number, sizeof number))
            return strtoll(number, NULL, 10);
    }
    const char *data = find(text, "\"data\": ");
    if (data != NULL)
        text = from(text, data);
    if (after(text, "\"created_at\":", ",}", number, sizeof number))
        return strtoll(number, NULL, 10);
    return after(text, "\"created_at\": ", ",}", number, sizeof number) ? strtoll(number, NULL, 10)
                                                                        : 0;
}

/* What the recording's own run had, found without the code under test. */
static void read_recorded(const char *folder, struct recorded *recorded)
{
    struct text path = {NULL, 0, 0};
    *recorded = (struct recorded){.bindings = {.speed = 1,
                                               .uuid_seed = {1, 2},
                                               .owner = "55555555-5555-4555-8555-555555555555"}};
    struct sim_bindings *bindings = &recorded->bindings;
    text_addf(&path, "%s/response.body", folder);
    assert_true(read_file(path.ptr, &recorded->body));
    path.len = 0;
    text_addf(&path, "%s/request.json", folder);
    assert_true(read_file(path.ptr, &recorded->request));
    text_fini(&path);
    struct dify_slice body = text_slice(&recorded->body);
    find_string(body, "workflow_run_id", bindings->run, 37);
    find_string(body, "conversation_id", bindings->conversation, 37);
    find_string(body, "message_id", bindings->message, 37);
    find_string(body, "form_token", bindings->token, 23);
    for (struct dify_slice rest = body; rest.ptr != NULL;) { /* the first that is not the run's */
        find_string(rest, "task_id", bindings->task, 37);
        if (strcmp(bindings->task, bindings->run) != 0)
            break;
        rest.ptr = find(rest, "\"task_id\"");
        if (rest.ptr != NULL)
            rest = from(body, rest.ptr + 9);
    }
    if (!after(text_slice(&recorded->request), "user=", "&\"", recorded->user, 300))
        find_string(text_slice(&recorded->request), "user", recorded->user, 300);
    bindings->user = slice_of(recorded->user);
    bindings->start = first_time(body);
}

/* The event's inputs object, where it has one as a run's start does. */
static struct dify_slice find_inputs(struct dify_slice event)
{
    const char *at = find(event, "\"inputs\":{");
    if (at == NULL || find(event, "workflow_started") == NULL)
        return (struct dify_slice){NULL, 0};
    at += 9;
    const char *end = find(from(event, at), "},\"created_at\":");
    assert_non_null(end);
    return (struct dify_slice){at, (size_t)(end - at) + 1};
}

/* Ids that the cutter missed would be the same in every run. Only the app's own may be. */
static void assert_no_id(struct dify_slice literal, const struct sim_app *app)
{
    for (size_t at = 0; at + 36 <= literal.len; at++) {
        struct dify_slice text = {literal.ptr + at, 36};
        if (sim_is_id(text) && memcmp(text.ptr, SIM_TENANT, 36) != 0 &&
            memcmp(text.ptr, app->id, 36) != 0 && memcmp(text.ptr, app->workflow_id, 36) != 0)
            fail_msg("%.36s was not cut", text.ptr);
    }
}

/* A simulated server has one tenant of its own: the recorded one takes its place again. */
static void take_tenants(struct dify_slice event, struct dify__buffer *out)
{
    static const char key[] = "\"tenant_id\":\"";
    const size_t len = sizeof key - 1;
    assert_true(out->len == event.len);
    for (const char *at = find(event, key); at != NULL; at = find(from(event, at + len), key)) {
        char *place = out->ptr + (at - event.ptr) + len;
        if (memcmp(place, SIM_TENANT, 36) == 0) /* in the inputs, which are given, it is there */
            memcpy(place, at + len, 36);
    }
}

/* The recorded event, and the template filled with the recorded values, are the same but for ids
 * that the recorded run had by chance: each number stands for one of them. */
static void check_step(const struct sim_app *app, const struct sim_template *text,
                       struct dify_slice event, struct recorded *recorded, char (*ids)[37],
                       size_t id_count, struct tally *tally)
{
    struct dify__buffer out = new_buffer();
    recorded->bindings.inputs = find_inputs(event);
    assert_int_equal(sim_template_render(text, &recorded->bindings, &out), DIFY_OK);
    size_t at = 0;
    for (size_t i = 0; i < text->count; i++) {
        const struct sim_piece *piece = &text->pieces[i];
        assert_no_id(piece->literal, app);
        at += piece->literal.len;
        tally->holes[piece->hole]++;
        if (piece->hole == SIM_HOLE_UUID) {
            assert_true((size_t)piece->number < id_count && at + 36 <= event.len);
            char *id = ids[piece->number];
            if (id[0] == '\0')
                memcpy(id, event.ptr + at, 36);
            assert_memory_equal(id, event.ptr + at, 36);
            memcpy(out.ptr + at, id, 36);
            at += 36;
        } else if (piece->hole == SIM_HOLE_OWNER || piece->hole == SIM_HOLE_FILE ||
                   piece->hole == SIM_HOLE_FILE_REFERENCE ||
                   piece->hole == SIM_HOLE_UUID_REFERENCE) {
            bool is_id = piece->hole == SIM_HOLE_OWNER || piece->hole == SIM_HOLE_FILE;
            size_t len = is_id ? 36 : SIM_REFERENCE_LEN;
            assert_true(at + len <= event.len);
            assert_true(!is_id || sim_is_id((struct dify_slice){event.ptr + at, 36}));
            memcpy(out.ptr + at, event.ptr + at, len);
            at += len;
        } else if (piece->hole != SIM_HOLE_NONE) {
            struct sim_piece alone[2] = {*piece, {.hole = SIM_HOLE_NONE}};
            alone[0].literal = (struct dify_slice){"", 0};
            struct dify__buffer one = new_buffer();
            const struct sim_template only = {alone, 2};
            assert_int_equal(sim_template_render(&only, &recorded->bindings, &one), DIFY_OK);
            at += one.len;
            dify__buffer_fini(&one);
        }
    }
    take_tenants(event, &out);
    assert_bytes(dify__buffer_slice(&out), event);
    dify__buffer_fini(&out);
}

static size_t count_frames(struct dify_slice body)
{
    size_t count = 0;
    for (const char *at = find(body, "\n\n"); at != NULL; at = find(from(body, at + 2), "\n\n"))
        count++;
    return count;
}

static void check_recording(const char *folder, struct tally *tally)
{
    struct sim_catalogue catalogue;
    struct sim_load_error error = {""};
    struct recorded recorded;
    size_t step = 0, frame = 0;
    sim_catalogue_init(&catalogue, NULL);
    if (sim_catalogue_load(&catalogue, folder, &error) != DIFY_OK)
        fail_msg("%s", error.text);
    read_recorded(folder, &recorded);
    const struct sim_script *script = &catalogue.apps[0].scripts[0];
    struct dify_slice body = text_slice(&recorded.body);
    enum { IDS = 20000 };
    char(*ids)[37] = calloc(IDS, sizeof *ids);
    assert_non_null(ids);
    for (size_t at = 0; at < body.len; frame++) {
        const char *end = find(from(body, body.ptr + at), "\n\n");
        if (end == NULL)
            break;
        struct dify_slice text = {body.ptr + at, (size_t)(end - body.ptr) - at};
        bool is_ping = text.ptr[0] == 'e';
        at += text.len + 2;
        if (is_ping && frame == 0 && count_frames(body) == script->step_count + 1)
            continue;
        assert_true(step < script->step_count);
        assert_int_equal(script->steps[step].is_ping, is_ping);
        if (!is_ping)
            check_step(&catalogue.apps[0], &script->steps[step].text,
                       (struct dify_slice){text.ptr + 6, text.len - 6}, &recorded, ids, IDS, tally);
        if (step != 0)
            assert_true(script->steps[step].at_ms >= script->steps[step - 1].at_ms);
        step++;
    }
    if (step != script->step_count)
        fail_msg("%s: %zu steps of %zu frames", folder, script->step_count, count_frames(body));
    tally->recordings++;
    tally->steps += step;
    free(ids);
    text_fini(&recorded.body);
    text_fini(&recorded.request);
    sim_catalogue_fini(&catalogue);
}

/* All folders below `folder` that hold a recorded stream. */
static void check_below(const char *folder, struct tally *tally)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct text path = {NULL, 0, 0};
        struct stat about;
        /* what came over the connection unread, see RAW.txt */
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "http-level") == 0)
            continue;
        text_addf(&path, "%s/%s", folder, entry->d_name);
        if (stat(path.ptr, &about) == 0 && S_ISDIR(about.st_mode))
            check_below(path.ptr, tally);
        else if (strcmp(entry->d_name, "response.body") == 0)
            check_recording(folder, tally);
        text_fini(&path);
    }
    closedir(dir);
}

static void test_recordings_come_out_as_they_went_in(void **state)
{
    struct tally tally = {.recordings = 0};
    check_below(*state, &tally);
    print_message("%zu recordings, %zu steps; ids %zu, times %zu, users %zu, tokens %zu\n",
                  tally.recordings, tally.steps, tally.holes[SIM_HOLE_UUID],
                  tally.holes[SIM_HOLE_TIME], tally.holes[SIM_HOLE_USER],
                  tally.holes[SIM_HOLE_TOKEN]);
    assert_true(tally.recordings > 400);
    for (int hole = SIM_HOLE_RUN; hole <= SIM_HOLE_USER; hole++)
        if (hole != SIM_HOLE_INPUT)
            assert_true(tally.holes[hole] > 10);
}

int main(int argc, char **argv)
{
    char recordings[] = DIFY_RECORDINGS;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_hole_is_filled),
        cmocka_unit_test(test_what_the_caller_gave_is_escaped),
        cmocka_unit_test(test_times_shrink_with_the_speed),
        cmocka_unit_test(test_uuids_are_of_version_4_and_differ),
        cmocka_unit_test(test_a_full_buffer_is_told),
        cmocka_unit_test(test_a_failed_allocation_is_told),
        cmocka_unit_test(test_ids_are_cut_wherever_they_stand),
        cmocka_unit_test(test_an_id_of_the_app_becomes_the_apps_own),
        cmocka_unit_test(test_times_of_the_run_are_cut),
        cmocka_unit_test(test_users_and_tokens_are_cut),
        {"recordings come out as they went in", test_recordings_come_out_as_they_went_in, NULL,
         NULL, argc > 1 ? argv[1] : recordings},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
