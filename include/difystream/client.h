/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h: a client of Dify's service API, over libcurl.
 *
 * A client does no waiting of its own: it asks its host to watch sockets and to wake it after a
 * time, as libcurl does, so that it fits into any event loop. A program without a loop uses the
 * host that is built in: it calls dify_client_wait() until what it waits for has come.
 *
 *     struct dify_client *client;
 *     struct dify_app *app;
 *     struct dify_app_options where = {.size = sizeof where,
 *                                      .base_url = "https://api.dify.ai/v1",
 *                                      .api_key = getenv("DIFY_API_KEY")};
 *     if (dify_client_new(NULL, &client) == DIFY_OK &&
 *         dify_app_new(client, &where, &app) == DIFY_OK &&
 *         dify_app_read(app, DIFY_READ_INFO, on_answer, NULL, NULL) == DIFY_OK)
 *         dify_client_wait_all(client);
 *
 * A run is started and followed to its end by follow.h; here is everything else that Dify offers:
 * calls, each of which is answered once.
 *
 * Threads: a client and all that is made from it belong to one thread at a time. Callbacks run
 * inside dify_client_socket(), dify_client_timeout(), dify_client_wait() and
 * dify_client_wait_all(), never inside the function that starts something. They may start and
 * cancel calls and follows, but may not wait, nor free the client or an app.
 *
 * Secrets: API keys stand in no message, log line or answer; memory that held one is wiped.
 */
#ifndef DIFYSTREAM_CLIENT_H
#define DIFYSTREAM_CLIENT_H

#include "difystream/allocator.h"
#include "difystream/error.h"
#include "difystream/export.h"
#include "difystream/result.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

DIFY_DECLARATIONS_BEGIN

/* ---- the client and its host --------------------------------------------------------------- */

/* What a host is to watch a socket for; flags. */
enum dify_watch { DIFY_WATCH_NOTHING = 0, DIFY_WATCH_READ = 1, DIFY_WATCH_WRITE = 2 };

/* An event loop. Both functions are called by the client; neither may call the client. */
struct dify_client_host {
    void *ctx;

    /* Watch `socket` for `what` from now on (flags of enum dify_watch), instead of what was said
     * before; DIFY_WATCH_NOTHING: no more, it is about to be closed. When it is ready, call
     * dify_client_socket(). False if it cannot; then the one transfer that needs it fails. */
    bool (*watch)(void *ctx, int socket, unsigned what);

    /* Call dify_client_timeout() once in `ms` milliseconds, instead of what was said before; 0: as
     * soon as possible, but not from within; UINT64_MAX: not at all. */
    void (*wake)(void *ctx, uint64_t ms);
};

struct dify_client_options {
    size_t size; /* sizeof(struct dify_client_options), so that the struct can grow */

    const struct dify_allocator *allocator; /* NULL: the C library's. libcurl uses malloc */
    const struct dify_client_host *host;    /* NULL: the one that is built in; copied */

    /* All waiting of the client but that for a connection goes so many times faster, for tests
     * against a simulated Dify that does (difystream sim --speed). 0: 1. From 1e-3 to
     * DIFY_CLIENT_SPEED. */
    double speed;

    /* Seeds the client's random numbers (delays, user names), to repeat a test. 0: from the
     * system's. */
    uint64_t seed;
};

#define DIFY_CLIENT_SPEED 1e6

struct dify_client;

/* Makes a client; `options` NULL: all defaults. `*out` is the caller's, to be freed with
 * dify_client_free(). DIFY_ERR_NOMEM; DIFY_ERR_ARGUMENT for an unknown size or a bad speed. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_client_new(const struct dify_client_options *options,
                                                       struct dify_client **out);

/* Frees a client, whose follows and apps must have been freed before; calls that are under way are
 * cancelled without a callback. NULL is legal. */
DIFY_API void dify_client_free(struct dify_client *client);

/* For a host: `socket` is ready for `what` (flags of enum dify_watch; both where it has failed).
 * Callbacks run. */
DIFY_API void dify_client_socket(struct dify_client *client, int socket, unsigned what);

struct dify_client_ready {
    int socket;
    unsigned what;
};

/* The same for a host that learns of several sockets at once, which costs less together. A socket
 * may stand there twice. */
DIFY_API void dify_client_sockets(struct dify_client *client, const struct dify_client_ready *ready,
                                  size_t count);

/* For a host: the time of `wake` is over. Callbacks run. */
DIFY_API void dify_client_timeout(struct dify_client *client);

/* For the host that is built in: waits until something happens, at most `max_ms` milliseconds, and
 * handles it; callbacks run. Returns false once nothing is under way any more (no call, no follow
 * that has not ended). With a host of one's own it does nothing and returns false. */
DIFY_API bool dify_client_wait(struct dify_client *client, uint64_t max_ms);

/* Waits until nothing is under way. */
DIFY_API void dify_client_wait_all(struct dify_client *client);

/* A descriptor that becomes readable when dify_client_wait() has something to do at once; for a
 * program that waits for other things as well. The client's; -1 with a host of one's own. Timeouts
 * show in it too. */
DIFY_API int dify_client_descriptor(const struct dify_client *client);

/* ---- apps ---------------------------------------------------------------------------------- */

/* Default clocks, in milliseconds. */
#define DIFY_CONNECT_TIMEOUT_MS 30000
#define DIFY_SILENCE_TIMEOUT_MS 300000
#define DIFY_RUN_TIMEOUT_MS 3600000

/* Where an app of Dify is, and how it is reached. Texts are copied. */
struct dify_app_options {
    size_t size; /* sizeof(struct dify_app_options), so that the struct can grow */

    const char *base_url; /* with its path, for example "https://api.dify.ai/v1" */
    const char *api_key;  /* "app-…" */

    const char *ca_file;     /* PEM; NULL: the system's */
    const char *client_cert; /* PEM; NULL: none */
    const char *client_key;  /* PEM; NULL: it stands in `client_cert` */
    const char *proxy;       /* as libcurl takes it; NULL: by the environment; "": none */

    uint64_t connect_timeout_ms; /* until a connection stands; 0: DIFY_CONNECT_TIMEOUT_MS */
    uint64_t silence_timeout_ms; /* without a byte; 0: DIFY_SILENCE_TIMEOUT_MS */
    uint64_t run_timeout_ms;     /* a whole run; 0: DIFY_RUN_TIMEOUT_MS */

    bool accept_partial; /* a run that ended `partial-succeeded` is a success */

    /* What messages call the server, for readers who are not to learn where it is: no address of it
     * stands in them then. NULL: they name its host. */
    const char *alias;
};

struct dify_app;

/* Makes an app. `*out` is the caller's, to be freed with dify_app_free() before the client, and
 * after its calls and follows have ended or were freed. DIFY_ERR_ARGUMENT for a base URL that is no
 * http or https address, or a key that is empty or holds a blank or a control character: `error`
 * (may be NULL) says which; DIFY_ERR_NOMEM. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_app_new(struct dify_client *client,
                                                    const struct dify_app_options *options,
                                                    struct dify_app **out,
                                                    struct dify_error *error);
DIFY_API void dify_app_free(struct dify_app *app); /* NULL is legal */

/* Whether nothing of the app's is left, so that it may be freed: no call or fetch that has not
 * ended, no follow that was not freed. */
DIFY_API bool dify_app_is_idle(const struct dify_app *app);

/* The release of Dify as its last answer told ("1.14.2"), "" while it is not known. Dies with the
 * next callback. */
DIFY_API const char *dify_app_release(const struct dify_app *app);

/* What the app is, as /info said when it was asked last: "workflow", "advanced-chat", "chat",
 * "agent-chat", "agent" or "completion". NULL: it was not asked, or said something else. Static. */
DIFY_API const char *dify_app_mode(const struct dify_app *app);

/* ---- calls --------------------------------------------------------------------------------- */

/* Milliseconds from the start of a call until a thing had happened; -1: it did not. */
struct dify_call_times {
    double resolved_ms;   /* the host's name had an address */
    double connected_ms;  /* TCP stood */
    double secured_ms;    /* TLS stood; -1 without TLS */
    double first_byte_ms; /* of the answer */
    double total_ms;
};

/* How a call ended. Slices die when the callback returns. */
struct dify_answer {
    /* DIFY_OUTCOME_SUCCEEDED: a 2xx answer, `body` is its JSON. Else as for a run: CONNECT_FAILED,
     * CONNECT_TIMEOUT, READ_TIMEOUT, CONNECTION_RESET, REFUSED (4xx), HTTP_ERROR (5xx),
     * INVALID_RESPONSE, UPLOAD_FAILED (a file that could not be read, or was refused). */
    enum dify_outcome outcome;
    int http_status;           /* 0: no answer */
    struct dify_slice body;    /* as it came, also of a refusal; at most DIFY_ANSWER_BYTES */
    struct dify_slice code;    /* of a failure: Dify's code, else the outcome's */
    struct dify_slice message; /* of a failure: Dify's words, else what happened; English */
    struct dify_slice release; /* Dify's release, from X-Version; absent where it does not tell */
    struct dify_slice address; /* "192.0.2.1:443", whom the connection stood with; else absent */
    int64_t server_time_s;     /* Unix seconds by the field Date; 0: none came */
    unsigned attempts;         /* how often it was sent */
    struct dify_call_times times; /* of the last attempt */
};

/* Ceiling of an answer that is no stream. */
#define DIFY_ANSWER_BYTES ((size_t)64 << 20)

typedef void dify_answer_fn(void *ctx, const struct dify_answer *answer);

struct dify_call;

/* All functions below start a call and return at once. `answered` is called exactly once, with
 * `ctx`, unless the call is cancelled; after it the call is gone. `call` (may be NULL) receives the
 * handle for dify_call_cancel(). Errors: DIFY_ERR_NOMEM; DIFY_ERR_ARGUMENT for an empty id or text
 * that is needed: then nothing was started.
 *
 * What only reads is sent up to three times where no connection stands or it breaks; what changes
 * something once it may have been sent, never again. */

DIFY_API void dify_call_cancel(struct dify_call *call);

enum dify_reading { DIFY_READ_INFO, DIFY_READ_PARAMETERS, DIFY_READ_META, DIFY_READ_SITE };

/* GET /info, /parameters, /meta or /site: what the app says of itself. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_app_read(struct dify_app *app, enum dify_reading what,
                                                     dify_answer_fn *answered, void *ctx,
                                                     struct dify_call **call);

/* GET /workflows/run/{id}: a run's detail. Dify 1.12 answers an unknown run with nulls. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_run_detail(struct dify_app *app, const char *run_id,
                                                       dify_answer_fn *answered, void *ctx,
                                                       struct dify_call **call);

/* What GET /workflows/logs is to list; NULL and 0: all. */
struct dify_log_filter {
    size_t size;         /* sizeof(struct dify_log_filter), so that the struct can grow */
    const char *user;    /* exactly this end user's */
    const char *keyword; /* in inputs, outputs, user or run id, as Dify searches */
    const char *status;  /* succeeded, failed or stopped */
    const char *after;   /* ISO 8601 */
    const char *before;  /* ISO 8601 */
    unsigned page;       /* from 1 */
    unsigned limit;      /* rows of a page, at most 100; 0: 20 */
};

DIFY_API DIFY_MUST_CHECK enum dify_err dify_list_logs(struct dify_app *app,
                                                      const struct dify_log_filter *filter,
                                                      dify_answer_fn *answered, void *ctx,
                                                      struct dify_call **call);

/* Which routes an app's runs are started and stopped by. */
enum dify_kind {
    DIFY_KIND_AUTO, /* as /info says */
    DIFY_KIND_WORKFLOW,
    DIFY_KIND_CHAT, /* chat, agent and chatflow apps */
    DIFY_KIND_COMPLETION
};

/* POST …/{task_id}/stop. Dify says yes also to a task that it does not know. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_stop_task(struct dify_app *app, enum dify_kind kind,
                                                      const char *task_id, const char *user,
                                                      dify_answer_fn *answered, void *ctx,
                                                      struct dify_call **call);

/* GET /form/human_input/{token}: the form of a paused run. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_form_read(struct dify_app *app, const char *token,
                                                      dify_answer_fn *answered, void *ctx,
                                                      struct dify_call **call);

/* POST /form/human_input/{token}: `inputs` is a JSON object, absent: {}. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_form_submit(struct dify_app *app, const char *token,
                                                        struct dify_slice inputs,
                                                        const char *action, const char *user,
                                                        dify_answer_fn *answered, void *ctx,
                                                        struct dify_call **call);

/* POST /messages/{id}/feedbacks; chat, chatflow, agent and completion apps. `rating`: "like",
 * "dislike", or NULL to take it back; `content` may be NULL. */
DIFY_API DIFY_MUST_CHECK enum dify_err
dify_send_feedback(struct dify_app *app, const char *message_id, const char *rating,
                   const char *content, const char *user, dify_answer_fn *answered, void *ctx,
                   struct dify_call **call);

/* GET /workflow/{run_id}/events, only until its first byte: whether a stream opens, and how soon.
 * The answer's body is empty. Nothing is run by it. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_probe_stream(struct dify_app *app, const char *run_id,
                                                         const char *user, dify_answer_fn *answered,
                                                         void *ctx, struct dify_call **call);

/* ---- files --------------------------------------------------------------------------------- */

/* Where a file's bytes come from: exactly one of `path`, `descriptor` and `read`. */
struct dify_file {
    size_t size; /* sizeof(struct dify_file), so that the struct can grow */

    const char *path;
    int descriptor; /* of a file that can be read from where it stands; -1: none. Not closed */

    /* Fills `bytes` with up to `len` bytes. Returns how many; 0 at the end; -1 if it cannot. */
    long (*read)(void *ctx, char *bytes, size_t len);
    void *ctx;

    const char *name; /* as Dify is told; NULL: the path's last part */
    const char *type; /* a media type; NULL: by content and name */
    int64_t length; /* bytes, where `read` knows them; -1: unknown. Of the others it is looked up */
};

/* A file with nothing said of it yet. */
#ifdef __cplusplus
#define DIFY_FILE_INIT (dify_file{sizeof(dify_file), 0, -1, 0, 0, 0, 0, -1})
#else
#define DIFY_FILE_INIT                                                                             \
    ((struct dify_file){.size = sizeof(struct dify_file), .descriptor = -1, .length = -1})
#endif

/* POST /files/upload, streamed: memory does not grow with the file. `user` owns it: a run that uses
 * it must have the same. A path is opened, and what is wrong with it told, before anything is sent
 * (UPLOAD_FAILED). `file` and what it points to are borrowed until the answer. A file that can be
 * rewound is sent up to three times; Dify's refusals come in its own words, and where it gives none
 * (413) in words that say which file, how large, and that the server's limit is below. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_upload_file(struct dify_app *app,
                                                        const struct dify_file *file,
                                                        const char *user, dify_answer_fn *answered,
                                                        void *ctx, struct dify_call **call);

/* A file of a run's outputs, as Dify gives an address for it, which expires. It is asked of the
 * app's own server, whatever host the address names: `path` is what the address has behind the
 * host, from "/files/" on, with its query. The key is not sent; redirections are not followed.
 *
 * `head` is told once, then `body` any number of times, then `ended`, after which the fetch is
 * gone; without an answer `ended` alone. Inside them the fetch may be cancelled and paused. */
struct dify_fetch;

struct dify_fetch_observer {
    void *ctx;
    /* `length`: -1 if the server does not say. */
    void (*head)(void *ctx, int http_status, struct dify_slice content_type, int64_t length);
    void (*body)(void *ctx, struct dify_slice bytes);
    /* SUCCEEDED: the answer came whole, whatever its status. */
    void (*ended)(void *ctx, enum dify_outcome outcome);
};

/* `*out` is to be cancelled, unless it has ended, before the app is freed. DIFY_ERR_ARGUMENT for a
 * path that is none of Dify's files; DIFY_ERR_NOMEM. */
DIFY_API DIFY_MUST_CHECK enum dify_err dify_fetch_file(struct dify_app *app, const char *path,
                                                       const struct dify_fetch_observer *observer,
                                                       struct dify_fetch **out);

/* Pauses: no further bytes are told, but for those at hand, and the server is kept waiting. Going
 * on: not from within the observer; bytes may be told before this returns. */
DIFY_API void dify_fetch_pause(struct dify_fetch *fetch, bool pauses);
DIFY_API void dify_fetch_cancel(struct dify_fetch *fetch);

/* What Dify calls a file's kind: "image", "document", "audio", "video" or "custom". By its name, as
 * Dify does it; where that says nothing, by its first bytes (`head`, at least 16 where there are so
 * many), by which its media type is told when it is uploaded. Static. */
DIFY_API const char *dify_file_kind(const char *name, struct dify_slice head);

DIFY_DECLARATIONS_END

#endif
