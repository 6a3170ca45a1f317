import assert from "node:assert/strict";
import { test } from "node:test";
import { inputsOf, piecesOf } from "../src/run/pieces";

test("inputs stand where the text has their names", () => {
  assert.deepEqual(piecesOf("Please review: draft\n\n{{#$output.comment#}}\n\nThank you", ["comment"]),
    [{ text: "Please review: draft\n\n" }, { input: "comment" }, { text: "\n\nThank you" }]);
});

test("what the text does not name comes last, what it names twice once, what is no input never", () => {
  assert.deepEqual(piecesOf("{{#$output.a#}}{{#$output.a#}} and {{#$output.x#}}", ["a", "b"]),
    [{ input: "a" }, { text: " and " }, { input: "b" }]);
  assert.deepEqual(piecesOf("", []), []);
  assert.deepEqual(piecesOf("{{#$output.#}} {{#1.output#}}", []), [{ text: "{{#$output.#}} {{#1.output#}}" }]);
});

test("an input begins with what Dify has made of its default, else with a constant", () => {
  const inputs = inputsOf({
    inputs: [
      { output_variable_name: "comment", type: "paragraph", default: { type: "variable", selector: ["t0", "output"], value: "" } },
      { output_variable_name: "why", type: "paragraph", default: { type: "constant", selector: [], value: "because" } },
      { output_variable_name: "kind", type: "select", default: null, options: ["a", 1, "b"] } as never,
      { output_variable_name: "bare" },
    ],
    resolved_default_values: { comment: "draft" },
  });
  assert.deepEqual(inputs.map(({ name, type, initial }) => [name, type, initial]),
    [["comment", "paragraph", "draft"], ["why", "paragraph", "because"], ["kind", "select", ""], ["bare", "paragraph", ""]]);
  assert.deepEqual(inputs[2]!.options, ["a", "b"]);
});
