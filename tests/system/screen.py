"""A small terminal: what a program's output leaves on the screen and in the lines above it."""

import re
import unicodedata

SEQUENCE = re.compile(r"\x1b\[([?]?)([0-9;]*)([A-Za-z])")


def width(character):
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


class Screen:
    """Knows the sequences that a progress may use; others are noted in `unknown`."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines = [[" "] * columns for _ in range(rows)]
        self.above = []
        self.x = self.y = 0
        self.wraps = self.cursor = True
        self.coloured = False
        self.unknown = []

    def feed(self, text):
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                match = SEQUENCE.match(text, at)
                if not match:
                    self.unknown.append(text[at:at + 8])
                    at += 1
                    continue
                self.sequence(*match.groups())
                at = match.end()
                continue
            self.character(text[at])
            at += 1

    def sequence(self, private, numbers, letter):
        number = int(numbers) if numbers.isdigit() else 0
        if private and letter in "hl" and numbers in ("7", "25"):
            setattr(self, "wraps" if numbers == "7" else "cursor", letter == "h")
        elif not private and letter == "A":
            self.y = max(0, self.y - max(1, number))
        elif not private and letter == "K" and number == 0:
            self.lines[self.y][self.x:] = [" "] * (self.columns - self.x)
        elif not private and letter == "J" and number == 0:
            self.lines[self.y][self.x:] = [" "] * (self.columns - self.x)
            for y in range(self.y + 1, self.rows):
                self.lines[y] = [" "] * self.columns
        elif not private and letter == "m":
            self.coloured = numbers not in ("", "0")
        else:
            self.unknown.append(private + numbers + letter)

    def character(self, character):
        if character == "\r":
            self.x = 0
        elif character == "\n":
            self.down()
        elif unicodedata.category(character) == "Cc":
            self.unknown.append(character)
        else:
            self.put(character, width(character))

    def down(self):
        if self.y + 1 < self.rows:
            self.y += 1
            return
        self.above.append(self.lines.pop(0))
        self.lines.append([" "] * self.columns)

    def put(self, character, columns):
        if columns == 0:
            return
        if self.x + columns > self.columns:
            if not self.wraps:
                return
            self.x = 0
            self.down()
        self.lines[self.y][self.x:self.x + columns] = [character] + [""] * (columns - 1)
        self.x += columns

    def text(self):
        """The screen and all above it, without what is blank behind and below."""
        lines = ["".join(line).rstrip() for line in self.above + self.lines]
        return "\n".join(lines).rstrip("\n")
