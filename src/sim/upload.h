/* SPDX-License-Identifier: Apache-2.0
 *
 * upload.h: POST /files/upload, and what is known of uploaded files.
 */
#ifndef SIM_UPLOAD_H
#define SIM_UPLOAD_H

#include "sim/visit.h"

/* Serves an upload. Nothing of the file is kept but its name, size and type. */
void sim_upload_serve(struct sim_visit *visit);

/* The visit is over; NULL is legal. */
void sim_upload_free(struct sim_upload *upload);

/* Builds the inputs of a run as it gets them: `prepared` (as dify__form_check() gave them) with
 * files as Dify's own objects, into `out`. False with Dify's words in `why` if a file is refused.
 */
DIFY_MUST_CHECK bool sim_upload_resolve(struct sim_visit *visit, struct dify_slice prepared,
                                        struct dify_slice user, struct sim_text *out,
                                        struct sim_text *files, struct sim_text *why);

void sim_upload_forget_all(struct sim *sim);

#endif
