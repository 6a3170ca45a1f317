/* SPDX-License-Identifier: Apache-2.0
 *
 * relay.h: a request that somebody else has written, passed on to an app's Dify, and its answer,
 * passed back as it comes. Bodies stream both ways, each at the pace of its reader; nothing is
 * decoded, followed, repeated or understood.
 *
 *     struct dify__relayed request = {.method = "GET", .path = "/parameters?user=a",
 *                                     .length = DIFY__RELAY_NO_BODY};
 *     dify__relay_start(app, &request, &observer, &relay);
 *
 * The app's key goes with it. Which fields go on, and which paths are safe, is its owner's to know:
 * what is given here is sent. Two clocks run, the app's: that of the connection, and that of
 * silence, which stands still while it is the owner who is waited for.
 */
#ifndef DIFY_CLIENT_RELAY_H
#define DIFY_CLIENT_RELAY_H

#include "client/app.h"

#include <curl/curl.h>

struct dify__relay;

/* A field as it is sent: its name is a token, its value has no CR, LF or NUL. */
struct dify__relay_field {
    struct dify_slice name, value;
};

/* Lengths of bodies that are none. */
#define DIFY__RELAY_CHUNKS UINT64_MAX        /* not known: chunks, whose end `wanted` tells */
#define DIFY__RELAY_NO_BODY (UINT64_MAX - 1) /* no body, and no Content-Length */

/* All is borrowed until dify__relay_start() returns. */
struct dify__relayed {
    const char *method; /* "DELETE"; one of "HEAD" has no body */
    const char *path;   /* with its query, behind the base URL */
    /* Without Host, Authorization, Expect, and those that frame the message. */
    const struct dify__relay_field *fields;
    size_t field_count;
    uint64_t length; /* of the body */
};

/* `head` once, then `body` and `trailer` any number of times, then `ended`, after which the relay
 * is gone; without an answer `ended` alone. Inside all but `wanted` it may be cancelled and paused.
 */
struct dify__relay_observer {
    void *ctx;
    void (*head)(void *ctx, const struct dify__head *head);
    void (*body)(void *ctx, struct dify_slice bytes);
    void (*trailer)(void *ctx, struct dify_slice line); /* with its line end */
    /* As dify__receiver.wanted. */
    long (*wanted)(void *ctx, char *out, size_t room);
    /* SUCCEEDED: the answer came whole, whatever its status. */
    void (*ended)(void *ctx, enum dify_outcome outcome);
};

/* `*out` is to be cancelled, unless it has ended, before the app is freed. NOMEM; TOO_LARGE: the
 * address is too long. */
DIFY_MUST_CHECK enum dify_err dify__relay_start(struct dify_app *app,
                                                const struct dify__relayed *request,
                                                const struct dify__relay_observer *observer,
                                                struct dify__relay **out);

/* No further bytes of the answer are told, and the server is kept waiting. Going on: not from
 * within the observer; bytes may be told before this returns. */
void dify__relay_pause(struct dify__relay *relay, bool pauses);

/* There are bytes of the body, or its end, after `wanted` had none. Not from within the observer;
 * the observer may be called before this returns. */
void dify__relay_feed(struct dify__relay *relay);

void dify__relay_cancel(struct dify__relay *relay);

/* For transfer.c: sets what such a request has of its own; `fields` get its fields. */
bool dify__relayed_set(CURL *easy, struct curl_slist **fields, const struct dify__relayed *request,
                       const struct dify_app *app);

#endif
