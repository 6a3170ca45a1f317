/* SPDX-License-Identifier: Apache-2.0
 *
 * filter.h: which runs a request asks for.
 */
#ifndef GATEWAY_FILTER_H
#define GATEWAY_FILTER_H

#include "gateway/access.h"
#include "gateway/query.h"
#include "gateway/run.h"

/* Parameters that lists and totals share: the first ones of a table of them. */
enum { GW_FILTER_APP, GW_FILTER_SINCE, GW_FILTER_UNTIL, GW_FILTER_SHARED };

/* Takes them into `filter`, and what whoever asks may see; what is wrong goes to the query.
 * `access` lives as long as the filter. */
void gw_filter_read(struct gw_query *query, const struct gw_access *access,
                    struct store_filter *filter);

/* Without a store: as store_list(), of what is live and of what is remembered. */
void gw_filter_list(struct gateway *gateway, const struct store_filter *filter, store_row_fn *row,
                    void *ctx);

#endif
