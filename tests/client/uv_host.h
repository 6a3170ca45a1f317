/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_host.h: a host of the client on libuv, as a program with a loop of its own would write it.
 */
#ifndef TESTS_CLIENT_UV_HOST_H
#define TESTS_CLIENT_UV_HOST_H

#include "difystream/client.h"

struct uv_host;

/* A host with a loop of its own; NULL for want of memory. */
struct uv_host *uv_host_new(void);

/* Refuses one in so many watches, by chance; 0: none. The same seed refuses the same. */
void uv_host_refuse(struct uv_host *host, unsigned one_in, uint64_t seed);

/* What the client is made with; lives as long as the host. */
const struct dify_client_host *uv_host_of(struct uv_host *host);

/* Serves the client until uv_host_stop() is called from within. */
void uv_host_run(struct uv_host *host, struct dify_client *client);
void uv_host_stop(struct uv_host *host);

/* After the client was freed. NULL is legal. */
void uv_host_free(struct uv_host *host);

#endif
