"""Random event streams for check_random.py: Dify's events, with what servers and networks may
do to them. stream(rng) depends on rng alone, so that a seed replays.

Left out on purpose are the few things that docs/result.md leaves open: empty strings as ids,
an execution id that is a node's and a container's at once, "-0" as a token count, a retry of
more than nine digits, base64 that is neither well formed nor plain nonsense.
"""

import jsontext
from jsontext import Num, Obj

RUNS = ["5ad498-f0c7-4085", "run-2"]
TASKS = ["task-1", "task-2", RUNS[0]]  # the last one a snapshot's
NODE_TYPES = ["start", "llm", "code", "http-request", "end", "answer", "新节点"]
STATUSES = ["succeeded"] * 6 + ["failed", "exception", "stopped", "paused", "running", "retry"]
RUN_STATUSES = ["succeeded"] * 8 + ["failed", "failed", "stopped", "partial-succeeded", "paused",
                                    "running", "scheduled", "a-b_c", "中 文"]
ERRORS = ["Stopped by user.", "Aborted: User requested stop", "boom \"quoted\"\n", "坏了 😀"]
STRINGS = ["", "a", "hello", "你好，世界", "😀", "\ud83d", "\ude00", "\ud83dx", "a\0b", "\u2028\u2029\u0085",
           "\ufeff", "line\nline\r\nline", "tab\t\x1b\x7f", "\\\"/", "data: x", "\uffff", "x" * 300,
           "e\u0301", "null", "0.1"]
NUMBERS = ["0", "1", "-1", "7", "42", "0.5", "1.10", "1e-7", "1E+5", "-0.0", "1e400", "-1e-400",
           "9007199254740993", "18446744073709551616", "123456789012345678901234567890", "0E-7",
           "0.30000000000000004", "3.141592653589793238462643383279"]
PRICES = ["0", "0.0", "0.1", "0.2", "0.0000132", "0.0000180", "1e-7", "2.378", "12", "0E-7", "1E+3",
          "1.50", "0.000000000000000000000000000000000000001", "-0.25", "0e99999999999", "10.0e-1"]
LONG_PRICES = ["1e41", "1e-41", "1" * 41, "0." + "1" * 41, "1e999999999999", "123e-10000000000"]
BAD_PRICES = ["", " 1", "1 ", "+1", "01", "1.", ".5", "0x1", "NaN", "1,5", "abc", "１"]
EDGE_PRICES = ["9" * 40, "0." + "9" * 40, "1e39", "1e-40", "1." + "0" * 60, "0" + "." + "0" * 39 + "1"]
TOKENS = ["0", "1", "12", "31", "1000", "63127864"]
EDGE_TOKENS = ["18446744073709551615", "18446744073709551616", "9223372036854775808", "1.0", "1e2",
               "-1", "1.5", "99999999999999999999999"]
TIMES = ["1679586595", "1679976595", "1795347153.25", "1e9", "0", "12345678901234567890"]
AUDIO = ["", "QQ==", "QUI=", "QUJD", "SUQzAAAA" * 20, "QUJD/+8=", "***", "不", "?"]
KEYS = ["text", "answer", "a", "b", "结果", "", "usage", "a\0", "\ud83d", "files", "x y", "__proto__"]
UNKNOWN = ["new_event", "", "PING", "workflow_finished ", "节点", "message_file2"]


def chance(rng, part):
    return rng.random() < part


class Maker:
    """One stream's events. hostility is how often a member is replaced by something else."""

    def __init__(self, rng):
        self.rng = rng
        self.hostility = rng.choice([0, 0, 0.02, 0.1, 0.3])
        self.run = rng.choice(RUNS)
        self.forms = []
        self.said = ""  # the answer so far, more or less
        # Which node an execution id belongs to; containers have ids of their own.
        self.nodes = [("e%d" % i, "n%d" % rng.randint(1, 4), rng.choice(NODE_TYPES))
                      for i in range(1, 8)]
        self.containers = [("c%d" % i, "it%d" % rng.randint(1, 2),
                            rng.choice(["iteration", "loop"])) for i in range(1, 4)]

    # --- values

    def any_value(self, levels=3):
        rng = self.rng
        kind = rng.randint(0, 9 if levels else 6)
        if kind <= 1:
            return rng.choice([None, True, False])
        if kind <= 3:
            return Num(rng.choice(NUMBERS))
        if kind <= 6:
            return rng.choice(STRINGS)
        if kind == 7:
            return [self.any_value(levels - 1) for _ in range(rng.randint(0, 4))]
        return self.any_object(levels)

    def any_object(self, levels=3):
        members = [(self.rng.choice(KEYS), self.any_value(levels - 1))
                   for _ in range(self.rng.randint(0, 4))]
        if not chance(self.rng, self.hostility):
            members = list(dict(members).items())  # no doubled keys
        return Obj(members)

    def figure(self, usual, edge=()):
        """A number, or a string of it."""
        text = self.rng.choice(edge if edge and chance(self.rng, 0.05) else usual)
        return text if chance(self.rng, 0.5) else Num(text)

    def price(self):
        kind = self.rng.random()
        if kind < 0.03 + self.hostility / 10:
            return self.figure(LONG_PRICES)
        if kind < 0.06 + self.hostility / 5:
            return self.rng.choice(BAD_PRICES)
        return self.figure(PRICES, EDGE_PRICES)

    def tokens(self):
        return self.figure(TOKENS, EDGE_TOKENS if self.hostility else ())

    def time(self):
        return Num(self.rng.choice(TIMES))

    def outputs(self):
        return None if chance(self.rng, 0.15) else self.any_object()

    def spoil(self, value):
        """Members dropped, of the wrong type, in another order, doubled."""
        if not isinstance(value, Obj):
            return value
        made = Obj()
        for key, member in value:
            member = self.spoil(member)
            if chance(self.rng, self.hostility):
                fate = self.rng.randint(0, 3)
                if fate == 0:
                    continue
                if fate == 1:
                    made.append((key, None))
                    continue
                made.append((key, self.wrong(key)))
                if fate == 3:
                    made.append((key, member))  # doubled
                continue
            made.append((key, member))
        if chance(self.rng, self.hostility):
            self.rng.shuffle(made)
        return made

    def wrong(self, key):
        while True:
            value = self.any_value(2)
            if not (value == "" and (key == "id" or key.endswith("_id") or key == "code")):
                return value

    # --- events

    def event(self, kind, *members, data=None):
        rng = self.rng
        head = [("event", kind)]
        if chance(rng, 0.8):
            head.append(("workflow_run_id", self.run))
        if chance(rng, 0.8):
            head.append(("task_id", rng.choice(TASKS)))
        if chance(rng, 0.2):
            head += [("conversation_id", "conversation-%d" % rng.randint(1, 2)),
                     ("message_id", "message-%d" % rng.randint(1, 2)), ("created_at", self.time())]
        head += members
        if data is not None:
            head.append(("data", Obj(data)))
        return self.spoil(Obj(head))

    def identity(self, among):
        execution_id, node_id, node_type = self.rng.choice(among)
        members = [("id", execution_id), ("node_id", node_id), ("node_type", node_type),
                   ("title", self.rng.choice(STRINGS)), ("index", Num(self.rng.randint(1, 9)))]
        if chance(self.rng, 0.1):
            members.pop(0)
        if among is self.nodes:
            # Spoiling must not make a container of a node, so the type is set apart.
            members += [("iteration_id", self.rng.choice([None, "it1"])), ("loop_id", None)]
        return members + [("created_at", self.time())]

    def finish(self, snapshot=False):
        rng = self.rng
        metadata = Obj((key, value) for key, value in (
            ("total_tokens", self.tokens()), ("total_price", self.price()),
            ("currency", rng.choice(["USD", "USD", "EUR", "RMB", "￥"]))) if chance(rng, 0.9))
        if snapshot or chance(rng, 0.2):
            metadata = None
        return [("inputs", None if snapshot else self.any_object(1)),
                ("process_data", None if snapshot else self.outputs()),
                ("outputs", None if snapshot else self.outputs()),
                ("status", rng.choice(STATUSES)), ("error", rng.choice([None, None] + ERRORS)),
                ("elapsed_time", self.price()), ("execution_metadata", metadata),
                ("finished_at", self.time())]

    def workflow_started(self):
        return self.event("workflow_started", data=[
            ("id", self.run), ("workflow_id", "workflow-%d" % self.rng.randint(1, 2)),
            ("inputs", self.any_object(1)), ("created_at", self.time())])

    def workflow_finished(self):
        rng = self.rng
        return self.event("workflow_finished", data=[
            ("id", self.run), ("workflow_id", "workflow-%d" % rng.randint(1, 2)),
            ("status", rng.choice(RUN_STATUSES)), ("outputs", self.outputs()),
            ("error", rng.choice([None] + ERRORS)), ("elapsed_time", self.price()),
            ("total_tokens", self.tokens()), ("total_steps", self.figure(TOKENS)),
            ("created_at", self.time()), ("finished_at", self.time())])

    def workflow_paused(self):
        reasons = [self.rng.choice(self.forms + [self.form()])
                   for _ in range(self.rng.randint(0, 3))]
        return self.event("workflow_paused", data=[
            ("paused_nodes", ["n1"]), ("outputs", Obj()), ("reasons", reasons),
            ("status", "paused"), ("total_steps", self.figure(TOKENS))])

    def form(self):
        self.forms.append(Obj([
            ("form_id", "form-%d" % len(self.forms)), ("node_id", "n%d" % self.rng.randint(1, 3)),
            ("form_token", "token"), ("inputs", [self.any_object(1)])]))
        return self.forms[-1]

    def node_event(self):
        rng = self.rng
        kind = rng.choice(["node_started"] * 5 + ["node_finished"] * 6 + ["node_retry"])
        data = self.identity(self.nodes)
        if kind != "node_started":
            data += self.finish(snapshot=chance(rng, 0.25))
        return self.event(kind, data=data)

    def container_event(self):
        rng = self.rng
        which = rng.choice(["iteration", "loop"])
        among = [each for each in self.containers if each[2] == which]
        if not among:
            among = [("c9", "it9", which)]
        kind = rng.choice(["started", "next", "completed", "completed", "node_started",
                           "node_finished", "node_retry"])
        if kind.startswith("node"):
            data = self.identity(among)
            if kind != "node_started":
                data += self.finish()
        else:
            node_id = rng.choice(among)[1]
            data = [("id", node_id), ("node_id", node_id), ("node_type", which),
                    ("title", rng.choice(STRINGS)), ("created_at", self.time())]
            if kind == "completed":
                data += self.finish() + [("steps", Num(rng.randint(0, 5)))]
            kind = which + "_" + kind
        hostility, self.hostility = self.hostility, 0  # its node_type must stay
        made = self.event(kind, data=data)
        self.hostility = hostility
        return made

    def chat_event(self):
        rng = self.rng
        kind = rng.choice(["message"] * 4 + ["agent_message"] * 3 + ["message_replace"])
        text = rng.choice(STRINGS)
        if kind == "message" and chance(rng, 0.3):
            text = self.said + rng.choice(["", "", " and more"])  # the whole answer again
        self.said = text if kind == "message_replace" else self.said + text
        return self.event(kind, ("id", "message-1"), ("answer", text))

    def message_end(self):
        usage = Obj((key, value) for key, value in (
            ("prompt_tokens", Num("1")), ("total_tokens", self.tokens()),
            ("total_price", self.price()), ("currency", self.rng.choice(["USD", "EUR"])),
            ("latency", self.price())) if chance(self.rng, 0.9))
        return self.event("message_end", ("metadata", Obj([("usage", usage)])))

    def error(self):
        return self.event("error", ("code", self.rng.choice(["rate_limit_error", "中文"])),
                          ("status", Num(400)), ("message", self.rng.choice(ERRORS)))

    def small_event(self):
        rng = self.rng
        which = rng.randint(0, 7)
        if which == 0:
            return self.event("human_input_required", data=self.form())
        if which == 1:
            return self.event(rng.choice(["human_input_form_filled", "human_input_form_timeout"]),
                              data=[("node_id", "n%d" % rng.randint(1, 3))])
        if which == 2:
            return self.event(rng.choice(["tts_message", "tts_message", "tts_message_end"]),
                              ("audio", rng.choice(AUDIO)))
        if which == 3:
            return self.event(rng.choice(UNKNOWN), data=self.any_object())
        if which == 4:
            return Obj([("event", "ping")])
        if which == 5:
            return self.event(rng.choice(["text_chunk", "agent_log", "reasoning_chunk",
                                          "agent_thought", "message_file", "loop_next"]),
                              data=[("text", rng.choice(STRINGS))])
        if which == 6:
            return self.any_object()
        return self.workflow_started()

    def events(self):
        rng = self.rng
        usual = rng.choice([[self.node_event] * 6 + [self.small_event],
                            [self.chat_event] * 6 + [self.small_event],
                            [self.node_event] * 4 + [self.container_event] * 3,
                            [self.node_event, self.container_event, self.chat_event,
                             self.small_event]])
        ends = rng.choice([[self.workflow_finished], [self.message_end], [self.error], [],
                           [self.message_end, self.workflow_finished],
                           [self.workflow_finished, self.message_end],
                           [self.workflow_finished, self.workflow_finished],
                           [self.workflow_paused], [self.workflow_paused, self.workflow_finished],
                           [self.error, self.workflow_finished], [self.error, self.message_end],
                           [self.workflow_paused, self.error]])
        made = [self.workflow_started()] if chance(rng, 0.7) else []
        for end in ends + [None]:
            for _ in range(rng.choice([0, 1, 3, 10, 25]) if end else rng.randint(0, 3)):
                made.append(rng.choice(usual)())
                if chance(rng, 0.1):
                    made.append(rng.choice(made))  # replayed
            if end is not None:
                made.append(end())
        return made


def spell(rng, value, spaced, escaped):
    """JSON text of a value: white space and escapes as it happens."""
    def gap():
        return rng.choice(["", "", " ", "\t", "\n", "  "]) if spaced else ""

    def string(text):
        made = ""
        for char in text:
            if char in '"\\' or char < " " or "\ud800" <= char <= "\udfff" or (
                    escaped and rng.random() < 0.3):
                if char in '"\\/' and rng.random() < 0.7:
                    made += "\\" + char
                    continue
                raw = char.encode("utf-16-be", "surrogatepass").hex()
                spelt = "".join("\\u" + raw[i:i + 4] for i in range(0, len(raw), 4))
                made += spelt.upper().replace("\\U", "\\u") if rng.random() < 0.5 else spelt
            else:
                made += char
        return '"' + made + '"'

    def one(each):
        if isinstance(each, Obj):
            inner = ",".join(gap() + string(k) + gap() + ":" + one(v) for k, v in each)
            return gap() + "{" + inner + gap() + "}" + gap()
        if isinstance(each, list):
            return gap() + "[" + ",".join(map(one, each)) + gap() + "]" + gap()
        if isinstance(each, str) and not isinstance(each, Num):
            return gap() + string(each) + gap()
        return gap() + jsontext.write(each) + gap()

    return one(value)


BROKEN = ["", "{", "{\"event\":\"message\",}", "[1]", "3", "\"text\"", "null", "{'event':'x'}", "NaN",
          "{\"event\":\"message\",\"answer\":NaN}", "{\"event\":\"message\",\"answer\":\"\\x\"}", "nothing",
          "{\"a\":01}", "[" * 600, "{\"event\":\"message\"}}", "\ufeff{\"event\":\"message\"}", " ", "[DONE]",
          "{\"event\":\"text_chunk\",\"data\":%s}" % ("[" * 511 + "]" * 511),
          "{\"event\":\"text_chunk\",\"data\":%s}" % ("[" * 512 + "]" * 512)]


def frame(rng, text):
    """The lines of one event."""
    made = []
    if chance(rng, 0.05):
        made.append("event: " + rng.choice(["message", "ping", "workflow", "", " x"]))
    for line in text.split("\n"):
        made.append(rng.choice(["data: ", "data: ", "data: ", "data:"]) + line)
    return made


NOISE = [["event: ping"], ["event: ping", "data"], ["event: ping", "data:"], [": keep-alive"], [":"],
         ["::", ": "], ["retry: 1000"], ["retry: 007"], ["retry: x"], ["retry"], ["retry: -1"],
         ["id: 17"], ["id: a\0b"], ["id"], ["id: 中"], ["event: end"], ["data"], ["data:", "data:"],
         ["dat: x"], ["DATA: {}"], [" data: {}"], ["nonsense"], ["data : {}"], ["retry: 12１"], [""],
         ["event: ping", "data: {\"event\":\"ping\"}"], ["data: [DONE]"], ["\ufeffdata: {}"]]


def stream(rng):
    """The bytes of one event stream."""
    maker = Maker(rng)
    spaced, escaped = chance(rng, 0.25), chance(rng, 0.25)
    noise = rng.choice([0, 0.05, 0.3])
    blocks = []
    for event in maker.events():
        while chance(rng, noise):
            blocks.append(rng.choice(NOISE))
        if chance(rng, noise / 4):
            blocks.append(frame(rng, rng.choice(BROKEN)))
        block = frame(rng, spell(rng, event, spaced, escaped))
        while chance(rng, noise / 2):
            block.insert(rng.randint(0, len(block)), rng.choice(rng.choice(NOISE)[:1]) or ":")
        blocks.append(block)
    if chance(rng, 0.03):  # more than the warnings that are kept
        blocks[1:1] = [frame(rng, rng.choice(BROKEN)) for _ in range(rng.randint(15, 20))]
    ends = rng.choice([["\n"]] * 4 + [["\r\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]])
    text = "".join("".join(line + rng.choice(ends) for line in block + [""]) for block in blocks)
    made = bytearray(("\ufeff" if chance(rng, 0.1) else "").encode() + text.encode())
    if chance(rng, 0.1):
        for _ in range(rng.randint(1, 4)):  # bytes that are no UTF-8
            at = rng.randint(0, len(made))
            made[at:at + rng.randint(0, 2)] = rng.choice(
                [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe4\xbd", b"\xf0\x9f\x98", b"\x80"])
    if chance(rng, 0.15):
        del made[rng.randint(0, len(made)):]  # cut
    return bytes(made)
