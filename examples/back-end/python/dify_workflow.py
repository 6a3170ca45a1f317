"""Checks a food label with a Dify workflow, through difystream's gateway: one POST, one result.

    from dify_workflow import call_dify_workflow
    result = call_dify_workflow("label.png", "饼干", "预包装食品", "单品", "", "", "")
    print(result["data"]["outputs"] if result["success"] else result["error"])

It needs requests and the gateway's address: $DIFYSTREAM_URL, else http://127.0.0.1:8000.
"""

import json
import os
import sys
import time
import uuid

import requests

GATEWAY_URL = os.environ.get("DIFYSTREAM_URL", "http://127.0.0.1:8000")
CONNECT_TIMEOUT_S = 10
SILENCE_TIMEOUT_S = 90  # not the run's time: from 20 s on the gateway sends a newline every 15 s
TRIES = 8
LONGEST_WAIT_S = 15


def call_dify_workflow(image_file_path, food_type, package_food_type, single_or_multi,
                       package_size, detection_time, special_requirement):
    """Runs the workflow and returns its result: {"success": True, "data": {...}}, or
    {"success": False, "error": ..., "code": ..., "message": ...}. A run may take many minutes.

    What breaks on the way to the gateway is asked again under the same key, and joins the run that
    was begun: the workflow never runs twice."""
    fields = {
        "Foodtype": food_type,
        "PackageFoodType": package_food_type,
        "SingleOrMulti": single_or_multi,
        "PackageSize": package_size,
        "DetectionTime": detection_time,
        "SpecialRequirement": special_requirement,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    try:
        with open(image_file_path, "rb") as file:
            image = (os.path.basename(image_file_path), file.read())
    except OSError as error:
        return _failure("无法读取图片文件", "file_unreadable", str(error))

    headers = {"Idempotency-Key": str(uuid.uuid4())}
    result, wait_s = None, 0
    for attempt in range(TRIES):
        time.sleep(wait_s)
        result, wait_s = _post(fields, image, headers, min(2 ** attempt, LONGEST_WAIT_S))
        if wait_s is None:
            break
    return result


def _post(fields, image, headers, wait_s):
    """Asks once: the result, and after how many seconds to ask again (None: it is final)."""
    try:
        response = requests.post(GATEWAY_URL + "/api/detect", data=fields,
                                 files={"TagImage": image}, headers=headers,
                                 timeout=(CONNECT_TIMEOUT_S, SILENCE_TIMEOUT_S))
        result = response.json()
    except requests.exceptions.JSONDecodeError:  # the page of a proxy that did not reach it
        return _failure("服务暂不可用", "no_gateway", "no JSON, status %d"
                        % response.status_code), wait_s
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout,
            requests.exceptions.ChunkedEncodingError) as error:
        return _failure("服务暂不可用", "no_gateway", str(error)), wait_s
    if response.status_code == 503 or result.get("code") == "stopping":
        return result, int(response.headers.get("Retry-After", wait_s))
    return result, None


def _failure(error, code, message):
    return {"success": False, "error": error, "code": code, "message": message}


if __name__ == "__main__":
    if len(sys.argv) != 8:
        sys.exit("usage: dify_workflow.py IMAGE FOOD_TYPE PACKAGE_FOOD_TYPE SINGLE_OR_MULTI "
                 "PACKAGE_SIZE DETECTION_TIME SPECIAL_REQUIREMENT")
    answer = call_dify_workflow(*sys.argv[1:])
    print(json.dumps(answer, ensure_ascii=False, indent=2))
    sys.exit(0 if answer["success"] else 1)
