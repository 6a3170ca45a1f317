/* SPDX-License-Identifier: Apache-2.0
 *
 * fold_state.c: what folding an event of a node and of a run have in common.
 */
#include "core/fold_state.h"

#include "core/decoder.h"

struct dify__figure dify__read_decimal(struct dify_run *run, struct dify_number number)
{
    struct dify__figure figure = {DIFY_DECIMAL_ZERO, false};
    enum dify_err err = dify_decimal_parse(number.text, &figure.value);
    figure.is_known = err == DIFY_OK;
    if (err == DIFY_ERR_TOO_LARGE)
        dify__run_warn(run, "a price or a time has more than 40 digits on one side of its point");
    return figure;
}

void dify__merge_outputs(struct dify_run *run)
{
    struct dify__members members;
    if (!dify__decoder_outputs(run->decoder, &members))
        return;
    while (run->failed == DIFY_OK && dify__members_next(&members))
        dify__run_note(run,
                       dify__outputs_set(&run->outputs, members.key, dify__members_text(&members)));
}
