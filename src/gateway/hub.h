/* SPDX-License-Identifier: Apache-2.0
 *
 * hub.h: the live runs, and how they are found. A run lives here once, whoever watches it.
 */
#ifndef GATEWAY_HUB_H
#define GATEWAY_HUB_H

#include "gateway/run.h"

void gw_hub_init(struct gw_hub *hub, const struct dify_allocator *allocator);
void gw_hub_fini(struct gw_hub *hub); /* all runs are gone */

/* Gives a new run its id; false: no chance is to be had. */
DIFY_MUST_CHECK bool gw_hub_name(struct gw_run *run);

/* Adds a run that has its id; its key; its id at Dify. False: no memory. */
DIFY_MUST_CHECK bool gw_hub_add(struct gw_hub *hub, struct gw_run *run);
DIFY_MUST_CHECK bool gw_hub_add_key(struct gw_hub *hub, struct gw_run *run);
void gw_hub_add_dify_id(struct gw_hub *hub, struct gw_run *run);
void gw_hub_drop_key(struct gw_run *run);

/* The run turns out to be one that is kept under another id. */
void gw_hub_rename(struct gw_run *run, const unsigned char id[STORE_ID_BYTES]);

void gw_hub_remove(struct gw_hub *hub, struct gw_run *run);

/* By the gateway's id or Dify's; by key. NULL: it is not live. */
struct gw_run *gw_hub_find(const struct gw_hub *hub, struct dify_slice id);
/* By Dify's task_id; or by the run's id at Dify, which is what callers were
 * told for one where the first event was a snapshot's. */
struct gw_run *gw_hub_find_task(const struct gw_hub *hub, struct dify_slice task);
struct gw_run *gw_hub_find_id(const struct gw_hub *hub, const unsigned char id[STORE_ID_BYTES]);
struct gw_run *gw_hub_find_key(const struct gw_hub *hub, const unsigned char key[STORE_HASH_BYTES]);

/* Without a store: keeps a run that has ended for a while, in place of older ones. False: it is not
 * kept. */
bool gw_hub_keep_ended(struct gw_run *run);

/* A run that was kept so goes on, and is kept no more. */
void gw_hub_take_back(struct gw_run *run);

/* Flushes what is dirty. */
void gw_hub_flush(struct gw_hub *hub);

void gw_hub_touch_all(struct gw_hub *hub);

/* The store fails, or does so no more. */
void gw_hub_store_changed(struct gateway *gateway, bool is_failing);

/* "0190..." as bytes; false if it is no UUID. */
bool gw_parse_id(struct dify_slice text, unsigned char id[STORE_ID_BYTES]);
void gw_format_id(const unsigned char id[STORE_ID_BYTES], char out[DIFY__UUID_SIZE]);

#endif
