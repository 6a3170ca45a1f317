"""difystream chat, beside a simulated Dify.

usage: chat.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST_NAME]
"""

import os
import shlex
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import followed
import runner
from followed import Command, dify

APPS = followed.APPS + """
  - name: assistant
    mode: chat
    runs:
      - when: {query: break}
        answer: {text: "Well, ", chunks: 1, error: "upstream 503"}
      - answer: {text: "Hello, this is an\\nanswer.", chunks: 5, tokens: 12}
"""


def server(given, *options):
    return dify(given, *options, scenario=given.scenario(APPS))


def test_talk(given):
    checks = given.checks
    with server(given) as sim:
        command = Command(given, sim)
        ran = command.run("chat", "--user", "ada", "Na?", app="talk")
        checks.equal([ran.status, ran.out], [0, "You said: Na?\n"], "the answer's text")
        last = ran.lines[-1]
        checks.true("difystream chat --conversation " in last and "--user 'ada'" in last,
                    "how to go on", ran)
        talk = last.split("--conversation ")[1].split()[0]
        ran = command.run("chat", "-c", talk, "--user", "ada", "-o", "json", "Und?", app="talk")
        checks.equal(ran.result["data"]["conversation_id"], talk, "the same conversation")
        ran = command.run("chat", "-c", talk, "Und?", app="talk")
        checks.equal([ran.status, len(ran.lines)], [2, 1], "whose is it?")
        ran = command.run("chat", "--user", "Bo'b $x\\", "Na?", app="talk")
        words = shlex.split(ran.lines[-1].split("to go on: ")[1])
        checks.equal(words[words.index("--user") + 1], "Bo'b $x\\", "a user as a shell takes it")
        ran = command.run("chat", "-q", "Hi", app="assistant")
        checks.equal([ran.status, ran.out, ran.err], [0, "Hello, this is an\nanswer.\n", ""],
                     "quietly")
        checks.equal(command.journals(), [], "no journal is left")
        checks.equal(sim.stats()["posts"], sim.stats()["runs_started"], "no request too many")


def test_configured(given):
    """The line that says how to go on talks to the same app when it is pasted."""
    checks = given.checks
    with server(given) as sim:
        command = Command(given, sim)
        folder = os.path.join(given.folder, "config", "difystream")
        os.makedirs(folder)
        with open(os.path.join(folder, "config.yaml"), "w", encoding="utf-8") as file:
            file.write("apps: {other: {base_url: 'http://127.0.0.1:1', api_key_env: NONE},"
                       " an-app: {base_url: 'http://127.0.0.1:%d', api_key_env: TALK}}\n"
                       "default_app: other\n" % sim.port)
        bare = {"DIFY_API_KEY": "", "DIFY_BASE_URL": "", "TALK": "app-talk",
                "XDG_CONFIG_HOME": os.path.join(given.folder, "config")}
        ran = command.run("chat", "--app", "an-app", "-u", "ada", "Na?", environment=bare)
        checks.equal(ran.status, 0, "an app of the configuration")
        words = shlex.split(ran.lines[-1].split(": to go on: ")[1])
        ran = command.run(*words[1:], environment=bare)
        checks.equal([ran.status, ran.out], [0, "You said: TEXT\n"], "it goes on")


def test_wrong(given):
    checks = given.checks
    with server(given) as sim:
        command = Command(given, sim)
        ran = command.run("chat", "break", app="assistant")
        checks.equal([ran.status, ran.out], [1, "Well, \n"], "what came of an answer that broke off")
        checks.true("upstream 503" in ran.err, "why", ran)
        ran = command.run("chat", app="talk")
        checks.equal([ran.status, len(ran.lines)], [2, 1], "nothing to say")
        ran = command.run("chat", "Hi", app="held")
        checks.equal([ran.status, len(ran.lines)], [3, 2], "an app of another kind")
        checks.true("another kind" in ran.lines[-1], "it says so", ran)


def test_unknown_conversation(given):
    """A chatflow's is refused at once, in Dify's words: before the request where its stream would
    be silent for 300 s."""
    checks = given.checks
    for release, posts in (("1.12.1", 1), ("1.14.2", 0), ("1.16.1", 1)):
        with server(given, "--release", release) as sim:
            command = Command(given, sim)
            ran = command.run("chat", "-c", "00000000-0000-4000-8000-000000000000", "-u", "ada",
                              "-o", "json", "Na?", app="talk")
            checks.equal([ran.status, ran.result["code"], sim.stats()["posts"]],
                         [3, "not_found", posts], release)
            checks.true(ran.result["message"].startswith("Conversation Not Exists. You have "
                                                         "requested this URI [/v1/chat-messages]"),
                        release + ": Dify's words", ran)
            ran = command.run("chat", "-c", "nope", "-u", "ada", "-o", "json", "Na?", app="talk")
            checks.equal([ran.status, ran.result["code"]], [3, "invalid_param"],
                         release + ": no id at all")
    # the question is answered by nobody: that is no refusal
    with server(given, "--release", "1.14.2", "--fault", "proxy-502,on=messages") as sim:
        command = Command(given, sim)
        ran = command.run("chat", "--user", "ada", "Na?", app="talk")
        talk = ran.lines[-1].split("--conversation ")[1].split()[0]
        ran = command.run("chat", "-c", talk, "--user", "ada", "Und?", app="talk")
        checks.equal([ran.status, ran.out], [0, "You said: Und?\n"], "it is sent all the same")


if __name__ == "__main__":
    runner.run(runner.tests_of(sys.modules[__name__]), "cli.chat", "answers, conversations, refusals")
