/* SPDX-License-Identifier: Apache-2.0
 *
 * run_state.c: small questions about a run's state, and its warnings.
 */
#include "core/run_state.h"

#include "core/slices.h"
#include "difystream/limits.h"

#include <string.h>

bool dify_run_has_terminal_event(const struct dify_run *run)
{
    return run->has_workflow_finished || run->has_message_end || run->has_error;
}

static void keep_warning(struct dify_run *run, const char *reason)
{
    size_t size = strlen(reason) + 1;
    char *copy = NULL;
    enum dify_err err = dify__grow(run->allocator, (void **)&run->warning, &run->warning_capacity,
                                   run->warnings + 1, sizeof *run->warning);
    if (err == DIFY_OK) {
        copy = dify__malloc(run->allocator, size);
        err = copy != NULL ? DIFY_OK : DIFY_ERR_NOMEM;
    }
    dify__run_note(run, err);
    if (err != DIFY_OK)
        return;
    memcpy(copy, reason, size);
    run->warning[run->warnings++] = (struct dify__warning){run->offset, copy};
}

void dify__run_warn(struct dify_run *run, const char *reason)
{
    run->warning_count++;
    if (run->warnings < DIFY_RUN_WARNINGS)
        keep_warning(run, reason);
    if (run->observer.warning != NULL)
        run->observer.warning(run->observer.ctx, run->offset, reason);
}

bool dify_run_warning(const struct dify_run *run, size_t index, uint64_t *offset,
                      const char **reason)
{
    if (index >= run->warnings)
        return false;
    *offset = run->warning[index].offset;
    *reason = run->warning[index].reason;
    return true;
}

/* Whether the end of a node, which never came (or only a provisional one), must have been told
 * while no stream was open, or in the window between a snapshot and the live events behind it. A
 * run that failed or was stopped tells no end of what was still running. */
static bool is_lost(const struct dify_run *run, const struct dify__node *node)
{
    if (!run->has_gap || !run->has_workflow_finished || dify__node_is_final(node))
        return false;
    struct dify_slice status = dify__texts_get(&run->texts, run->status);
    return (node->flags & DIFY__NODE_IN_GAP) != 0 || dify__slice_is(status, "succeeded") ||
           dify__slice_is(status, "partial-succeeded");
}

void dify__run_view(const struct dify_run *run, bool is_container, uint32_t number,
                    struct dify_node *out)
{
    dify__nodes_view(is_container ? &run->containers : &run->nodes, number, out);
    out->is_container = is_container;
    if (is_container)
        out->is_empty = false;
    else if (is_lost(run, &run->nodes.node[number]))
        out->is_empty = true;
}

bool dify_run_node(const struct dify_run *run, size_t index, struct dify_node *out)
{
    if (index >= run->nodes.count)
        return false;
    dify__run_view(run, false, (uint32_t)index, out);
    return true;
}

bool dify_run_container(const struct dify_run *run, size_t index, struct dify_node *out)
{
    if (index >= run->containers.count)
        return false;
    dify__run_view(run, true, (uint32_t)index, out);
    return true;
}
