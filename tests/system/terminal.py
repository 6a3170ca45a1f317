#!/usr/bin/env python3
"""What people see: colours, widths and columns of --output summary; JSON on a terminal."""

import json
import os
import re
import subprocess
import termios
import unicodedata

import support

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
NASTY = "a\x1b[31m\x1b]0;t\x07\r\n\t\x00\x7f\u009b31m\u0085z"
RUN = "run-" + "0123456789" * 30
UTF8 = {"LC_ALL": "C.UTF-8", "TERM": "xterm", "NO_COLOR": ""}


def event(name, data):
    return b"data: " + json.dumps({"event": name, "workflow_run_id": RUN, "task_id": "task",
                                   "data": data}).encode() + b"\n\n"


def node(number, title, seconds=0.5, error=None, tokens=None, **more):
    data = dict({"id": "e%d" % number, "node_id": "n%d" % number, "node_type": "code",
                 "title": title, "status": "failed" if error else "succeeded", "error": error,
                 "elapsed_time": seconds, "outputs": {},
                 "execution_metadata": {"total_tokens": tokens} if tokens is not None else None},
                **more)
    return event("node_started", data) + event("node_finished", data)


def stream_of(nodes, status="succeeded", error=None):
    return event("workflow_started", {"id": RUN}) + b"".join(nodes) + event(
        "workflow_finished", {"status": status, "error": error, "elapsed_time": 1.25,
                              "total_steps": len(nodes), "total_tokens": 10})


def width(text):
    """Columns of a terminal."""
    columns = 0
    for character in text:
        if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
            continue
        columns += 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
    return columns


def upto(text, columns):
    """What stands in the first columns, and what follows."""
    for at in range(len(text) + 1):
        if width(text[:at]) >= columns:
            return text[:at], text[at:]
    return text, ""


def on_terminal(program, words, stream, columns=80, environment=None):
    """Standard output as a terminal gets it."""
    terminal = support.Terminal(columns)
    settings = termios.tcgetattr(terminal.far)
    settings[1] &= ~termios.OPOST  # line ends as they are written
    termios.tcsetattr(terminal.far, termios.TCSANOW, settings)
    with support.folder() as where:
        path = os.path.join(where, "stream")
        with open(path, "wb") as file:
            file.write(stream)
        process = terminal.watch(subprocess.Popen(
            [program] + words + [path], stdin=subprocess.DEVNULL, stdout=terminal.far,
            stderr=subprocess.PIPE, env=dict(os.environ, **dict(UTF8, **(environment or {})))))
        out = terminal.read_all()
        terminal.close()
        error = process.stderr.read().decode()
        process.stderr.close()
        return process.wait(support.DEADLINE_S), out.decode("utf-8"), error


def summary(program, stream, environment=None):
    ran = support.run([program, "fold", "--output", "summary"], stream,
                      dict(UTF8, **(environment or {})))
    return ran, ran.out.decode("utf-8", "replace")


def too_wide(text, columns):
    """Lines wider than that, but for the second one: an error's message is shown in full."""
    lines = text.split("\n")
    return [line for line in lines[:1] + lines[2:] if width(line) > columns]


def check_rows(checks, text, titles, what):
    """Times and tokens stand in the same columns whatever the titles are."""
    lines = COLOUR.sub("", text).split("\n")
    heads = [line for line in lines if re.match(r" +node +time +tokens$", line)]
    if not checks.equal(len(heads), 1, what + ": one table"):
        return
    columns = width(heads[0])
    body = lines[lines.index(heads[0]) + 1:]
    rows = [line for line in body if re.search(r"\d\.\d{3} s ", line)]
    checks.equal(len(rows), titles, what + ": a row for each node")
    for row in rows:
        left, right = upto(row, columns)
        checks.true(width(left) == columns and re.search(r"\d\.\d{3} s +(-|\d+)$", left) and
                    re.match(r"  |$", right), what + ": figures stand in their columns", row)


def check_columns(checks, program):
    titles = ["Start", "参数整理", "a" * 300, "逐图检测" * 40, "e\u0301te\u0301", "ｶﾀｶﾅ カタカナ", "😀😀", "",
              "한국어 노드", "混ぜた mixed 標題"]
    nodes = [node(i, title, 7 ** i % 100000 / 1000, tokens=10 ** (i % 9) if i % 2 else None)
             for i, title in enumerate(titles)]
    nodes.append(node(50, "失敗", error="原因" * 100))
    nodes.append(node(51, "inner " + "深" * 50, iteration_id="it"))
    stream = stream_of(nodes, "failed", "錯誤" * 80)
    for environment in ({}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}):
        for columns in ("40", "41", "60", "72", "80", "133", "200", "x", "-5", "0"):
            what = "COLUMNS=%s %s" % (columns, environment or "UTF-8")
            ran, text = summary(program, stream, dict(environment, COLUMNS=columns))
            most = int(columns) if columns.isdigit() and columns != "0" else 80
            checks.equal(too_wide(text, most), [], what + ": no wider line")
            checks.equal(ran.status, 1, what)
            checks.true("\x1b" not in text, what + ": no escape codes in a pipe")
            check_rows(checks, text, len(nodes), what)
            if environment:
                checks.true(text.isascii(), what + ": ASCII alone", text)
            elif most >= 72:
                checks.true("参数整理" in text and "😀😀" in text, what + ": titles are shown", text)
    for columns in (40, 80, 120):
        status, text, error = on_terminal(program, ["fold", "-o", "summary"], stream, columns)
        text = COLOUR.sub("", text)
        checks.equal(too_wide(text, columns), [], "a terminal of %d columns" % columns)
        check_rows(checks, text, len(nodes), "a terminal of %d columns" % columns)
        checks.equal((status, error), (1, ""), "a terminal of %d columns" % columns)


def check_colours(checks, program):
    stream = stream_of([node(0, "A"), node(1, "B", error="no")], "failed", "no")
    words = ["fold", "--output", "summary"]
    _, text, _ = on_terminal(program, words, stream)
    checks.true(len(COLOUR.findall(text)) > 4, "colours on a terminal", text)
    checks.true("\x1b" not in COLOUR.sub("", text), "no other escapes", text)
    codes = "".join("0" if code == "\x1b[0m" else "1" for code in COLOUR.findall(text))
    checks.true(codes.endswith("0") and "11" not in codes, "each colour is ended", codes)
    plain = summary(program, stream)[1]
    checks.equal(COLOUR.sub("", text), plain, "the same words with and without colours")
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        checks.equal(on_terminal(program, words, stream, environment=environment)[1], plain,
                     "no colours with %s" % environment)


def check_json(checks, program):
    stream = stream_of([node(0, NASTY)])
    ran = support.run([program, "fold"], stream, UTF8)
    checks.true(ran.out.count(b"\n") == 1, "JSON in one line in a pipe")
    _, text, _ = on_terminal(program, ["fold"], stream)
    checks.true(text.startswith('{\n  "success": true,\n  "data": {\n    "workflow_run_id": "run-'),
                "JSON indented by two on a terminal", text)
    checks.equal(json.loads(text), json.loads(ran.out), "and the same")
    checks.true(not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text.replace("\x7f", "")),
                "no control characters in JSON")
    _, text, _ = on_terminal(program, ["sse"], b"data: \x1b[31m\n\n")
    checks.equal(text.lower(), '{"type":"message","data":"\\u001b[31m","id":""}\n',
                 "sse on a terminal")


def check_nasty(checks, program):
    """No control character of a stream reaches the terminal, wherever it stands."""
    data = {"id": NASTY, "workflow_run_id": NASTY, "status": NASTY, "error": NASTY}
    streams = [
        stream_of([node(0, NASTY), node(1, "x", error=NASTY),
                   node(2, "y", iteration_id=NASTY, node_id=NASTY)], "failed", NASTY),
        stream_of([node(0, "x", execution_metadata={
            "total_price": "0.1", "currency": NASTY, "total_tokens": 1})]),
        event("workflow_started", data) + event("workflow_finished", data),
        event("iteration_started", dict(data, node_id=NASTY, title=NASTY)),
        b"data: " + json.dumps({"event": "error", "code": NASTY, "message": NASTY}).encode() +
        b"\n\n",
        b"data: " + json.dumps({"event": "message", "answer": NASTY}).encode() + b"\n\n",
        b"data: {\"event\":\"\x1b[31m\n\ndata: \x1b\x9b\n\ndata: {\"\x1b\": \xff}\n\n",
    ]
    for number, stream in enumerate(streams):
        for environment in ({}, {"LC_ALL": "C"}):
            for where in ("pipe", "terminal"):
                if where == "pipe":
                    ran, text = summary(program, stream, environment)
                    error = ran.err
                else:
                    _, text, error = on_terminal(program, ["fold", "-osummary"], stream,
                                                 environment=environment)
                left = re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", COLOUR.sub("", text) + error)
                checks.equal(left, [], "control characters, stream %d, %s, %s" % (
                    number, where, environment or "UTF-8"))
                checks.true("\x1b[31m\x1b" not in text and "]0;t" not in text or "?]0;t" in text,
                            "a title's own escapes are no escapes")


def main():
    given = support.arguments()
    checks = support.Checks()
    program = os.path.join(given.build, "difystream")
    checks.need_terminal()
    check_columns(checks, program)
    check_colours(checks, program)
    check_json(checks, program)
    check_nasty(checks, program)
    checks.finish("columns, widths, colours, control characters, JSON on a terminal")


if __name__ == "__main__":
    main()
