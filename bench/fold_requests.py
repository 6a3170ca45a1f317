"""How back ends fold a Dify stream in Python today: requests' iter_lines, json.loads, a dict.

    fold_requests.py STREAM REPEATS [CHUNK_SIZE]

Prints the seconds of each fold, a line each. The response is a real requests.Response whose socket
is a local file, so no network is measured. CHUNK_SIZE is that of iter_lines; 512 is its default.
"""

import json
import sys
import time
from decimal import Decimal

import requests


def fold(response, chunk_size):
    result = {"outputs": {}, "answer": "", "nodes": {}, "total_tokens": 0,
              "total_price": Decimal(0)}
    events = 0
    for line in response.iter_lines(chunk_size=chunk_size):
        if not line.startswith(b"data: "):
            continue
        event = json.loads(line[6:])
        events += 1
        kind = event.get("event")
        data = event.get("data") or {}
        if kind == "workflow_started":
            result["workflow_run_id"] = event["workflow_run_id"]
        elif kind == "node_started":
            result["nodes"][data["id"]] = {"title": data["title"], "status": "running"}
        elif kind == "node_finished":
            usage = data.get("execution_metadata") or {}
            result["nodes"][data["id"]] = {"title": data["title"], "status": data["status"],
                                           "elapsed_time": data["elapsed_time"]}
            result["outputs"].update(data.get("outputs") or {})
            result["total_tokens"] += usage.get("total_tokens") or 0
            result["total_price"] += Decimal(usage.get("total_price") or 0)
        elif kind == "message":
            result["answer"] += event["answer"]
        elif kind == "workflow_finished":
            result["status"] = data["status"]
            result["outputs"].update(data.get("outputs") or {})
    assert events > 0 and result["status"] == "succeeded"


def main():
    path, repeats = sys.argv[1], int(sys.argv[2])
    chunk_size = int(sys.argv[3]) if len(sys.argv) > 3 else 512
    for _ in range(repeats):
        response = requests.Response()
        response.status_code = 200
        with open(path, "rb") as stream:
            response.raw = stream
            start = time.perf_counter()
            fold(response, chunk_size)
            print(time.perf_counter() - start)


if __name__ == "__main__":
    main()
