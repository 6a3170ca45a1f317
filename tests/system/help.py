#!/usr/bin/env python3
"""What difystream says of itself: --help, the man page and three completions name the same
commands, options and values; statuses are those of docs/result.md."""

import os
import re
import subprocess

import support

HELP = ("help", "h", None)


def section(text, title):
    """The lines of --help below "Title:" up to a blank one."""
    found = re.search(r"^%s:\n(.*?)(?:\n\n|\Z)" % title, text, re.M | re.S)
    return found.group(1).split("\n") if found else []


def rows(lines):
    """(left, text) of a table of --help; a text may go on over several lines."""
    made = []
    for line in lines:
        if re.match(r" {2,6}\S", line):
            left, _, right = line.strip().partition("  ")
            made.append([left, right.strip()])
        elif made:
            made[-1][1] = (made[-1][1] + " " + line.strip()).strip()
    return [tuple(row) for row in made]


def option(left):
    """(name, letter, choices) of "-o, --output json|summary"."""
    found = re.fullmatch(r"(?:-(\w), )?--([\w-]+)(?: (\S+))?", left)
    value = found.group(3)
    return found.group(2), found.group(1), value if value and "|" in value else None


def from_help(program):
    """{command: options}; "" stands for the options in front of any command."""
    text = support.must_run([program, "--help"])
    said = {"": {option(left) for left, _ in rows(section(text, "Options"))}}
    for name, _ in rows(section(text, "Commands")):
        own = support.must_run([program, name, "--help"])
        said[name] = {option(left) for left, _ in rows(section(own, "Options")) +
                      rows(section(own, "Connection"))}
    return said


def from_man(page):
    plain = re.sub(r"\\f[BIRP]", "", page).replace("\\-", "-")
    said = {}
    shared = re.search(r"^\.SH CONNECTION OPTIONS\n(.*?)^\.SH ", plain, re.M | re.S).group(1)
    shared = {option(left) for left in re.findall(r"^\.TP\n(-.*)$", shared, re.M)}
    for name, body in re.findall(r"^\.SS difystream (\w+).*?\n(.*?)(?=^\.S[SH] |\Z)", plain,
                                 re.M | re.S):
        said[name] = {option(left) for left in re.findall(r"^\.TP\n(-.*)$", body, re.M)} | {HELP}
        if "It takes the connection options" in body:
            said[name] |= shared
    own = re.search(r"^\.SH OPTIONS\n(.*?)^\.SH ", plain, re.M | re.S).group(1)
    said[""] = {option(left) for left in re.findall(r"^\.TP\n(-.*)$", own, re.M)}
    return said


def from_bash(script):
    """Long options and choices only: bash offers no letters."""
    said = {}
    body = script[script.index('case "$command" in'):]
    for name, block in re.findall(r"^    (\w+|'')\)\n(.*?)^        ;;", body, re.M | re.S):
        words = re.search(r"words='([^']*)'", block).group(1).split()
        choices = dict(re.findall(r"^        --([\w-]+)\S*\) operands='([^']+)'", block, re.M))
        said["" if name == "''" else name] = {
            (word[2:], choices.get(word[2:], "").replace(" ", "|") or None) for word in words}
    return said


def from_zsh(script):
    said = {}

    def options(text):
        found = set()
        for name, rest in re.findall(
                r"(?:\{-\w,|')--([\w-]+)(?:\}'|)\[((?:[^\]\\]|\\.|'\\'')*\][^\n]*)", text):
            letter = re.search(r"\{-(\w),--%s\}" % name, text)
            choices = re.search(r"\]:\w+:\(([^)]*)\)'", rest)
            found.add((name, letter.group(1) if letter else None,
                       choices.group(1).replace(" ", "|") if choices else None))
        return found

    first = re.search(r"_describe command commands\n(.*?)\n", script, re.S).group(1)
    said[""] = set()
    for part in re.split(r"(?<=\]') (?=')", first):
        said[""] |= options(part)
    for name, block in re.findall(r"^    (\w+)\)\n(.*?)^        ;;", script, re.M | re.S):
        said[name] = options(block)
    return said


def from_fish(script):
    said = {"": set()}
    for line in script.splitlines():
        found = re.match(r"complete -c difystream -n (?:__fish_use_subcommand|"
                         r"'__fish_seen_subcommand_from (\w+)') (.*)", line)
        if not found:
            continue
        command, rest = found.group(1) or "", found.group(2)
        name = re.match(r"-l ([\w-]+)", rest)
        if name:
            letter = re.match(r"-l \S+ -s (\w)", rest)
            choices = re.search(r" -a '([^']*)'", rest)
            said.setdefault(command, set()).add(
                (name.group(1), letter.group(1) if letter else None,
                 choices.group(1).replace(" ", "|") if choices else None))
        elif command == "" and rest.startswith("-a "):
            said.setdefault(rest.split()[1], set())
    return said


def commands_offered(scripts):
    """The commands that each shell offers as the first word."""
    bash = re.search(r"operands='([^']+)'", scripts["bash"]).group(1).split()
    zsh = re.findall(r"^        '(\w+):", scripts["zsh"], re.M)
    fish = re.findall(r"-n __fish_use_subcommand -a (\w+)", scripts["fish"])
    return {"bash": bash, "zsh": zsh, "fish": fish}


def check_agreement(checks, program, scripts, page):
    said = from_help(program)
    for where, other in (("man", from_man(page)), ("zsh", from_zsh(scripts["zsh"])),
                         ("fish", from_fish(scripts["fish"]))):
        checks.equal(sorted(other), sorted(said), "the commands of --help and of " + where)
        for name in said:
            checks.equal(sorted(other.get(name, []), key=str), sorted(said[name], key=str),
                         "options of '%s' in --help and in %s" % (name, where))
    bash = from_bash(scripts["bash"])
    checks.equal(sorted(bash), sorted(said), "the commands of --help and of bash")
    for name in said:
        checks.equal(sorted(bash.get(name, []), key=str),
                     sorted({(o[0], o[2]) for o in said[name]}, key=str),
                     "options of '%s' in --help and in bash" % name)
    for shell, offered in commands_offered(scripts).items():
        checks.equal(sorted(offered), sorted(name for name in said if name),
                     "commands that %s offers" % shell)
    for name in said:
        if name:
            checks.equal(support.must_run([program, "help", name]),
                         support.must_run([program, name, "--help"]), "help %s" % name)
            checks.equal(support.must_run([program, name, "-h"]),
                         support.must_run([program, name, "--help"]), "%s -h" % name)
    return said


def check_widths(checks, program, said):
    for name in said:
        text = support.must_run([program] + ([name] if name else []) + ["--help"])
        wide = [line for line in text.split("\n") if len(line) > 80]
        checks.equal(wide, [], "lines of '%s --help' wider than 80 columns" % name)
        checks.true(not re.search(r"[ \t]$", text, re.M), "no blanks at line ends: " + name)


def check_statuses(checks, program, page, source):
    """--help and the man page against docs/result.md's table; 2 is the command's own."""
    text = support.must_run([program, "--help"])
    from_text = {int(left): words for left, words in rows(section(text, "Exit status"))}
    plain = page.replace("\\-", "-").replace("\\(aq", "'")
    body = re.search(r"^\.SH EXIT STATUS\n(.*?)^\.SH ", plain, re.M | re.S).group(1)
    from_page = {int(number): words
                 for number, words in re.findall(r"^\.TP\n\.B (\d+)\n(.*)$", body, re.M)}
    checks.equal(from_page, from_text, "exit statuses of the man page and of --help")
    table = support.read(source, "docs", "result.md").split("| what happened |")[1]
    numbers = set()
    for line in table.split("\n\n")[0].splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        numbers |= {int(number) for number in re.findall(r"\d+", cells[3])}
    checks.equal(set(from_text), numbers | {2}, "exit statuses of --help and docs/result.md")
    variables = [left for left, _ in rows(section(text, "Environment"))]
    own = re.search(r"^\.SH ENVIRONMENT\n(.*?)^\.SH ", plain, re.M | re.S).group(1)
    checks.equal(re.findall(r"^\.B (\w+)$", own, re.M), variables, "environment variables")


def check_page(checks, page):
    for line in page.split("\n"):
        checks.true(not re.match(r"'|\.(?!TH|SH|SS|TP|PP|B\b|I\b|nf|fi)", line),
                    "no stray request in the man page", line)
    environment = {"MANROFFSEQ": "", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
    with support.folder() as where:
        path = os.path.join(where, "difystream.1")
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)
        if support.have("man"):
            ran = support.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path],
                              environment=environment)
            checks.equal((ran.status, ran.err), (0, ""), "man has no warnings")
        if support.have("mandoc"):
            ran = support.run(["mandoc", "-Tlint", "-Wwarning", path])
            checks.equal(ran.out.decode(), "", "mandoc has no warnings")
        if not support.have("man") and not support.have("mandoc"):
            print("neither man nor mandoc here: the man page was only parsed")


def check_syntax(checks, scripts):
    for shell, script in scripts.items():
        if support.have(shell):
            ran = support.run([shell, "-n"], script.encode())
            checks.equal((ran.status, ran.err), (0, ""), "%s reads its completion" % shell)
        else:
            print("no %s here: its completion was only parsed" % shell)


def complete(script, words, where):
    """What bash offers for the last of `words`."""
    program = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _difystream; ' \
              'printf "%s\\n" "${COMPREPLY[@]}"'
    out = subprocess.run(["bash", "-c", program, script] + words, cwd=where, check=True,
                         stdout=subprocess.PIPE, timeout=support.DEADLINE_S).stdout.decode()
    return sorted(line for line in out.split("\n") if line)


def check_bash(checks, script, said):
    if not support.have("bash"):
        print("no bash here: its completion was not tried")
        return
    with support.folder() as where:
        path = os.path.join(where, "completion")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        for name in ("run.sse", "run two.sse", "other"):
            open(os.path.join(where, name), "w").close()
        fold = sorted("--" + name for name, _, _ in said["fold"])
        for words, offered in (
                ([""], sorted(name for name in said if name)),
                (["fol"], ["fold"]),
                (["--v"], ["--version"]),
                (["fold", "--"], fold),
                (["fold", "--ou"], ["--output"]),
                (["fold", "--output", ""], ["json", "summary"]),
                (["fold", "-o", "s"], ["summary"]),
                (["fold", "--read-size", ""], []),
                (["fold", "--tts", "ot"], ["other"]),
                (["events", "--type", ""], []),
                (["sse", "ot"], ["other"]),
                (["sse", "run"], ["run two.sse", "run.sse"]),
                (["completion", ""], ["bash", "fish", "zsh"]),
                (["completion", "z"], ["zsh"]),
                (["nonsense", ""], [])):
            checks.equal(complete(path, ["difystream"] + words, where), offered,
                         "bash completes 'difystream %s'" % " ".join(words))


def main():
    given = support.arguments()
    checks = support.Checks()
    program = os.path.join(given.build, "difystream")
    scripts = {shell: support.must_run([program, "completion", shell])
               for shell in ("bash", "zsh", "fish")}
    page = support.must_run([program, "man"])
    said = check_agreement(checks, program, scripts, page)
    check_widths(checks, program, said)
    check_statuses(checks, program, page, given.source)
    check_page(checks, page)
    check_syntax(checks, scripts)
    check_bash(checks, scripts["bash"], said)
    version = re.search(r'DIFY_VERSION "(.*?)"', support.read(
        given.source, "include", "difystream", "version.h")).group(1)
    for word in ("--version", "-V"):
        checks.true(re.fullmatch(r"difystream %s \(yyjson [\d.]+\)\n" % re.escape(version),
                                 support.must_run([program, word])), "difystream " + word)
    checks.true((".TH DIFYSTREAM 1 \"\" \"difystream %s\"" % version) in page, "the page's version")
    checks.finish("%d commands in --help, man, bash, zsh and fish" % (len(said) - 1))


if __name__ == "__main__":
    main()
