"""JSON that keeps what a value means: read strictly by RFC 8259, written back unchanged.

Numbers keep their text (class Num), objects their members in order, doubled ones too (class
Obj), strings their code units (lone surrogates stay). It is the oracle's own reader: slow,
plain, and independent of the C code.
"""

import json
import re
import sys

MAX_DEPTH = 512  # levels of {} and []; the outermost value is level 1 (result.md, rule 1)

sys.setrecursionlimit(20000)
sys.set_int_max_str_digits(0)

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")


class Num(str):
    """A JSON number, as its text."""

    __slots__ = ()

    def __repr__(self):
        return "Num(%s)" % str(self)


class Obj(list):
    """A JSON object as its list of (key, value), in order."""

    __slots__ = ()

    def get(self, key, default=None):
        """The value of a member; of a doubled one the last, as JSON.parse and json.loads do."""
        for name, value in reversed(self):
            if name == key:
                return value
        return default

    def keys(self):
        return [name for name, _ in self]


def reject_constant(name):
    raise ValueError("%s is not JSON" % name)


_decoder = json.JSONDecoder(object_pairs_hook=Obj, parse_float=Num, parse_int=Num,
                            parse_constant=reject_constant, strict=True)

_brackets_and_strings = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{\]}]', re.S)


def depth(text):
    """How deep brackets nest outside strings; of a broken document some number."""
    level = deepest = 0
    for found in _brackets_and_strings.finditer(text):
        first = found.group()[0]
        if first in "[{":
            level += 1
            deepest = max(deepest, level)
        elif first in "]}":
            level -= 1
    return deepest


def parse(text, max_depth=MAX_DEPTH):
    """The value of a JSON document; ValueError where it is none or nests too deep."""
    if depth(text) > max_depth:
        raise ValueError("nested deeper than %d" % max_depth)
    value, end = _decoder.raw_decode(text, _skip_white(text, 0))
    if _skip_white(text, end) != len(text):
        raise ValueError("text after the document")
    return value


def _skip_white(text, at):
    while at < len(text) and text[at] in " \t\n\r":
        at += 1
    return at


_short = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def _escape(found):
    char = found.group()
    if char in _short:
        return _short[char]
    # A lone surrogate in upper case (rule 3), a control character in lower.
    return ("\\u%04X" if char >= "\ud800" else "\\u%04x") % ord(char)


def write_string(text):
    return '"' + re.sub(r'[\x00-\x1f"\\\ud800-\udfff]', _escape, text) + '"'


def write(value):
    """Compact JSON: raw UTF-8, numbers and order as they were."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (Num, int)):
        return str(value)
    if isinstance(value, str):
        return write_string(value)
    if isinstance(value, Obj):
        return "{" + ",".join(write_string(k) + ":" + write(v) for k, v in value) + "}"
    if isinstance(value, dict):
        return write(Obj(value.items()))
    if isinstance(value, list):
        return "[" + ",".join(write(v) for v in value) + "]"
    raise TypeError(type(value))


def join_surrogates(text):
    """The same code units, pairs of surrogates joined to characters."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
