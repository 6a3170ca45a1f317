#!/usr/bin/env python3
"""The routes that read, and those beside runs, from outside: simulator, gateway and requests."""

import json
import os
import select
import signal
import time

import gateway
import filing
import wire
from gateway import ASYNC, DEADLINE_S, RECORDINGS, Gateway, Simulator, app_of

UNKNOWN = "00000000-0000-7000-8000-000000000000"
SCENARIO = """
release: 1.14.2
apps:
  - name: flow
    key: app-flow
    inputs: [{name: word}]
    info: {name: "Flow \\"one\\"", mode: workflow, description: d, tags: [], author_name: a}
    runs:
      - when: {inputs: {word: bad}}
        nodes: [start, {type: code, error: "it broke"}]
      - when: {inputs: {word: slow}}
        nodes: [start, {type: code, seconds: 3000}, {type: end, outputs: {a: 1}}]
      - when: {inputs: {word: big}}
        nodes: [start, {type: code, size: 16000000}, {type: end, outputs: {a: 1}}]
      - nodes: [start, {type: llm, text: "a b", tokens: 7, price: "0.25"},
                {type: end, outputs: {a: "{{inputs.word}}"}}]
  - name: talk
    key: app-talk
    mode: chat
    runs: [{answer: {text: "hello you", tokens: 3, price: "0.5"}}]
  - name: files
    key: app-files
    inputs: [{name: q}]
    runs:
      - nodes: [start, {type: end, outputs: {text: "no file",
          pic: {%(mark)s, filename: "a \\"b\\" \u6c34.png", url: "https://elsewhere.example/files/tools/a.png?sign=x"},
          more: [1, {deep: {%(mark)s, filename: evil.html, url: "/files/tools/b.html?sign=x"}}],
          big: {%(mark)s, filename: big.bin, url: "http://127.0.0.1:5001/files/tools/big.bin"},
          old: {%(mark)s, filename: old.png, url: "http://x/files/tools/old.png"},
          short: {%(mark)s, filename: s.png, url: "http://x/files/tools/short.png"},
          moved: {%(mark)s, filename: m.png, url: "http://x/files/tools/moved.png"},
          far: {dify_model_identity: __dify__file__, transfer_method: remote_url, url: "http://169.254.169.254/files/tools/x"},
          none: {%(mark)s, filename: n, url: "http://169.254.169.254/latest/meta-data"},
          up: {%(mark)s, filename: n, url: "http://x/files/../v1/info"},
          line: {%(mark)s, filename: n, url: "http://x/files/tools/a b"}}}]
  - name: form
    key: app-form
    inputs: [{name: q}]
    runs:
      - recording: %(recordings)s/human-input/approve/streaming
        resumed: %(recordings)s/human-input/approve/events-resume-snapshot-continue
""" % {"recordings": RECORDINGS,
       "mark": "dify_model_identity: __dify__file__, transfer_method: tool_file, type: image"}
STORES = ("runs.db", None)


class World:
    """A simulator and a gateway before it, with three of its apps and one of a Dify that is
    down."""

    def __init__(self, given, store, *options, speed="200", **settings):
        self.checks, self.store = given.checks, store
        self.sim = Simulator(given.build, gateway.scenario(given, "routes.yaml", SCENARIO),
                             "--speed", speed, *options, key="app-flow")
        apps = {"flow": app_of(self.sim, max_runs=2), "talk": app_of(self.sim, "app-talk"),
                "form": app_of(self.sim, "app-form"),
                "down": {"base_url": "http://127.0.0.1:1/v1", "api_key": "app-secret-down"}}
        self.gateway = Gateway(given.build, apps, store=store, speed=float(speed),
                               keeps_port=True, default_app="flow", **settings)
        self.get = lambda path, **more: self.gateway.whole("GET", path, **more)
        self.post = lambda path, body=None, **more: self.gateway.whole("POST", path, body, **more)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.gateway.__exit__(*error)
        self.sim.__exit__(*error)
        said = "".join(self.gateway.log)
        if error[0] is not None:
            print("the gateway said: " + said[-6000:])
        self.checks.true("app-flow" not in said and "app-secret" not in said,
                         "no key in the log", said)

    def run(self, word="w", **more):
        """A run that has ended."""
        return self.post("/api/runs", dict({"inputs": {"word": word}}, **more))[1]

    def equal(self, actual, expected, what):
        return self.checks.equal(actual, expected, what + (
            "" if self.store else " (without a store)"))

    def true(self, condition, what, detail=""):
        return self.checks.true(condition, what + ("" if self.store else " (without a store)"),
                                detail)

    def bad(self, answer, status, code, what, message=""):
        """An error of the one form."""
        got, body = answer
        is_error = isinstance(body, dict) and list(body)[:6] == ["success", "error", "detail",
                                                                 "code", "message", "run_id"]
        self.true(got == status and is_error and body["code"] == code and
                  message in body["message"] and body["error"] == body["detail"] and
                  "127.0.0.1" not in body["message"] and "app-" not in body["message"], what,
                  answer)

    def methods(self, path, allowed):
        """Other methods are refused with what is allowed; HEAD is as GET without the body."""
        with self.gateway.ask("DELETE", path) as connection:
            self.equal((connection.status, connection.header("Allow")), (405, allowed),
                       "DELETE " + path)
        with self.gateway.ask("OPTIONS", path) as connection:
            self.equal((connection.status, connection.header("Allow")), (204, allowed),
                       "OPTIONS " + path)
        if "GET" not in allowed:
            return
        with self.gateway.ask("HEAD", path, fields={"Connection": "close"}) as connection:
            while connection.more():
                pass
            self.equal((connection.status, connection.buffer), (200, b""), "HEAD " + path)


def listing(given):
    for store in STORES:
        with World(given, store) as world:
            world.equal(world.get("/api/runs"), (200, {"data": [], "has_more": False,
                                                       "next_cursor": None}), "an empty list")
            runs = [world.run("w%d" % i, user="u-%d" % (i % 2)) for i in range(5)]
            runs.append(world.run("bad", user="u-bad"))
            talk = world.post("/api/runs?app=talk", {"query": "hi", "user": "u-talk"})[1]
            slow = world.post("/api/runs", {"inputs": {"word": "slow"}, "user": "u-slow"},
                              fields=ASYNC)[1]
            ids = [run["run_id"] for run in runs + [talk, slow]][::-1]
            status, all_of_them = world.get("/api/runs")
            world.equal((status, [row["run_id"] for row in all_of_them["data"]],
                         all_of_them["has_more"]), (200, ids, False), "the newest first")
            rows = {row["run_id"]: row for row in all_of_them["data"]}
            row = rows[runs[0]["run_id"]]
            data = runs[0]["data"]
            world.equal({name: row[name] for name in row if name not in (
                "created_at", "finished_at", "elapsed")},
                {"run_id": runs[0]["run_id"], "workflow_run_id": data["workflow_run_id"],
                 "app": "flow", "route": "/api/runs", "user": "u-0", "conversation_id": None,
                 "message_id": None, "status": "succeeded", "success": True, "code": None,
                 "http_status": 200, "total_tokens": 7, "total_price": 0.25, "currency": "USD",
                 "total_steps": 3, "event_count": data["event_count"], "rating": None,
                 "comment": None}, "a row of a run that succeeded")
            world.true(abs(row["created_at"] - time.time()) < 3600 and
                       row["finished_at"] >= row["created_at"] and
                       abs(row["finished_at"] - row["created_at"] - row["elapsed"]) < 0.01,
                       "its times", row)
            row = rows[runs[5]["run_id"]]
            world.equal((row["status"], row["success"], row["code"], row["http_status"]),
                        ("failed", False, "workflow_failed", 502), "a row of one that failed")
            row = rows[slow["run_id"]]
            world.equal((row["status"], row["success"], row["finished_at"], row["total_tokens"]),
                        ("running", None, None, None), "a row of one that goes on")
            row = rows[talk["run_id"]]
            world.true(row["message_id"] and row["app"] == "talk", "a row of a chat", row)
            world.equal(row["conversation_id"], talk["data"]["conversation_id"],
                        "the conversation that it began")

            def found(query):
                status, said = world.get("/api/runs?" + query)
                return [ids.index(row["run_id"]) for row in said["data"]] if status == 200 else said

            cases = [("app=talk", [1]), ("q=" + row["conversation_id"], [1]), ("app=nobody", []), ("user=u-1", [4, 6]),
                     ("status=failed", [2]), ("status=running", [0]),
                     ("q=U-BAD", [2]), ("q=" + runs[3]["run_id"][:13] + "&user=u-1", None),
                     ("q=" + data["workflow_run_id"], [7]), ("q=" + runs[0]["run_id"], [7]),
                     ("q=" + slow["run_id"], [0]), ("since=2000-01-01T00:00:00Z", None),
                     ("until=2000-01-01T01:00:00%2B09:00", []), ("since=4000000000", []),
                     ("since=946684800.5&limit=3", [0, 1, 2]), ("limit=200&unknown=x&&app=", None)]
            for query, expected in cases:
                got = found(query)
                world.true(got == expected if expected is not None else
                           isinstance(got, list) and got, "?" + query, got)
            if store:
                world.equal(found("q=w3"), [4], "inputs are searched")
            pages, cursor = [], ""
            while cursor is not None:
                said = world.get("/api/runs?limit=3" + cursor)[1]
                pages.append([row["run_id"] for row in said["data"]])
                world.equal(said["has_more"], said["next_cursor"] is not None, "more, or the end")
                cursor = said["next_cursor"] and "&cursor=" + said["next_cursor"]
            world.equal(pages, [ids[:3], ids[3:6], ids[6:]], "pages")
            world.equal(len(world.get("/api/runs?limit=8")[1]["data"]), 8, "a page to the brim")
            world.equal(world.get("/api/runs?limit=8")[1]["has_more"], False, "and no more")
            world.bad(world.get("/api/runs?limit=0&cursor=x&since=yesterday&until=1&user=%ff&"
                                "app=a&app=b&status=queued"), 400, "invalid_param", "all that is "
                      "wrong", "user is no UTF-8 text")
            message = world.get("/api/runs?limit=201&cursor=x&since=2026-02-29T00:00:00Z&q=%00&"
                                "app=a&app=b&status=queued&until=x&user=" + "u" * 256)[1]["message"]
            for name in ("limit is", "cursor is", "since is", "q is", "app is", "queued", "until",
                         "user is too long"):
                world.true(name in message, "told: " + name, message)
            for query in ("since=2000000001&until=2000000000", "until=0",
                          "until=1931-05-08T00:00:00Z"):
                world.equal(found(query), [], "nothing lies in such a span: " + query)
            world.true(len(found("since=0554-02-16T20:56:32Z")) == 8, "since long ago")
            world.methods("/api/runs", "GET, HEAD, POST, OPTIONS")
            if store:
                before = world.get("/api/runs?status=succeeded")
                world.gateway.kill()
                world.gateway.start()
                world.equal(world.get("/api/runs?status=succeeded"), before, "after a restart")
                world.equal(found("status=running"), [0], "it is taken up")
            world.post("/api/runs/%s/stop" % slow["run_id"])
            world.gateway.until_over(slow["run_id"])
            world.equal(found("status=running"), [], "and stopped")


def stats(given):
    for store in STORES:
        with World(given, store) as world:
            status, said = world.get("/api/stats")
            world.equal((status, said), (200, {
                "since": None, "until": None, "app": None, "runs": 0, "open": 0, "succeeded": 0,
                "failed": 0, "total_tokens": 0, "median_seconds": None, "p95_seconds": None,
                "likes": 0, "dislikes": 0, "total_price": {},
                "apps": [{"app": name, "max_runs": most, "live": 0, "queued": 0}
                         for name, most in (("flow", 2), ("talk", 8), ("form", 8), ("down", 8))],
                "live": 0, "queued": 0}), "totals of nothing")
            for word in ("a", "b", "bad"):
                world.run(word)
            world.post("/api/runs?app=talk", {"query": "hi", "user": "u"})
            slow = [world.post("/api/runs", {"inputs": {"word": "slow"}}, fields=ASYNC)[1]["run_id"]
                    for _ in range(3)]
            said = world.get("/api/stats")[1]
            world.equal({name: said[name] for name in (
                "runs", "open", "succeeded", "failed", "total_tokens", "total_price", "live",
                "queued")}, {"runs": 7, "open": 3, "succeeded": 3, "failed": 1, "total_tokens": 17,
                             "total_price": {"USD": 1}, "live": 2, "queued": 1}, "totals")
            world.true(0 <= said["median_seconds"] <= said["p95_seconds"], "durations", said)
            said = world.get("/api/stats?app=talk&since=1000&until=4000000000&buckets=4")[1]
            world.equal((said["runs"], said["app"], said["since"], said["until"], said["live"],
                         [app["app"] for app in said["apps"]]),
                        (1, "talk", 1000, 4000000000, 0, ["talk"]), "totals of one app")
            parts = said["buckets"]
            world.equal((len(parts), parts[0]["since"], parts[-1]["until"],
                         sum(part["runs"] for part in parts),
                         sum(part["total_tokens"] for part in parts),
                         [a["until"] == b["since"] for a, b in zip(parts, parts[1:])]),
                        (4, 1000, 4000000000, 1, 3, [True] * 3), "parts of the span")
            since = int(time.time()) - 1000
            parts = world.get("/api/stats?since=%d&buckets=100" % since)[1]["buckets"]
            world.true(len(parts) == 100 and abs(parts[-1]["until"] - time.time()) < 600,
                       "the span ends now", parts[-1])
            world.equal(world.get("/api/stats?since=4000000000&buckets=2")[1]["buckets"][1]["runs"],
                        0, "a span in the future")
            for until in ("", "&until=1800000000"):
                said = world.get("/api/stats?buckets=3" + until)[1]
                world.equal(said["buckets"][-1]["until"] - said["since"], 86400, "of a day")
            for query, message in (("since=1&buckets=101", "buckets"),
                                   ("since=1&buckets=0", "buckets"), ("until=x", "until")):
                world.bad(world.get("/api/stats?" + query), 400, "invalid_param", query, message)
            world.methods("/api/stats", "GET, HEAD, OPTIONS")
            for run in slow[::-1]:
                status, said = world.post("/api/runs/%s/stop" % run)
                world.true(status in (200, 202), "a stop", said)
            ends = [world.gateway.until_over(run) for run in slow]
            world.equal([end["code"] for end in ends], ["workflow_stopped", "workflow_stopped",
                                                        "cancelled"], "what is stopped, and what "
                        "only waited")
            world.equal(world.post("/api/runs/%s/stop" % slow[0]), (200, ends[0]),
                        "a stop of what has ended gives its result")
            world.bad(world.post("/api/runs/%s/stop" % UNKNOWN), 404, "run_not_found",
                      "a stop of nothing")


def apps(given):
    for store in STORES:
        with World(given, store) as world:
            status, said = world.get("/api/apps")
            rows = said["data"]
            world.equal((status, [row["app"] for row in rows]), (200, ["flow", "talk", "form",
                                                                       "down"]), "the apps")
            world.equal(rows[0], {
                "app": "flow", "is_default": True, "routes": ["/api/detect"], "max_runs": 2,
                "queue": 100, "running": 0, "waiting": 0, "available": True, "code": None,
                "message": None, "release": "1.14.2", "mode": "workflow", "name": 'Flow "one"',
                "description": "d", "title": "flow", "icon_type": rows[0]["icon_type"],
                "icon": rows[0]["icon"], "icon_background": rows[0]["icon_background"],
                "icon_url": rows[0]["icon_url"]}, "an app")
            world.equal((rows[1]["mode"], rows[1]["is_default"], rows[1]["available"]),
                        ("chat", False, True), "another one")
            down = rows[3]
            world.equal((down["available"], down["code"], down["message"], down["mode"]),
                        (False, "connect_failed", "Dify cannot be reached", None),
                        "one that cannot be reached")
            world.methods("/api/apps", "GET, HEAD, OPTIONS")
            path = "/api/apps/flow/parameters"
            status, said = world.get(path)
            world.equal((status, said), (200, world.sim.whole("GET", "/v1/parameters")[1]),
                        "parameters as they are")
            world.bad(world.get("/api/apps/nobody/parameters"), 404, "app_not_found", "no app")
            world.bad(world.get("/api/apps/down/parameters"), 502, "connect_failed",
                      "an app whose Dify is down", "Dify cannot be reached")
            world.methods(path, "GET, HEAD, OPTIONS")
            many = [world.gateway.send("GET", "/api/apps/talk/parameters") for _ in range(20)]
            many += [world.gateway.send("GET", "/api/apps/form/parameters") for _ in range(20)]
            many[0].close()  # one leaves before it is answered
            got = {connection.read_head().body() for connection in many[1:20]}
            world.equal(len(got), 1, "many at once, one answer")
            world.equal(world.sim.whole("GET", "/v1/parameters", key="app-talk")[0], 200,
                        "it is still there")
            for connection in many[20:]:
                connection.close()


def cached(given):
    """What an app says is asked for once, and a Dify that goes away does not spoil it."""
    with World(given, None, drain_timeout=100000) as world:
        first = world.get("/api/apps/flow/parameters")
        world.get("/api/apps")
        world.sim.process.send_signal(signal.SIGSTOP)
        try:
            world.equal(world.get("/api/apps/flow/parameters"), first, "from memory")
            world.equal(world.get("/api/apps")[1]["data"][0]["available"], True,
                        "and what is listed")
            with world.gateway.send("GET", "/api/apps/talk/parameters"):
                pass  # asked, and gone, while Dify is silent
            world.gateway.terminate()
            world.equal(world.gateway.over(), 0, "it ends all the same")
        finally:
            world.sim.process.send_signal(signal.SIGCONT)


def test_dify(given):
    for store in STORES:
        with World(given, store) as world:
            def checks(path="/api/test-dify"):
                status, said = world.get(path)
                return status, said["success"], {check["check"]: (check["ok"], check["message"])
                                                 for check in said["checks"]}, said

            status, success, found, said = checks()
            world.equal((status, success, list(found), said["app"], said["release"]),
                        (200, True, ["reachable", "key", "app", "version", "stream"], "flow",
                         "1.14.2"), "all is good")
            world.equal((found["app"], found["version"]), ((True, 'Flow "one", workflow'.replace(
                'Flow "one"', '"Flow "one""')), (True, "1.14.2")), "what is there")
            world.true(found["stream"][0] and "no run yet" in found["stream"][1],
                       "no run whose stream could be opened", found)
            world.run()
            found = checks()[2]
            world.equal(found["stream"], (True, "a stream opens"), "now there is one")
            world.true(all(check["ms"] is not None for check in said["checks"]
                           if check["check"] in ("reachable", "stream")), "times", said)
            status, success, found, _ = checks("/api/test-dify?app=talk")
            world.equal((status, success, found["stream"][0]), (200, True, None), "a chat")
            status, success, found, said = checks("/api/test-dify?app=down")
            world.equal((status, success, found["reachable"], found["key"]),
                        (502, False, (False, "Dify cannot be reached (connect_failed)"),
                         (None, "not tried")), "no Dify")
            world.true("127.0.0.1" not in str(said), "no inner address", said)
            world.bad(world.get("/api/test-dify?app=nobody"), 404, "app_not_found", "no app")
            world.bad(world.get("/api/test-dify?app=a&app=b"), 400, "invalid_param", "two apps")
            world.methods("/api/test-dify", "GET, HEAD, OPTIONS")
    wrong = {"wrong": {"base_url": "http://127.0.0.1:%d/v1", "api_key": "app-nobody"}}
    with Simulator(given.build, gateway.scenario(given, "routes.yaml", SCENARIO), "--speed", "200",
                   key="app-flow") as sim:
        wrong["wrong"]["base_url"] %= sim.port
        wrong["off"] = app_of(sim, streaming=False)
        with Gateway(given.build, wrong, store=None, default_app="wrong") as server:
            status, said = server.whole("GET", "/api/test-dify")
            given.checks.equal((status, [check["ok"] for check in said["checks"]]),
                               (502, [True, False, None, True, None]), "a wrong key")
            status, said = server.whole("GET", "/api/test-dify?app=off")
            given.checks.equal((status, said["checks"][4]["ok"]), (200, None), "without streams")


def feedback(given):
    for store in STORES:
        with World(given, store, drain_timeout=100000) as world:
            run, talk = world.run(), world.post("/api/runs?app=talk", {"query": "q", "user": "u"})[1]
            path = "/api/runs/%s/feedback" % run["run_id"]
            world.equal(world.post(path, {"rating": "like", "comment": "good \u6c34"}), (200, {
                "run_id": run["run_id"], "rating": "like", "comment": "good \u6c34",
                "passed_on": None}), "a rating of a workflow's run")

            def rated(row):
                rows = world.get("/api/runs")[1]["data"]
                found = next(one for one in rows if one["run_id"] == row["run_id"])
                return found["rating"], found["comment"]

            world.equal(rated(run), ("like", "good \u6c34"), "it is listed")
            world.equal(world.get("/api/stats")[1]["likes"], 1, "and counted")
            world.equal(world.post(path, {"rating": "dislike"})[1]["comment"], None, "another one")
            world.equal(rated(run), ("dislike", None), "in its place")
            world.equal(world.post("/api/runs/%s/feedback" % run["data"]["workflow_run_id"],
                                   {"rating": None})[0], 200, "taken back, by Dify's id")
            world.equal(rated(run), (None, None), "and gone")
            other = "/api/runs/%s/feedback" % talk["run_id"]
            world.equal(world.post(other, {"rating": None})[1]["passed_on"], False,
                        "Dify takes nothing back that it has not")
            world.equal(world.post(other, {"rating": "like", "comment": "c"})[1]["passed_on"], True,
                        "a chat's is passed on")
            world.equal(world.post(path, {"rating": "like", "comment": "x" * 4096})[0], 200,
                        "a comment to the brim")
            for body, message in (({}, "rating is missing"), ({"rating": "good"}, "rating is"),
                                  ({"rating": 1}, "rating is"), ({"rating": "like", "x": 1},
                                                                 "neither"),
                                  ({"rating": "like", "comment": 1}, "comment is"),
                                  ({"rating": "like", "comment": "x" * 4097}, "comment is")):
                world.bad(world.post(path, body), 400, "invalid_param", str(body)[:60], message)
            for body in (b"", b"[]", b"{", b'"like"'):
                world.bad(world.post(path, body), 400, "invalid_json", repr(body))
            world.bad(world.post(path, b'{"rating":"like","comment":"%s"}' % (b"x" * 40000)), 413,
                      "too_large", "too large a body")
            world.bad(world.post(path, b"rating=like", fields={
                "Content-Type": "application/x-www-form-urlencoded"}), 415,
                "unsupported_media_type", "a form")
            world.bad(world.post("/api/runs/%s/feedback" % UNKNOWN, {"rating": "like"}), 404,
                      "run_not_found", "of nothing")
            slow = world.post("/api/runs", {"inputs": {"word": "slow"}}, fields=ASYNC)[1]["run_id"]
            world.bad(world.post("/api/runs/%s/feedback" % slow, {"rating": "like"}), 409,
                      "run_not_ended", "of what goes on")
            world.methods(path, "POST, OPTIONS")
            big = world.post("/api/runs", {"inputs": {"word": "big"}}, fields=ASYNC)[1]["run_id"]
            with world.gateway.events(big, receive_bytes=4096):  # who reads nothing keeps it here
                world.gateway.until_over(big)
                world.equal(world.post("/api/runs/%s/feedback" % big, {"rating": "like"})[0], 200,
                            "of one that is still followed")
            if store:
                world.gateway.kill()
                world.gateway.start()
                world.equal(rated(talk), ("like", "c"), "after a restart")
                world.equal(world.post(other, {"rating": "dislike"})[1]["passed_on"], True,
                            "and again")
            world.sim.process.send_signal(signal.SIGSTOP)
            connection = world.gateway.send("POST", other, {"rating": "like"})
            world.gateway.terminate()  # while Dify is asked
            world.gateway.until_logs("draining")
            world.sim.process.send_signal(signal.SIGCONT)
            connection.close()
            world.gateway.terminate()
            world.equal(world.gateway.over(), 0, "it ends")
            world.true(world.sim.stats()["runs_in_flight"] > 0, "the slow run is not waited for")


def form(given):
    for store in STORES:
        with World(given, store) as world:
            def pause(user="u"):
                answer = world.post("/api/runs?app=form", {"inputs": {"q": "x"}, "user": user})[1]
                world.equal((answer["success"], answer["code"]), (False, "workflow_paused"),
                            "a run that waits")
                return answer

            said = pause()
            run, token = said["run_id"], said["data"]["forms"][0]["form_token"]
            path = "/api/runs/%s/form" % run
            status, shown = world.get(path)
            world.equal((status, shown["run_id"], shown["form_token"], shown["form"]),
                        (200, run, token, world.sim.whole(
                            "GET", "/v1/form/human_input/" + token, key="app-form")[1]), "its form")
            world.equal(world.get(path + "?token=" + token), (status, shown), "by its token")
            world.bad(world.get(path + "?token=other"), 404, "form_not_found", "another's token")
            world.methods(path, "GET, HEAD, POST, OPTIONS")
            first = world.gateway.events(run).read()
            world.equal((first.result["code"], first.others[-1][1]), ("workflow_paused", "end"),
                        "a follower sees the pause, whose end has no id")
            last = first.last
            again = world.gateway.events(run, last).read()
            world.equal((again.status, again.records, again.result["code"]),
                        (200, [], "workflow_paused"), "who comes again sees it again")
            for body, message in (({}, "action is missing"), ({"action": 1}, "action is"),
                                  ({"action": "approve", "inputs": []}, "inputs is"),
                                  ({"action": "approve", "token": 1}, "token is"),
                                  ({"action": "approve", "x": 1}, "none of")):
                world.bad(world.post(path, body), 400, "invalid_param", str(body), message)
            world.bad(world.post(path, {"action": "approve"}), 400, "invalid_form_data",
                      "inputs that are missing", "Missing required inputs: comment")
            world.bad(world.post(path, {"action": "nonsense", "inputs": {"comment": "x"}}), 400,
                      "invalid_form_data", "no such action")
            world.bad(world.post(path, {"action": "approve", "token": "other"}), 404,
                      "form_not_found", "another's token")
            world.bad(world.post("/api/runs/%s/form" % UNKNOWN, {"action": "a"}), 404,
                      "run_not_found", "no run")
            if store:
                world.gateway.kill()
                world.gateway.start()
                world.equal(world.get(path), (status, shown), "its form after a restart")
            inputs = {"action": "approve", "inputs": {"comment": "yes"}}
            many = [world.gateway.send("POST", path, inputs) for _ in range(8)]
            answers = [(one.read_head().status, json.loads(one.body())) for one in many]
            taken = [answer for answer in answers if answer[0] == 202]
            world.true(all(said["success"] is None and said["data"]["status"] == "running"
                           for _, said in taken), "a run that goes on is not paused any more", taken)
            world.equal(len(taken), 1, "one of many submissions is taken")
            world.equal({answer[0] for answer in answers}, {202, 409}, "the others are told")
            world.equal((taken[0][1]["run_id"], taken[0][1]["success"]), (run, None),
                        "the run goes on")
            rest = world.gateway.events(run, last).read()
            world.equal((rest.result["success"], rest.result["data"]["status"]),
                        (True, "succeeded"), "to its end")
            numbers = [int(number.split("-")[1]) for number, _, _ in first.records + rest.records]
            world.equal(numbers, list(range(1, len(numbers) + 1)), "no number is missing or twice")
            world.true(len(rest.records) > 1, "what came after the pause", rest.records)
            whole = world.gateway.events(run).read()
            world.equal(whole.records, first.records + rest.records, "the log is one")
            world.equal(world.gateway.events(run, whole.last).read().status, 204,
                        "who has seen the end need not come again")
            got = world.get("/api/runs/" + run)[1]
            world.equal((got["success"], got["data"]["status"], got["data"]["workflow_run_id"]),
                        (True, "succeeded", said["data"]["workflow_run_id"]), "the one result")
            for answer in (world.get(path), world.post(path, inputs)):
                world.bad(answer, 409, "run_not_paused", "it waits no more")
            # submitted by other means
            said = pause("u-2")
            run, token = said["run_id"], said["data"]["forms"][0]["form_token"]
            world.sim.whole("POST", "/v1/form/human_input/" + token, dict(inputs, user="u-2"),
                            key="app-form")
            world.bad(world.post("/api/runs/%s/form" % run, inputs), 409,
                      "human_input_form_submitted", "it was submitted elsewhere")
            world.equal(world.gateway.until_over(run)["data"]["status"], "succeeded",
                        "the run goes on all the same")
            # Dify is silent while it is submitted twice, and the gateway ends
            run = pause("u-3")["run_id"]
            world.sim.process.send_signal(signal.SIGSTOP)
            both = [world.gateway.send("POST", "/api/runs/%s/form" % run, inputs) for _ in "ab"]
            ready = select.select([one.socket for one in both], [], [], DEADLINE_S)[0]
            said = [json.loads(one.read_head().body())["code"] for one in both
                    if one.socket in ready]
            world.equal(said, ["form_being_submitted"], "the second one waits for nothing")
            world.gateway.terminate()
            world.sim.process.send_signal(signal.SIGCONT)
            for one in both:
                one.close()


def continued(given):
    """A kill right after a form was submitted: the next process follows the run to its end."""
    with World(given, "runs.db", speed="20") as world:
        for _ in range(3):
            said = world.post("/api/runs?app=form", {"inputs": {"q": "x"}})[1]
            run = said["run_id"]
            first = world.gateway.events(run).read()
            world.equal(world.post("/api/runs/%s/form" % run, {
                "action": "approve", "inputs": {"comment": "yes"}})[0], 202, "submitted")
            world.gateway.kill()
            world.gateway.start()
            rest = world.gateway.events(run, first.last).read()
            world.equal((rest.result["success"], rest.result["data"]["status"]),
                        (True, "succeeded"), "it goes on after a kill")
            numbers = [int(one[0].split("-")[1]) for one in first.records + rest.records]
            world.equal(numbers, list(range(1, len(numbers) + 1)), "without a gap")


def drained(given):
    """Without a store: a run that goes on after its pause is waited for at the end."""
    with World(given, None, speed="2") as world:
        run = world.post("/api/runs?app=form", {"inputs": {"q": "x"}})[1]["run_id"]
        world.equal(world.post("/api/runs/%s/form" % run, {
            "action": "approve", "inputs": {"comment": "yes"}})[0], 202, "submitted")
        with world.gateway.events(run) as rest:
            world.gateway.terminate()
            rest.read()
        world.true(rest.result is not None and rest.result["success"], "it ends in time", rest.result)
        world.equal(world.gateway.over(), 0, "and then the gateway, without being told once more")


def files(given):
    png, page = b"\x89PNG" + bytes(200), b"<script>alert(1)</script>"
    big = os.urandom(1 << 20) * 48
    kept = {
        "/files/tools/a.png?sign=x": (200, ["Content-Type: image/png",
                                            "Content-Length: %d" % len(png)], png),
        "/files/tools/b.html?sign=x": (200, ["Content-Type: text/html; charset=utf-8"], page),
        "/files/tools/big.bin": (200, ["Content-Length: %d" % len(big)], big),
        "/files/tools/old.png": (403, ["Content-Length: 0"], b""),
        "/files/tools/short.png": (200, ["Content-Length: 1000"], b"x"),
        "/files/tools/moved.png": (302, ["Location: http://127.0.0.1:1/", "Content-Length: 0"], b"")}
    for store in STORES:
        with World(given, store) as world, filing.Files(world.sim.port, kept) as front, Gateway(
                given.build, {"files": {"base_url": "http://127.0.0.1:%d/v1" % front.port,
                                        "api_key": "app-files"}}, store=store) as server:
            run = server.whole("POST", "/api/runs", {"inputs": {"q": "x"}})[1]
            world.equal(run["success"], True, "a run with files")
            path = "/api/runs/%s/files/" % run["run_id"]
            with server.ask("GET", path + "0") as got:
                world.equal((got.status, got.body(), got.header("Content-Type"),
                             got.header("Content-Length"), got.header("X-Content-Type-Options")),
                            (200, png, "image/png", str(len(png)), "nosniff"), "a picture")
                world.equal(got.header("Content-Disposition"), "inline; filename=\"a _b_ ___.png"
                            "\"; filename*=UTF-8''a%20_b_%20%E6%B0%B4.png", "its name")
            with server.ask("GET", path + "1") as got:
                world.equal((got.status, got.body(), got.header("Content-Type")),
                            (200, page, "text/html; charset=utf-8"), "a page")
                world.true(got.header("Content-Disposition").startswith("attachment;") and
                           "sandbox" in got.header("Content-Security-Policy"), "is not shown")
            world.true(front.asked and not any("app-files" in head or "uthorization" in head
                                               for head in front.asked), "without the key",
                       front.asked)
            with server.ask("HEAD", path + "0", fields={"Connection": "close"}) as got:
                while got.more():
                    pass
                world.equal((got.status, got.buffer), (200, b""), "HEAD")
            slow = server.send("GET", path + "2", connection=server.connect(65536)).read_head()
            front.stalled.wait(DEADLINE_S)
            world.true(front.sent < len(big), "a slow reader holds the file back", front.sent)
            world.true(slow.body() == big, "and gets it whole")
            slow.close()
            left = server.send("GET", path + "2", connection=server.connect(65536)).read_head()
            left.close()
            world.bad(server.whole("GET", path + "3"), 404, "file_expired", "an old address")
            try:
                with server.ask("GET", path + "4") as got:
                    body = got.body()
                world.true(False, "a file that breaks off", body)
            except wire.Broken:
                world.true(True, "a file that breaks off is not whole")
            world.bad(server.whole("GET", path + "5"), 502, "http_error", "no redirection")
            for number in (6, 7, 8, 9):
                world.bad(server.whole("GET", path + str(number)), 422, "file_elsewhere",
                          "not Dify's: %d" % number)
            for number in ("10", "x", "-1", "99999999999999999999"):
                world.bad(server.whole("GET", path + number), 404, "file_not_found", number)
            world.bad(server.whole("GET", "/api/runs/%s/files/0" % UNKNOWN), 404, "run_not_found",
                      "no run")
            world.bad(server.whole("GET", path), 404, "not_found", "no number")
            with server.ask("POST", path + "0") as got:
                world.equal((got.status, got.header("Allow")), (405, "GET, HEAD, OPTIONS"), "POST")
        with World(given, store) as world:
            with Gateway(given.build, {"files": app_of(world.sim, "app-files")},
                         store=store) as server:
                run = server.whole("POST", "/api/runs", {"inputs": {"q": "x"}})[1]
                world.bad(server.whole("GET", "/api/runs/%s/files/0" % run["run_id"]), 404,
                          "file_expired", "a Dify without the file")
                world.sim.process.kill()
                world.sim.process.wait()
                world.bad(server.whole("GET", "/api/runs/%s/files/0" % run["run_id"]), 502,
                          "file_unavailable", "a Dify that is gone")
            world.sim.process.returncode = 0  # it was killed on purpose


def main():
    given = gateway.arguments()
    gateway.run_tests(given, listing, stats, apps, cached, test_dify, feedback, form,
                      continued, drained, files)


if __name__ == "__main__":
    main()
