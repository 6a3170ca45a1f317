"""A release's recordings as a catalogue for the simulator: apps, what they say of themselves, and
the runs that they play.

An app of the recordings is told by its workflow's id, which stands in its answers, else by its
folder. Where two runs of one app were started with the same inputs, each is put into an app of its
own, alike but for its key: otherwise a request could not choose.
"""

import json
import os
import re

import runs
from library import PING, ROOT, event

NOBODY = "5e1f0000-0000-4000-8000-000000000002"  # a user whose id was not recorded
WORKFLOW = re.compile(r'"workflow_id": ?"([-0-9a-f]{36})"')

FILE = re.compile(r'(\{[^{}]*"related_id":"([-0-9a-f]{36})"[^{}]*\})')

# Which app the requests of these folders address where neither an id nor the folder tells.
ADDRESSED = {
    "errors": "minimal", "http-level": "minimal", "files": "echo-all",
    "abandoned-silent-streams": "minimal", "11-connections": "slow-24s",
    "redis-streams-transport": "minimal", "fallback-events": "minimal", "limit-1": "limit-1",
    "chat-errors": "chat-echo", "kill-celery-worker": "slow-24s", "disconnect": "slow-24s",
    "kill-api-worker": "slow-24s", "readers": "slow-24s", "stop": "minimal",
}
# The same for single recordings.
ADDRESSED_BY = {
    "errors/number-not-a-number": "echo-all", "errors/select-not-an-option": "echo-all",
    "errors/file-": "label-check", "errors/bad-file-id": "label-check",
    "errors/chat-app-on": "chat-echo", "errors/stop-chat-app": "chat-echo",
    "errors/unpublished": "unpublished", "errors/parameters-unpublished": "unpublished",
    "errors/api-disabled": "api-disabled", "new-agent/unpublished": "new-agent-unpublished",
    "fallback-events/chat-": "chat-echo", "files/preview": "minimal",
    "chat-errors/missing-inputs-var": "chat-inputs",
    "fallback-events/chat-input-too-long": "chat-inputs",
}
MODES = {
    "agent-chat": "agent-chat", "basic-chat": "chat", "basic-chat-tts": "chat",
    "basic-chat-moderated": "chat", "basic-completion": "completion", "new-agent": "agent",
    "new-agent-unpublished": "agent",
}
SETTINGS = {"limit-1": {"max_active": 1}, "limit-2": {"max_active": 2},
            "unpublished": {"published": False}, "new-agent-unpublished": {"published": False},
            "api-disabled": {"api": False},
            # Its form was not recorded, but what it refuses.
            "chat-inputs": {"inputs": [
                {"name": "name", "type": "text-input", "max_length": 256}]}}


def place_of(value):
    """Inputs as a script is chosen by them: files by their number and type only."""
    if isinstance(value, dict):
        if "transfer_method" in value:
            return ["file", value.get("type")]
        return {key: place_of(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [place_of(one) for one in value]
    return value


def type_of(value):
    if isinstance(value, bool):
        return "checkbox"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, list):
        return "file-list"
    if isinstance(value, dict):
        return "file" if "transfer_method" in value else "json_object"
    return "paragraph"


class App:
    """One app with one key. Several of them can stand for one recorded app."""

    def __init__(self, family, number):
        self.family = family
        self.name = family.name
        self.key = "app-%s-%d" % (family.name, number)
        if number:
            self.name += ".%d" % number
        self.scripts = {}  # inputs and query: Script
        self.is_private = False  # of one recording alone

    def plays(self, inputs, query):
        return json.dumps([place_of(inputs), query], sort_keys=True)


class Script:
    """A run as an app plays it, in a folder; `stored` is the end that no event told."""

    def __init__(self, run, folder, stored):
        self.run, self.folder, self.stored = run, folder, stored


class Family:
    """All apps that stand for one recorded app."""

    def __init__(self, name, mode):
        self.name, self.mode = name, mode
        self.texts = {}  # info, parameters, meta, site: as the routes answered
        self.apps = []

    def app(self, number=0):
        while len(self.apps) <= number:
            self.apps.append(App(self, len(self.apps)))
        return self.apps[number]

    def fresh(self):
        return self.app(len(self.apps))

    def private(self):
        app = self.app(max(1, len(self.apps)))
        app.is_private = True
        return app


class Catalogue:
    def __init__(self, recordings, others, folder):
        """`recordings` of one release by name; `others` of all, for what this one lacks."""
        self.recordings, self.folder = recordings, folder
        self.families, self.names, self.made = {}, {}, 0
        self.runs = runs.collect(recordings.values())
        self.name_workflows()
        for recording in recordings.values():
            if recording.status == 200 and recording.method == "GET" and \
                    recording.path in ("/v1/info", "/v1/parameters", "/v1/meta", "/v1/site"):
                self.family(recording).texts[recording.path[4:]] = recording.text
        self.other_forms = {recording.group: recording.text for recording in others
                            if recording.name.endswith("/parameters") and recording.status == 200}
        self.placed = {}
        self.files = {}  # id of an uploaded file: what is told of it
        for recording in recordings.values():
            for block, file in FILE.findall(recording.text):
                self.files.setdefault(file, block)
        for run in list(self.runs.values()):
            self.finish(run)

    # ---- which app ---------------------------------------------------------------------------

    def name_workflows(self):
        """Names each workflow's app after the folder of the app, else after its first recording."""
        found = [(recording, workflow) for recording in self.recordings.values()
                 for workflow in WORKFLOW.findall(recording.text)]
        for recording, workflow in found:
            if recording.group not in ADDRESSED:
                self.names.setdefault(workflow, recording.group)
        for recording, workflow in found:
            if recording.group in ("11-connections", "disconnect", "readers"):
                self.names.setdefault(workflow, "slow-24s")
        for recording, workflow in found:
            self.names.setdefault(workflow, recording.name.rsplit("/", 1)[0].replace("/", "-"))

    def family_name(self, recording):
        for start, name in sorted(ADDRESSED_BY.items(), key=lambda pair: -len(pair[0])):
            if recording.name.startswith(start):
                return name
        match = WORKFLOW.search(recording.text)
        if match and match.group(1) in self.names:
            return self.names[match.group(1)]
        run = self.run_of(recording)
        if run is not None and run.workflow_id() in self.names:
            return self.names[run.workflow_id()]
        return ADDRESSED.get(recording.group, recording.group)

    def family(self, recording):
        return self.family_called(self.family_name(recording), recording)

    def family_called(self, name, recording=None):
        if name not in self.families:
            mode = MODES.get(name)
            if mode is None:
                is_chat = name.startswith("chat-") or recording is not None and \
                    recording.path.startswith("/v1/chat-messages")
                mode = "advanced-chat" if is_chat else "workflow"
            self.families[name] = Family(name, mode)
        return self.families[name]

    # ---- which run ---------------------------------------------------------------------------

    def run_of(self, recording):
        """The run that a recording is about: the one it began, or whose id it names."""
        for run in self.runs.values():
            if run.start is recording:
                return run
        said = recording.path + json.dumps(recording.sent)
        for run in self.runs.values():
            for recorded, kind in run.ids.items():
                if kind in ("run", "task", "token") and recorded in said:
                    return run
        return None

    def run_for(self, recording):
        """The run that answers a request for a blocking answer, of the same inputs."""
        wanted = json.dumps([place_of(recording.sent.get("inputs")), recording.sent.get("query")],
                            sort_keys=True)
        name = self.family_name(recording)
        found = None
        for run in self.runs.values():
            has = json.dumps([place_of(run.inputs), run.query], sort_keys=True)
            if has == wanted and self.family_name(run.start) == name and not run.was_stopped and \
                    (run.start.end == "last-chunk" or found is None):
                found = run
                if run.start.group == recording.group:
                    return run
        return found

    def made_up(self, recording):
        """A run made of a blocking answer, where no stream was recorded of one like it."""
        run = runs.Run(recording, runs.from_blocking(recording))
        run.ending = "last-chunk"
        self.runs[runs.key_of(run.frames)] = run
        return run

    # ---- scripts -----------------------------------------------------------------------------

    def place(self, run, variant=(), app=None):
        """The app that plays the run; `variant` is () for all of it with its own times,
        ("pause", n, ms) with all frames at once but for a pause after n, ("pause", n, ms, step)
        with so many milliseconds between the frames behind it."""
        if app is None and (id(run), variant) in self.placed:
            return self.placed[id(run), variant]
        family = self.family(run.start)
        if app is None:
            key = App(family, 0).plays(run.inputs, run.query)
            app = next((app for app in family.apps if key not in app.scripts and
                        not app.is_private), None) or family.fresh()
            self.placed[id(run), variant] = app
        app.scripts[app.plays(run.inputs, run.query)] = Script(
            run, self.write(run, variant), self.stored(run))
        return app

    def share(self, run, app):
        """Lets the app play this run, too, unless it has one of the same inputs."""
        if app.plays(run.inputs, run.query) not in app.scripts:
            self.place(run, (), app)

    def write(self, run, variant):
        """A folder with the run as the variant has it."""
        if variant == ("recorded",):
            prefix = "" if run.start.release == "1.14.2" else "v%s/" % run.start.release
            return os.path.join(ROOT, prefix + run.start.name)
        frames, ending = run.frames, run.ending
        if ending == "client-cut" and self.ends(run):
            ending = "last-chunk"
        timed = list(frames)
        if timed[0][1] == PING and self.family(run.start).mode in ("workflow", "advanced-chat"):
            timed[0] = (0.0, PING)  # the relay's own, however late it came
        if variant:
            hold, pause, step = (variant[1:] + (0.0,))[:3]
            timed = [(0.0 if number < hold else pause + (number - hold) * step, text)
                     for number, (_, text) in enumerate(frames)]
            if run.was_stopped:
                timed[-1] = (runs.HOUR_MS, timed[-1][1])  # the simulator has to tell its own
        return self.write_folder(run.start, timed, ending)

    @staticmethod
    def ends(run):
        return any(run.last(name) is not None for name in
                   ("workflow_finished", "message_end", "error", "workflow_paused"))

    def write_folder(self, recording, timed, ending):
        self.made += 1
        folder = os.path.join(self.folder, "run-%d" % self.made)
        os.mkdir(folder)
        body = "".join(text + "\n\n" for _, text in timed)
        lines = ["%.1f\t%d\n" % (at, len(text.encode("utf-8")) + 2) for at, text in timed]
        for name, text in (("request.json", json.dumps(recording.request)),
                           ("response.head", "\r\n".join(recording.head) + "\r\n\r\n"),
                           ("response.body", body),
                           ("chunks.tsv", "".join(lines) + "# end\t%s\t0.0\n" % ending)):
            with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
                file.write(text)
        return folder

    def finish(self, run):
        """Gives a run that nobody saw end the end that its row has."""
        row = self.row_of(run)
        if row is None or "\\ud83d" in json.dumps(row["outputs"]):
            return  # its end could not be written: the row alone knows
        said = event(run.frames[-1][1]) or event(run.frames[-2][1])
        data = {"id": said["workflow_run_id"], "workflow_id": run.workflow_id()}
        data.update((key, row[key]) for key in row if not key.endswith("_at"))
        data.update(created_by={"id": NOBODY, "user": run.user}, created_at=row["created_at"],
                    finished_at=row["finished_at"], exceptions_count=0, files=[])
        last = {key: said[key] for key in said if key != "data"}
        last.update(event="workflow_finished", data=data)
        run.frames.append((run.frames[-1][0], "data: " + json.dumps(
            last, ensure_ascii=False, separators=(",", ":"))))
        run.ending = "last-chunk"

    def stored(self, run):
        """What the row says where the last event was lost."""
        row = self.row_of(run)
        if row is not None:
            row = {key: row[key] for key in row if not key.endswith("_at")}
        return row

    def row_of(self, run):
        """The end that the run's detail tells, where no event told it."""
        if run.last("workflow_finished") is not None or run.is_paused:
            return None
        for recording in self.recordings.values():
            match = re.match(r"/v1/workflows/run/([-0-9a-f]{36})$", recording.path)
            if match and match.group(1) in run.ids and recording.status == 200:
                said = json.loads(recording.text)
                if said["status"] in ("succeeded", "failed", "partial-succeeded"):
                    return self.row(said)
        return None

    @staticmethod
    def row(said):
        outputs = said["outputs"]
        return {"status": said["status"],
                "outputs": json.loads(outputs) if isinstance(outputs, str) else outputs,
                "error": said["error"],
                "elapsed_time": said["elapsed_time"], "total_tokens": said["total_tokens"],
                "total_steps": said["total_steps"], "created_at": said["created_at"],
                "finished_at": said["finished_at"]}

    # ---- the file ----------------------------------------------------------------------------

    def scenario(self):
        """The catalogue's text."""
        apps = []
        for family in list(self.families.values()):
            for app in family.apps:
                apps.append(self.describe(family, app))
        return yaml_text({"apps": apps})

    def describe(self, family, app):
        said = {"name": app.name, "key": app.key, "mode": family.mode}
        said.update(SETTINGS.get(family.name, {}))
        for name, text in family.texts.items():
            said[name] = json.loads(text)
        if "parameters" not in said and family.name in self.other_forms:
            said["parameters"] = json.loads(self.other_forms[family.name])
        if "parameters" not in said and "inputs" not in said:
            said["inputs"] = self.form_of(family)
        scripts = sorted(app.scripts.values(), key=lambda script: -len(script.run.inputs))
        said["runs"] = [self.describe_run(script) for script in scripts]
        if not scripts:  # an app has to have a run, also one that is never asked to run
            said["runs"] = [{"recording": self.write(next(iter(self.runs.values())), ())}]
        return said

    def form_of(self, family):
        """The form of an app whose parameters were not recorded: what its runs began with."""
        found = {}
        for run in self.runs.values():
            if self.family_name(run.start) != family.name:
                continue
            started = next((event(frame)["data"]["inputs"] for _, frame in run.frames
                            if event(frame).get("event") == "workflow_started"), run.inputs)
            for name, value in started.items():
                if not name.startswith("sys.") and (name not in found or value is not None):
                    found[name] = type_of(value)
        return [{"name": name, "type": kind} for name, kind in found.items()]

    def describe_run(self, script):
        run = script.run
        said = {"recording": script.folder, "when": {"inputs": run.inputs}}
        if run.query is not None:
            said["when"]["query"] = run.query
        if script.stored is not None:
            said["stored"] = script.stored
        if run.after is not None:
            said["expired" if run.expires else "resumed"] = self.write_folder(
                run.after, run.after.frames(), run.after.end)
        return said


def yaml_text(value):
    """JSON that is YAML, too: what YAML takes for line ends or refuses is escaped. A lone surrogate
    has no place in YAML."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    text = re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)
    return re.sub("[\x7f-\xa0\u2028\u2029\ufeff]", lambda match: "\\u%04x" % ord(match.group()),
                  text)


def frames_before(run, first):
    """How many of the run's frames come before a given one's text."""
    for number, (_, frame) in enumerate(run.frames):
        if frame == first:
            return number
    return len(run.frames)


def first_live(recording):
    """The first event that a second reader got live."""
    for _, frame in recording.frames():
        if event(frame) and runs.is_live(frame):
            return frame
    return None
