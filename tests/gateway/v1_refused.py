"""Requests that Dify refuses, sent to the gateway: both modes get at once what Dify was recorded to
answer in blocking mode, where its own streams are silent for 300 s or tell of a run that never was.

usage: v1_refused.py --source FOLDER --build FOLDER [--only PART_OF_A_TEST] [--release R]
"""

import copy
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

from gateway import Gateway, Simulator, arguments, run_tests

import cases
import catalogues
import library
import runs
import wire

# Taken by Dify as they are.
TAKEN = ("errors/user-not-string", "errors/nul-input")
# A file's id is known to Dify alone: who sends a bad one and wants a stream is told what a stream of
# this release tells, and who blocks waits as long.
BY_STREAM = ("errors/bad-file-id", "errors/file-of-other-user", "errors/file-of-other-app")


def is_refused(recording):
    return recording.group in ("errors", "chat-errors") and runs.is_start(recording) and \
        "raw" not in recording.request and recording.status >= 400 and \
        not recording.name.startswith(TAKEN) and '"streaming"' not in json.dumps(recording.sent)


def streaming(recording):
    """The same request for a stream."""
    asked = copy.copy(recording)
    asked.request = request = copy.deepcopy(recording.request)
    if "input_value=" in recording.text:
        return None  # the answer shows the request
    request["headers"]["Content-Length"] = str(int(request["headers"]["Content-Length"]) + 1)
    if isinstance(request.get("body"), dict) and request["body"].get("response_mode") == "blocking":
        request["body"]["response_mode"] = "streaming"
    elif '"response_mode":"blocking"' in request.get("body_raw", "").replace(" ", ""):
        request["body_raw"] = request["body_raw"].replace('blocking"', 'streaming"')
    else:
        return None  # it is refused for what it says of the mode, or is no JSON
    return asked


def play(checks, gateway, case, files, mode):
    recording = case.recording
    begun = time.monotonic()
    what = "%s %s, %s" % (recording.release, recording.name, mode)
    try:
        answer = case.play(gateway.port, files)
    except wire.Broken as error:
        checks.true(False, what, error)
        return 0, what
    took = time.monotonic() - begun
    checks.equal((answer.head[0].split(" ")[1], answer.body.decode("utf-8")),
                 (str(recording.status), recording.text), what)
    if recording.status == 401 and "bad-key" not in recording.name:
        return took, what  # these the gateway answers itself
    fields = dict(line.lower().split(": ", 1) for line in answer.head[1:])
    checks.equal((fields["content-type"], fields.get("x-version")),
                 ("application/json", recording.release), what + ": fields")
    return took, what


def test_refusals(given):
    recordings = library.load()
    others = [one for release in recordings.values() for one in release.values()]
    for release in [given.release] if given.release else ("1.12.1", "1.14.2", "1.16.1"):
        folder = os.path.join(given.folder, release)
        os.mkdir(folder)
        catalogue = catalogues.Catalogue(recordings[release], others, folder)
        refused = [one for one in recordings[release].values() if is_refused(one)]
        planned = [(cases.plan(catalogue, one), "blocking") for one in refused
                   if release != "1.14.2" or not one.name.startswith(BY_STREAM)]
        planned += [(cases.plan(catalogue, one), "streaming")
                    for one in map(streaming, refused) if one is not None
                    and (release == "1.12.1" or not one.name.startswith(BY_STREAM))]
        path = os.path.join(folder, "scenario.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(catalogue.scenario())
        with Simulator(given.build, path, "--release", release, "--speed", "1", "--seed", "1",
                       "--connections", "0", "--quiet") as simulator:
            guests = {"base_url": "http://127.0.0.1:%d/v1" % simulator.port}
            with Gateway(given.build, {}, guests=guests) as gateway, ThreadPoolExecutor(4) as pool:
                jobs = [pool.submit(play, given.checks, gateway, case, catalogue.files, mode)
                        for case, mode in planned]
                took = [job.result() for job in jobs]
                given.checks.true(len(took) > 15, release + ": requests", len(took))
                print("%s: %d requests, the slowest %.2f s: %s" % ((release, len(took)) + max(took)))


def main():
    given = arguments(lambda parser: parser.add_argument("--release", default=""))
    run_tests(given, test_refusals)


if __name__ == "__main__":
    main()
