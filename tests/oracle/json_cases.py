#!/usr/bin/env python3
"""Documents of our own for check_json_suite.py, over the whole grammar of RFC 8259.

    json_cases.py DIR      writes y_*.json (valid) and n_*.json (invalid) into DIR
"""

import os
import sys

# The document is put into an event three levels deep (event, data, outputs), so it may itself
# nest 509 levels: the limit is 512 (result.md, rule 1).
DEEPEST = 509

NUMBERS = """0 -0 0.0 -0.0 1 -1 10 123456789 9007199254740993 9223372036854775807
9223372036854775808 18446744073709551615 18446744073709551616 -9223372036854775808
-9223372036854775809 123456789012345678901234567890123456789012345678901234567890
0.1 0.30000000000000004 1.0 1.10 1e0 1E0 1e+0 1e-0 1e5 1E+5 1e-7 1e-07 1e400 -1e400 1e-400
0e0 0E-7 0e+1 0.0000000000000000000000000000000000000000000001 3.14159265358979323846264338327950288
1.7976931348623157e308 1.7976931348623159e308 5e-324 2e-324 0e999999999999 1e999999999999
1.000000000000000000000000000000000000000 -1.5E+300 12345678901234567890.12345678901234567890
4.9406564584124654e-324 123e-10000000""".split()

BAD_NUMBERS = """+1 00 01 -01 -00 00.5 1. -1. .5 -.5 1.e1 .e1 1e 1E 1e+ 1e- 1.5e 1e1.5 1e++1 1e--1
0x10 0b1 0o7 1_000 1,5 - -- --1 +-1 1+1 1-1 1.2.3 1e2e3 0e 0e+ -e1 e1 E1 1f 1L 1n 1d NaN -NaN nan
Infinity -Infinity +Infinity inf -inf Inf 1/2 1% #1 $1 １ ١ ½ ∞ − 1e１ 1e٣ 1.٣ -١ 12e0.1""".split()

# Contents of a string that are valid, as JSON text.
STRINGS = {
    "empty": "", "ascii": "hello, world", "spaces": "  a  b  ", "slash": "a/b", "solidus": r"a\/b",
    "quote": r"\"", "backslash": r"\\", "two_backslashes": r"\\\\", "short_escapes": r"\b\f\n\r\t",
    "escaped_letter": r"\u0061", "mixed_case_hex": r"\u00eF\u00Ef", "escaped_nul": r"a\u0000b",
    "escaped_controls": r"\u0001\u001f\u007f\u0080\u009f", "escaped_bmp": r"\u4e2d\u6587",
    "escaped_pair": r"\ud83d\ude00", "escaped_pair_upper": r"\uD83D\uDE00",
    "lone_high": r"\ud83d", "lone_low": r"\ude00", "high_then_text": r"\ud83dabc",
    "reversed_pair": r"\ude00\ud83d", "two_highs_and_low": r"\ud83d\ud83d\ude00",
    "high_low_low": r"\ud83d\ude00\ude00", "high_then_escape": r"\ud83d\n",
    "high_then_bmp_escape": r"\ud83d\u0041", "last_high": r"\udbff", "first_low": r"\udc00",
    "extremes_pair": r"\udbff\udfff\ud800\udc00", "noncharacters": r"\ufffe\uffff\ufdd0",
    "escaped_bom": r"\ufeff", "escaped_separators": r"\u2028\u2029\u0085",
    "two_bytes": "é ß я", "three_bytes": "中文 テスト", "four_bytes": "😀👩‍👩‍👧🇨🇳",
    "raw_del": "a\x7fb", "raw_separators": "a\u2028b\u2029c\u0085d", "raw_bom": "\ufeffx",
    "raw_replacement": "\ufffd", "raw_nonchar": "\uffff\ufffe\ufdd0", "raw_last": "\U0010ffff",
    "combining": "é é e\u0301\u0301", "looks_like_json": r"{\"a\":[1,2,{}]}", "brackets": "[[[{{{",
    "comment_like": "/* no */ // no", "colon": "data: x", "escaped_u_after_backslash": r"\\u0041",
    "long": "x" * 70000, "long_escapes": r"\u4e2d" * 5000, "one_quote_many": "'" * 10,
}

# Contents of a string that are not.
BAD_STRINGS = {
    "raw_tab": "a\tb", "raw_nul": "a\0b", "raw_control": "a\x1fb", "raw_newline": "a\nb",
    "raw_cr": "a\rb", "raw_backspace": "\x08", "escape_a": r"\a", "escape_v": r"\v",
    "escape_x": r"\x41", "escape_0": r"\0", "escape_quote": r"\'", "escape_upper_u": r"\U0041",
    "escape_brace": r"\u{41}", "escape_space": "\\ ", "escape_emoji": "\\😀", "short_u": r"\u",
    "u_one": r"\u1", "u_two": r"\u12", "u_three": r"\u123", "u_bad_digit": r"\u00g0",
    "u_sign": r"\u+041", "u_minus": r"\u-041", "u_underscore": r"\u0_41", "u_space": r"\u 041",
    "u_wide_digit": "\\u００４１", "half_pair_short": r"\ud83d\u", "half_pair_bad": r"\ud83d\ude0g",
    "half_pair_cut": r"\ud83d\ude", "u_0x": r"\u0x41", "ends_in_backslash": "\\",
    "three_backslashes": r"\\\\\ ".strip(), "raw_newline_escaped": "a\\\nb",
}

VALID = {
    "true": "true", "false": "false", "null": "null",
    "empty_array": "[]", "empty_object": "{}", "array_of_empty": "[[],{},[[]],[{}]]",
    "mixed": '[null,true,false,0,"",[],{}]', "key_empty": '{"":1}', "key_escaped": r'{"a\u0062":1}',
    "keys_keep_order": '{"z":1,"a":2,"m":3,"10":4,"9":5}', "keys_like_numbers": '{"1":1,"01":2}',
    "keys_case": '{"a":1,"A":2}', "key_with_nul": r'{"a\u0000b":1,"a":2}',
    "key_surrogate": r'{"\ud83d":1,"\ude00":2}', "key_long": '{"%s":1}' % ("k" * 5000),
    "doubled_key": '{"a":1,"a":2}', "doubled_same": '{"a":1,"a":1}', "doubled_three": '{"a":1,"b":2,"a":3}',
    "doubled_deep": '[{"a":{"b":1,"b":[2,2]}}]', "doubled_by_escape": r'{"a":1,"\u0061":2}',
    "proto": '{"__proto__":{"a":1},"constructor":null}',
    "white_all": ' \t\n\r[ \t\n\r1 \t\n\r, \t\n\r{ \t\n\r"a" \t\n\r: \t\n\r2 \t\n\r} \t\n\r] \t\n\r',
    "white_crlf": '{\r\n"a":\r\n1\r\n}\r\n', "white_cr": "[\r1\r,\r2\r]", "white_lines": "\n\n\n1\n\n\n",
    "white_many": " " * 4000 + "1" + "\t" * 4000, "numbers_in_array": "[-0,0,1e1,-1.5e-3,0.0]",
    "number_then_space": "[1 ,2 ]", "depth_20": "[" * 20 + "]" * 20,
    "depth_deepest": "[" * DEEPEST + "]" * DEEPEST,
    "depth_objects": '{"a":' * (DEEPEST - 1) + "{}" + "}" * (DEEPEST - 1),
    "depth_mixed": '[{"a":' * (DEEPEST // 2) + "[1]" + "}]" * (DEEPEST // 2),
    "depth_wide": "[" + ",".join(["[[[]]]"] * 500) + "]", "brackets_in_string": '["%s"]' % ("[" * 600),
    "many_members": "{" + ",".join('"k%d":%d' % (i, i) for i in range(3000)) + "}",
    "many_elements": "[" + ",".join(["0"] * 20000) + "]", "quote_and_bracket": r'["\"[{",{"]\\":"}"}]',
}

INVALID = {
    "empty": "", "space": " ", "only_comma": ",", "only_colon": ":", "only_quote": '"',
    "true_upper": "True", "true_caps": "TRUE", "true_cut": "tru", "true_long": "truee", "null_cut": "nul",
    "null_long": "nulll", "false_cut": "fals", "none": "None", "undefined": "undefined", "word": "abc",
    "true_wide": "ｔｒｕｅ", "single_quotes": "'a'", "curly_quotes": "“a”", "backticks": "`a`",
    "open_array": "[", "open_object": "{", "close_array": "]", "open_string": '"abc',
    "array_one_cut": "[1", "array_comma_cut": "[1,", "array_trailing_comma": "[1,]", "array_leading_comma": "[,1]",
    "array_two_commas": "[1,,2]", "array_only_comma": "[,]", "array_no_comma": "[1 2]",
    "array_semicolon": "[1;2]", "array_colon": '["a":1]', "array_closed_by_brace": "[1}",
    "array_closed_twice": "[1]]", "array_unquoted": "[a]", "array_round": "(1)",
    "object_closed_by_bracket": '{"a":1]', "object_trailing_comma": '{"a":1,}', "object_leading_comma": '{,"a":1}',
    "object_two_commas": '{"a":1,,"b":2}', "object_no_colon": '{"a" 1}', "object_two_colons": '{"a"::1}',
    "object_equals": '{"a"=1}', "object_arrow": '{"a"=>1}', "object_no_value": '{"a":}', "object_key_only": '{"a"}',
    "object_unquoted_key": "{a:1}", "object_number_key": "{1:1}", "object_null_key": "{null:1}",
    "object_array_key": "{[]:1}", "object_single_quoted": "{'a':1}", "object_no_comma": '{"a":1 "b":2}',
    "object_cut_after_comma": '{"a":1,', "object_cut_after_colon": '{"a":', "object_comma_value": '{"a":,1}',
    "two_values": "1 2", "two_objects": "{}{}", "two_strings": '"a""b"', "value_then_word": "1 x",
    "value_then_hash": "1 # no", "comment_line": "1 // no\n", "comment_block": "/* no */ 1",
    "comment_html": "<!-- 1 -->", "comma_after": "1,", "bom_before": "\ufeff1", "bom_inside": "[\ufeff1]",
    "nbsp": "[\u00a01]", "en_space": "[\u20021]", "form_feed": "[\f1]", "vertical_tab": "[\v1]",
    "nul_before": "\0001", "nul_after": "1\0", "line_separator": "[\u20281]", "nel": "[\u00851]",
    "ideographic_space": "[\u30001]", "word_joiner": "[\u20601]", "escape_outside": r"[\n]",
    "unicode_outside": r"[\u0031]", "spread": "[...[]]", "hole": "[1,,]", "date": "2026-01-01",
    "tag": "<x/>", "yaml": "a: 1", "minus_word": "-true", "plus_null": "+null",
    "depth_one_more": "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
    "depth_objects_one_more": '{"a":' * DEEPEST + "{}" + "}" * DEEPEST,
    "depth_10000": "[" * 10000 + "]" * 10000, "depth_100000_open": "[" * 100000,
    "depth_objects_open": '{"a":' * 50000, "depth_100000_close": "]" * 100000,
}

# As bytes: bad UTF-8 outside strings is invalid, inside it becomes U+FFFD on the way.
RAW = {
    "n_bytes_outside_string": b"[\xff]", "n_bytes_cut_sequence_outside": b"[\xe4\xbd]",
    "n_bytes_in_escape": b'"\\\xe5"', "n_bytes_in_u_escape": b'"\\u00\xe5"', "n_bytes_in_number": b"1\xff",
    "i_bytes_lone_continuation": b'"\x80"', "i_bytes_overlong_slash": b'"\xc0\xaf"', "i_bytes_ff": b'"\xff\xfe"',
    "i_bytes_overlong_nul": b'"\xc0\x80"', "i_bytes_surrogate": b'"\xed\xa0\x80\xed\xb0\x80"',
    "i_bytes_above_last": b'"\xf4\x90\x80\x80"', "i_bytes_five": b'"\xf8\x88\x80\x80\x80"',
    "i_bytes_cut_two": b'"\xc3"', "i_bytes_cut_three": b'"\xe4\xbd"', "i_bytes_cut_four": b'"\xf0\x9f\x98"',
    "i_bytes_cut_then_good": b'"\xe4\xbd\xe4\xbd\xa0"', "i_bytes_latin1": b'"caf\xe9"',
    "i_bytes_utf16": b'\xff\xfe"\x00a\x00"\x00', "i_bytes_key": b'{"\xff":1,"\xfe":2}',
}


def documents():
    """name → bytes"""
    made = {}
    for prefix, numbers in (("y_number", NUMBERS), ("n_number", BAD_NUMBERS)):
        for index, number in enumerate(numbers):
            made["%s_%02d" % (prefix, index)] = number
            if "," not in number:
                made["%s_%02d_in_array" % (prefix, index)] = "[%s]" % number
    for prefix, strings in (("y_string", STRINGS), ("n_string", BAD_STRINGS)):
        for name, string in strings.items():
            made["%s_%s" % (prefix, name)] = '["%s"]' % string
    for name, string in STRINGS.items():
        made["y_key_" + name] = '{"%s":"%s"}' % (string, string)
    made.update(("y_" + name, text) for name, text in VALID.items())
    made.update(("n_" + name, text) for name, text in INVALID.items())
    made = {name: text.encode() for name, text in made.items()}
    made.update(RAW)
    return made


def write_all(folder):
    for name, document in documents().items():
        with open(os.path.join(folder, name + ".json"), "wb") as out:
            out.write(document)


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    os.makedirs(arguments[0], exist_ok=True)
    write_all(arguments[0])
    print("%d documents" % len(documents()))


if __name__ == "__main__":
    main(sys.argv[1:])
