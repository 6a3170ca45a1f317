/* SPDX-License-Identifier: Apache-2.0
 *
 * progress_text.c: keeping and wrapping the end of a text.
 */
#include "cli/progress_text.h"

#include <stdbool.h>
#include <string.h>

void progress_text_clear(struct progress_text *text)
{
    text->len = 0;
}

/* Where the text can be cut at or behind `at`: behind the next line end, else before a character.
 */
static size_t cut_behind(struct dify_slice text, size_t at)
{
    const char *end = memchr(text.ptr + at, '\n', text.len - at);
    if (end != NULL && (size_t)(end - text.ptr) + 1 < text.len)
        return (size_t)(end - text.ptr) + 1;
    while (at < text.len && ((unsigned char)text.ptr[at] & 0xC0) == 0x80)
        at++;
    return at;
}

void progress_text_add(struct progress_text *text, struct dify_slice more)
{
    if (more.len == 0)
        return;
    if (more.len > PROGRESS_TEXT_BYTES / 2) {
        size_t from = cut_behind(more, more.len - PROGRESS_TEXT_BYTES / 2);
        more = (struct dify_slice){more.ptr + from, more.len - from};
        text->len = 0;
    }
    if (more.len > PROGRESS_TEXT_BYTES - text->len) {
        struct dify_slice whole = {text->bytes, text->len};
        size_t from = cut_behind(whole, text->len - PROGRESS_TEXT_BYTES / 2);
        text->len -= from;
        memmove(text->bytes, text->bytes + from, text->len);
    }
    for (size_t i = 0; i < more.len; i++) {
        char c = more.ptr[i] == '\t' ? ' ' : more.ptr[i];
        if (c != '\r')
            text->bytes[text->len++] = c;
    }
}

struct dify_slice progress_wrap(const struct cli_style *style, struct dify_slice *rest,
                                size_t columns)
{
    struct dify_slice line = {rest->ptr, 0};
    size_t used = 0, blank = 0;
    while (line.len < rest->len && rest->ptr[line.len] != '\n') {
        struct dify_slice left = {rest->ptr + line.len, rest->len - line.len};
        struct cli_glyph glyph = cli_next_glyph(style, left);
        if (rest->ptr[line.len] == ' ' && line.len != 0)
            blank = line.len;
        if (used + glyph.columns > columns && line.len != 0)
            break;
        used += glyph.columns;
        line.len += glyph.len;
    }
    size_t taken = line.len;
    if (line.len < rest->len && rest->ptr[line.len] == '\n') {
        taken++;
    } else if (line.len < rest->len && blank != 0) {
        line.len = blank;
        taken = blank + 1;
    }
    rest->ptr += taken;
    rest->len -= taken;
    return line;
}

size_t progress_text_lines(const struct progress_text *text, const struct cli_style *style,
                           size_t columns, struct dify_slice *lines, size_t max)
{
    struct dify_slice last[PROGRESS_TEXT_LINES];
    struct dify_slice rest = {text->bytes, text->len};
    size_t count = 0;
    max = max < PROGRESS_TEXT_LINES ? max : PROGRESS_TEXT_LINES;
    while (rest.len != 0)
        last[count++ % PROGRESS_TEXT_LINES] = progress_wrap(style, &rest, columns);
    size_t shown = count < max ? count : max;
    for (size_t i = 0; i < shown; i++)
        lines[i] = last[(count - shown + i) % PROGRESS_TEXT_LINES];
    return shown;
}
