/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_sim.c: difystream sim.
 */
#include "cli/builtin.h"
#include "cli/commands.h"
#include "core/slices.h"
#include "sim/sim.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum {
    SIM_LISTEN,
    SIM_RELEASE,
    SIM_SPEED,
    SIM_FAULT,
    SIM_SEED,
    SIM_CONNECTIONS,
    SIM_WORKERS,
    SIM_QUIET
};

const struct cli_option cli_sim_options[] = {
    [SIM_LISTEN] = {"listen", 'l', "HOST:PORT", NULL,
                    "where to listen (127.0.0.1:5001); port 0: any free one"},
    [SIM_RELEASE] = {"release", 'r', "RELEASE", "1.12.1|1.14.2|1.16.1",
                     "the release of Dify to behave as (the scenario's, else 1.14.2)"},
    [SIM_SPEED] = {"speed", 's', "N", NULL,
                   "so much faster than recorded, for example 10 or 0.5 (1); 0: without waiting"},
    [SIM_FAULT] = {"fault", 'f', "FAULT", NULL,
                   "NAME[=VALUE][,on=KIND][,p=0.1][,times=N][,skip=N]: what goes wrong, where and "
                   "when; may be "
                   "repeated; 'help' lists all"},
    [SIM_SEED] = {"seed", 0, "N", NULL, "seed of ids and of faults by probability (a random one)"},
    [SIM_CONNECTIONS] = {"connections", 0, "N", NULL,
                         "requests that are served at once, further ones wait (10, as Dify); 0: "
                         "no limit"},
    [SIM_WORKERS] = {"workers", 0, "N", NULL,
                     "streamed runs at once, further ones are queued (4, as Dify); 0: no limit"},
    [SIM_QUIET] = {"quiet", 'q', NULL, NULL, "no line for each request on standard error"},
    {NULL, 0, NULL, NULL, NULL},
};

struct server {
    struct sim *sim;
    uv_signal_t interrupt, terminate;
};

/* ---- options ------------------------------------------------------------------------------- */

static bool asks_for_faults(const struct cli_args *args)
{
    for (size_t i = 0; i < args->given_count; i++) {
        if (args->given[i].option == SIM_FAULT && strcmp(args->given[i].value, "help") == 0)
            return true;
    }
    return false;
}

static int list_faults(void)
{
    for (int kind = SIM_FAULT_NONE + 1; kind < SIM_FAULT_KINDS; kind++)
        printf("%-20s %s\n", sim_fault_name((enum sim_fault_kind)kind),
               sim_fault_help((enum sim_fault_kind)kind));
    return CLI_EXIT_OK;
}

/* A number in an option's value; false after saying what is wrong. */
static bool read_number(const struct cli_args *args, size_t option, size_t max, size_t *out)
{
    const char *text = args->value[option];
    if (text == NULL || cli_read_size(text, 0, max, out))
        return true;
    cli_complain("sim", "--%s takes a number up to %zu, not '%s'", cli_sim_options[option].name,
                 max, text);
    return false;
}

static bool read_speed(const struct cli_args *args, double *speed)
{
    const char *text = args->value[SIM_SPEED];
    char *end;
    if (text == NULL)
        return true;
    *speed = strtod(text, &end);
    if (end != text && *end == '\0' && isfinite(*speed) && *speed >= 0 && *speed <= 1e6 &&
        (*speed == 0 || *speed >= 1e-3))
        return true;
    cli_complain("sim", "--speed takes 0, or a number from 0.001 to 1000000, not '%s'", text);
    return false;
}

static bool read_faults(const struct cli_args *args, struct sim_fault *faults, size_t *count)
{
    char why[160];
    for (size_t i = 0; i < args->given_count; i++) {
        const char *text = args->given[i].value;
        if (args->given[i].option != SIM_FAULT)
            continue;
        if (*count == SIM_FAULTS) {
            cli_complain("sim", "at most %d faults may be given", SIM_FAULTS);
            return false;
        }
        if (!sim_fault_parse(dify__slice(text), &faults[*count], why, sizeof why)) {
            cli_complain("sim", "--fault %s: %s; '--fault help' lists all", text, why);
            return false;
        }
        (*count)++;
    }
    return true;
}

/* "HOST:PORT", "[::1]:PORT", ":PORT", "PORT" */
static bool read_address(const char *text, char *host, size_t size, uint16_t *port)
{
    const char *colon = strrchr(text, ':'), *from = text, *digits = text;
    size_t len = 0, number;
    if (colon != NULL) {
        len = (size_t)(colon - text);
        digits = colon + 1;
        if (len >= 2 && text[0] == '[' && colon[-1] == ']') {
            from++;
            len -= 2;
        }
    }
    if (len >= size || !cli_read_size(digits, 0, 65535, &number))
        return false;
    memcpy(host, from, len);
    host[len] = '\0';
    if (len == 0)
        snprintf(host, size, "127.0.0.1");
    *port = (uint16_t)number;
    return true;
}

/* ---- scenarios ----------------------------------------------------------------------------- */

static bool load(const struct cli_args *args, struct sim_catalogue *catalogue)
{
    const struct cli_builtin *builtin = &cli_builtin_scenario;
    struct sim_load_error error = {""};
    enum dify_err err = DIFY_OK;
    for (size_t i = 0; i < args->operands && err == DIFY_OK; i++)
        err = sim_catalogue_load(catalogue, args->operand[i], &error);
    if (args->operands == 0)
        err = sim_catalogue_load_text(
            catalogue, builtin->name,
            (struct dify_slice){(const char *)builtin->bytes, builtin->size}, &error);
    if (err != DIFY_OK)
        cli_complain("sim", "%s", error.text[0] != '\0' ? error.text : dify_strerror(err));
    return err == DIFY_OK;
}

static bool choose_release(const struct cli_args *args, const struct sim_catalogue *catalogue,
                           enum sim_release *release)
{
    struct dify_slice name = DIFY_SLICE("1.14.2");
    if (args->value[SIM_RELEASE] != NULL)
        name = dify__slice(args->value[SIM_RELEASE]);
    else if (catalogue->release.ptr != NULL)
        name = catalogue->release;
    if (sim_release_parse(name, release))
        return true;
    cli_complain("sim", "release %.*s cannot be simulated: 1.12.1, 1.14.2 or 1.16.1", (int)name.len,
                 name.ptr);
    return false;
}

static void announce(const struct sim *sim, const struct sim_catalogue *catalogue, const char *host,
                     enum sim_release release)
{
    bool is_v6 = strchr(host, ':') != NULL;
    fprintf(stderr, "difystream sim: Dify %s at http://%s%s%s:%u/v1\n", sim_release_name(release),
            is_v6 ? "[" : "", host, is_v6 ? "]" : "", sim_port(sim));
    for (size_t i = 0; i < catalogue->app_count && i < 20; i++)
        fprintf(stderr, "  key %.*s\n", (int)catalogue->apps[i].key.len,
                catalogue->apps[i].key.ptr);
    if (catalogue->app_count > 20)
        fprintf(stderr, "  and %zu more\n", catalogue->app_count - 20);
}

/* ---- serving ------------------------------------------------------------------------------- */

static void on_request(void *ctx, struct dify_slice method, struct dify_slice target, int status,
                       const char *note)
{
    (void)ctx;
    fprintf(stderr, "%.*s %.*s %d%s%s\n", (int)method.len, method.ptr, (int)target.len, target.ptr,
            status, note[0] != '\0' ? " " : "", note);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;
    (void)number;
    sim_close(server->sim, NULL, NULL);
    uv_close((uv_handle_t *)&server->interrupt, NULL);
    uv_close((uv_handle_t *)&server->terminate, NULL);
}

/* SIGINT and SIGTERM end it. */
static void watch_signals(uv_loop_t *loop, struct server *server)
{
    uv_signal_init(loop, &server->interrupt);
    uv_signal_init(loop, &server->terminate);
    server->interrupt.data = server->terminate.data = server;
    uv_signal_start(&server->interrupt, on_signal, SIGINT);
    uv_signal_start(&server->terminate, on_signal, SIGTERM);
}

static int serve(const struct cli_args *args, const struct sim_options *options)
{
    uv_loop_t *loop = uv_default_loop();
    struct server server;
    struct dify_error error;
    char host[256];
    uint16_t port;
    int status = CLI_EXIT_USAGE;
    const char *listen = args->value[SIM_LISTEN];
    listen = listen != NULL ? listen : "127.0.0.1:5001";
    if (!read_address(listen, host, sizeof host, &port)) {
        cli_complain("sim", "--listen takes HOST:PORT, not '%s'", listen);
        return status;
    }
    if (sim_new(loop, options, &server.sim) != DIFY_OK) {
        cli_complain("sim", "could not start: out of memory, or an app's parameters are no JSON");
        return status;
    }
    if (sim_listen(server.sim, host, port, &error) != DIFY_OK) {
        cli_complain("sim", "cannot listen on %s: %s", listen, error.message);
        sim_close(server.sim, NULL, NULL);
    } else {
        status = CLI_EXIT_OK;
        watch_signals(loop, &server);
        announce(server.sim, options->catalogue, host, options->release);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    return status;
}

int cli_run_sim(const struct cli_args *args)
{
    struct sim_fault faults[SIM_FAULTS];
    struct sim_catalogue catalogue;
    struct sim_options options = {.catalogue = &catalogue, .speed = 1, .faults = faults};
    size_t connections = 10, workers = 4, seed = (size_t)uv_hrtime() ^ (size_t)time(NULL);
    int status = CLI_EXIT_USAGE;
    if (asks_for_faults(args))
        return list_faults();
    if (!read_speed(args, &options.speed) || !read_number(args, SIM_SEED, SIZE_MAX, &seed) ||
        !read_number(args, SIM_CONNECTIONS, 100000, &connections) ||
        !read_number(args, SIM_WORKERS, 100000, &workers) ||
        !read_faults(args, faults, &options.fault_count))
        return status;
    options.seed = seed;
    options.connections = (unsigned)connections;
    options.workers = (unsigned)workers;
    options.on_request = args->value[SIM_QUIET] == NULL ? on_request : NULL;
    signal(SIGPIPE, SIG_IGN);
    sim_catalogue_init(&catalogue, NULL);
    if (load(args, &catalogue) && choose_release(args, &catalogue, &options.release))
        status = serve(args, &options);
    sim_catalogue_fini(&catalogue);
    return status;
}
