"""Many runs at once as people write it: a thread each, requests, iter_lines, json.loads.

    follow_requests.py URL KEY RUNS

Prints what bench_follow prints.
"""

import json
import resource
import sys
import threading

import requests


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run(url, key, events):
    answer = requests.post(url + "/workflows/run", stream=True, headers={
        "Authorization": "Bearer " + key}, json={
        "inputs": {"topic": "tea"}, "response_mode": "streaming", "user": "bench"})
    for line in answer.iter_lines():
        if line.startswith(b"data: "):
            events.append(json.loads(line[6:])["event"])


def main():
    url, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    events, before = [], cpu_s()
    threads = [threading.Thread(target=run, args=(url, key, events)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = events.count("workflow_finished")
    print(json.dumps({"ok": True, "runs": count, "ended": ended, "failed": count - ended,
                      "events": len(events), "cpu_s": cpu_s() - before, "grown_kb": 0}))


if __name__ == "__main__":
    main()
