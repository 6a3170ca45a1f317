/* SPDX-License-Identifier: Apache-2.0
 *
 * loader.h: what all parts of loading a scenario share: its memory, its files, and saying what is
 * wrong.
 *
 * A function of the loader that returns DIFY_ERR_ARGUMENT has written why.
 */
#ifndef SIM_LOADER_H
#define SIM_LOADER_H

#include "conf/yaml.h"
#include "sim/arena.h"
#include "sim/catalogue.h"

struct sim_loader {
    const struct dify_allocator *allocator;
    struct sim_arena *arena; /* of this load alone */
    struct sim_load_error *error;
    const char *file;         /* for messages */
    struct dify_slice folder; /* where paths begin: "" or with its '/' */
};

/* Where messages about a file of the scenario go. `file` NULL: the scenario's. */
struct conf_place sim_place(const struct sim_loader *loader, const char *file);

/* Writes "FILE:LINE: what" in one line of printable text and returns DIFY_ERR_ARGUMENT. `file`
 * NULL: the scenario's; `line` 0 is left out. */
enum dify_err sim_fail(const struct sim_loader *loader, const char *file, size_t line,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The loader whose YAML it is. */
static inline const struct sim_loader *sim_loader_of(const struct conf_yaml *yaml)
{
    return yaml->owner;
}

/* `path` taken from the scenario's folder, in the arena, NUL-terminated. */
DIFY_MUST_CHECK enum dify_err sim_loader_path(const struct sim_loader *loader,
                                              struct dify_slice path, struct dify_slice *out);

/* `folder`/`name`, in the arena, NUL-terminated. */
DIFY_MUST_CHECK enum dify_err sim_loader_join(const struct sim_loader *loader, const char *folder,
                                              const char *name, struct dify_slice *out);

/* Appends the whole file. A file that cannot be read, or has more than SIM_FILE_BYTES, is an error
 * of the scenario's `line`. */
DIFY_MUST_CHECK enum dify_err sim_loader_read(const struct sim_loader *loader, const char *path,
                                              size_t line, struct dify__buffer *out);

bool sim_is_folder(const char *path);

/* Whether the text has 36 characters in the shape of a UUID in lower case. */
bool sim_is_id(struct dify_slice text);

#endif
