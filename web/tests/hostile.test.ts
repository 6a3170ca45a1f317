// Words of others' that are names of what every object has.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOf, inputsOf } from "../src/form/fields";
import { startValues } from "../src/form/values";
import { parseAnswer } from "../src/lib/api";
import { shortTime, time } from "../src/lib/format";
import type { JsonObject } from "../src/lib/types";
import { explain } from "../src/result/codes";
import { inputsOf as formInputs } from "../src/run/pieces";
import { statusChar } from "../src/run/told";
import { statusText, statusTone } from "../src/ui/status";

const NAMES = ["constructor", "__proto__", "toString", "hasOwnProperty"];

test("a status or code of such a name is one that is not known", () => {
  for (const name of NAMES) {
    assert.equal(statusText(name), name);
    assert.equal(statusTone(name), "none");
    assert.equal(statusChar(name), "!");
    assert.deepEqual(explain(name), explain("some-code"));
  }
  assert.equal(statusText("tryAgain"), "tryAgain");
});

test("inputs of such names are empty at first, and sent as they are", () => {
  const fields = fieldsOf({ user_input_form: NAMES.map((variable) => ({ paragraph: { variable } })) });
  const values = startValues(fields, { address: null, again: null, last: {} });
  assert.deepEqual(Object.values(values), NAMES.map(() => ""));
  const filled = Object.fromEntries(fields.map(({ id }) => [id, "x"]));
  const sent = JSON.stringify(inputsOf(fields, filled).inputs);
  assert.equal(sent, `{${NAMES.map((name) => `"${name}":"x"`).join()}}`);
  const asked = formInputs({ inputs: NAMES.map((output_variable_name) => ({ output_variable_name })), resolved_default_values: {} as JsonObject });
  assert.deepEqual(asked.map(({ initial }) => initial), NAMES.map(() => ""));
});

test("what is no answer of the gateway is called so", () => {
  for (const text of ["<!doctype html><title>Log in</title>", "", "null", "17", '"x"', "{"])
    assert.throws(() => parseAnswer(text), { status: 0, code: "not_the_gateway" });
});

test("a time beyond all dates is none", () => {
  for (const seconds of [1e20, -1e20, Infinity, NaN]) assert.equal(time(seconds) + shortTime(seconds), "––");
});
