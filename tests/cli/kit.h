/* SPDX-License-Identifier: Apache-2.0
 *
 * kit.h: a folder for a test's files, and what was said on standard error.
 */
#ifndef DIFY_TESTS_CLI_KIT_H
#define DIFY_TESTS_CLI_KIT_H

#include "../unit/support.h"

#include <sys/types.h>

/* A new folder, removed with all that is in it by kit_folder_remove(). */
struct kit_folder {
    char path[64];
};

void kit_folder_make(struct kit_folder *folder);
void kit_folder_remove(struct kit_folder *folder);

/* The path of `name` in the folder; static, until the eighth call from here. */
const char *kit_path(const struct kit_folder *folder, const char *name);

/* Writes a file; folders of its name are made. */
void kit_write(const struct kit_folder *folder, const char *name, struct dify_slice bytes,
               mode_t mode);

/* What is written to standard error between the two; the second fails if it cannot be had. */
struct kit_errors {
    int saved_fd, fd;
};
void kit_errors_begin(struct kit_errors *errors);
void kit_errors_end(struct kit_errors *errors, struct text *out);

#endif
