/* SPDX-License-Identifier: Apache-2.0
 *
 * fake.c: the clock and the network of fake.h.
 */
#include "fake.h"

#include "core/slices.h"

#include <time.h>

/* Things that may happen before a test is taken for one that does not end. */
#define STEPS 2000000

#define ALARM_OF(alarm, type, member) ((type *)(void *)((char *)(alarm)-offsetof(type, member)))

enum delivery_kind { HEAD, BODY, END };

struct fake_delivery {
    struct fake_delivery *next;
    struct dify__alarm alarm;
    struct dify__exchange *exchange;
    enum delivery_kind kind;
    int status;
    const char *type;
    enum dify__failure failure;
    bool may_have_been_sent;
    struct text bytes;
    struct fake_run *run;
    size_t event;
};

/* ---- the clock ----------------------------------------------------------------------------- */

static uint64_t now_ms(void *ctx)
{
    return ((struct fake *)ctx)->now_ms;
}

static int64_t unix_ms(void *ctx)
{
    return INT64_C(1790000000000) + (int64_t)((struct fake *)ctx)->now_ms;
}

static uint64_t random_of(void *ctx)
{
    return next_random(&((struct fake *)ctx)->random);
}

static void changed(void *ctx)
{
    (void)ctx;
}

uint64_t fake_random(struct fake *fake, uint64_t below)
{
    return next_random(&fake->random) % below;
}

void fake_uuid(struct fake *fake, char out[37])
{
    dify__new_uuid(&fake->env, out);
}

void fake_alarm(struct fake *fake, struct dify__alarm *alarm, uint64_t ms)
{
    assert_int_equal(dify__alarms_set(&fake->things, alarm, fake->now_ms + ms), DIFY_OK);
}

static uint64_t next_time(const struct fake *fake)
{
    uint64_t thing = dify__alarms_next(&fake->things), alarm = dify__alarms_next(&fake->env.alarms);
    return thing < alarm ? thing : alarm;
}

bool fake_step(struct fake *fake)
{
    uint64_t at = next_time(fake);
    if (at == UINT64_MAX)
        return false;
    assert_true(fake->steps++ < STEPS);
    if (at > fake->now_ms)
        fake->now_ms = at;
    /* of what is due at once either may be first */
    if (fake_random(fake, 2) == 0) {
        dify__alarms_ring(&fake->things, fake->now_ms);
        dify__alarms_ring(&fake->env.alarms, fake->now_ms);
    } else {
        dify__alarms_ring(&fake->env.alarms, fake->now_ms);
        dify__alarms_ring(&fake->things, fake->now_ms);
    }
    return true;
}

void fake_pass(struct fake *fake, uint64_t ms)
{
    uint64_t until = fake->now_ms + ms;
    while (next_time(fake) <= until && fake_step(fake))
        ;
    fake->now_ms = until;
}

void fake_settle(struct fake *fake)
{
    while (fake->env.under_way > 0)
        assert_true(fake_step(fake));
}

/* ---- what the client hears ----------------------------------------------------------------- */

static void unlink_delivery(struct fake_delivery *delivery)
{
    struct fake_delivery **at = &delivery->exchange->deliveries;
    while (*at != delivery)
        at = &(*at)->next;
    *at = delivery->next;
}

static void free_delivery(struct fake_delivery *delivery)
{
    text_fini(&delivery->bytes);
    free(delivery);
}

static void free_exchange(struct dify__exchange *exchange)
{
    struct fake *fake = exchange->fake;
    while (exchange->deliveries != NULL) {
        struct fake_delivery *delivery = exchange->deliveries;
        exchange->deliveries = delivery->next;
        dify__alarms_clear(&fake->things, &delivery->alarm);
        free_delivery(delivery);
    }
    dify__alarms_clear(&fake->things, &exchange->arrival);
    dify__alarms_clear(&fake->things, &exchange->ping);
    dify__alarms_clear(&fake->things, &exchange->idle);
    *(exchange->previous != NULL ? &exchange->previous->next : &fake->exchanges) = exchange->next;
    if (exchange->next != NULL)
        exchange->next->previous = exchange->previous;
    if (fake->current == exchange)
        fake->current = NULL;
    text_fini(&exchange->path);
    text_fini(&exchange->body);
    free(exchange);
}

/* As soon as anything shows that it was sent. */
static void tell_sending(struct dify__exchange *exchange)
{
    if (exchange->receiver.sending != NULL)
        exchange->receiver.sending(exchange->receiver.ctx);
    exchange->receiver.sending = NULL;
}

static void tell_head(const struct fake_delivery *delivery)
{
    struct dify__exchange *exchange = delivery->exchange;
    struct fake *fake = exchange->fake;
    struct text text = {NULL, 0, 0};
    char date[64] = "";
    time_t now = (time_t)(unix_ms(fake) / 1000 + fake->skew_s);
    struct tm tm;
    assert_true(strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm)) != 0);
    bool is_proxy = strcmp(delivery->type, "text/html") == 0 && delivery->status != 404;
    text_addf(&text, "HTTP/1.1 %d\r\nContent-Type: %s\r\n\r\n", delivery->status, delivery->type);
    struct dify__head head = {
        .status = delivery->status,
        .content_type = slice_of(delivery->type),
        .retry_after_s = exchange->fault.retry_after_s != 0 ? exchange->fault.retry_after_s : -1,
        .date = slice_of(date),
        .text = text_slice(&text)};
    if (!is_proxy)
        head.release = slice_of(fake->release);
    if (fake->claimed_id != NULL && exchange->what == FAKE_SUBMIT &&
        (fake->claimed_nth == 0 || fake->claimed_nth == fake->count[FAKE_SUBMIT]))
        head.workflow_run_id = slice_of(fake->claimed_id);
    dify__app_take_head(fake->app, &head);
    tell_sending(exchange);
    exchange->receiver.head(exchange->receiver.ctx, &head);
    text_fini(&text);
}

static void tell_piece(struct dify__exchange *exchange, const char *bytes, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1); /* a sanitizer is to see who keeps it */
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    exchange->receiver.body(exchange->receiver.ctx, (struct dify_slice){copy, len});
    free(copy);
}

static void tell_body(const struct fake_delivery *delivery)
{
    struct dify__exchange *exchange = delivery->exchange;
    struct fake *fake = exchange->fake;
    size_t len = delivery->bytes.len, cut = 0;
    if (fake->splits && len > 1 && fake_random(fake, 3) == 0)
        cut = 1 + fake_random(fake, len - 1);
    if (cut > 0)
        tell_piece(exchange, delivery->bytes.ptr, cut);
    if (fake->current != exchange)
        return; /* it was cancelled */
    if (delivery->run != NULL)
        delivery->run->event[delivery->event].is_told = true;
    tell_piece(exchange, delivery->bytes.ptr + cut, len - cut);
}

static void tell_end(const struct fake_delivery *delivery)
{
    struct dify__exchange *exchange = delivery->exchange;
    if (delivery->may_have_been_sent)
        tell_sending(exchange);
    struct dify__receiver receiver = exchange->receiver;
    struct dify__end end = {.failure = delivery->failure,
                            .may_have_been_sent = delivery->may_have_been_sent,
                            .detail = delivery->failure != DIFY__WHOLE ? "by the fake" : ""};
    if (exchange->what == FAKE_SUBMIT && end.failure != DIFY__WHOLE && end.may_have_been_sent)
        exchange->fake->may_have_been_sent++;
    fake_leave(exchange);
    free_exchange(exchange);
    receiver.end(receiver.ctx, &end);
}

static void on_delivery(struct dify__alarm *alarm)
{
    struct fake_delivery *delivery = ALARM_OF(alarm, struct fake_delivery, alarm);
    struct fake *fake = delivery->exchange->fake;
    unlink_delivery(delivery);
    fake->current = delivery->exchange;
    if (delivery->kind == HEAD)
        tell_head(delivery);
    else if (delivery->kind == BODY)
        tell_body(delivery);
    else
        tell_end(delivery);
    fake->current = NULL;
    free_delivery(delivery);
}

static struct fake_delivery *deliver(struct dify__exchange *exchange, enum delivery_kind kind,
                                     uint64_t ms)
{
    struct fake_delivery *delivery = calloc(1, sizeof *delivery);
    assert_non_null(delivery);
    delivery->exchange = exchange;
    delivery->kind = kind;
    delivery->alarm.ring = on_delivery;
    delivery->next = exchange->deliveries;
    exchange->deliveries = delivery;
    fake_alarm(exchange->fake, &delivery->alarm, ms);
    return delivery;
}

void fake_send_head(struct dify__exchange *exchange, int status, const char *type)
{
    struct fake_delivery *delivery;
    if (exchange->is_over || exchange->is_mute)
        return;
    delivery = deliver(exchange, HEAD, exchange->fake->latency_ms);
    delivery->status = status;
    delivery->type = type;
}

void fake_send_body(struct dify__exchange *exchange, const char *bytes, size_t len,
                    struct fake_run *run, size_t event)
{
    struct fake_delivery *delivery;
    if (exchange->is_over || exchange->is_mute || len == 0)
        return;
    delivery = deliver(exchange, BODY, exchange->fake->latency_ms);
    text_add(&delivery->bytes, bytes, len);
    delivery->run = run;
    delivery->event = event;
}

void fake_send_end(struct dify__exchange *exchange, enum dify__failure failure)
{
    struct fake_delivery *delivery;
    if (exchange->is_over || exchange->is_mute)
        return;
    exchange->is_over = true;
    delivery = deliver(exchange, END, exchange->fake->latency_ms);
    delivery->failure = failure;
    delivery->may_have_been_sent = true;
}

void fake_answer(struct dify__exchange *exchange, int status, const char *type, const char *body)
{
    size_t len = strlen(body);
    fake_send_head(exchange, status, type);
    if (exchange->fault.how == FAKE_GARBAGE)
        len = len / 2;
    fake_send_body(exchange, body, len, NULL, 0);
    fake_send_end(exchange, DIFY__WHOLE);
}

/* ---- faults -------------------------------------------------------------------------------- */

void fake_add_fault(struct fake *fake, struct fake_fault fault)
{
    assert_true(fake->faults < FAKE_FAULTS);
    fake->fault[fake->faults++] = fault;
}

static struct fake_fault fault_of(struct fake *fake, enum fake_what what, unsigned nth)
{
    for (size_t i = 0; i < fake->faults; i++)
        if (fake->fault[i].what == what && (fake->fault[i].nth == nth || fake->fault[i].nth == 0))
            return fake->fault[i];
    if (fake->choose != NULL)
        return fake->choose(fake, what, nth);
    return FAULT(.what = what);
}

static void end_at(struct dify__exchange *exchange, enum dify__failure failure, bool was_sent)
{
    struct fake_delivery *delivery = deliver(exchange, END, 0);
    exchange->is_over = true;
    delivery->failure = failure;
    delivery->may_have_been_sent = was_sent;
}

/* What comes instead of what Dify would say, after it was asked. */
static void spoil(struct dify__exchange *exchange)
{
    static const enum dify__failure failures[] = {[FAKE_RESET_AFTER] = DIFY__RESET,
                                                  [FAKE_CLOSED_AFTER] = DIFY__CLOSED,
                                                  [FAKE_NO_HTTP] = DIFY__BAD_ANSWER};
    switch (exchange->fault.how) {
    case FAKE_RESET_AFTER:
    case FAKE_CLOSED_AFTER:
    case FAKE_NO_HTTP:
        fake_send_end(exchange, failures[exchange->fault.how]);
        break;
    case FAKE_STATUS_AFTER:
        fake_answer(exchange, (int)exchange->fault.n, "text/html", "<html>proxy</html>");
        break;
    case FAKE_MUTE:
        exchange->is_mute = true;
        break;
    default:
        break;
    }
}

static void on_slow(struct dify__alarm *alarm)
{
    struct dify__exchange *exchange = ALARM_OF(alarm, struct dify__exchange, arrival);
    fake_serve(exchange);
}

/* The file goes to Dify, or a part of it before the connection breaks. */
static bool take_file(struct dify__exchange *exchange)
{
    struct text *taken = &exchange->fake->uploaded;
    char bytes[100];
    long got = 0;
    size_t pieces = exchange->fault.how == FAKE_RESET_BEFORE ? 1 : SIZE_MAX;
    taken->len = 0;
    for (; pieces > 0 && (got = dify__source_read(exchange->file, bytes, sizeof bytes)) > 0;
         pieces--)
        text_add(taken, bytes, (size_t)got);
    return got >= 0;
}

static void on_arrival(struct dify__alarm *alarm)
{
    struct dify__exchange *exchange = ALARM_OF(alarm, struct dify__exchange, arrival);
    const struct fake_fault *fault = &exchange->fault;
    bool connects = fault->how != FAKE_REFUSED && fault->how != FAKE_CONNECT_TIMEOUT;
    if (exchange->file != NULL && connects && !take_file(exchange)) {
        end_at(exchange, DIFY__BAD_SOURCE, true);
        return;
    }
    switch (fault->how) {
    case FAKE_REFUSED:
        end_at(exchange, DIFY__NO_CONNECTION, false);
        return;
    case FAKE_CONNECT_TIMEOUT:
        end_at(exchange, DIFY__CONNECT_TIMEOUT, false);
        return;
    case FAKE_RESET_BEFORE:
        end_at(exchange, DIFY__RESET, true);
        return;
    case FAKE_STATUS_BEFORE:
        fake_answer(exchange, (int)fault->n, "text/html", "<html>proxy</html>");
        return;
    case FAKE_REFUSAL:
        fake_answer(exchange, (int)fault->n, "application/json", fault->words);
        return;
    case FAKE_SLOW:
        exchange->arrival.ring = on_slow;
        fake_alarm(exchange->fake, &exchange->arrival, fault->n);
        return;
    case FAKE_RESET_AFTER:
    case FAKE_CLOSED_AFTER:
    case FAKE_NO_HTTP:
    case FAKE_STATUS_AFTER:
    case FAKE_MUTE:
        spoil(exchange);
        break;
    default:
        break;
    }
    fake_serve(exchange);
}

/* ---- the transport ------------------------------------------------------------------------- */

static bool has_part(const struct text *text, const char *part)
{
    return strstr(text->ptr, part) != NULL;
}

static enum fake_what what_of(const struct dify__exchange *exchange)
{
    const struct text *path = &exchange->path;
    bool is_post = (exchange->flags & DIFY__REQUEST_POST) != 0;
    if (has_part(path, "/stop"))
        return FAKE_STOP;
    if (has_part(path, "/info"))
        return FAKE_INFO;
    if (has_part(path, "/parameters"))
        return FAKE_PARAMETERS;
    if (has_part(path, "/files/upload"))
        return FAKE_UPLOAD;
    if (has_part(path, "/messages?"))
        return FAKE_CONVERSATION;
    if (has_part(path, "/workflows/logs"))
        return FAKE_LOGS;
    if (has_part(path, "/events"))
        return FAKE_EVENTS;
    if (!is_post && has_part(path, "/workflows/run/"))
        return FAKE_DETAIL;
    if (is_post && (has_part(path, "/workflows/") || has_part(path, "-messages")))
        return FAKE_SUBMIT;
    return FAKE_OTHER;
}

static enum dify_err start(void *ctx, struct dify_app *app, const struct dify__request *request,
                           const struct dify__receiver *receiver, struct dify__exchange **out)
{
    struct fake *fake = ctx;
    assert_ptr_equal(app, fake->app);
    /* the transport takes memory too */
    void *taken = dify__malloc(&fake->meter.allocator, 1);
    if (taken == NULL)
        return DIFY_ERR_NOMEM;
    dify__free(&fake->meter.allocator, taken);
    struct dify__exchange *exchange = calloc(1, sizeof *exchange);
    assert_non_null(exchange);
    exchange->fake = fake;
    exchange->receiver = *receiver;
    exchange->flags = request->flags;
    text_add_chars(&exchange->path, request->path);
    text_add(&exchange->body, request->body.ptr != NULL ? request->body.ptr : "",
             request->body.len);
    exchange->file = request->file;
    exchange->next = fake->exchanges;
    if (fake->exchanges != NULL)
        fake->exchanges->previous = exchange;
    fake->exchanges = exchange;
    exchange->what = what_of(exchange);
    exchange->fault = fault_of(fake, exchange->what, ++fake->count[exchange->what]);
    if (exchange->what == FAKE_EVENTS) {
        fake->last_event_id.len = 0;
        text_add_chars(&fake->last_event_id,
                       request->last_event_id != NULL ? request->last_event_id : "");
    }
    if (exchange->what == FAKE_SUBMIT) /* or somebody might repeat it */
        assert_true((exchange->flags & DIFY__REQUEST_FRESH) != 0);
    exchange->arrival.ring = on_arrival;
    fake_alarm(fake, &exchange->arrival,
               exchange->fault.how == FAKE_CONNECT_TIMEOUT ? app->connect_timeout_ms
                                                           : fake->latency_ms);
    *out = exchange;
    return DIFY_OK;
}

static void cancel(void *ctx, struct dify__exchange *exchange)
{
    assert_ptr_equal(exchange->fake, ctx);
    fake_leave(exchange);
    free_exchange(exchange);
}

/* ---- life ---------------------------------------------------------------------------------- */

#define PARAMETERS                                                                                 \
    "{\"user_input_form\":[{\"text-input\":{\"variable\":\"topic\",\"label\":\"Topic\","           \
    "\"required\":true,\"max_length\":48,\"default\":\"\"}}]}"

void fake_init(struct fake *fake, const char *release, uint64_t seed)
{
    struct dify_app_options options = {
        .size = sizeof options, .base_url = "https://dify.example/v1", .api_key = "app-secret"};
    memset(fake, 0, sizeof *fake);
    meter_init(&fake->meter);
    fake->random = seed;
    fake->release = release;
    fake->minor = (unsigned)strtoul(release + 2, NULL, 10);
    fake->mode = "workflow";
    fake->parameters = PARAMETERS;
    fake->now_ms = 1000;
    fake->latency_ms = 5;
    dify__alarms_init(&fake->things, dify__allocator(NULL));
    fake->transport = (struct dify__transport){.ctx = fake, .start = start, .cancel = cancel};
    fake->env = (struct dify__env){.allocator = &fake->meter.allocator,
                                   .transport = &fake->transport,
                                   .ctx = fake,
                                   .now_ms = now_ms,
                                   .unix_ms = unix_ms,
                                   .random = random_of,
                                   .changed = changed};
    dify__alarms_init(&fake->env.alarms, fake->env.allocator);
    assert_int_equal(dify_decoder_new(fake->env.allocator, &fake->env.decoder), DIFY_OK);
    assert_int_equal(dify__app_new(&fake->env, &options, &fake->app, NULL), DIFY_OK);
}

void fake_fini(struct fake *fake)
{
    assert_int_equal(fake->env.under_way, 0);
    assert_int_equal(fake->env.alarms.count, 0);
    assert_int_equal(fake->env.reserved, 0);
    assert_null(fake->env.calls);
    assert_null(fake->exchanges);
    dify_app_free(fake->app);
    dify_decoder_free(fake->env.decoder);
    dify__alarms_fini(&fake->env.alarms);
    assert_meter_empty(&fake->meter);
    while (fake->runs != NULL) {
        struct fake_run *run = fake->runs;
        fake->runs = run->next;
        fake_run_free(run);
    }
    text_fini(&fake->uploaded);
    text_fini(&fake->last_event_id);
    dify__alarms_fini(&fake->things);
}
