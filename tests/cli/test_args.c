/* SPDX-License-Identifier: Apache-2.0
 *
 * test_args.c: the options that commands share.
 */
#include "kit.h"

#include "cli/args.h"

enum { OWN_LIST, OWN_FLAG };
static const struct cli_option own_options[] = {
    [OWN_LIST] = {"list", 'l', "X", NULL, "one of several"},
    [OWN_FLAG] = {"flag", 'f', NULL, NULL, "a flag"},
    {NULL, 0, NULL, NULL, NULL},
};

const struct cli_command cli_commands[] = {
    {"talk", "[X]", 1, NULL, "talks", "Talks.", own_options, NULL, true},
    {"mute", "[X]", 1, NULL, "does not", "Does not.", own_options, NULL, false},
    {NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, false},
};

/* Reads the words; what is said becomes `said`. */
static bool read_words(const char *command, const char *const *words, struct cli_args *args,
                       struct text *said)
{
    struct kit_errors errors;
    static char copies[8][64]; /* `args` points into them */
    char *argv[8];
    int argc = 0;
    for (; words[argc] != NULL; argc++) {
        snprintf(copies[argc], sizeof copies[argc], "%s", words[argc]);
        argv[argc] = copies[argc];
    }
    kit_errors_begin(&errors);
    bool ok = cli_args_read(cli_find_command(command), argc, argv, args);
    kit_errors_end(&errors, said);
    return ok;
}

static void test_shared_options_stand_beside_own_ones(void **state)
{
    (void)state;
    const char *const words[] = {"--app=label",       "--list", "1", "-l2", "--max-time", "2.5",
                                 "--connect-timeout", NULL};
    const char *const last[] = {"--proxy", "", "-fl", "3", "x", NULL};
    struct cli_args args;
    struct text said = {NULL, 0, 0};
    assert_false(read_words("talk", words, &args, &said));
    assert_string_equal(said.ptr, "difystream talk: a value is needed behind "
                                  "'--connect-timeout'; see 'difystream talk --help'\n");
    text_fini(&said);
    assert_string_equal(args.connection[CLI_APP], "label");
    assert_string_equal(args.connection[CLI_MAX_TIME], "2.5");
    assert_null(args.connection[CLI_CONNECT_TIMEOUT]);
    assert_int_equal(args.given_count, 2);
    assert_int_equal(args.given[1].option, OWN_LIST);
    assert_true(read_words("talk", last, &args, &said));
    assert_int_equal(args.operands, 1);
    assert_non_null(args.value[OWN_FLAG]);
    assert_non_null(args.connection[CLI_PROXY]);
    text_fini(&said);
}

static void test_a_key_has_no_option(void **state)
{
    (void)state;
    static const char *const tries[][3] = {{"--api-key", "app-secret", NULL},
                                           {"--api-key=app-secret", NULL, NULL}};
    struct cli_args args;
    for (size_t i = 0; i < COUNT_OF(tries); i++) {
        struct text said = {NULL, 0, 0};
        assert_false(read_words("talk", tries[i], &args, &said));
        assert_string_equal(said.ptr,
                            "difystream talk: there is no --api-key: others on this machine can "
                            "read command lines; set DIFY_API_KEY, or use --api-key-file FILE\n");
        text_fini(&said);
    }
}

static void test_who_talks_to_none_has_no_shared_options(void **state)
{
    (void)state;
    static const char *const tries[][3] = {{"--app", "x", NULL}, {"--api-key=x", NULL, NULL}};
    struct cli_args args;
    for (size_t i = 0; i < COUNT_OF(tries); i++) {
        struct text said = {NULL, 0, 0};
        assert_false(read_words("mute", tries[i], &args, &said));
        assert_non_null(strstr(said.ptr, "unknown option '--ap"));
        text_fini(&said);
    }
    assert_null(cli_option_at(cli_find_command("mute"), 2));
    assert_string_equal(cli_option_at(cli_find_command("talk"), 2)->name, "app");
    assert_string_equal(cli_option_at(cli_find_command("talk"), 12)->name, "max-time");
    assert_null(cli_option_at(cli_find_command("talk"), 13));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_options_stand_beside_own_ones),
        cmocka_unit_test(test_a_key_has_no_option),
        cmocka_unit_test(test_who_talks_to_none_has_no_shared_options),
    };
    return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}
