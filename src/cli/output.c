/* SPDX-License-Identifier: Apache-2.0
 *
 * output.c: standard output.
 */
#include "cli/output.h"

#include "cli/args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum dify_err cli_output_write(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    return fwrite(bytes, 1, len, stdout) == len ? DIFY_OK : DIFY_ERR_WRITE;
}

bool cli_output_flush(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}

bool cli_output_finish(void)
{
    errno = 0;
    if (cli_output_flush())
        return true;
    fprintf(stderr, "difystream: the output could not be written%s%s\n", errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    return false;
}
