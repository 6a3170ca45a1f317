/* SPDX-License-Identifier: Apache-2.0
 *
 * print.c: see print.h.
 */
#include "cli/print.h"

#include "cli/args.h"
#include "cli/output.h"
#include "cli/summary.h"
#include "cli/terminal.h"
#include "core/json_text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool cli_print_result(const struct dify_run *run, const char *form)
{
    bool is_line = form != NULL && strcmp(form, "jsonl") == 0;
    if (form != NULL && strcmp(form, "summary") == 0) {
        cli_summary(run);
        return true;
    }
    enum dify_json_style style =
        cli_stdout_is_terminal() && !is_line ? DIFY_JSON_PRETTY : DIFY_JSON_COMPACT;
    const char *before = is_line ? "{\"type\":\"result\",\"data\":" : "";
    const char *behind = is_line ? "}\n" : "\n";
    return cli_output_write(NULL, before, strlen(before)) == DIFY_OK &&
           dify_run_write_result(run, style, cli_output_write, NULL) == DIFY_OK &&
           cli_output_write(NULL, behind, strlen(behind)) == DIFY_OK;
}

/* Data unchanged, but for the line ends that JSON may have between its values. */
static enum dify_err write_data(struct dify_slice data)
{
    enum dify_err err = DIFY_OK;
    while (data.len != 0 && err == DIFY_OK) {
        const char *line_end = memchr(data.ptr, '\n', data.len);
        size_t len = line_end != NULL ? (size_t)(line_end - data.ptr) : data.len;
        if (len != 0)
            err = cli_output_write(NULL, data.ptr, len);
        if (line_end != NULL && err == DIFY_OK)
            err = cli_output_write(NULL, " ", 1);
        len += line_end != NULL;
        data.ptr += len;
        data.len -= len;
    }
    return err;
}

enum dify_err cli_print_event(uint64_t offset, struct dify_slice type, struct dify_slice data)
{
    struct dify__writer writer;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, cli_output_write, NULL);
    dify__write_open(&writer, '{');
    dify__write_key(&writer, "offset");
    dify__write_uint(&writer, offset);
    dify__write_key(&writer, "type");
    dify__write_string(&writer, type);
    dify__write_key(&writer, "data");
    enum dify_err err = dify__writer_finish(&writer);
    if (err == DIFY_OK)
        err = write_data(data);
    return err == DIFY_OK ? cli_output_write(NULL, "}\n", 2) : err;
}

void cli_complain_text(const char *command, const char *before, struct dify_slice text,
                       const char *behind)
{
    struct cli_style style = cli_style_of(STDERR_FILENO);
    fflush(stdout);
    fprintf(stderr, "difystream %s: %s", command, before);
    while (text.len != 0) {
        struct cli_glyph glyph = cli_next_glyph(&style, text);
        if (text.ptr[0] == '\n')
            fputc(' ', stderr);
        else
            fwrite(glyph.shown.ptr, 1, glyph.shown.len, stderr);
        text.ptr += glyph.len;
        text.len -= glyph.len;
    }
    fprintf(stderr, "%s\n", behind);
}
