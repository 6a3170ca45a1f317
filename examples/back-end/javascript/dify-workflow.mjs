// Checks a food label with a Dify workflow, through difystream's gateway: one POST, one result.
//
//     import { callDifyWorkflow } from "./dify-workflow.mjs";
//     const result = await callDifyWorkflow("label.png", "饼干", "预包装食品", "单品", "", "", "");
//     console.log(result.success ? result.data.outputs : result.error);
//
// It needs Node.js 18 or newer, no package, and the gateway's address: $DIFYSTREAM_URL, else
// http://127.0.0.1:8000.

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const GATEWAY_URL = process.env.DIFYSTREAM_URL ?? "http://127.0.0.1:8000";
const TRIES = 8;
const LONGEST_WAIT_S = 15;

// Runs the workflow and resolves to its result: {success: true, data: {...}}, or
// {success: false, error, code, message}. A run may take many minutes; no clock is set here, since
// the gateway sends a newline every 15 s from 20 s on, and fetch itself gives up after 300 s of
// silence.
//
// What breaks on the way to the gateway is asked again under the same key, and joins the run that
// was begun: the workflow never runs twice.
export async function callDifyWorkflow(imageFilePath, foodType, packageFoodType, singleOrMulti,
                                       packageSize, detectionTime, specialRequirement) {
  const fields = {
    Foodtype: foodType,
    PackageFoodType: packageFoodType,
    SingleOrMulti: singleOrMulti,
    PackageSize: packageSize,
    DetectionTime: detectionTime,
    SpecialRequirement: specialRequirement,
  };
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== null) form.append(name, String(value));
  }
  try {
    form.append("TagImage", new Blob([await readFile(imageFilePath)]), basename(imageFilePath));
  } catch (error) {
    return failure("无法读取图片文件", "file_unreadable", error.message);
  }

  const headers = { "Idempotency-Key": randomUUID() };
  let result;
  let waitSeconds = 0;
  for (let attempt = 0; attempt < TRIES && waitSeconds !== null; attempt++) {
    await sleep(waitSeconds * 1000);
    [result, waitSeconds] = await post(form, headers, Math.min(2 ** attempt, LONGEST_WAIT_S));
  }
  return result;
}

// Asks once: the result, and after how many seconds to ask again (null: it is final).
async function post(form, headers, waitSeconds) {
  let response;
  let result;
  try {
    response = await fetch(`${GATEWAY_URL}/api/detect`, { method: "POST", headers, body: form });
    result = await response.json();
  } catch (error) {
    // No connection, one that broke, or the page of a proxy that did not reach the gateway.
    return [failure("服务暂不可用", "no_gateway", String(error.cause ?? error)), waitSeconds];
  }
  if (response.status === 503 || result.code === "stopping") {
    return [result, Number(response.headers.get("Retry-After") ?? waitSeconds)];
  }
  return [result, null];
}

function failure(error, code, message) {
  return { success: false, error, code, message };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (process.argv.length !== 9) {
    console.error("usage: node dify-workflow.mjs IMAGE FOOD_TYPE PACKAGE_FOOD_TYPE " +
                  "SINGLE_OR_MULTI PACKAGE_SIZE DETECTION_TIME SPECIAL_REQUIREMENT");
    process.exit(2);
  }
  const answer = await callDifyWorkflow(...process.argv.slice(2));
  console.log(JSON.stringify(answer, null, 2));
  process.exitCode = answer.success ? 0 : 1;
}
