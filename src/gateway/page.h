/* SPDX-License-Identifier: Apache-2.0
 *
 * page.h: GET / and GET /assets/{}: the page for people, as it is built from web/src into web/dist
 * and embedded from there (cmake/page.cmake). Any file of that folder is served: index.html at
 * "/", the others below /assets.
 */
#ifndef GATEWAY_PAGE_H
#define GATEWAY_PAGE_H

#include <stddef.h>

/* One encoding of a file. Each has a strong ETag of its own: their bytes differ. */
struct gw_page_form {
    const unsigned char *bytes;
    size_t len;
    const char *tag;
};

struct gw_page_file {
    const char *path;
    const char *type; /* of its content */
    struct gw_page_form plain, gzip;
};

extern const struct gw_page_file gw_page_files[];
extern const size_t gw_page_file_count;

#endif
