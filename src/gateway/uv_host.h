/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_host.h: the client of Dify as a guest of a libuv loop.
 */
#ifndef GATEWAY_UV_HOST_H
#define GATEWAY_UV_HOST_H

#include "difystream/client.h"

#include <uv.h>

struct gw_uv_host {
    struct dify_client_host functions; /* to make the client with */
    struct dify_client *client;        /* set by the owner, once it is made */
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_idle_t idle;   /* keeps the loop from sleeping ... */
    uv_check_t check; /* ... when the client wants to be called right after the sockets were */
    int set;          /* an epoll set of the client's sockets, */
    uv_poll_t poll;   /* and the loop's handle on it */
};

/* NOMEM. The host must stay where it is. */
DIFY_MUST_CHECK enum dify_err gw_uv_host_init(struct gw_uv_host *host, uv_loop_t *loop);

/* After the client was freed. The loop must run once more. */
void gw_uv_host_close(struct gw_uv_host *host);

#endif
