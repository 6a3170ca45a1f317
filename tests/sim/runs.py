"""The runs that the recordings tell of, put together from all that was recorded of each."""

import json

from library import PING, event

HOUR_MS = 3600000.0
STOPPED = ("Stopped by user.", "Aborted: User requested stop")


def is_start(recording):
    """Whether the request starts a run."""
    return recording.method == "POST" and (
        recording.path.startswith("/v1/workflows/") and recording.path.endswith("/run") or
        recording.path in ("/v1/chat-messages", "/v1/completion-messages"))


def is_live(frame):
    """A frame that was sent when it happened, not a part of a snapshot."""
    keys = list(event(frame))
    return frame == PING or len(keys) > 1 and keys[1] != "task_id"


class Run:
    """One recorded run. `frames` is what a reader from start to end would have got."""

    def __init__(self, start, frames):
        self.start = start    # the recording whose request began it
        # What came when it happened; an end that the server made up is not the run's.
        self.frames = [frame for frame in frames if is_live(frame[1])]
        self.after = None     # the recording that shows what came after its form
        self.ending = start.end
        self.ids = {}         # recorded id: its kind
        self.inputs_given = start.sent.get("inputs") or {}
        self.learn(frames)

    def learn(self, frames):
        for _, frame in frames:
            said = event(frame)
            data = said.get("data") if isinstance(said.get("data"), dict) else {}
            for kind, value in (("run", said.get("workflow_run_id")),
                                ("task", said.get("task_id")),
                                ("conversation", said.get("conversation_id")),
                                ("message", said.get("message_id")),
                                ("token", data.get("form_token"))):
                if value and value not in self.ids:
                    self.ids[value] = kind

    def last(self, name):
        """The data of the last event of that name, or the event where it has none; None."""
        for _, frame in reversed(self.frames):
            said = event(frame)
            if said.get("event") == name:
                return said.get("data", said)
        return None

    @property
    def user(self):
        return self.start.sent.get("user", "")

    @property
    def inputs(self):
        return self.inputs_given

    @property
    def query(self):
        return self.start.sent.get("query")

    @property
    def is_paused(self):
        return self.last("workflow_paused") is not None and self.last("workflow_finished") is None

    @property
    def expires(self):
        """Whether what came after its pause came because nobody sent the form in time."""
        return self.after is not None and "human_input_form_timeout" in self.after.text

    @property
    def was_stopped(self):
        """Whether its end came from a stop: then a script must not play it."""
        ended = self.last("workflow_finished")
        if ended is not None:
            return ended.get("error") in STOPPED
        return "stopped" in self.start.name

    def workflow_id(self):
        for _, frame in self.frames:
            data = event(frame).get("data")
            if isinstance(data, dict) and data.get("workflow_id"):
                return data["workflow_id"]
        return None


def key_of(frames):
    """What tells a run from others: its run id, or its message's id."""
    for _, frame in frames:
        said = event(frame)
        if said:
            return said.get("workflow_run_id") or said.get("message_id")
    return None


def seen_nodes(frames):
    return {(event(frame).get("event"), event(frame)["data"]["id"]) for _, frame in frames
            if event(frame).get("event") in ("node_started", "node_finished")}


def lost_frames(before, snapshot, after):
    """What happened between two readers and is known only from a snapshot: as live frames."""
    seen = seen_nodes(before) | seen_nodes(after)
    sample = event(before[-1][1])
    found = []
    for _, frame in snapshot:
        said = event(frame)
        name = said.get("event")
        if name not in ("node_started", "node_finished") or \
                (name, said["data"]["id"]) in seen or \
                said["data"]["node_type"] in ("iteration", "loop"):
            continue
        live = {key: said[key] if key in ("event", "data") else sample[key] for key in sample
                if key in ("event", "conversation_id", "message_id", "created_at", "task_id",
                           "workflow_run_id", "data")}
        found.append((0.0, "data: " + json.dumps(live, ensure_ascii=False,
                                                 separators=(",", ":"))))
    return found


def go_on(run, recording):
    """Adds what a second reader of the run got, where the first one had left."""
    frames = recording.frames()
    live = [frame for frame in frames[1:] if is_live(frame[1])]
    snapshot = [frame for frame in frames if not is_live(frame[1])]
    known = {frame for _, frame in run.frames}
    live = [frame for frame in live if frame[1] not in known or frame[1] == PING]
    while live and live[-1][1] == PING:  # these were the reader's own
        live.pop()
    begins = run.frames[-1][0]
    run.frames += lost_frames(run.frames, snapshot, live)
    run.frames += [(begins + at, frame) for at, frame in live]
    if recording.end == "last-chunk":
        run.ending = recording.end
    run.learn(run.frames)


def is_replay(recording):
    """The one event that a second reader gets of a run that is over."""
    frames = recording.frames()
    return len(frames) == 1 and event(frames[0][1]).get("event") == "workflow_finished"


def is_resumption(recording):
    return any(event(frame).get("event") == "workflow_started" and
               event(frame)["data"].get("reason") == "resumption"
               for _, frame in recording.frames())


def from_blocking(recording):
    """The frames that a blocking answer stands for, as far as it tells them."""
    answer = json.loads(recording.text)
    envelope = {key: answer[key] for key in ("conversation_id", "message_id", "created_at",
                                             "workflow_run_id", "task_id") if key in answer}

    def frame(name, **more):
        return (0.0, "data: " + json.dumps(dict({"event": name}, **envelope, **more),
                                           ensure_ascii=False, separators=(",", ":")))

    if "data" not in answer:
        return [frame("message", id=answer["id"], answer=answer["answer"],
                      from_variable_selector=None),
                frame("message_end", id=answer["id"], metadata=answer["metadata"], files=[])]
    data = answer["data"]
    # The ids of a paused chatflow's workflow and the user's are not told.
    workflow_id = data.get("workflow_id", "5e1f0000-0000-4000-8000-000000000001")
    inputs = dict(recording.sent.get("inputs") or {})
    if "query" in recording.sent:
        inputs["sys.query"] = recording.sent["query"]
    frames = [(0.0, PING),
              frame("workflow_started", data={
                  "id": answer["workflow_run_id"], "workflow_id": workflow_id, "inputs": inputs,
                  "created_at": data["created_at"], "reason": "initial"})]
    if data["status"] == "paused":
        for reason in data["reasons"]:
            frames.append(frame("human_input_required", data={
                key: reason[key] for key in reason if key != "TYPE"}))
        frames.append(frame("workflow_paused", data={
            "workflow_run_id": answer["workflow_run_id"], "paused_nodes": data["paused_nodes"],
            "outputs": data.get("outputs", {}), "reasons": data["reasons"], "status": "paused",
            "created_at": data["created_at"], "elapsed_time": data["elapsed_time"],
            "total_tokens": data["total_tokens"], "total_steps": data["total_steps"]}))
    else:
        frames.append(frame("workflow_finished", data={
            "id": data["id"], "workflow_id": workflow_id, "status": data["status"],
            "outputs": data["outputs"], "error": data["error"],
            "elapsed_time": data["elapsed_time"], "total_tokens": data["total_tokens"],
            "total_steps": data["total_steps"],
            "created_by": {"id": "5e1f0000-0000-4000-8000-000000000002",
                           "user": recording.sent.get("user", "")},
            "created_at": data["created_at"], "finished_at": data["finished_at"],
            "exceptions_count": 0, "files": []}))
    return frames


def collect(recordings):
    """{run id or message id: Run} of one release's recordings."""
    runs = {}
    for recording in recordings:
        if is_start(recording) and recording.is_stream:
            frames = recording.frames()
            key = key_of(frame for frame in frames if is_live(frame[1]))
            if key is not None:
                runs[key] = Run(recording, frames)
    for recording in recordings:
        if recording.path.startswith("/v1/workflow/") and recording.is_stream:
            run = runs.get(recording.path.split("/")[3])
            if run is None or is_replay(recording):
                continue
            if is_resumption(recording):
                if run.after is None or len(recording.body) > len(run.after.body):
                    run.after = recording
            elif run.last("workflow_finished") is None and not run.is_paused:
                go_on(run, recording)
    return runs
