/* SPDX-License-Identifier: Apache-2.0
 *
 * test_uuid7.c: ids from time and chance, and what is taken for one.
 */
#include "support.h"

#include "core/uuid7.h"

static void test_ids(void **state)
{
    (void)state;
    /* RFC 9562, appendix A.6. */
    static const unsigned char random[10] = {0x0C, 0xC3, 0x18, 0xC4, 0xDC,
                                             0x0C, 0x0C, 0x07, 0x39, 0x8F};
    static const unsigned char ones[10] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                           0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    static const unsigned char zeros[10] = {0};
    char id[DIFY__UUID_SIZE], later[DIFY__UUID_SIZE];
    dify__uuid7(0x017F22E279B0, random, id);
    assert_string_equal(id, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    dify__uuid7(0x018BCFE56800, ones, id);
    assert_string_equal(id, "018bcfe5-6800-7fff-bfff-ffffffffffff");
    dify__uuid7(0x018BCFE56800 + 1, zeros, later);
    assert_string_equal(later, "018bcfe5-6801-7000-8000-000000000000");
    assert_true(strcmp(id, later) < 0);
    assert_true(dify__is_uuid(id));
    assert_false(dify__is_uuid(""));
    assert_false(dify__is_uuid("018bcfe5-6800-7fff-bfff-fffffffffff"));
    assert_false(dify__is_uuid("018bcfe5-6800-7fff-bfff-fffffffffffff"));
    assert_false(dify__is_uuid("018BCFE5-6800-7fff-bfff-ffffffffffff"));
    assert_false(dify__is_uuid("../../../../../../../../../etc/passwd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ids)};
    return cmocka_run_group_tests_name("uuid7", tests, NULL, NULL);
}
