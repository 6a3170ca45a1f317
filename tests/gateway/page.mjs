// Runs the example front end's script as its page would, with as much of a page as it asks for.
//
//     node page.mjs INDEX_HTML GATEWAY_URL PICTURE [NAME=VALUE]...
//
// Prints as JSON what the page shows in the end. PICTURE may be empty: the form has none then.

import { readFile } from "node:fs/promises";
import vm from "node:vm";

const [index, gateway, picture, ...fields] = process.argv.slice(2);
const page = await readFile(index, "utf8");
const script = page.match(/<script>([^]*)<\/script>/)[1];

const data = new FormData();
for (const field of fields) data.append(...field.split("="));
if (picture) data.append("TagImage", new Blob([await readFile(picture)]), "label.png");

const elements = { state: { textContent: "" }, result: { textContent: "" } };
const button = { disabled: false };
let submit;
elements.form = {
  addEventListener: (name, listener) => { submit = listener; },
  querySelector: () => button,
};

const asked = [];
vm.runInNewContext(script, {
  document: { getElementById: (id) => elements[id] },
  FormData: function () { return data; },
  fetch: (path, options) => {
    asked.push(path);
    return fetch(gateway + path, options);
  },
});
await submit({ target: elements.form, preventDefault: () => {} });
console.log(JSON.stringify({
  state: elements.state.textContent,
  result: elements.result.textContent,
  asked,
  isEnabled: !button.disabled,
}));
