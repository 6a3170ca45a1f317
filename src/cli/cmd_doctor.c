/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_doctor.c: difystream doctor: whether an app can be talked to, step by step.
 *
 * Nothing is run by it: it asks /info, from which most is seen, /parameters, the logs, and the
 * stream of a run that has ended.
 */
#include "cli/asking.h"
#include "cli/checkup.h"
#include "cli/commands.h"
#include "core/slices.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { DOCTOR_OUTPUT };

const struct cli_option cli_doctor_options[] = {
    [DOCTOR_OUTPUT] = {"output", 'o', "FORM", "text|json",
                       "print a line a check (the default), or JSON"},
    {NULL, 0, NULL, NULL, NULL},
};

enum { CLI_EXIT_WRONG = 1 };

/* Runs are looked for in the logs by time: clocks that differ by more are a danger. */
#define SKEW_S 5

/* Bytes that are told of a text of the server. */
#define TOLD_BYTES 200

struct doctor {
    struct cli_asking asking;
    struct cli_checkup checkup;
    bool has_runs; /* the app's runs are listed in the logs */
    char release[32];
};

/* At most TOLD_BYTES, no character cut. */
static int told(struct dify_slice text)
{
    size_t len = text.len < TOLD_BYTES ? text.len : TOLD_BYTES;
    while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    return (int)len;
}

static struct dify_slice message_of(const struct doctor *doctor)
{
    return dify__buffer_slice(&doctor->asking.reply.message);
}

/* ---- settings and proxies ------------------------------------------------------------------ */

static void check_settings(struct doctor *doctor, const struct cli_settings *settings)
{
    size_t len = strlen(settings->api_key);
    bool is_app_key = strncmp(settings->api_key, "app-", 4) == 0;
    char where[CLI_FROM_BYTES + 100];
    snprintf(where, sizeof where, "%s (%s), key %s\xE2\x80\xA6 of %zu characters (",
             settings->base_url, settings->base_url_from, is_app_key ? "app-" : "", len);
    if (is_app_key)
        cli_checkup_good(&doctor->checkup, CLI_CHECK_SETTINGS, -1, "%s%s)", where,
                         settings->api_key_from);
    else
        cli_checkup_bad(&doctor->checkup, CLI_CHECK_SETTINGS, CLI_EXIT_WRONG,
                        "the API key of an app begins with app-; is it that of something else?",
                        "%s%s)", where, settings->api_key_from);
}

/* The host of a proxy: neither its user nor its password. */
static struct dify_slice host_of(const char *proxy)
{
    const char *scheme = strstr(proxy, "://"), *at = strrchr(proxy, '@');
    const char *from = at != NULL ? at + 1 : scheme != NULL ? scheme + 3 : proxy;
    return (struct dify_slice){from, strcspn(from, "/")};
}

/* What curl looks at: HTTP_PROXY in capitals is not among it. */
static void check_proxy(struct doctor *doctor, const struct cli_settings *settings)
{
    static const char *const of_https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    static const char *const of_http[] = {"http_proxy", "all_proxy", "ALL_PROXY", "all_proxy"};
    bool is_https = strncmp(settings->base_url, "https:", 6) == 0;
    const char *const *names = is_https ? of_https : of_http;
    const char *name = "--proxy or the configuration file", *value = settings->proxy;
    const char *except = getenv("no_proxy") != NULL ? getenv("no_proxy") : getenv("NO_PROXY");
    for (size_t i = 0; i < 4 && value == NULL; i++) {
        name = names[i];
        value = getenv(name);
        value = value != NULL && value[0] != '\0' ? value : NULL;
    }
    if (value == NULL || value[0] == '\0') {
        cli_checkup_none(&doctor->checkup, CLI_CHECK_PROXY, "none");
        return;
    }
    struct dify_slice host = host_of(value);
    cli_checkup_none(&doctor->checkup, CLI_CHECK_PROXY, "%.*s (%s)%s%.100s", told(host), host.ptr,
                     name, except != NULL ? ", not for " : "", except != NULL ? except : "");
}

/* ---- the way to the server ----------------------------------------------------------------- */

static double since(double later, double earlier)
{
    return later >= 0 && earlier >= 0 && later >= earlier ? later - earlier : later;
}

static void bad_way(struct doctor *doctor, enum cli_check check, const char *hint)
{
    struct dify_slice text = message_of(doctor);
    cli_checkup_bad(&doctor->checkup, check, CLI_EXIT_NO_ANSWER, hint, "%.*s", told(text),
                    text.ptr);
}

static void check_tls(struct doctor *doctor)
{
    const struct dify_call_times *times = &doctor->asking.reply.times;
    if (strncmp(doctor->asking.settings.base_url, "https:", 6) == 0)
        cli_checkup_good(&doctor->checkup, CLI_CHECK_TLS,
                         since(times->secured_ms, times->connected_ms), "the certificate is good");
    else
        cli_checkup_none(&doctor->checkup, CLI_CHECK_TLS,
                         "the address is http: nothing is encrypted");
}

/* Whether a connection stands. What failed is seen by what came before it. */
static bool check_way(struct doctor *doctor)
{
    const struct cli_reply *reply = &doctor->asking.reply;
    struct cli_checkup *checkup = &doctor->checkup;
    bool has_failed = reply->outcome == DIFY_OUTCOME_CONNECT_FAILED ||
                      reply->outcome == DIFY_OUTCOME_CONNECT_TIMEOUT;
    bool has_connected = reply->address[0] != '\0';
    if (!has_failed && !has_connected)
        return true; /* given up while it was not known how far it had come */
    if (!has_connected && reply->times.resolved_ms < 0) {
        bad_way(doctor, CLI_CHECK_NAME,
                "is the host's name right, and can its name server be reached?");
        return false;
    }
    cli_checkup_good(checkup, CLI_CHECK_NAME, reply->times.resolved_ms, "the host has an address");
    if (!has_connected) {
        bad_way(doctor, CLI_CHECK_TCP,
                "does the server listen there? Is there a firewall, or a proxy to go through?");
        return false;
    }
    cli_checkup_good(checkup, CLI_CHECK_TCP,
                     since(reply->times.connected_ms, reply->times.resolved_ms), "connected to %s",
                     reply->address);
    if (has_failed)
        bad_way(doctor, CLI_CHECK_TLS,
                "is it https there? For a certificate of one's own authority: --ca-file FILE");
    else
        check_tls(doctor);
    return !has_failed;
}

static bool check_http(struct doctor *doctor)
{
    const struct cli_reply *reply = &doctor->asking.reply;
    double begin =
        reply->times.secured_ms > 0 ? reply->times.secured_ms : reply->times.connected_ms;
    bool is_answer = reply->outcome != DIFY_OUTCOME_INVALID_RESPONSE;
    bool is_dify = reply->release[0] != '\0' ||
                   yyjson_obj_get(reply->root, reply->status == 0 ? "mode" : "code") != NULL;
    if (reply->http_status == 0 || reply->http_status >= 500) {
        bad_way(doctor, CLI_CHECK_HTTP,
                reply->http_status == 0 ? "is it a web server that listens there?"
                                        : "Dify, or the proxy before it, is not well: see its log");
        return false;
    }
    if (reply->http_status == 407) {
        bad_way(doctor, CLI_CHECK_HTTP,
                "the proxy's user and password belong into its address in the configuration file, "
                "where nobody else can read them");
        return false;
    }
    if (!is_answer || !is_dify ||
        (reply->http_status == 404 && strcmp(reply->code, "not_found") != 0)) {
        bad_way(doctor, CLI_CHECK_HTTP,
                "this is no API of Dify: the base URL is shown in Dify beside the app's API key");
        return false;
    }
    cli_checkup_good(&doctor->checkup, CLI_CHECK_HTTP, since(reply->times.first_byte_ms, begin),
                     "Dify answers");
    return true;
}

static bool check_key(struct doctor *doctor)
{
    const struct cli_reply *reply = &doctor->asking.reply;
    struct dify_slice text = message_of(doctor);
    if (reply->status == CLI_EXIT_OK) {
        cli_checkup_good(&doctor->checkup, CLI_CHECK_KEY, -1, "it is taken");
        return true;
    }
    cli_checkup_bad(&doctor->checkup, CLI_CHECK_KEY, CLI_EXIT_REFUSED,
                    reply->http_status == 403
                        ? "the app's API can be enabled in Dify, beside its keys"
                        : "make a key in Dify under the app's API access, and see that it is of "
                          "this server",
                    "%.*s (%s)", told(text), text.ptr, reply->code);
    return false;
}

/* ---- what is there ------------------------------------------------------------------------- */

static void check_app(struct doctor *doctor)
{
    const struct cli_reply *reply = &doctor->asking.reply;
    struct dify_slice name = cli_string(yyjson_obj_get(reply->root, "name"));
    struct dify_slice mode = cli_string(yyjson_obj_get(reply->root, "mode"));
    doctor->has_runs = dify__slice_is(mode, "workflow") || dify__slice_is(mode, "advanced-chat");
    if (mode.len == 0)
        cli_checkup_bad(&doctor->checkup, CLI_CHECK_APP, CLI_EXIT_WRONG,
                        "this release of Dify does not say of which mode an app is", "\"%.*s\"",
                        told(name), name.ptr != NULL ? name.ptr : "");
    else
        cli_checkup_good(&doctor->checkup, CLI_CHECK_APP, -1, "\"%.*s\", %.*s", told(name),
                         name.ptr != NULL ? name.ptr : "", told(mode), mode.ptr);
}

/* Major and minor of "1.14.2" as 1014; 0: unknown. */
static int version_of(const char *release)
{
    char *end;
    long major = strtol(release, &end, 10);
    if (end == release || *end != '.' || major < 0 || major > 999)
        return 0;
    long minor = strtol(end + 1, NULL, 10);
    return minor >= 0 && minor < 1000 ? (int)(major * 1000 + minor) : 0;
}

static const char *can_resume(int version)
{
    return version >= 1014 ? "a lost stream is taken up again"
                           : "a lost stream cannot be taken up again: its run's end is asked for";
}

static const char *bad_inputs(int version)
{
    if (version >= 1015)
        return "bad inputs are told";
    return version >= 1013 ? "bad inputs are met with 300 s of silence, so they are checked before"
                           : "bad inputs are refused";
}

static void check_release(struct doctor *doctor)
{
    const char *release = doctor->release;
    int version = version_of(release);
    if (version == 0)
        cli_checkup_none(&doctor->checkup, CLI_CHECK_RELEASE, "not told: no X-Version came");
    else
        cli_checkup_good(&doctor->checkup, CLI_CHECK_RELEASE, -1, "%s: %s; %s; %s", release,
                         can_resume(version), bad_inputs(version),
                         version >= 1014 ? "forms of paused runs can be submitted"
                                         : "no forms of paused runs");
}

static size_t required_of(yyjson_val *form)
{
    size_t i, count, required = 0;
    yyjson_val *entry;
    yyjson_arr_foreach(form, i, count, entry)
    {
        yyjson_obj_iter members = yyjson_obj_iter_with(entry);
        yyjson_val *type = yyjson_obj_iter_next(&members);
        yyjson_val *field = type != NULL ? yyjson_obj_iter_get_val(type) : NULL;
        required += yyjson_is_true(yyjson_obj_get(field, "required"));
    }
    return required;
}

static void check_inputs(struct doctor *doctor)
{
    struct cli_asking *asking = &doctor->asking;
    int status = cli_asking_wait(asking, dify_app_read(asking->app, DIFY_READ_PARAMETERS,
                                                       cli_answered, asking, &asking->call));
    struct dify_slice text = message_of(doctor);
    yyjson_val *form = yyjson_obj_get(asking->reply.root, "user_input_form");
    if (status == CLI_EXIT_OK)
        cli_checkup_good(&doctor->checkup, CLI_CHECK_INPUTS, asking->reply.times.total_ms,
                         "%zu, %zu of them required", yyjson_arr_size(form), required_of(form));
    else
        cli_checkup_bad(&doctor->checkup, CLI_CHECK_INPUTS, CLI_EXIT_WRONG,
                        "is the app published? Dify's log says more", "%.*s (%s)", told(text),
                        text.ptr, asking->reply.code);
}

/* ---- a stream ------------------------------------------------------------------------------ */

/* A run that has ended, and its user. */
struct ended_run {
    char id[40], user[260];
};

static bool take_text(char *out, size_t size, struct dify_slice text)
{
    if (text.len == 0 || text.len >= size)
        return false;
    snprintf(out, size, "%.*s", (int)text.len, text.ptr);
    return true;
}

/* Somebody on an app's web page is another user than the API's of the same name, who may not see
 * that run. */
static bool is_of_api(yyjson_val *row)
{
    yyjson_val *from = yyjson_obj_get(row, "created_from");
    return from == NULL || yyjson_equals_str(from, "service-api");
}

/* The newest of the logs that has ended and was started over the API. */
static bool find_run(const struct cli_reply *reply, struct ended_run *out)
{
    yyjson_val *row;
    size_t i, count;
    yyjson_arr_foreach(yyjson_obj_get(reply->root, "data"), i, count, row)
    {
        yyjson_val *run = yyjson_obj_get(row, "workflow_run");
        yyjson_val *user = yyjson_obj_get(yyjson_obj_get(row, "created_by_end_user"), "session_id");
        struct dify_slice status = cli_string(yyjson_obj_get(run, "status"));
        bool has_ended = dify__slice_is(status, "succeeded") || dify__slice_is(status, "failed") ||
                         dify__slice_is(status, "partial-succeeded");
        if (has_ended && is_of_api(row) &&
            take_text(out->id, sizeof out->id, cli_string(yyjson_obj_get(run, "id"))) &&
            take_text(out->user, sizeof out->user, cli_string(user)))
            return true;
    }
    return false;
}

static void bad_stream(struct doctor *doctor, const char *hint)
{
    struct dify_slice text = message_of(doctor);
    cli_checkup_bad(&doctor->checkup, CLI_CHECK_STREAM, CLI_EXIT_WRONG, hint, "%.*s (%s)",
                    told(text), text.ptr, doctor->asking.reply.code);
}

static void probe(struct doctor *doctor, const struct ended_run *run)
{
    struct cli_asking *asking = &doctor->asking;
    int status = cli_asking_wait(asking, dify_probe_stream(asking->app, run->id, run->user,
                                                           cli_answered, asking, &asking->call));
    if (status == CLI_EXIT_OK)
        cli_checkup_good(&doctor->checkup, CLI_CHECK_STREAM, asking->reply.times.first_byte_ms,
                         "a first byte came (of run %s)", run->id);
    else if (asking->reply.http_status == 404 && strcmp(asking->reply.code, "not_found") != 0)
        cli_checkup_none(&doctor->checkup, CLI_CHECK_STREAM,
                         "this server has no route to take up a stream");
    else
        bad_stream(doctor,
                   "does a proxy in between hold streams back (nginx: proxy_buffering off)?");
}

static void check_stream(struct doctor *doctor)
{
    struct cli_asking *asking = &doctor->asking;
    struct dify_log_filter filter = {.size = sizeof filter, .limit = 50};
    struct ended_run run;
    int version = version_of(doctor->release);
    if (!doctor->has_runs) {
        cli_checkup_none(&doctor->checkup, CLI_CHECK_STREAM,
                         "streams of such apps cannot be taken up again, so none can be tried");
        return;
    }
    if (version != 0 && version < 1014) {
        cli_checkup_none(&doctor->checkup, CLI_CHECK_STREAM,
                         "Dify has a stream that can be tried without a run from 1.14 on");
        return;
    }
    int status = cli_asking_wait(
        asking, dify_list_logs(asking->app, &filter, cli_answered, asking, &asking->call));
    if (status != CLI_EXIT_OK)
        bad_stream(doctor, "the logs could not be read: Dify's log says more");
    else if (!find_run(&asking->reply, &run))
        cli_checkup_none(&doctor->checkup, CLI_CHECK_STREAM,
                         "the logs have no run that has ended, whose stream could be tried");
    else
        probe(doctor, &run);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void check_clock(struct doctor *doctor, int64_t server_s, int64_t own_s)
{
    int64_t ahead_s = server_s - own_s;
    int64_t apart_s = ahead_s < 0 ? -ahead_s : ahead_s;
    if (server_s == 0)
        cli_checkup_none(&doctor->checkup, CLI_CHECK_CLOCK, "the server told no time");
    else if (apart_s <= SKEW_S)
        cli_checkup_good(&doctor->checkup, CLI_CHECK_CLOCK, -1,
                         "the server's and this machine's agree");
    else
        cli_checkup_bad(&doctor->checkup, CLI_CHECK_CLOCK, CLI_EXIT_WRONG,
                        "set both by NTP: a run whose start was not seen is looked for by time",
                        "the server's is %" PRId64 " s %s this machine's", apart_s,
                        ahead_s > 0 ? "ahead of" : "behind");
}

static void check_all(struct doctor *doctor)
{
    struct cli_asking *asking = &doctor->asking;
    check_settings(doctor, &asking->settings);
    check_proxy(doctor, &asking->settings);
    (void)cli_asking_wait(
        asking, dify_app_read(asking->app, DIFY_READ_INFO, cli_answered, asking, &asking->call));
    int64_t own_s = (int64_t)time(NULL), server_s = asking->reply.server_time_s;
    snprintf(doctor->release, sizeof doctor->release, "%s", asking->reply.release);
    if (!check_way(doctor) || !check_http(doctor))
        return;
    check_clock(doctor, server_s, own_s);
    if (!check_key(doctor))
        return;
    check_app(doctor);
    check_release(doctor);
    check_inputs(doctor);
    check_stream(doctor);
}

int cli_run_doctor(const struct cli_args *args)
{
    struct doctor doctor;
    struct cli_settings settings;
    struct conf_error error = {""};
    const struct cli_settings_source source = {
        .flags = args->connection, .variable = cli_environment, .key_fd = STDIN_FILENO};
    const char *form = args->value[DOCTOR_OUTPUT];
    memset(&doctor, 0, sizeof doctor);
    cli_checkup_init(&doctor.checkup, form != NULL && strcmp(form, "json") == 0);
    cli_protect_secrets();
    if (!cli_settings_read(&source, &settings, &error)) {
        cli_checkup_bad(&doctor.checkup, CLI_CHECK_SETTINGS, CLI_EXIT_USAGE, NULL, "%s",
                        error.text);
    } else if (!cli_asking_make(&doctor.asking, "doctor", &settings)) {
        return CLI_EXIT_USAGE;
    } else {
        check_all(&doctor);
        cli_asking_close(&doctor.asking);
    }
    return cli_checkup_end(&doctor.checkup);
}
