/* SPDX-License-Identifier: Apache-2.0
 *
 * replay.c: runs a fuzz target on files, without libFuzzer.
 *
 *     replay_sse [--named NAME] FILE|FOLDER...
 *
 * Below a folder every file counts, or every one called NAME, if it is not larger than 64 KB.
 * Each file is named before it is run: a target that finds a promise broken aborts.
 */
#define _XOPEN_SOURCE 700 /* nftw */

#include "fuzz.h"

#include <ftw.h>
#include <sys/stat.h>

#define FOLDER_FILE_BYTES ((off_t)64 << 10)

static const char *only_name; /* NULL: any */
static unsigned long files;
static unsigned long long total_bytes;

static int run_file(const char *path)
{
    uint8_t block[65536];
    struct fuzz_text text = {NULL, 0, 0};
    size_t got;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        fuzz_text_add(&text, block, got);
    int failed = ferror(file);
    if (failed)
        perror(path);
    fclose(file);
    fprintf(stderr, "%s\n", path);
    uint8_t *exact = (uint8_t *)fuzz_piece((const uint8_t *)text.ptr, text.len);
    if (!failed)
        LLVMFuzzerTestOneInput(exact, text.len);
    files++;
    total_bytes += text.len;
    free(exact);
    fuzz_text_fini(&text);
    return failed;
}

static int on_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    if (kind == FTW_DNR || kind == FTW_NS) {
        perror(path);
        return 1;
    }
    if (kind != FTW_F)
        return 0;
    if (place->level > 0 && (info->st_size > FOLDER_FILE_BYTES ||
                             (only_name != NULL && strcmp(path + place->base, only_name) != 0)))
        return 0;
    return run_file(path);
}

int main(int argc, char **argv)
{
    int first = 1;
    if (argc > 3 && strcmp(argv[1], "--named") == 0) {
        only_name = argv[2];
        first = 3;
    }
    for (int i = first; i < argc; i++)
        if (nftw(argv[i], on_entry, 16, 0) != 0)
            return 1;
    printf("%s: %lu files, %llu bytes, every promise kept\n", argv[0], files, total_bytes);
    return files != 0 ? 0 : 1;
}
