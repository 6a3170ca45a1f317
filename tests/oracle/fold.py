#!/usr/bin/env python3
"""The fold by the rules of docs/result.md, as plainly as possible: slow, and written without a
look at the C code, so that the two can be held against each other.

    fold.py FILE      prints the result of an event stream as one compact line ("-": stdin)

"rule N" below is result.md's. Nothing is summed as events come: each node keeps what was said
of it, and the result is made from that at the end.
"""

import sys

import figures
import jsontext
import sse
from jsontext import Num, Obj
from nodes import Figures, Node, count, number, number_or_text, obj, string

CONTAINER_TYPES = ("iteration", "loop")

KNOWN_EVENTS = frozenset("""
workflow_started workflow_finished workflow_paused node_started node_finished node_retry
iteration_started iteration_next iteration_completed loop_started loop_next loop_completed
text_chunk reasoning_chunk agent_log human_input_required human_input_form_filled
human_input_form_timeout tts_message tts_message_end message agent_message message_replace
agent_thought message_file message_end error""".split())

# Rule 12: what still changes the result after a terminal event.
AFTER_THE_END = ("tts_message", "tts_message_end", "message_end", "workflow_finished")

EXIT_INCOMPLETE, EXIT_PAUSED = 4, 5


def merge(into, outputs):
    """Rule 3: a later value replaces an earlier one and keeps its place."""
    for key, value in outputs:
        into[key] = value


class Fold:
    def __init__(self):
        self.event_count = self.unknown_events = self.skipped_events = 0
        self.warnings = []
        self.offset = 0  # of the event at hand
        self.run_id = self.task_id = self.workflow_id = None
        self.conversation_id = self.message_id = None
        self.created_at = None  # workflow_started's
        self.ended = False
        self.finish = None  # members of workflow_finished; a later one's replace
        self.paused = False
        self.paused_steps = None
        self.error_code = None  # of the error event that decided
        self.message_ended = False
        self.usage = {}
        self.nodes = []
        self.containers = []
        # What was said, in order of arrival.
        self.outputs = []
        self.currencies = []
        self.retry_tokens = self.retry_price = 0
        self.tokens_passed = False
        self.answer = None
        self.agent_spoke = False
        self.tts_bytes = None
        self.forms = []

    # --- events in

    def feed(self, event_type, text, offset):
        self.offset = offset
        if event_type == "ping" and text == "":
            return  # rule 1: a ping is no event
        try:
            event = jsontext.parse(text)
            if not isinstance(event, Obj):
                raise ValueError("not a JSON object")
        except ValueError as why:
            self.skipped_events += 1  # rule 1
            self.warn(str(why))
            return
        kind = string(event, "event")
        if kind == "ping":
            return
        self.event_count += 1
        if kind not in KNOWN_EVENTS:
            self.unknown_events += 1
        if self.ended and kind not in AFTER_THE_END:
            return  # rule 12: the rest only count
        self.envelope(event)
        data = obj(event, "data")
        handler = getattr(self, "on_" + kind, None) if kind in KNOWN_EVENTS else None
        if handler is not None:
            handler(event, Obj() if data is None else data)

    def warn(self, reason):
        self.warnings.append(Obj([("offset", self.offset), ("reason", reason)]))

    def envelope(self, event):
        # Rule 2: the run id from the first event that has one; a task id that equals it (a
        # snapshot's) gives way to the first other one.
        if self.run_id is None:
            self.run_id = string(event, "workflow_run_id")
        task = string(event, "task_id")
        if task is not None and (self.task_id is None or self.task_id == self.run_id):
            self.task_id = task
        if self.conversation_id is None:
            self.conversation_id = string(event, "conversation_id")
        if self.message_id is None:
            self.message_id = string(event, "message_id")

    def decimal(self, holder, key):
        text = number_or_text(holder, key)
        if text is None:
            return None
        try:
            return figures.decimal(text)
        except figures.TooManyDigits:
            self.warn("%s has too many digits" % key)  # rule 7
            return None

    # --- the workflow

    def on_workflow_started(self, event, data):
        if self.created_at is None:
            self.created_at = number(data, "created_at")
        if self.workflow_id is None:
            self.workflow_id = string(data, "workflow_id")

    def on_workflow_paused(self, event, data):
        self.paused = True
        steps = count(data, "total_steps")
        if steps is not None:
            self.paused_steps = steps
        reasons = data.get("reasons")
        named = []
        for reason in reasons if isinstance(reasons, list) and not isinstance(reasons, Obj) else []:
            if isinstance(reason, Obj):
                form_id = string(reason, "form_id")
                known = [string(form, "form_id") for form in self.forms]
                if form_id is not None and form_id not in known:
                    self.forms.append(reason)
                if form_id is not None:
                    named.append(form_id)
        if named:
            self.forms = [form for form in self.forms
                          if string(form, "form_id") in [None, *named]]

    def on_workflow_finished(self, event, data):
        self.ended = True
        if self.finish is None:
            self.finish = {}
        if self.workflow_id is None:
            self.workflow_id = string(data, "workflow_id")
        said = {
            "status": string(data, "status"), "error": string(data, "error"),
            "created_at": number(data, "created_at"), "finished_at": number(data, "finished_at"),
            "total_tokens": count(data, "total_tokens"),
            "total_steps": count(data, "total_steps"),
            "elapsed_time": number_or_text(data, "elapsed_time"),
            "outputs": obj(data, "outputs"),
        }
        self.finish.update((k, v) for k, v in said.items() if v is not None)
        if said["outputs"] is not None:
            self.outputs.append(said["outputs"])

    def on_error(self, event, data):
        self.ended = True
        self.error_code = string(event, "code") or "stream_error"

    # --- nodes (rule 8)

    def is_container(self, data):
        return string(data, "node_type") in CONTAINER_TYPES

    def find(self, among, execution_id):
        for node in among:
            if execution_id is not None and node.id == execution_id:
                return node
        return None

    def latest_unfinished(self, among, node_id):
        for node in reversed(among):
            if node_id is not None and node.node_id == node_id and not node.finished():
                return node
        return None

    def node(self, data):
        """The node an event speaks of; a new one where none is known."""
        execution_id = string(data, "id")
        if execution_id is not None:
            node = self.find(self.nodes, execution_id)
        else:
            node = self.latest_unfinished(self.nodes, string(data, "node_id"))
        if node is None:
            node = Node(execution_id)
            self.nodes.append(node)
        node.identify(data)
        return node

    def on_node_started(self, event, data):
        if self.is_container(data):
            self.snapshot_container_started(data)
            return
        node = self.node(data)
        node.live_status = node.live_status or "running"

    def on_node_finished(self, event, data):
        if self.is_container(data):
            self.container_finished(string(data, "id"), data)
            return
        if string(data, "status") == "retry":  # the next attempt goes on
            self.node(data).live_status = "retry"
            return
        said = self.figures_of(data)
        self.settle(self.node(data), said, shown_only=False)
        self.warn_of_token_sum()

    def on_node_retry(self, event, data):
        if self.is_container(data):
            node = self.find(self.containers, string(data, "id"))
            node = node or self.latest_unfinished(self.containers, string(data, "node_id"))
            if node is None:
                node = self.new_container(string(data, "id"), data)
        else:
            node = self.node(data)
            carried = obj(data, "execution_metadata") or Obj()
            self.retry_tokens += count(carried, "total_tokens") or 0
            self.retry_price += self.decimal(carried, "total_price") or 0
            currency = string(carried, "currency")
            if currency is not None:
                self.currencies.append(currency)
        node.retries += 1
        if not node.finished():
            node.live_status = "retry"
            if node.figures is not None:
                node.figures.status = None  # a provisional "paused" gives way
        self.warn_of_token_sum()

    def figures_of(self, data):
        said = Figures()
        metadata = obj(data, "execution_metadata")
        carried = metadata or Obj()
        said.status = string(data, "status")
        said.provisional = said.status == "paused"
        said.error = string(data, "error")
        said.finished_at = number(data, "finished_at")
        said.elapsed_time = self.decimal(data, "elapsed_time")
        said.total_tokens = count(carried, "total_tokens")
        said.total_price = self.decimal(carried, "total_price")
        said.currency = string(carried, "currency")
        said.outputs = obj(data, "outputs")
        said.steps = number(data, "steps")
        said.empty = all(part is None for part in (
            said.outputs, metadata, obj(data, "process_data"), obj(data, "inputs")))
        return said

    def settle(self, node, said, shown_only):
        """A node_finished for this node counts once and fills in what was never seen. One of
        status paused is shown, but counts for nothing, and the next replaces it entirely."""
        known = node.figures if node.finished() else Figures()
        news = [value if before is None else None for before, value in (
            (known.outputs, said.outputs), (known.currency, said.currency))]
        if node.finished():
            known.fill_in(said)
        else:
            node.figures = said
        if node.finished() and not shown_only:
            self.outputs += [news[0]] if news[0] is not None else []
            self.currencies += [news[1]] if news[1] is not None else []

    def counted(self):
        """The figures that go to the sums."""
        return [node.figures for node in self.nodes if node.finished()]

    def token_sum(self):
        return self.retry_tokens + sum(said.total_tokens or 0 for said in self.counted())

    def warn_of_token_sum(self):
        """Rule 7: a sum that would pass 2^64 - 1 stays there, with a warning."""
        now = self.token_sum()
        if now > figures.MAX_TOKENS and not self.tokens_passed:
            self.tokens_passed = True
            self.warn("the sum of tokens passes 2^64 - 1")

    # --- containers (rule 8, additions): shown in data.containers, never added

    def new_container(self, execution_id, data):
        container = Node(execution_id)
        container.live_status = "running"
        container.identify(data)
        self.containers.append(container)
        return container

    def on_iteration_started(self, event, data):
        # Live events give no execution id (their id is the node_id): always a new one.
        self.new_container(None, data)

    on_loop_started = on_iteration_started

    def snapshot_container_started(self, data):
        execution_id = string(data, "id")
        node_id = string(data, "node_id")
        if execution_id is None:
            if self.latest_unfinished(self.containers, node_id) is None:
                self.new_container(None, data)
            return
        if self.find(self.containers, execution_id) is not None:
            return
        for container in self.containers:
            if container.id is None and node_id is not None and container.node_id == node_id:
                container.id = execution_id
                container.identify(data)
                return
        self.new_container(execution_id, data)

    def container_finished(self, execution_id, data):
        said = self.figures_of(data)
        if said.total_tokens is None:
            said.total_tokens = count(data, "total_tokens")
        container = self.find(self.containers, execution_id)
        if container is None:
            container = self.latest_unfinished(self.containers, string(data, "node_id"))
        if container is None:
            container = self.new_container(execution_id, data)
        if container.id is None:
            container.id = execution_id
        container.identify(data)
        self.settle(container, said, shown_only=True)

    def on_iteration_completed(self, event, data):
        self.container_finished(None, data)

    on_loop_completed = on_iteration_completed

    # --- chat (rule 9)

    def on_message(self, event, data):
        text = string(event, "answer")
        if text is None:
            return
        so_far = self.answer or ""
        if self.agent_spoke and units(text).startswith(units(so_far)):
            self.answer = text
        else:
            self.answer = jsontext.join_surrogates(so_far + text)

    def on_agent_message(self, event, data):
        self.agent_spoke = True
        text = string(event, "answer")
        if text is not None:
            self.answer = jsontext.join_surrogates((self.answer or "") + text)

    def on_message_replace(self, event, data):
        text = string(event, "answer")
        if text is not None:
            self.answer = text

    def on_message_end(self, event, data):
        if self.error_code is None:
            self.message_ended = True
        self.ended = True
        usage = obj(obj(event, "metadata") or Obj(), "usage") or Obj()
        said = {"total_tokens": count(usage, "total_tokens"),
                "total_price": self.decimal(usage, "total_price"),
                "currency": string(usage, "currency"),
                "elapsed_time": self.decimal(usage, "latency")}
        self.usage.update((k, v) for k, v in said.items() if v is not None)

    # --- speech (rule 10)

    def on_tts_message(self, event, data):
        self.tts_bytes = self.tts_bytes or 0
        audio = string(event, "audio")
        if audio is not None:
            length = figures.base64_length(audio)
            if length is None:
                self.warn("audio is not base64")
            self.tts_bytes += length or 0

    on_tts_message_end = on_tts_message

    # --- human input

    def on_human_input_required(self, event, data):
        form_id = string(data, "form_id")
        known = [string(form, "form_id") for form in self.forms]
        if obj(event, "data") is not None and (form_id is None or form_id not in known):
            self.forms.append(data)

    def on_human_input_form_filled(self, event, data):
        node_id = string(data, "node_id")
        self.forms = [form for form in self.forms
                      if node_id is None or string(form, "node_id") != node_id]

    on_human_input_form_timeout = on_human_input_form_filled

    # --- the result

    def status(self):
        if self.finish is not None:
            return self.finish.get("status")
        if self.message_ended:
            return "succeeded"
        return "paused" if self.paused else None

    def outcome(self):
        """(error, code, exit status); error None for success. The table of result.md."""
        status = self.status()
        finish = self.finish or {}
        if self.error_code is not None and (finish.get("status") is None):
            return "工作流执行失败", self.error_code, 1
        if status is None:
            return "工作流状态异常: None", "stream_incomplete", EXIT_INCOMPLETE
        if status == "succeeded":
            return None, None, 0
        if status == "failed":
            stopped = "User requested stop" in finish.get("error", "")
            return "工作流执行失败", "workflow_stopped" if stopped else "workflow_failed", 1
        code = "workflow_" + status.replace("-", "_")
        return "工作流状态异常: " + status, code, EXIT_PAUSED if status == "paused" else 1

    def totals(self):
        """(total_tokens, total_price, currency, elapsed_time, total_steps), tokens_source."""
        usage = self.usage if self.finish is None else {}
        # Rule 4; usage by rule 9 only where no workflow_finished came.
        reported = self.finish.get("total_tokens") if self.finish else usage.get("total_tokens")
        tokens = reported or min(self.token_sum(), figures.MAX_TOKENS)
        # Rules 5 and 6: exact sums over nodes.
        price = self.retry_price + sum(each.total_price or 0 for each in self.counted())
        elapsed = sum(each.elapsed_time or 0 for each in self.counted())
        currency = self.currencies[-1] if self.currencies else "USD"
        # Rule 2: workflow_finished's; until it comes workflow_paused's; else 0.
        steps = self.paused_steps if self.finish is None else self.finish.get("total_steps")
        return [("total_tokens", tokens),
                ("total_price", figures.write_decimal(usage.get("total_price", price))),
                ("currency", usage.get("currency", currency)),
                ("elapsed_time", figures.write_decimal(usage.get("elapsed_time", elapsed))),
                ("total_steps", steps or 0)], "reported" if reported else "observed"

    def incomplete_nodes(self):
        return [node.node_id if node.id is None else node.id
                for node in self.nodes if node.finished() and node.figures.empty]

    def result(self):
        finish = self.finish or {}
        error, code, _ = self.outcome()
        totals, tokens_source = self.totals()
        incomplete = self.incomplete_nodes()
        workflow_elapsed = finish.get("elapsed_time")
        outputs = {}
        for each in self.outputs:
            merge(outputs, each)

        metadata = Obj(totals + [
            ("tokens_source", tokens_source),
            ("workflow_elapsed_time",
             None if workflow_elapsed is None else Num(workflow_elapsed)),
            ("complete", not incomplete)])
        if incomplete:
            metadata.append(("incomplete_nodes", incomplete))

        created_at = finish.get("created_at") if self.created_at is None else self.created_at
        data = Obj([
            ("workflow_run_id", self.run_id), ("task_id", self.task_id),
            ("status", self.status()), ("outputs", Obj(outputs.items())),
            ("metadata", metadata), ("created_at", created_at),
            ("finished_at", finish.get("finished_at")), ("event_count", self.event_count),
            ("workflow_id", self.workflow_id)])
        if error is not None:
            data += totals
        data += [(name, value) for name, value in (
            ("answer", self.answer), ("conversation_id", self.conversation_id),
            ("message_id", self.message_id)) if value is not None]
        containers = []
        for container in self.containers:
            steps = container.figures.steps if container.figures else None
            containers.append(Obj(container.written() + [("steps", steps)]))
        data += [("workflow_outputs", finish.get("outputs")),
                 ("nodes", [node.written() for node in self.nodes]),
                 ("containers", containers), ("skipped_events", self.skipped_events)]
        if self.warnings:
            data.append(("warnings", self.warnings[:16]))
        data.append(("unknown_events", self.unknown_events))
        if self.tts_bytes is not None:
            data.append(("tts_bytes", self.tts_bytes))
        if self.status() == "paused":
            data.append(("forms", self.forms))
        if error is None:
            return Obj([("success", True), ("data", data)])
        return Obj([("success", False), ("error", error), ("code", code), ("message", ""),
                    ("data", data)])


def units(text):
    """A string's code units, so that half a pair is a beginning of the whole."""
    return text.encode("utf-16-le", "surrogatepass")


def fold(stream):
    """(result, exit status) of an event stream's bytes."""
    state = Fold()
    for item in sse.events(stream):
        if item[0] == "event":
            state.feed(item[1], item[2], item[4])
    written = jsontext.write(state.result())  # read back, so that every number is its text
    return jsontext.parse(written, max_depth=10000), state.outcome()[2]


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    stream = sys.stdin.buffer.read() if arguments[0] == "-" else open(arguments[0], "rb").read()
    result, status = fold(stream)
    sys.stdout.buffer.write((jsontext.write(result) + "\n").encode())
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
