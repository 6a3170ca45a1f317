"""Streams that break off and are taken up again anywhere: once at each place, and twice at places
chosen at random. What a run's result says of its nodes is held against what was in the streams, as
for runs over real sockets (follows.py); here each case can be told, and comes again.

A stream that takes a run up is a snapshot as Dify makes it, then the live events behind it but for
some that are lost in between.

usage: cuts.py --source FOLDER --build FOLDER [--seed N] [--only PART]
"""

import ctypes
import json
import os
import random

import follows
from follows import CONTAINERS, LOST_MEMBERS, RECORDINGS, Received, check_nodes

TWICE = 2000  # cases of a recording whose stream breaks twice
LOST = (0, 1, 4, 40)  # events behind a snapshot
CASES = ("v1.13.0/label-check/streaming", "v1.13.0/parallel-3/streaming",
         "v1.13.3/iter-seq-term/bad-streaming", "iter-seq-rm/bad-streaming",
         "v1.13.0/code-fail/streaming", "v1.13.3/loop-break/streaming", "loop-fail/streaming",
         "v1.16.1/parallel-one-fails/streaming", "v1.13.0/llm-in-iteration/streaming",
         "v1.15.0/loop-in-iter/streaming", "iter-http-par/streaming")
WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class Library:
    """libdifystream, as far as it is needed."""

    def __init__(self, build):
        self.dify = ctypes.CDLL(os.path.join(build, "libdifystream.so"))
        self.dify.dify_run_feed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
        self.dify.dify_run_write_result.argtypes = [ctypes.c_void_p, ctypes.c_int, WRITE,
                                                    ctypes.c_void_p]
        for name in ("dify_run_resume", "dify_run_end", "dify_run_free"):
            getattr(self.dify, name).argtypes = [ctypes.c_void_p]

    def result(self, streams):
        run, text = ctypes.c_void_p(), []

        def write(_, part, length):
            text.append(ctypes.string_at(part, length))
            return 0

        assert self.dify.dify_run_new(None, ctypes.byref(run)) == 0
        for i, stream in enumerate(streams):
            if i > 0:
                self.dify.dify_run_resume(run)
            assert self.dify.dify_run_feed(run, stream, len(stream)) == 0
        self.dify.dify_run_end(run)
        assert self.dify.dify_run_write_result(run, 0, WRITE(write), None) == 0
        self.dify.dify_run_free(run)
        return json.loads(b"".join(text))


def frame(event):
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def as_shown(event, number):
    """The start of a container as a snapshot shows it: as a node's, with an execution id."""
    data = dict(event["data"], id="container-%d" % number, index=1)
    return dict(event, event="node_started", data=data)


def emptied(event):
    return dict(event, data=dict(event["data"], **dict.fromkeys(LOST_MEMBERS)))


class Recording:
    def __init__(self, name):
        with open(os.path.join(RECORDINGS, name, "response.body"), "rb") as file:
            self.events = list(follows.events_of(file.read()))
        self.frames = list(map(frame, self.events))
        self.snapshots = [list(map(frame, self.snapshot(count)))
                          for count in range(len(self.events))]
        self.started, self.ended = self.nodes("node_started"), self.nodes("node_finished")

    def nodes(self, name):
        return {event["data"]["id"] for event in self.events
                if event["event"] == name and event["data"]["node_type"] not in CONTAINERS}

    def snapshot(self, count):
        """The events of a snapshot that is made when so many live ones have come."""
        shown = {}
        for number, event in enumerate(self.events[1:count]):
            data = event["data"]
            if event["event"] == "node_started":
                shown[data["id"]] = [event]
            elif event["event"] == "node_finished":
                shown[data["id"]].append(emptied(event))
            elif event["event"] in ("iteration_started", "loop_started"):
                shown[number] = [as_shown(event, number)]
        return self.events[:1] + sum(shown.values(), [])

    def live(self, count, lost):
        """Those behind it; the end is not lost, for then the run's detail would tell it."""
        return self.frames[count + lost:] or self.frames[-1:]

    def once(self):
        for cut in range(1, len(self.events)):
            for count in range(cut, len(self.events)):
                for lost in LOST:
                    yield (cut, count, lost), [self.frames[:cut],
                                               self.snapshots[count] + self.live(count, lost)]

    def twice(self, chance):
        for _ in range(TWICE):
            cut = chance.randrange(1, len(self.events))
            first, lost = chance.randrange(cut, len(self.events)), chance.choice(LOST)
            middle = self.snapshots[first] + self.live(first, lost)[:-1]
            kept = chance.randrange(len(middle) + 1)
            behind = kept - len(self.snapshots[first])
            reached = first + lost + behind if behind > 0 else first
            last = len(self.events) - 1
            count = chance.randrange(min(reached, last), last + 1)
            again = chance.choice(LOST)
            yield (cut, first, lost, kept, count, again), [
                self.frames[:cut], middle[:kept], self.snapshots[count] + self.live(count, again)]


def check(given, library, recording, name, chance):
    number = 0
    for cases in (recording.once(), recording.twice(chance)):
        for at, streams in cases:
            streams = [b"".join(stream) for stream in streams]
            number += 1
            data, received = library.result(streams)["data"], Received(streams)
            check_nodes(given.checks, received, recording.ended, data, "%s %s" % (name, at),
                        lacks_more=bool(recording.started - received.named))
    return number


def main():
    given = follows.arguments("cuts")
    library, chance, number = Library(given.build), random.Random(given.seed), 0
    for name in CASES:
        if given.only in name:
            number += check(given, library, Recording(name), name, chance)
    given.checks.finish("%d runs, seed %d" % (number, given.seed))


if __name__ == "__main__":
    main()
