/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_token.c: difystream token: access tokens of a gateway. A token is 32 random bytes, so that
 * its plain SHA-256, which is all that the configuration has of it, tells nothing of it.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "cli/commands.h"
#include "cli/output.h"
#include "conf/api_key.h"
#include "conf/text.h"
#include "core/base64.h"
#include "core/json_text.h"
#include "core/slices.h"
#include "gateway/config.h"
#include "gateway/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum { TOKEN_NAME, TOKEN_JSON };

const struct cli_option cli_token_options[] = {
    [TOKEN_NAME] = {"name", 0, "NAME", NULL,
                    "new: what the token is called in the configuration and in the log"},
    [TOKEN_JSON] = {"json", 0, NULL, NULL, "print an object with name, token and hash instead"},
    {NULL, 0, NULL, NULL, NULL},
};

#define RANDOM_BYTES 32
#define PREFIX "dst_"
#define TOKEN_BYTES (sizeof PREFIX + DIFY__BASE64_LEN(RANDOM_BYTES)) /* with the NUL */
_Static_assert(TOKEN_BYTES > GW_TOKEN_LEAST_BYTES && TOKEN_BYTES <= GW_TOKEN_MOST_BYTES,
               "a token that is made is taken");

/* "sha256:..." */
#define HASH_BYTES (sizeof GW_HASH_PREFIX - 1 + GW_SHA256_HEX_BYTES)

static bool hash_token(const char *token, char hash[HASH_BYTES])
{
    unsigned char digest[GW_SHA256_BYTES];
    if (!gw_sha256_of(dify__slice(token), digest)) {
        cli_complain("token", "out of memory");
        return false;
    }
    memcpy(hash, GW_HASH_PREFIX, sizeof GW_HASH_PREFIX);
    gw_sha256_hex(digest, sizeof digest, hash + sizeof GW_HASH_PREFIX - 1);
    return true;
}

/* Members that are NULL are left out. */
static void print_object(const char *name, const char *token, const char *hash)
{
    const char *const members[][2] = {{"name", name}, {"token", token}, {"hash", hash}};
    struct dify__writer writer;
    dify__writer_init(&writer, DIFY_JSON_COMPACT, cli_output_write, NULL);
    dify__write_open(&writer, '{');
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (members[i][1] == NULL)
            continue;
        dify__write_key(&writer, members[i][0]);
        dify__write_string(&writer, dify__slice(members[i][1]));
    }
    dify__write_close(&writer, '}');
    (void)!dify__writer_finish(&writer); /* what failed is said at the end of the program */
    (void)cli_output_write(NULL, "\n", 1);
}

static void print_line(const char *text)
{
    (void)cli_output_write(NULL, text, strlen(text));
    (void)cli_output_write(NULL, "\n", 1);
}

/* ---- new ----------------------------------------------------------------------------------- */

static bool make_token(char token[TOKEN_BYTES])
{
    unsigned char random[RANDOM_BYTES];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        cli_complain("token", "the system has no random bytes");
        return false;
    }
    memcpy(token, PREFIX, sizeof PREFIX);
    dify__base64_url(random, sizeof random, token + sizeof PREFIX - 1);
    explicit_bzero(random, sizeof random);
    return true;
}

static int new_token(const char *name, bool is_json)
{
    char token[TOKEN_BYTES], hash[HASH_BYTES], own_name[32];
    if (name != NULL && !conf_is_name(dify__slice(name))) {
        cli_complain("token", "a name is of up to %d letters, digits, '.', '_' and '-'",
                     CONF_NAME_BYTES);
        return CLI_EXIT_USAGE;
    }
    if (!make_token(token) || !hash_token(token, hash))
        return CLI_EXIT_USAGE;
    snprintf(own_name, sizeof own_name, "token-%.8s", hash + sizeof GW_HASH_PREFIX - 1);
    if (name == NULL)
        name = own_name;
    if (is_json)
        print_object(name, token, hash);
    else
        print_line(token);
    explicit_bzero(token, sizeof token);
    if (!cli_output_flush())
        return CLI_EXIT_USAGE; /* a token that nobody has seen needs no lines */
    if (!is_json)
        fprintf(stderr, "tokens:\n  %s:\n    hash: %s\n", name, hash);
    return CLI_EXIT_OK;
}

/* ---- hash ---------------------------------------------------------------------------------- */

static int hash_standard(bool is_json)
{
    struct conf_error error;
    char *token = NULL, hash[HASH_BYTES];
    if (!conf_api_key_read_standard(STDIN_FILENO, &token, &error)) {
        cli_complain("token", "%s", error.text);
        return CLI_EXIT_USAGE;
    }
    size_t len = strlen(token);
    bool is_sound = len >= GW_TOKEN_LEAST_BYTES && len <= GW_TOKEN_MOST_BYTES;
    bool is_hashed = is_sound && hash_token(token, hash);
    conf_text_wipe(token);
    free(token);
    if (!is_sound)
        cli_complain("token", "a token has %d to %d characters", GW_TOKEN_LEAST_BYTES,
                     GW_TOKEN_MOST_BYTES);
    if (!is_hashed)
        return CLI_EXIT_USAGE;
    if (is_json)
        print_object(NULL, NULL, hash);
    else
        print_line(hash);
    return CLI_EXIT_OK;
}

int cli_run_token(const struct cli_args *args)
{
    const char *action = args->operands != 0 ? args->operand[0] : "";
    const char *name = args->value[TOKEN_NAME];
    bool is_json = args->value[TOKEN_JSON] != NULL;
    if (!cli_is_choice("new|hash", action)) {
        cli_complain("token", "what to do: new or hash; see 'difystream token --help'");
        return CLI_EXIT_USAGE;
    }
    if (strcmp(action, "new") == 0)
        return new_token(name, is_json);
    if (name != NULL) {
        cli_complain("token", "--name is for 'difystream token new'");
        return CLI_EXIT_USAGE;
    }
    return hash_standard(is_json);
}
