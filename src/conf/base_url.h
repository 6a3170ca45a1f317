/* SPDX-License-Identifier: Apache-2.0
 *
 * base_url.h: the base of an API's address.
 */
#ifndef DIFY_CONF_BASE_URL_H
#define DIFY_CONF_BASE_URL_H

/* The base of an address as people give it: "https://host/v1/workflows/run" gives
 * "https://host/v1", a slash at the end is dropped, an address without a path gets "/v1". NULL with
 * `why` (static) if it is no address of an API; else to be freed. */
char *conf_base_url(const char *address, const char **why);

/* The environment variables that may hold such an address, the first that is set counting. */
#define CONF_BASE_URL_NAMES 3
extern const char *const conf_base_url_names[CONF_BASE_URL_NAMES];

#endif
