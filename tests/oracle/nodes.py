"""What the fold keeps of a node or container, and how it reads members of an event."""

import figures
import jsontext
from jsontext import Num, Obj


# Rule 11: a member of another type than documented is as if missing.

def string(holder, key):
    value = holder.get(key)
    return value if type(value) is str else None


def number(holder, key):
    value = holder.get(key)
    return value if isinstance(value, Num) else None


def number_or_text(holder, key):
    """A number's text, also where a string holds it to the letter of JSON's grammar (rule 7)."""
    value = holder.get(key)
    if isinstance(value, str) and jsontext.NUMBER.match(value):
        return str(value)
    return None


def count(holder, key):
    text = number_or_text(holder, key)
    return None if text is None else figures.count(text)


def obj(holder, key):
    value = holder.get(key)
    return value if isinstance(value, Obj) else None


class Figures:
    """What one node_finished (or several, for what the first left out) said of its node."""

    def __init__(self):
        self.status = self.error = self.finished_at = self.elapsed_time = None
        self.total_tokens = self.total_price = self.currency = None
        self.outputs = self.steps = None
        self.empty = True  # a snapshot's: inputs, outputs, process data, metadata all null
        self.provisional = False  # status paused: the next of that id counts instead

    def fill_in(self, other):
        for name, value in vars(other).items():
            if getattr(self, name) is None:
                setattr(self, name, value)
        self.empty = self.empty and other.empty


class Node:
    """A node, or a container (an iteration or loop): the members are the same."""

    def __init__(self, execution_id):
        self.id = execution_id
        self.node_id = self.node_type = self.title = self.index = None
        self.started_at = self.iteration_id = self.loop_id = None
        self.retries = 0
        self.live_status = None  # "running" or "retry", until node_finished has its say
        self.figures = None

    def identify(self, data):
        """First seen stays; what is not known yet is filled in."""
        for mine, value in (("node_id", string(data, "node_id")),
                            ("node_type", string(data, "node_type")),
                            ("title", string(data, "title")),
                            ("index", number(data, "index")),
                            ("started_at", number(data, "created_at")),
                            ("iteration_id", string(data, "iteration_id")),
                            ("loop_id", string(data, "loop_id"))):
            if getattr(self, mine) is None:
                setattr(self, mine, value)

    def finished(self):
        return self.figures is not None and not self.figures.provisional

    def status(self):
        if self.figures is not None and self.figures.status is not None:
            return self.figures.status
        return self.live_status

    def written(self):
        said = self.figures or Figures()

        def plain(units):
            return None if units is None else figures.write_decimal(units)

        return Obj([
            ("id", self.id), ("node_id", self.node_id), ("node_type", self.node_type),
            ("title", self.title), ("index", self.index), ("status", self.status()),
            ("started_at", self.started_at), ("finished_at", said.finished_at),
            ("elapsed_time", plain(said.elapsed_time)), ("total_tokens", said.total_tokens),
            ("total_price", plain(said.total_price)), ("currency", said.currency),
            ("error", said.error), ("retries", self.retries),
            ("iteration_id", self.iteration_id), ("loop_id", self.loop_id)])
