/* SPDX-License-Identifier: Apache-2.0
 *
 * base_url.c: the base of an API's address.
 */
#include "conf/base_url.h"

#include "conf/text.h"
#include "core/slices.h"

#include <stdlib.h>
#include <strings.h>

#define ADDRESS_BYTES 2000

const char *const conf_base_url_names[CONF_BASE_URL_NAMES] = {"DIFY_BASE_URL", "DIFY_API_BASE_URL",
                                                              "DIFY_API_URL"};

/* Routes that people copy from a program or from Dify's own pages. '*' is a part without slash. */
static const char *const routes[] = {"/workflows/run",
                                     "/workflows/*/run",
                                     "/workflows/run/*",
                                     "/workflows/logs",
                                     "/chat-messages",
                                     "/files/upload",
                                     "/parameters",
                                     "/completion-messages",
                                     "/info",
                                     "/meta",
                                     "/site"};

static bool is_unfit(const char *address)
{
    for (const char *at = address; *at != '\0'; at++)
        if (*at < 0x21 || *at > 0x7E || strchr("\"<>\\^`{|}", *at) != NULL)
            return true;
    return false;
}

/* How much of `host` is a name, or an address of either kind; 0: none. */
static size_t host_name(const char *host)
{
    if (host[0] != '[')
        return strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    size_t len = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
    return len > 1 && host[len] == ']' ? len + 1 : 0;
}

/* Whether what stands between "//" and the path is a host, with a port or without. */
static bool is_host(const char *host, size_t len)
{
    size_t at = host_name(host);
    unsigned port = 0;
    if (at == 0 || at == len)
        return at != 0;
    if (host[at] != ':' || at + 1 == len)
        return false;
    for (at++; at < len; at++) {
        if (host[at] < '0' || host[at] > '9' || port > 65535)
            return false;
        port = port * 10 + (unsigned)(host[at] - '0');
    }
    return port != 0 && port <= 65535;
}

/* How much of the path's end is `route`; 0: none. Compared from the back. */
static size_t route_at_end(const char *path, size_t len, const char *route)
{
    size_t at = len;
    for (size_t i = strlen(route); i > 0; i--) {
        if (route[i - 1] == '*') {
            size_t from = at;
            while (at > 0 && path[at - 1] != '/')
                at--;
            if (at == from)
                return 0;
        } else if (at == 0 || path[--at] != route[i - 1]) {
            return 0;
        }
    }
    return len - at;
}

static size_t drop_slashes(const char *path, size_t len)
{
    while (len != 0 && path[len - 1] == '/')
        len--;
    return len;
}

char *conf_base_url(const char *address, const char **why)
{
    size_t scheme = strncasecmp(address, "https://", 8) == 0  ? 8
                    : strncasecmp(address, "http://", 7) == 0 ? 7
                                                              : 0;
    const char *host = address + scheme;
    const char *path = host + strcspn(host, "/?#");
    *why = NULL;
    if (scheme == 0)
        *why = "does not begin with https:// or http://";
    else if (strlen(address) > ADDRESS_BYTES)
        *why = "has more than 2000 characters";
    else if (is_unfit(address))
        *why = "has a blank or another character that no address has";
    else if (memchr(host, '@', (size_t)(path - host)) != NULL)
        *why = "has a user's name in it; Dify knows none";
    else if (!is_host(host, (size_t)(path - host)))
        *why = "has no host, or a port that is none";
    else if (strpbrk(path, "?#") != NULL)
        *why = "has a query or a fragment";
    if (*why != NULL)
        return NULL;
    size_t len = drop_slashes(path, strlen(path));
    bool is_bare = len == 0;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        size_t route = route_at_end(path, len, routes[i]);
        if (route != 0) {
            len = drop_slashes(path, len - route);
            break;
        }
    }
    char *base = conf_textf("%s%.*s%s", scheme == 8 ? "https://" : "http://",
                            (int)((size_t)(path - host) + len), host, is_bare ? "/v1" : "");
    if (base == NULL)
        *why = "cannot be kept: out of memory";
    return base;
}
