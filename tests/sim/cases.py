"""What is done before a recorded request, so that it meets what it met when it was recorded."""

import json
import re
import select

import catalogues
import runs
import wire
from library import PING, event
from talk import Answer, Talk, answer_to

# How much faster than recorded. At 1000 the 300 s of silence are 0.3 s; no run is so slow that its
# steps were not due before.
FAST, QUICK, FORMS, SECONDS = 1000, 100, 10, 1
# Tries of what depends on being there in time: each leaves more of it.
SLOWER = (5, 1, 0.2)
PINGED = (50, 20, 6, 2)  # the same, where pings have to be waited for
OTHER_USER = "user-ffffffff"


class Case:
    """One recording: where it is played, at which speeds it is tried, and how."""

    def __init__(self, recording, app, act, speeds=(FAST,)):
        self.recording, self.app, self.act, self.speeds = recording, app, act, speeds

    def play(self, port, files):
        talk = Talk(port, self.app.key, files)
        try:
            return self.act(talk)
        finally:
            talk.close()


def plan(catalogue, recording):
    """The Case of a recording."""
    if "raw" in recording.request:
        return raw(catalogue, recording)
    if recording.path.endswith("/files/upload") or not recording.path.startswith("/v1") or \
            recording.name.endswith("/bad-key"):
        return plain(catalogue, recording)
    if runs.is_start(recording):
        return start(catalogue, recording)
    if recording.path.startswith("/v1/workflows/logs"):
        return logs(catalogue, recording)
    if recording.path.startswith("/v1/messages?"):
        return history(catalogue, recording)
    run = catalogue.run_of(recording)
    if run is not None:
        return about(catalogue, recording, run)
    if recording.name.startswith(("errors/events-finished-other", "errors/detail-other-apps")):
        return foreign(catalogue, recording)
    return plain(catalogue, recording)


def plain(catalogue, recording):
    """Nothing has to be done before."""
    key = "app-unknown" if recording.name.endswith("/bad-key") else None
    return Case(recording, catalogue.family(recording).app(),
                lambda talk: answer_to(recording, talk.ask(recording, key=key)))


# ---- requests that start a run -----------------------------------------------------------------

def start(catalogue, recording):
    run = catalogue.run_of(recording)
    if run is None or run.start is not recording:
        return not_recorded(catalogue, recording)
    earlier = turn_before(catalogue, recording)
    if run.was_stopped:
        return stopped(catalogue, recording, run)
    variant = ("recorded",) if recording.end == "eof-premature" else ()
    app = catalogue.place(run, variant, catalogue.family(recording).private()
                          if is_limited(recording) else None)
    if earlier is not None:
        catalogue.share(earlier, app)

    def act(talk):
        if earlier is not None:
            talk.whole(earlier, app)
        talk.upload(recording, talk.key)
        return answer_to(recording, talk.ask(recording))

    is_whole = recording.end != "client-cut" and catalogue.ends(run)
    return Case(recording, app, act, (FAST,) if is_whole else (QUICK,))


def turn_before(catalogue, recording):
    """The run that began the conversation that a request goes on with."""
    conversation = recording.sent.get("conversation_id")
    if not conversation:
        return None
    for run in catalogue.runs.values():
        if run.ids.get(conversation) == "conversation" and \
                not run.start.sent.get("conversation_id"):
            return run
    return None


def history(catalogue, recording):
    """What was said in a conversation: all its turns come first."""
    conversation = re.search(r"conversation_id=([-0-9a-f]{36})", recording.path).group(1)
    turns = [run for run in catalogue.runs.values() if run.ids.get(conversation) == "conversation"]
    turns.sort(key=lambda run: "conversation_id" in run.start.sent)
    if not turns:
        return plain(catalogue, recording)
    if turns[0].is_paused:
        return form(catalogue, recording, turns[0])

    def after_stop(live, talk, _):
        live.read_rest()
        return answer_to(recording, talk.ask(recording))

    if turns[0].was_stopped:
        return stopped(catalogue, recording, turns[0], after_stop)
    app = catalogue.place(turns[0])
    for turn in turns[1:]:
        catalogue.share(turn, app)

    def act(talk):
        for turn in turns:  # one whose client left is read as far as he did
            live = talk.start(turn, app).read(None if catalogue.ends(turn) else len(turn.frames))
            live.connection.close()
            talk.ids.update(live.ids)
        return answer_to(recording, talk.ask(recording))

    return Case(recording, app, act)


def is_limited(recording):
    return recording.group.startswith("limit-")


def refused(catalogue, recording):
    """One run too many for its app. A limit of 1 refuses each streamed run."""
    family = catalogue.family(recording)
    app = family.private()
    run = next(run for run in catalogue.runs.values() if run.start.group == recording.group or
               run.start.group == "limit-2")
    catalogue.place(run, ("pause", 2, runs.HOUR_MS), app)

    def act(talk):
        for _ in range(2 if recording.group == "limit-2" else 0):
            talk.start(run, app).read(2)
        return answer_to(recording, talk.ask(recording))

    return Case(recording, app, act, (SECONDS,))


def not_recorded(catalogue, recording):
    """A request for a blocking answer, or one that was refused."""
    if "Too many requests" in recording.text:
        return refused(catalogue, recording)
    is_answer = recording.status == 200 and not recording.is_stream
    run = catalogue.run_for(recording) if is_answer or \
        "Run failed" in recording.text or "completion_request_error" in recording.text else None
    if run is None and is_answer:
        run = catalogue.made_up(recording)
    app = catalogue.family(recording).app()
    if run is not None:
        app = catalogue.place(run, (), catalogue.family(recording).private()
                              if is_limited(recording) else None)
    earlier = turn_before(catalogue, recording)
    user = OTHER_USER if "file-of-other-user" in recording.name else None
    other = catalogue.family_called("minimal").app() \
        if "other-app-key" in recording.name else None
    foreign_talk = earlier if earlier is not None and "other-app" in recording.name else None
    if foreign_talk is not None:
        catalogue.place(foreign_talk)

    def act(talk):
        if foreign_talk is not None:
            talk.whole(foreign_talk, catalogue.placed[id(foreign_talk), ()])
        elif earlier is not None:
            talk.whole(earlier, app)
        talk.upload(recording, other.key if other else talk.key, user)
        return answer_to(recording, talk.ask(recording))

    if earlier is not None and foreign_talk is None:
        catalogue.share(earlier, app)
    speed = QUICK if recording.is_stream else FAST
    return Case(recording, app, act, (speed,))


# ---- requests about a run ----------------------------------------------------------------------

def about(catalogue, recording, run):
    if "/events" in recording.path and recording.status == 200 and recording.is_stream:
        frames = recording.frames()
        if not (len(frames) == 1 and event(frames[0][1])):
            return events(catalogue, recording, run)
    if "/stop" in recording.path:
        return stopping(catalogue, recording, run)
    if "human_input" in recording.path or run.is_paused:
        return form(catalogue, recording, run)
    status = None
    if recording.path.startswith("/v1/workflows/run/") and recording.status == 200:
        status = json.loads(recording.text)["status"]
    if run.was_stopped:
        at_once = recording.name.endswith("after-stop-0") and status == "running"

        def after_stop(live, talk, app):
            if not at_once:
                live.read_rest()
            return answer_to(recording, talk.ask(recording))

        return stopped(catalogue, recording, run, after_stop)
    if status == "running":
        return held(catalogue, recording, run)
    app = catalogue.place(run)

    def act(talk):
        talk.whole(run, app)
        return answer_to(recording, talk.ask(recording))

    return Case(recording, app, act)


def held(catalogue, recording, run):
    """Asked while the run stands still after as many frames as its first reader had got."""
    count = len(run.start.frames())
    if count >= len(run.frames):
        count = min(3, len(run.frames))
    app = catalogue.place(run, ("pause", count, runs.HOUR_MS))

    def act(talk):
        live = talk.start(run, app).read(count)
        talk.ids.update(live.ids)
        return answer_to(recording, talk.ask(recording))

    return Case(recording, app, act, (SECONDS,))


def stop_point(run):
    """(frames before the stop, pause in milliseconds until the next one)."""
    last = len(run.frames) - 1
    ended = run.last("workflow_finished") or {}
    if ended.get("error") == "Aborted: User requested stop" and run.start.release == "1.14.2":
        while event(run.frames[last][1]).get("event") != "node_finished":
            last -= 1
        return last, 300.0
    if run.start.release != "1.14.2" and ended.get("error") == "Stopped by user." and \
            event(run.frames[last - 1][1]).get("event") == "text_chunk":
        return last - 1, 300.0
    return last, runs.HOUR_MS


def stopped(catalogue, recording, run, then=None):
    """The run is stopped where it was. `then` goes on; without it the run's own stream counts."""
    count, pause = stop_point(run)
    app = catalogue.place(run, ("pause", count, pause))
    kind = {"chat": "chat-messages", "agent-chat": "chat-messages", "agent": "chat-messages",
            "advanced-chat": "chat-messages", "completion": "completion-messages",
            "workflow": "workflows/tasks"}[app.family.mode]

    def act(talk):
        live = talk.start(run, app).read(count)
        talk.ids.update(live.ids)
        task = next(value for key, value in live.ids.items() if run.ids[key] == "task")
        talk.post("/v1/%s/%s/stop" % (kind, task), {"user": run.user}, app.key)
        if then is None:
            return answer_to(recording, live.connection, live.frames)
        return then(live, talk, app)

    return Case(recording, app, act, SLOWER)


def stopping(catalogue, recording, run):
    """The request to stop itself."""
    if run.is_paused:
        app = catalogue.place(run)

        def after_pause(talk):
            talk.whole(run, app)
            return answer_to(recording, talk.ask(recording))

        return Case(recording, app, after_pause)
    count = max(1, len(run.frames) - 1)
    app = catalogue.place(run, ("pause", count, runs.HOUR_MS))

    def act(talk):
        live = talk.start(run, app).read(count)
        talk.ids.update(live.ids)
        return answer_to(recording, talk.ask(recording))

    return Case(recording, app, act, (SECONDS,))


def events(catalogue, recording, run):
    """A second reader, who comes where the recorded one came."""
    if run.is_paused:
        return paused_events(catalogue, recording, run)
    first = catalogues.first_live(recording)
    if run.was_stopped:
        def after_stop(live, talk, app):
            live.read_rest()
            return answer_to(recording, talk.ask(recording))
        case = stopped(catalogue, recording, run, after_stop)
        case.speeds = (QUICK, 30, 10)
        return case
    if first is None:
        case = held(catalogue, recording, run)
        case.speeds = (QUICK,)
        return case
    count = catalogues.frames_before(run, first)
    first_at = next(at for at, frame in recording.frames() if frame == first)
    is_soon = "include_state_snapshot" in recording.path and first_at < 205
    variant = ("pause", count, 120.0 if is_soon else 600.0)
    stays = recording.name.startswith(("disconnect/two-readers/", "readers/second-reader-leaves"))
    # In 1.16.1 a reader who leaves takes the others along. That he left is noticed late: there the
    # second reader is there first.
    is_taken_along = recording.release == "1.16.1" and recording.end != "last-chunk" and not stays
    if is_taken_along:
        variant += (600.0,)
    app = catalogue.place(run, variant)

    def act(talk):
        live = talk.start(run, app).read(count)
        talk.ids.update(live.ids)
        if is_taken_along:
            connection = talk.ask(recording)
            live.connection.abort()
            return answer_to(recording, connection)
        if not stays:
            live.connection.abort()
        return answer_to(recording, talk.ask(recording))

    pings = sum(frame == PING for _, frame in recording.frames())
    is_last = is_taken_along and count + 1 >= len(run.frames)
    return Case(recording, app, act, PINGED if is_last or pings > 1 else SLOWER)


# ---- forms -------------------------------------------------------------------------------------

def form_posts(catalogue, run):
    """The recorded request that sent the form of the run."""
    for recording in catalogue.recordings.values():
        if recording.method == "POST" and recording.status == 200 and \
                "human_input" in recording.path and recording.path.split("/")[-1] in run.ids:
            return recording
    return None


def comes_after_form(recording):
    return recording.name.endswith(("form-get-after", "form-post-again", "detail-final",
                                    "events-after-finish", "messages-after"))


def form(catalogue, recording, run):
    app = catalogue.place(run)
    post = form_posts(catalogue, run)
    other = catalogue.family_called("minimal").app() if "other-app" in recording.name else None
    follows = comes_after_form(recording) and post is not None and run.after is not None

    def act(talk):
        live = talk.whole(run, app)
        if run.expires and recording.name.endswith(("detail", "expired")):
            for _ in follow_run(talk, run).frames():
                pass
        if recording.name.startswith("human-input/stop-while-paused") and \
                "stop" in recording.name.split("/")[-1]:
            task = next(value for key, value in live.ids.items() if run.ids[key] == "task")
            talk.post("/v1/workflows/tasks/%s/stop" % task, {"user": run.user})
        if follows:
            follow = follow_run(talk, run)
            talk.ask(post).body()
            for _ in follow.frames():
                pass
        return answer_to(recording, talk.ask(recording, key=other.key if other else None))

    return Case(recording, app, act, (FORMS,) if follows else (FAST,))


def follow_run(talk, run):
    """Reads a paused run on, past its pause."""
    live = next(talk.ids[recorded] for recorded, kind in run.ids.items() if kind == "run")
    connection = talk.connect()
    connection.send(wire.request_bytes("GET", "/v1/workflow/%s/events?user=%s&"
                                       "include_state_snapshot=true&continue_on_pause=true" % (
                                           live, run.user),
                                       {"Host": "127.0.0.1",
                                        "Authorization": "Bearer " + talk.key}, b""))
    return connection.read_head()


def paused_events(catalogue, recording, run):
    app = catalogue.place(run)
    post = form_posts(catalogue, run)
    frames = [frame for _, frame in recording.frames()]
    resumes = any(event(frame).get("event") == "workflow_started" and
                  event(frame)["data"].get("reason") == "resumption" for frame in frames)
    waits = next((number for number, frame in enumerate(frames)
                  if event(frame).get("event") == "workflow_paused"), 0)

    def act(talk):
        talk.whole(run, app)
        if not resumes:
            return answer_to(recording, talk.ask(recording))
        if run.expires:
            return answer_to(recording, talk.ask(recording))
        if "submit-then" in recording.name and "plain" not in recording.name:
            # The events are asked for before the server has begun to go on.
            sent, asked = talk.connect(), talk.connect()
            sent.send(talk.bytes_of(post))
            asked.send(talk.bytes_of(recording))
            sent.read_head().body()
            return answer_to(recording, asked.read_head())
        connection = talk.ask(recording)
        stream, seen = connection.frames(), []
        for frame in stream:
            seen.append(frame)
            if len(seen) > waits:
                break
        talk.ask(post).body()
        return answer_to_rest(recording, connection, stream, seen)

    is_long = recording.end == "client-cut" or run.expires
    tries = 10 if "submit-then" in recording.name else 1  # a race that is won sooner or later
    return Case(recording, app, act, ((QUICK,) if is_long else (FORMS,)) * tries)


def answer_to_rest(recording, connection, stream, seen):
    seen += list(stream)
    body = "".join(frame + "\n\n" for frame in seen).encode("utf-8")
    return Answer(connection.head, body, connection.end)


# ---- others ------------------------------------------------------------------------------------

def foreign(catalogue, recording):
    """Asked with another app's key, or for another user."""
    run = next(run for run in catalogue.runs.values()
               if run.start.name == "minimal/streaming")
    app = catalogue.place(run)
    other = catalogue.family_called("slow-24s").app() if "other-app" in recording.name else app
    recorded = re.search(r"[-0-9a-f]{36}", recording.path).group(0)

    def act(talk):
        live = talk.whole(run, app)
        talk.ids[recorded] = next(value for key, value in live.ids.items()
                                  if run.ids[key] == "run")
        return answer_to(recording, talk.ask(recording, key=other.key))

    return Case(recording, app, act)


def logs(catalogue, recording):
    """In an app of its own, which has as many runs as the recorded one had."""
    said = json.loads(recording.text) if recording.status == 200 else {"total": 0, "data": []}
    family = catalogue.family(recording)
    if not said["total"]:
        return plain(catalogue, recording)
    rows = [row["workflow_run"] for row in said["data"]]
    known = next((run for run in catalogue.runs.values()
                  if any(row["id"] in run.ids for row in rows)), None)
    if known is not None:
        family = catalogue.family(known.start)
    user = said["data"][0]["created_by_end_user"]["session_id"]

    def like(status):
        """A run of the app that ended so: the recorded one, else one of as many steps."""
        wanted = [row for row in rows if row["status"] == status]
        of_app = [run for run in catalogue.runs.values()
                  if run.start.is_stream and catalogue.family(run.start) is family]
        ended = [run for run in of_app if not run.was_stopped and
                 (run.last("workflow_finished") or {}).get("status") == "succeeded"]
        return next((run for run in of_app if any(row["id"] in run.ids for row in wanted)),
                    next((run for run in ended if any(
                        run.last("workflow_finished")["total_steps"] == row["total_steps"]
                        for row in wanted)), ended[0] if ended else None))

    app = family.private()
    count = sum(row["status"] == "running" for row in rows)
    status = next((row["status"] for row in rows if row["status"] != "running"), "succeeded")
    whole = like(status)
    if said["total"] > count:
        catalogue.place(whole, (), app)
    if count:
        running = like("running")
        if said["total"] > count:  # told from the others by its inputs
            running = runs.Run(running.start, running.frames)
            running.inputs_given = {"tag": "the running one"}
        catalogue.place(running, ("pause", 2, runs.HOUR_MS), app)

    def act(talk):
        for _ in range(said["total"] - count):
            talk.whole(whole, app, user)
        for _ in range(count):
            talk.start(running, app, user).read(2)
        return answer_to(recording, talk.ask(recording))

    return Case(recording, app, act, (QUICK,) if count else (FAST,))


def nothing_yet(talk, recording, connection):
    """The server waits for the rest of a body: it has answered nothing when another request, sent
    later, was answered."""
    other = talk.connect()
    other.send(wire.request_bytes("GET", "/v1/", {"Host": "127.0.0.1"}, b""))
    other.read_head().body()
    came = select.select([connection.socket], [], [], 0)[0]
    return Answer([], b"something" if came else b"", recording.end)


def raw(catalogue, recording):
    """Bytes sent as they are; all that comes back is compared, chunk sizes aside."""
    app = catalogue.family(recording).app()

    def act(talk):
        connection = talk.connect()
        connection.send(talk.bytes_of(recording))
        if recording.name.endswith("short-body"):
            return nothing_yet(talk, recording, connection)
        while connection.more():
            pass
        head, _, body = connection.buffer.partition(b"\r\n\r\n")
        return Answer([line for line in head.decode("latin-1").split("\r\n") if line], body,
                      recording.end)

    run = next((run for run in catalogue.runs.values()
                if run.start.name == "stop/finished/streaming"), None)
    if run is not None and "POST" in recording.request["raw"][:4]:
        app = catalogue.place(run)
    return Case(recording, app, act, (SECONDS,))
