/* SPDX-License-Identifier: Apache-2.0
 *
 * terminal.c: sizes, widths and colours.
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

static size_t size_from(unsigned short known, const char *variable, size_t otherwise)
{
    const char *text = getenv(variable);
    long size = known;
    if (size == 0 && text != NULL)
        size = strtol(text, NULL, 10);
    return size > 0 ? (size_t)size : otherwise;
}

void cli_terminal_size(int fd, size_t *columns, size_t *rows)
{
    struct winsize size = {0, 0, 0, 0};
    if (ioctl(fd, TIOCGWINSZ, &size) != 0)
        size.ws_col = size.ws_row = 0;
    *columns = size_from(size.ws_col, "COLUMNS", 80);
    *rows = size_from(size.ws_row, "LINES", 24);
}

size_t cli_columns(void)
{
    size_t columns, rows;
    cli_terminal_size(STDOUT_FILENO, &columns, &rows);
    return columns < 40 ? 40 : columns > 200 ? 200 : columns;
}

struct cli_style cli_style_of(int fd)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    struct cli_style style = {false, false};
    style.has_colour = isatty(fd) == 1 && (no_colour == NULL || no_colour[0] == '\0') &&
                       term != NULL && strcmp(term, "dumb") != 0;
    style.has_unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    return style;
}

struct cli_style cli_style(void)
{
    return cli_style_of(STDOUT_FILENO);
}

static void write_stdout(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    fwrite(bytes, 1, len, stdout);
}

static const struct cli_sink to_stdout = {write_stdout, NULL};

void cli_put(const struct cli_sink *sink, const char *text)
{
    sink->write(sink->ctx, text, strlen(text));
}

void cli_put_colour(const struct cli_sink *sink, const struct cli_style *style,
                    enum cli_colour colour)
{
    static const char *const codes[] = {"\033[0m",  "\033[1m",  "\033[2m", "\033[31m",
                                        "\033[32m", "\033[33m", "\033[36m"};
    if (style->has_colour)
        cli_put(sink, codes[colour]);
}

void cli_colour(const struct cli_style *style, enum cli_colour colour)
{
    cli_put_colour(&to_stdout, style, colour);
}

/* Embeddings, overrides and isolates of a writing direction: what stands behind one in the line is
 * shown in another order than it is written. */
static bool turns_the_line(wchar_t c)
{
    return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

struct cli_glyph cli_next_glyph(const struct cli_style *style, struct dify_slice text)
{
    const struct dify_slice unknown = DIFY_SLICE("?");
    struct cli_glyph glyph = {unknown, 1, 1};
    unsigned char first = (unsigned char)text.ptr[0];
    wchar_t c;
    mbstate_t state;
    memset(&state, 0, sizeof state);
    if (first < 0x80) {
        if (first >= 0x20 && first != 0x7F)
            glyph.shown = (struct dify_slice){text.ptr, 1};
        return glyph;
    }
    size_t len = style->has_unicode ? mbrtowc(&c, text.ptr, text.len, &state) : 0;
    if (len == 0 || len > text.len) { /* no character of this locale */
        while (glyph.len < text.len && ((unsigned char)text.ptr[glyph.len] & 0xC0) == 0x80)
            glyph.len++;
        return glyph;
    }
    int width = wcwidth(c);
    glyph.len = len;
    if (width < 0 || turns_the_line(c))
        return glyph;
    glyph.shown = (struct dify_slice){text.ptr, len};
    glyph.columns = (size_t)width;
    return glyph;
}

/* Whether `text` takes more columns than that. */
static bool is_wider(const struct cli_style *style, struct dify_slice text, size_t columns)
{
    size_t width = 0;
    while (text.len != 0 && width <= columns) {
        struct cli_glyph glyph = cli_next_glyph(style, text);
        width += glyph.columns;
        text.ptr += glyph.len;
        text.len -= glyph.len;
    }
    return width > columns;
}

size_t cli_put_cell(const struct cli_sink *sink, const struct cli_style *style,
                    struct dify_slice text, size_t columns, bool pad)
{
    bool is_cut = is_wider(style, text, columns);
    size_t room = is_cut && columns > 0 ? columns - 1 : columns;
    size_t used = 0;
    while (text.len != 0) {
        struct cli_glyph glyph = cli_next_glyph(style, text);
        if (used + glyph.columns > room)
            break;
        sink->write(sink->ctx, glyph.shown.ptr, glyph.shown.len);
        used += glyph.columns;
        text.ptr += glyph.len;
        text.len -= glyph.len;
    }
    if (is_cut && columns > 0) {
        cli_put(sink, style->has_unicode ? "\xE2\x80\xA6" : ".");
        used++;
    }
    for (; pad && used < columns; used++)
        cli_put(sink, " ");
    return used;
}

void cli_print_cell(const struct cli_style *style, struct dify_slice text, size_t columns, bool pad)
{
    cli_put_cell(&to_stdout, style, text, columns, pad);
}
