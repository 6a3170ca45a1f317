/* SPDX-License-Identifier: Apache-2.0
 *
 * inputs.c: see inputs.h.
 */
#include "cli/inputs.h"

#include "conf/text.h"
#include "core/slices.h"
#include "difystream/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)64 << 10)

static bool refuse_file(const struct cli_inputs *inputs, const char *path, const char *why)
{
    cli_complain(inputs->command, "cannot read %s: %s", path, why);
    return false;
}

/* ---- a file of inputs ---------------------------------------------------------------------- */

static bool read_all(struct cli_inputs *inputs, int fd, const char *path)
{
    for (;;) {
        enum dify_err err = dify__buffer_reserve(&inputs->json, PIECE);
        if (err == DIFY_ERR_TOO_LARGE)
            return refuse_file(inputs, path, "it has more than 16 MiB");
        if (err != DIFY_OK)
            return refuse_file(inputs, path, dify_strerror(err));
        ssize_t got = read(fd, inputs->json.ptr + inputs->json.len, PIECE);
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return refuse_file(inputs, path, strerror(errno));
        inputs->json.len += got > 0 ? (size_t)got : 0;
    }
}

static bool is_object(const struct cli_inputs *inputs, const char *path)
{
    struct dify_decoder *decoder;
    const struct dify_event *ignored;
    struct dify_error why = {DIFY_OK, 0, ""};
    enum dify_err err = dify_decoder_new(NULL, &decoder);
    if (err == DIFY_OK) {
        err = dify_decoder_decode(decoder, dify__buffer_slice(&inputs->json), &ignored, &why);
        dify_decoder_free(decoder);
    }
    if (err == DIFY_OK)
        return true;
    if (why.message[0] != '\0')
        cli_complain(inputs->command, "%s is no JSON object of inputs: %s, at byte %zu", path,
                     why.message, (size_t)why.offset);
    else
        cli_complain(inputs->command, "%s: %s", path, dify_strerror(err));
    return false;
}

static bool read_file(struct cli_inputs *inputs, const char *path)
{
    bool is_standard = strcmp(path, "-") == 0;
    int fd = is_standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    const char *name = is_standard ? "standard input" : path;
    if (fd < 0)
        return refuse_file(inputs, name, strerror(errno));
    bool ok = read_all(inputs, fd, name) && is_object(inputs, name);
    if (!is_standard)
        close(fd);
    return ok;
}

/* ---- single ones --------------------------------------------------------------------------- */

/* Said before anything is sent, and not after minutes of uploading. Who meant no file, but a text
 * that begins with @, learns how that is written. */
static bool is_readable(const struct cli_inputs *inputs, const char *name, const char *path)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        cli_complain(inputs->command,
                     "cannot read %s: %s; is the path right? The text @%s would be %s=@@%s", path,
                     strerror(errno), path, name, path);
        return false;
    }
    if (fd < 0)
        return refuse_file(inputs, path, strerror(errno));
    bool is_folder = fstat(fd, &about) == 0 && S_ISDIR(about.st_mode);
    close(fd);
    return is_folder ? refuse_file(inputs, path, strerror(EISDIR)) : true;
}

static bool take_file(struct cli_inputs *inputs, const char *name, const char *path)
{
    if (inputs->attachment_count == DIFY_FOLLOW_FILES) {
        cli_complain(inputs->command, "a run takes at most %d files", DIFY_FOLLOW_FILES);
        return false;
    }
    if (!is_readable(inputs, name, path))
        return false;
    struct dify_attachment *attachment = &inputs->attachments[inputs->attachment_count++];
    *attachment = (struct dify_attachment){.name = name, .file = DIFY_FILE_INIT};
    attachment->file.path = path;
    return true;
}

static bool take_input(struct cli_inputs *inputs, const char *given)
{
    const char *equals = strchr(given, '=');
    if (equals == NULL || equals == given || strcmp(equals, "=@") == 0) {
        cli_complain(inputs->command, "--input takes NAME=VALUE or NAME=@FILE, not '%s'", given);
        return false;
    }
    const char *value = equals + 1;
    char *name = conf_text_copy((struct dify_slice){given, (size_t)(equals - given)});
    if (name == NULL) {
        cli_complain(inputs->command, "out of memory");
        return false;
    }
    inputs->names[inputs->name_count++] = name;
    if (value[0] == '@' && value[1] != '@')
        return take_file(inputs, name, value + 1);
    value += value[0] == '@';
    inputs->fields[inputs->field_count++] = (struct dify_field){name, dify__slice(value)};
    return true;
}

bool cli_inputs_read(struct cli_inputs *inputs, const char *command, const struct cli_args *args,
                     size_t input, size_t file)
{
    const char *path = args->value[file];
    const char *key_file = args->connection[CLI_API_KEY_FILE];
    memset(inputs, 0, sizeof *inputs);
    inputs->command = command;
    inputs->json =
        (struct dify__buffer){.allocator = dify__allocator(NULL), .max = CLI_INPUTS_BYTES};
    if (path != NULL && key_file != NULL && strcmp(path, "-") == 0 && strcmp(key_file, "-") == 0) {
        cli_complain(command, "standard input cannot be both the key and the inputs");
        return false;
    }
    for (size_t i = 0; i < args->given_count; i++)
        if (args->given[i].option == input && !take_input(inputs, args->given[i].value))
            return false;
    return path == NULL || read_file(inputs, path);
}

void cli_inputs_fini(struct cli_inputs *inputs)
{
    for (size_t i = 0; i < inputs->name_count; i++)
        free(inputs->names[i]);
    dify__buffer_fini(&inputs->json);
}

void cli_inputs_put(const struct cli_inputs *inputs, struct dify_order *order)
{
    if (inputs->json.len > 0)
        order->inputs = dify__buffer_slice(&inputs->json);
    order->fields = inputs->fields;
    order->field_count = inputs->field_count;
    order->attachments = inputs->attachments;
    order->attachment_count = inputs->attachment_count;
}
