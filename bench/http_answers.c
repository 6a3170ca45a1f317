/* SPDX-License-Identifier: Apache-2.0
 *
 * http_answers.c: see http_answers.h.
 */
#include "http_answers.h"

#include <stdio.h>
#include <string.h>

/* `head`, letters, `tail`: `size` bytes. */
static void write_padded(char *bytes, size_t size, const char *head, const char *tail)
{
    size_t head_len = strlen(head), tail_len = strlen(tail);
    memcpy(bytes, head, head_len);
    for (size_t at = head_len; at < size - tail_len; at++)
        bytes[at] = at % 8 == 0 ? ' ' : (char)('a' + at % 26);
    memcpy(bytes + size - tail_len, tail, tail_len);
}

void answers_write_page(char page[ANSWER_PAGE_BYTES])
{
    write_padded(page, ANSWER_PAGE_BYTES,
                 "{\"task_id\":\"6f4d5a1e-0d52-4f0e-9a3b-2f4f0b6f1c11\",\"data\":{\"status\":"
                 "\"succeeded\",\"outputs\":{\"text\":\"",
                 "\"}}}\n");
}

void answers_write_event(char event[ANSWER_EVENT_BYTES], unsigned number)
{
    char head[ANSWER_EVENT_BYTES];
    (void)snprintf(head, sizeof head,
                   "data: {\"event\":\"text_chunk\",\"task_id\":"
                   "\"6f4d5a1e-0d52-4f0e-9a3b-2f4f0b6f1c11\",\"data\":{\"text\":\"%04u ",
                   number);
    write_padded(event, ANSWER_EVENT_BYTES, head,
                 "\",\"from_variable_selector\":[\"llm\",\"text\"]}}\n\n");
}
