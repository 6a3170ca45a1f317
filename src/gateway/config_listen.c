/* SPDX-License-Identifier: Apache-2.0
 *
 * config_listen.c: where the gateway listens.
 */
#include "conf/file.h"
#include "conf/text.h"
#include "core/json_text.h"
#include "core/slices.h"
#include "gateway/config_read.h"
#include "gateway/limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>

#define HOST_BYTES 253 /* of a name in the DNS */

/* ---- one address --------------------------------------------------------------------------- */

static bool read_socket(const struct gw_reader *reader, const char *folder_of,
                        struct dify_slice path, struct gw_listener *out, const char **why)
{
    const struct sockaddr_un *room = NULL;
    *why = "names no socket; unix:/run/difystream.sock does";
    if (path.len == 0)
        return false;
    out->path = conf_path(folder_of, reader->home, path);
    *why = "cannot be kept: out of memory";
    if (out->path == NULL)
        return false;
    *why = "is too long for a socket: its path may have 107 bytes";
    if (strlen(out->path) < sizeof room->sun_path)
        return true;
    free(out->path);
    out->path = NULL;
    return false;
}

/* Whether a host is a name or an IPv4 address; in brackets, an IPv6 one. */
static bool is_host(struct dify_slice host, bool in_brackets)
{
    char text[HOST_BYTES + 1];
    struct in6_addr v6;
    if (host.len == 0 || host.len > HOST_BYTES || memchr(host.ptr, '\0', host.len) != NULL)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (in_brackets)
        return inet_pton(AF_INET6, text, &v6) == 1;
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
           host.len;
}

/* False with `why`, static. */
static bool read_listener(const struct gw_reader *reader, const char *folder_of,
                          struct dify_slice text, struct gw_listener *out, const char **why)
{
    uint64_t port = 0;
    size_t colon = text.len;
    *out = (struct gw_listener){.host = NULL};
    if (text.len >= 5 && memcmp(text.ptr, "unix:", 5) == 0)
        return read_socket(reader, folder_of, (struct dify_slice){text.ptr + 5, text.len - 5}, out,
                           why);
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    *why = "is no address: HOST:PORT, [IPV6]:PORT or unix:/PATH";
    if (colon < 2)
        return false;
    struct dify_slice host = {text.ptr, colon - 1};
    bool in_brackets = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (in_brackets)
        host = (struct dify_slice){host.ptr + 1, host.len - 2};
    if (!is_host(host, in_brackets))
        return false;
    *why = "has no port from 0 to 65535";
    if (!dify__parse_uint((struct dify_slice){text.ptr + colon, text.len - colon}, &port) ||
        port > 65535)
        return false;
    *why = "cannot be kept: out of memory";
    out->host = conf_text_copy(host);
    out->port = (uint16_t)port;
    return out->host != NULL;
}

bool gw_listener_is_open(const struct gw_listener *listener)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (listener->host == NULL || strcmp(listener->host, "localhost") == 0)
        return false;
    if (inet_pton(AF_INET, listener->host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 != 127;
    return inet_pton(AF_INET6, listener->host, &v6) != 1 || !IN6_IS_ADDR_LOOPBACK(&v6);
}

/* ---- all of them --------------------------------------------------------------------------- */

static bool is_same(const struct gw_listener *a, const struct gw_listener *b)
{
    if (a->path != NULL || b->path != NULL)
        return a->path != NULL && b->path != NULL && strcmp(a->path, b->path) == 0;
    return a->port != 0 && a->port == b->port && strcmp(a->host, b->host) == 0;
}

static bool is_there(const struct gw_reader *reader, const struct gw_listener *listener)
{
    for (size_t i = 0; i < reader->out->listener_count; i++)
        if (is_same(&reader->out->listeners[i], listener))
            return true;
    return false;
}

static void free_listener(struct gw_listener *listener)
{
    free(listener->host);
    free(listener->path);
}

/* Why the address cannot be taken; NULL: it is. `counts`: it is one that will be listened on. */
static const char *add(struct gw_reader *reader, const char *folder_of, struct dify_slice text,
                       bool counts)
{
    struct gw_listener listener;
    const char *why = NULL;
    if (!read_listener(reader, folder_of, text, &listener, &why))
        return why;
    why = NULL;
    if (!counts)
        ;
    else if (is_there(reader, &listener))
        why = "is named twice";
    else if (gw_listener_is_open(&listener) && !reader->has_tokens &&
             !reader->source->allows_no_auth)
        why = "can be reached from other machines, and whoever reaches it may use every app: "
              "configure access tokens (difystream token new), or let a server that knows its "
              "users stand in front and listen on 127.0.0.1, or say --no-auth";
    if (why != NULL || !counts) {
        free_listener(&listener);
        return why;
    }
    reader->out->listeners[reader->out->listener_count++] = listener;
    return NULL;
}

static void add_of_file(struct gw_reader *reader, const yaml_node_t *node, bool counts)
{
    struct dify_slice text;
    if (conf_yaml_text(&reader->yaml, node, "an address to listen on", &text) != DIFY_OK)
        return;
    const char *why = add(reader, reader->folder_of, text, counts);
    if (why != NULL)
        gw_at(reader, node, "%.*s %s", (int)(text.len < 200 ? text.len : 200), text.ptr, why);
}

static void read_of_file(struct gw_reader *reader, yaml_node_t *node, bool counts)
{
    if (!conf_yaml_is_list(node)) {
        add_of_file(reader, node, counts);
        return;
    }
    if (conf_yaml_count(node) == 0)
        gw_at(reader, node, "listen names no address");
    for (size_t i = 0; i < conf_yaml_count(node); i++) {
        const yaml_node_t *item = conf_yaml_item(&reader->yaml, node, i);
        if (i == GW_LISTENERS) {
            gw_at(reader, item, "listen names more than %d addresses", GW_LISTENERS);
            return;
        }
        add_of_file(reader, item, counts);
    }
}

static void read_of_flags(struct gw_reader *reader)
{
    for (size_t i = 0; reader->source->listen[i] != NULL; i++) {
        if (i == GW_LISTENERS) {
            gw_tell(reader, "--listen names more than %d addresses", GW_LISTENERS);
            return;
        }
        const char *why = add(reader, reader->here, dify__slice(reader->source->listen[i]), true);
        if (why != NULL)
            gw_tell(reader, "--listen %.200s %s", reader->source->listen[i], why);
    }
}

void gw_read_listeners(struct gw_reader *reader, yaml_node_t *node)
{
    const char *const *flags = reader->source->listen;
    bool has_flags = flags != NULL && flags[0] != NULL;
    reader->out->listeners = gw_make(reader, GW_LISTENERS, sizeof *reader->out->listeners);
    if (reader->out->listeners == NULL)
        return;
    if (node != NULL)
        read_of_file(reader, node, !has_flags);
    if (has_flags)
        read_of_flags(reader);
    else if (node == NULL)
        (void)add(reader, reader->here, DIFY_SLICE("127.0.0.1:8000"), true);
}
