/* SPDX-License-Identifier: Apache-2.0
 *
 * terminal.c: widths and colours.
 */
#define _XOPEN_SOURCE 700 /* wcwidth */

#include "cli/terminal.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

bool cli_stdout_is_terminal(void)
{
    return isatty(STDOUT_FILENO) == 1;
}

size_t cli_columns(void)
{
    struct winsize size;
    long columns = 0;
    const char *variable = getenv("COLUMNS");
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        columns = size.ws_col;
    if (columns == 0 && variable != NULL)
        columns = strtol(variable, NULL, 10);
    if (columns <= 0)
        columns = 80;
    return columns < 40 ? 40 : columns > 200 ? 200 : (size_t)columns;
}

struct cli_style cli_style(void)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    struct cli_style style = {false, false};
    style.has_colour = cli_stdout_is_terminal() && (no_colour == NULL || no_colour[0] == '\0') &&
                       term != NULL && strcmp(term, "dumb") != 0;
    style.has_unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    return style;
}

void cli_colour(const struct cli_style *style, enum cli_colour colour)
{
    static const char *const codes[] = {"\033[0m",  "\033[1m",  "\033[2m", "\033[31m",
                                        "\033[32m", "\033[33m", "\033[36m"};
    if (style->has_colour)
        fputs(codes[colour], stdout);
}

/* The character at `text`, its length and its columns. */
struct glyph {
    const char *bytes;
    size_t len;
    size_t columns;
};

static struct glyph next_glyph(const struct cli_style *style, struct dify_slice text)
{
    struct glyph glyph = {text.ptr, 1, 1};
    unsigned char first = (unsigned char)text.ptr[0];
    wchar_t c;
    mbstate_t state;
    memset(&state, 0, sizeof state);
    if (first < 0x80) {
        if (first < 0x20 || first == 0x7F)
            glyph.bytes = "?";
        return glyph;
    }
    size_t len = style->has_unicode ? mbrtowc(&c, text.ptr, text.len, &state) : 0;
    if (len == 0 || len > text.len) { /* no character of this locale */
        glyph.bytes = "?";
        while (glyph.len < text.len && ((unsigned char)text.ptr[glyph.len] & 0xC0) == 0x80)
            glyph.len++;
        return glyph;
    }
    int width = wcwidth(c);
    glyph.len = len;
    glyph.columns = width > 0 ? (size_t)width : 0;
    if (width < 0) {
        glyph.bytes = "?";
        glyph.columns = 1;
    }
    return glyph;
}

static size_t width_of(const struct cli_style *style, struct dify_slice text)
{
    size_t width = 0;
    while (text.len != 0) {
        struct glyph glyph = next_glyph(style, text);
        width += glyph.columns;
        text.ptr += glyph.len;
        text.len -= glyph.len;
    }
    return width;
}

void cli_print_cell(const struct cli_style *style, struct dify_slice text, size_t columns, bool pad)
{
    const char *ellipsis = style->has_unicode ? "\xE2\x80\xA6" : ".";
    bool is_cut = width_of(style, text) > columns;
    size_t room = is_cut ? columns - 1 : columns;
    size_t used = 0;
    while (text.len != 0) {
        struct glyph glyph = next_glyph(style, text);
        if (used + glyph.columns > room)
            break;
        fwrite(glyph.bytes, 1, glyph.bytes == text.ptr ? glyph.len : 1, stdout);
        used += glyph.columns;
        text.ptr += glyph.len;
        text.len -= glyph.len;
    }
    if (is_cut) {
        fputs(ellipsis, stdout);
        used++;
    }
    if (pad && used < columns)
        printf("%*s", (int)(columns - used), "");
}
