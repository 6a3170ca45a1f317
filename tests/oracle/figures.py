"""Figures by rule 7 of result.md: exact decimals and token counts, from text to text."""

import re

import jsontext

MAX_TOKENS = 2**64 - 1
MAX_DIGITS = 40  # on either side of the point

# An accepted decimal has at most 40 digits after the point: kept as an integer of 10^-40.
UNIT = 10**MAX_DIGITS


class TooManyDigits(ValueError):
    """More than 40 digits on one side of the point."""


def decimal(text):
    """JSON number text as an integer of 10^-40."""
    sign, whole, fraction, exponent = re.fullmatch(
        r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?", text).groups("")
    digits = whole + fraction
    point = len(whole) + int(exponent or "0")  # where the point stands in digits
    # The limit is on the value's digits: zeros at its two ends do not count.
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    if digits == "":
        return 0
    if point > MAX_DIGITS or len(digits) - point > MAX_DIGITS:
        raise TooManyDigits(text[:60])
    value = int(digits) * 10**(MAX_DIGITS + point - len(digits))
    return -value if sign else value


def write_decimal(units):
    """A plain decimal: no exponent, no trailing zeros."""
    whole, fraction = divmod(abs(units), UNIT)
    text = str(whole) + ("." + "%040d" % fraction).rstrip("0").rstrip(".")
    return jsontext.Num("-" + text if units < 0 else text)


def count(text):
    """A token count: integer text from 0 to 2^64 - 1, else None."""
    if not re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
        return None
    number = int(text)
    return number if 0 <= number <= MAX_TOKENS else None


def base64_length(text):
    """Bytes in base64 text (rule 10); None where it cannot be decoded. Padding may be missing,
    white space may stand anywhere."""
    text = re.sub("[ \t\r\n]", "", text)
    if not re.fullmatch("[A-Za-z0-9+/]*={0,2}", text):
        return None
    text = text.rstrip("=")
    return None if len(text) % 4 == 1 else len(text) * 3 // 4
