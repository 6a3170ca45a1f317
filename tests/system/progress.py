#!/usr/bin/env python3
"""The live progress of a run on a pseudo-terminal: recordings are played to it, and what is on the
screen is looked at after each drawing."""

import json
import os
import re
import subprocess

import support
from screen import Screen

UTF8 = {"LC_ALL": "C.UTF-8", "TERM": "xterm", "NO_COLOR": ""}
FRAME_END = "\x1b[?25h"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def play(program, words, columns=80, rows=24, environment=None):
    """(status, standard error as a terminal of that size gets it, standard output)."""
    terminal = support.Terminal(columns, rows)
    process = terminal.watch(subprocess.Popen(
        [program] + words, stdin=subprocess.DEVNULL, stderr=terminal.far, stdout=subprocess.PIPE,
        env=dict(os.environ, **dict(UTF8, **(environment or {})))))
    drawn = terminal.read_all()
    terminal.close()
    out = process.stdout.read()
    process.stdout.close()
    return process.wait(support.DEADLINE_S), drawn.decode("utf-8"), out


def read_frame(terminal):
    drawn = b""
    while not drawn.endswith(FRAME_END.encode()):
        got = terminal.read()
        if not got:
            raise AssertionError("no whole drawing came, but %r" % drawn)
        drawn += got
    return drawn.decode("utf-8")


def check_resize(checks, program, source):
    """The terminal changes its size between drawings; this one keeps lines as they are."""
    folder = os.path.join(source, "tests", "recordings", "label-check/streaming")
    terminal = support.Terminal()
    sizes = [(24, 80), (24, 100), (12, 120), (8, 120), (40, 200), (30, 200)]
    process = terminal.watch(subprocess.Popen([program, folder, "live", "3200", "step"],
                                              stdin=subprocess.PIPE, stderr=terminal.far,
                                              env=dict(os.environ, **UTF8)))
    for number in range(30):
        rows, columns = sizes[number // 5]
        terminal.resize(columns, rows)
        process.stdin.write(b"x")
        process.stdin.flush()
        lines = [COLOUR.sub("", line) for line in read_frame(terminal).split("\r\n")]
        checks.true(len(lines) <= rows, "a drawing fits into %d rows" % rows, lines)
        seconds = re.search("%d.%d s" % divmod(number + 1, 10), lines[-2])
        checks.true(seconds is not None, "a tick is drawn: %s" % lines[-2])
        types = any("iteration   " in line for line in lines)
        checks.true(types == (8 <= number and rows > 3), "types are shown: %s" % lines)
    process.communicate()
    terminal.close()
    checks.equal(process.returncode, 0, "the player's status")


def recordings(source):
    root = os.path.join(source, "tests", "recordings")
    for path in support.files_below(root, "chunks.tsv"):
        yield os.path.relpath(os.path.dirname(path), root), os.path.dirname(path)


def check_frame(checks, screen, columns, what):
    """The terminal is as it was, the cursor below all that was drawn, totals stand there once."""
    text = screen.text()
    modes = (screen.unknown, screen.x, screen.wraps, screen.cursor, screen.coloured)
    checks.equal(modes, ([], 0, True, True, False), what + ": modes of the terminal")
    below = ["".join(line).strip() for line in screen.lines[screen.y:]]
    checks.equal("".join(below), "", what + ": nothing stands below the cursor")
    lines = text.split("\n")
    checks.true(all("".join(line)[-1:] == " " for line in screen.lines),
                what + ": the last column is free", text)
    totals = [line for line in lines if re.match(r"(\S (succeeded|failed|stopped|paused) in|"
                                                 r"\S no end seen|! partial|\S [\d.]+ s$|"
                                                 r"\S [\dmhs. ]+ [·-] )", line)]
    checks.equal(len(totals), 1, what + ": one line of totals: " + text)
    checks.equal(totals[-1:], lines[-1:], what + ": it is the last one")
    return text


def check_recording(checks, program, name, folder, columns, rows, environment=None):
    what = "%s, %d x %d" % (name, columns, rows)
    status, drawn, out = play(program, [folder], columns, rows, environment)
    checks.equal((status, out), (0, b""), what)
    screen = Screen(columns, rows)
    parts = drawn.split(FRAME_END)
    for part in parts[:-1]:
        screen.feed(part + FRAME_END)
        text = check_frame(checks, screen, columns, what)
    checks.equal(parts[-1], "", what + ": nothing behind the last frame")
    checks.true(not any(mark in text for mark in SPINNER), what + ": nothing turns at the end", text)
    expected = os.path.join(folder, "expected.json")
    return text, json.loads(support.read(expected))["data"] if os.path.exists(expected) else {}


def nodes_shown(text):
    return len(re.findall(r"^ *[✓✗!~] .*?(?:ms|s|\dm)(?: +[\d,]+ tokens)?$", text, re.M)) - len(
        re.findall(r"^. (?:succeeded|failed|stopped|paused|partial|no end).* node", text, re.M))


def check_recordings(checks, program, source):
    for name, folder in support.share(recordings(source)):
        text, data = check_recording(checks, program, name, folder, 80, 24)
        paused = len(re.findall(r"^ *~ \S+ paused ", text, re.M))  # they may go on, and end again
        dropped = sum(int(number) for number in re.findall(r"(\d+) more done before", text))
        wanted = len(data.get("nodes", [])) + len(data.get("containers", []))
        if wanted:
            shown = nodes_shown(text) + dropped
            checks.true(wanted <= shown <= wanted + paused,
                        "%s: a line for each of %d nodes" % (name, wanted), text)
    for name in ("label-check/streaming", "v1.12.1/loop-in-iter/streaming", "chat-llm/streaming",
                 "iter-par-cont/bad-streaming", "parallel-3/streaming", "loop-break/streaming",
                 "http-retry-ok/streaming", "llm-one/streaming"):
        folder = os.path.join(source, "tests", "recordings", name)
        for columns, rows in ((20, 10), (21, 3), (33, 2), (40, 5), (61, 24), (77, 8), (132, 50),
                              (400, 60)):
            check_recording(checks, program, name, folder, columns, rows)


def check_label(checks, program, source):
    folder = os.path.join(source, "tests", "recordings", "label-check/streaming")
    _, drawn, _ = play(program, [folder, "live", "2300"])
    screen = Screen(80, 24)
    screen.feed(drawn)
    checks.equal([re.sub(" {2,}", "  ", line) for line in screen.text().split("\n")], [
        "✓ Start  start  <1 ms", "✓ 参数整理  template-transform  80 ms",
        "✓ 规则查询  http-request  706 ms", "⠸ 逐图检测 2/2  iteration  1.5 s",
        "  ✓ 图片信息 #1  template-transform  76 ms", "  ✓ 识别 #1  http-request  903 ms",
        "  ✓ 判定 #1  code  32 ms", "  ✓ 图片信息 #2  template-transform  80 ms",
        "  ⠸ 识别 #2  http-request  0.3 s", "⠸ 2.3 s · 7 nodes done · 2 running"],
        "a label check in the middle")


def check_environment(checks, program, source):
    folder = os.path.join(source, "tests", "recordings", "iter-par-cont/bad-streaming")
    _, coloured, _ = play(program, [folder])
    _, plain, _ = play(program, [folder], environment={"NO_COLOR": "1"})
    checks.true(len(COLOUR.findall(coloured)) > 10 and not COLOUR.findall(plain),
                "NO_COLOR is respected")
    checks.equal(COLOUR.sub("", coloured), plain, "colours are the only difference")
    _, ascii_only, _ = play(program, [folder], environment={"LC_ALL": "C"})
    checks.true(ascii_only.isascii(), "ASCII where the locale is no UTF-8", ascii_only)
    for term in ("dumb", ""):
        _, text, _ = play(program, [folder], environment={"TERM": term})
        checks.true("\x1b" not in text and "failed      it > ic #2 (code), 59 ms: " in text,
                    "TERM=%s: plain lines" % term, text)
    ran = support.run([program, folder], environment=UTF8)
    checks.equal(ran.err.replace("\n", "\r\n"), text, "the same lines where it is no terminal")


def main():
    given = support.arguments()
    checks = support.Checks()
    program = os.path.join(given.build, "tests", "cli", "progress_play")
    checks.need_terminal()
    check_label(checks, program, given.source)
    check_environment(checks, program, given.source)
    check_resize(checks, program, given.source)
    check_recordings(checks, program, given.source)
    checks.finish("frames of recordings, widths and heights, NO_COLOR, plain lines")


if __name__ == "__main__":
    main()
