/* SPDX-License-Identifier: Apache-2.0
 *
 * file.h: a configuration's file, and the paths that stand in it.
 */
#ifndef DIFY_CONF_FILE_H
#define DIFY_CONF_FILE_H

#include "conf/error.h"
#include "difystream/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Ceiling of a configuration file. */
#define CONF_FILE_BYTES ((size_t)1 << 20)

struct conf_file {
    char *bytes;
    size_t len;
    bool is_private; /* nobody but its owner may read or write it */
};

/* Reads what is left of `fd`, which is of the file `path`. False with `error`; then nothing is to
 * be freed. */
bool conf_file_read(int fd, const char *path, struct conf_file *out, struct conf_error *error);

/* Wipes the bytes, which may have held a key, and frees them. */
void conf_file_fini(struct conf_file *file);

/* A path that stands in `file`: "~/" is the folder `home` (NULL: there is none), others are taken
 * from the file's own folder. To be freed; NULL: no memory. */
char *conf_path(const char *file, const char *home, struct dify_slice path);

/* Makes a folder and those above it where they are not there, for the user alone. False: it is not
 * there (errno), or there is no memory. */
bool conf_folder_make(const char *folder);

/* The same of the folder that `path` lies in. */
bool conf_folder_make_for(const char *path);

#endif
