// The form of an app: what is filled in, checked and sent, and what becomes of a request that is
// lost.

import { Buffer } from "node:buffer";
import { allow, assert, axe, LOOKS, main, shot, slow, steady, test, until } from "./kit.mjs";

const INLINE = /Executing inline event handler/; // Chromium says it of markup that is only taken apart, too
const AT_A_RUN = /#\/runs\/[0-9a-f-]{36}$/;
const PICTURE = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFElEQVR4nGNkYPjPgA0wYRUd" +
  "tBIAW/gBD8ux1w4AAAAASUVORK5CYII=", "base64");
const picture = (name = "label.png", bytes = PICTURE.length) =>
  ({ name, mimeType: "image/png", buffer: Buffer.concat([PICTURE, Buffer.alloc(Math.max(0, bytes - PICTURE.length))]) });
const paper = (name = "paper.pdf") => ({ name, mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n") });

/** What the simulated Dify got: the inputs of its only run. */
async function received(gateway) {
  const { runs } = await until("a run came", () => gateway.simulator.stats(), ({ runs }) => runs.length > 0);
  assert.equal(runs.length, 1, JSON.stringify(runs));
  assert.equal(runs[0].posts, 1);
  return runs[0].inputs;
}

const field = (page, label) => page.locator(".field", { has: page.locator(`label:has-text("${label}"), .label:has-text("${label}")`) });
const error = (page, label) => field(page, label).locator(".error");
const run = (page) => page.getByRole("button", { name: "Run", exact: true });
const chooser = (page, label) => field(page, label).locator("input[type=file]").first();

async function fillLeast(page) {
  await page.getByLabel("Topic").fill("tea");
  await page.getByLabel("食品类别").selectOption("饼干");
}

/** Files as a drop or a paste brings them. */
function carried(page, files) {
  return page.evaluateHandle((list) => {
    const data = new DataTransfer();
    for (const { name, type, text } of list) data.items.add(new File([text], name, { type }));
    return data;
  }, files);
}

test("every type of input is shown, filled, and arrives as its type", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway);
  await page.getByRole("heading", { name: "inputs" }).waitFor();
  assert.equal(await page.getByLabel("Text", { exact: true }).inputValue(), "Two lines\nof text");
  assert.equal(await page.getByLabel("Count").inputValue(), "3");
  await fillLeast(page);
  await page.getByLabel("Count").fill("-2.5");
  await page.getByLabel("Strict").check();
  await page.getByLabel("More").fill('{"a": [1, "二"]}');
  await chooser(page, "Picture").setInputFiles(picture());
  await chooser(page, "Papers").setInputFiles([paper("b.pdf"), picture("a.png")]);
  await page.getByLabel("Your name").fill("小王");
  await axe(page);
  await steady(page);
  await shot(page, "form-filled", { fullPage: true });
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  const inputs = await received(gateway);
  const kinds = (files) => files.map(({ type, transfer_method: by }) => `${type} ${by}`);
  assert.deepEqual(kinds([inputs.picture]), ["image local_file"]);
  assert.deepEqual(kinds(inputs.papers), ["document local_file", "image local_file"], "in their order");
  const { picture: _, papers: __, ...others } = inputs;
  assert.deepEqual(others, { topic: "tea", text: "Two lines\nof text", Foodtype: "饼干", count: -2.5, strict: true, more: { a: [1, "二"] } });
  assert.equal((await gateway.ask("api/runs")).data[0].user, "小王");
});

test("it looks right at every width, in both languages and schemes", async (t) => {
  const gateway = await t.gateway(["inputs.yaml", "forms.yaml"]);
  for (const look of LOOKS) {
    const page = await t.open(gateway, { ...look, path: "#/apps/inputs", allow: [INLINE] });
    await page.locator("form.form").waitFor();
    await axe(page);
    await steady(page);
    await page.locator("form.form button.primary").click();
    await page.locator(".form-end .notice").waitFor();
    await axe(page);
    await steady(page);
    await shot(page, "form-wrong", { fullPage: true });
    await page.goto(gateway.url + "#/apps/guide");
    await page.locator(".opening").waitFor();
    await axe(page);
    await steady(page);
    await shot(page, "form-of-a-chat");
    await page.context().close();
  }
}, { seconds: 120 });

test("what is wrong is told beside its field, all at once, and goes away while it is mended", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway);
  await page.getByLabel("Topic").fill("x".repeat(49));
  await page.getByLabel("More").fill("{a}");
  await page.getByLabel("Count").fill("");
  await page.getByLabel("Count").pressSequentially("1e");
  assert.equal(await error(page, "Topic").count(), 0, "nothing is wrong before it is sent");
  await run(page).click();
  await error(page, "Topic").getByText("49 characters").waitFor();
  await error(page, "More").getByText("no valid JSON").waitFor();
  await error(page, "Count").getByText("number").waitFor();
  await error(page, "食品类别").getByText("choose").waitFor();
  await page.getByRole("alert").getByText("4 fields need your attention: Topic, 食品类别, Count, More").waitFor();
  const topic = page.getByLabel("Topic");
  assert.ok(await topic.evaluate((element) => element === document.activeElement), "the first one has the focus");
  assert.equal(await topic.getAttribute("aria-invalid"), "true");
  const described = await topic.evaluate((element) =>
    element.getAttribute("aria-describedby").split(" ").map((id) => document.getElementById(id).textContent).join(" "));
  assert.match(described, /At most 48 characters.*Too long/);
  await topic.press("Backspace");
  await error(page, "Topic").waitFor({ state: "detached" });
  await page.getByLabel("Count").fill("1");
  await error(page, "Count").waitFor({ state: "detached" });
  await page.getByLabel("More").fill("");
  await page.getByLabel("食品类别").selectOption("other");
  await page.getByRole("alert").waitFor({ state: "detached" });
  assert.equal((await gateway.simulator.stats()).posts, 0);
  await topic.press("Enter"); // as browsers do
  await page.waitForURL(AT_A_RUN);
});

test("what the gateway refuses stands beside its field, too", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway, { allow: [/status of 400/] });
  await fillLeast(page);
  // The app has changed since the form was shown.
  await page.getByLabel("食品类别").evaluate((select) => {
    select.add(new Option("tin", "tin"));
    select.value = "tin";
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });
  await run(page).click();
  await error(page, "食品类别").getByText("must be one of the following").waitFor();
  await page.getByRole("alert").getByText("One field needs your attention: 食品类别").waitFor();
  assert.equal(await page.getByLabel("Topic").inputValue(), "tea");
});

test("the address fills it in, by names and labels", async (t) => {
  const gateway = await t.gateway(["inputs.yaml", "forms.yaml"]);
  const page = await t.open(gateway, { path: "?app=inputs&Topic=by+label&Foodtype=糖果&strict=true&count=x&user=someone&nothing=1" });
  await page.getByRole("heading", { name: "inputs" }).waitFor();
  assert.equal(await page.getByLabel("Topic").inputValue(), "by label");
  assert.equal(await page.getByLabel("食品类别").inputValue(), "糖果");
  assert.ok(await page.getByLabel("Strict").isChecked());
  assert.equal(await page.getByLabel("Count").inputValue(), "3", "what is no number is not taken");
  assert.equal(await page.getByLabel("Your name").inputValue(), "someone");
  await page.getByLabel("Text", { exact: true }).press("Control+Enter");
  await page.waitForURL(AT_A_RUN);
  assert.equal(new URL(page.url()).search, "", "an address of a run tells nothing of its form");
});

test("the values of last time are there again, and can be cleared", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway);
  await fillLeast(page);
  await page.getByLabel("Strict").check();
  await page.getByLabel("Count").fill("");
  await page.getByLabel("Your name").fill("me");
  await chooser(page, "Picture").setInputFiles(picture());
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  assert.equal((await received(gateway)).count, "", "an empty field does not become its default");
  await page.goto(gateway.url);
  await page.reload();
  await page.getByRole("heading", { name: "inputs" }).waitFor();
  const values = async () => [await page.getByLabel("Topic").inputValue(), await page.getByLabel("食品类别").inputValue(),
    await page.getByLabel("Strict").isChecked(), await page.getByLabel("Count").inputValue(), await page.getByLabel("Your name").inputValue()];
  assert.deepEqual(await values(), ["tea", "饼干", true, "", "me"]);
  assert.equal(await page.locator(".drop li").count(), 0, "files are not kept");
  await page.getByRole("button", { name: "Clear" }).click();
  assert.deepEqual(await values(), ["", "", false, "3", "me"]);
  await page.reload();
  await page.getByRole("heading", { name: "inputs" }).waitFor();
  assert.deepEqual(await values(), ["", "", false, "3", "me"]);
});

test("files are dropped, pasted, chosen, shown and removed", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway);
  await fillLeast(page);
  const zone = field(page, "Picture").locator(".drop");
  const dropped = await carried(page, [{ name: "dropped.svg", type: "image/svg+xml",
    text: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>alert(1)</script><path d="M0 0h1v1H0z"/></svg>' }]);
  await zone.dispatchEvent("dragover", { dataTransfer: dropped });
  assert.match(await zone.getAttribute("class"), /over/);
  await zone.scrollIntoViewIfNeeded();
  await shot(page, "form-drop");
  await zone.dispatchEvent("drop", { dataTransfer: dropped });
  await zone.getByText("dropped.svg").waitFor();
  assert.doesNotMatch(await zone.getAttribute("class"), /over/);
  await until("its picture is shown", () => zone.locator("img").evaluate((image) => image.naturalWidth));
  // Beside a field it is not taken, and the page stays.
  const stays = await page.locator("h1").evaluate((at, dataTransfer) =>
    !at.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true })), dropped);
  assert.ok(stays, "the browser would open it");

  const pasted = await carried(page, [{ name: "image.png", type: "image/png", text: "x" }]);
  const paste = (data) => page.evaluate((clipboardData) =>
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true })), data);
  await page.getByLabel("Topic").focus();
  await paste(pasted);
  await zone.getByText("image.png").waitFor();
  assert.equal(await zone.locator("li").count(), 1, "one takes the place of the other");
  await field(page, "Papers").getByRole("button", { name: "Choose files" }).focus();
  await paste(pasted);
  const papers = field(page, "Papers").locator(".drop");
  await papers.getByText("image.png").waitFor();
  await papers.getByText("1 of 3 chosen").waitFor();
  await pasted.evaluate((data) => data.items.add("a cell of a table", "text/plain"));
  await paste(pasted);
  assert.equal(await papers.locator("li").count(), 1, "a text is meant");

  await papers.getByRole("button", { name: "Remove image.png" }).click();
  assert.equal(await papers.locator("li").count(), 0);
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  const inputs = await received(gateway);
  assert.equal(inputs.picture.type, "image");
  assert.equal(inputs.papers ?? null, null);
});

test("files of a wrong type, too large and too many are refused at once", async (t) => {
  const gateway = await t.gateway(["inputs.yaml", "forms.yaml"]);
  const page = await t.open(gateway, { path: "#/apps/inputs" });
  await chooser(page, "Picture").setInputFiles(paper());
  await error(page, "Picture").getByText("“paper.pdf” is of a type that is not taken here (only JPG").waitFor();
  assert.match(await chooser(page, "Picture").getAttribute("accept"), /^image\/jpeg,/);
  await chooser(page, "Picture").setInputFiles(picture("big.png", 10 * 1024 * 1024 + 1));
  await error(page, "Picture").getByText("“big.png” is larger than 10 MB").waitFor();
  await error(page, "Picture").scrollIntoViewIfNeeded();
  await shot(page, "form-file-refused");
  await chooser(page, "Picture").setInputFiles(picture());
  await error(page, "Picture").waitFor({ state: "detached" });
  await chooser(page, "Papers").setInputFiles(["1.pdf", "2.pdf", "3.pdf", "4.pdf"].map(paper));
  await error(page, "Papers").getByText("At most 3 files").waitFor();
  assert.deepEqual(await field(page, "Papers").locator("li .drop-name").allTextContents(), ["1.pdf", "2.pdf", "3.pdf"]);

  await page.goto(gateway.url + "#/apps/odd");
  await chooser(page, "Plans").setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("x") });
  await error(page, "Plans").getByText("(only DWG, STEP)").waitFor();
  await chooser(page, "Plans").setInputFiles({ name: "A.DWG", mimeType: "", buffer: Buffer.from("x") });
  await error(page, "Plans").waitFor({ state: "detached" });
  assert.equal(await field(page, "Plans").getByRole("button", { name: "By address" }).count(), 0);
});

test("a file can be given by its address", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway);
  await fillLeast(page);
  await field(page, "Papers").getByRole("button", { name: "By address" }).click();
  const address = field(page, "Papers").getByLabel("Address of the file");
  await address.fill("file:///etc/passwd");
  await address.press("Enter");
  await error(page, "Papers").getByText("no address").waitFor();
  await address.fill("https://example.org/a.pdf");
  await address.press("Enter");
  await field(page, "Papers").locator("li").waitFor();
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  assert.deepEqual((await received(gateway)).papers, [{ type: "document", transfer_method: "remote_url", url: "https://example.org/a.pdf" }]);
});

test("an upload shows how far it is, and can be cancelled", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway, { motion: "no-preference" });
  await fillLeast(page);
  await chooser(page, "Picture").setInputFiles(picture("label.png", 4_000_000));
  await slow(page, { latencyMs: 20, bytesPerS: 200_000 });
  await run(page).click();
  const bar = page.locator("progress");
  await until("it is under way", () => bar.evaluate((at) => at.value), (value) => value > 0.05 && value < 0.95);
  await axe(page);
  await shot(page, "form-uploading");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Cancelled").waitFor();
  assert.equal((await gateway.simulator.stats()).posts, 0);
  await chooser(page, "Picture").setInputFiles(picture());
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  await received(gateway);
});

test("a lost answer and two clicks make one run", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway);
  await fillLeast(page);
  await chooser(page, "Papers").setInputFiles([paper(), picture()]);
  allow(page, /net::ERR_/);
  let lost = 0;
  const keys = new Set();
  await page.route("**/api/runs", async (route) => {
    if (route.request().method() !== "POST") return route.fallback();
    keys.add(route.request().headers()["idempotency-key"]);
    if (++lost > 6) return route.continue();
    await route.fetch(); // it has arrived
    return route.abort("connectionreset");
  });
  await run(page).dblclick();
  await page.getByText("No answer; trying again").waitFor();
  await page.getByText("Trying again does not start it twice").waitFor();
  assert.equal(lost, 4, "a double click sends once; then it is tried three times more");
  await shot(page, "form-no-answer");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForURL(AT_A_RUN);
  assert.equal(keys.size, 1);
  await received(gateway);
  assert.equal((await gateway.simulator.stats()).runs_started, 1);
  assert.equal((await gateway.ask("api/runs")).data.length, 1);
}, { seconds: 90 });

test("a full queue says when to try again, and keeps everything", async (t) => {
  const gateway = await t.gateway(["inputs.yaml", "slow.yaml"], { apps: { inputs: { max_runs: 1, queue: 0, queue_timeout: "2s" } }, simulator: { faults: ["queued=3,times=1"] } });
  const page = await t.open(gateway, { path: "#/apps/inputs", allow: [/status of 429/] });
  await gateway.run({ app: "inputs", inputs: { topic: "first", Foodtype: "饼干" } });
  await fillLeast(page);
  await run(page).click();
  await page.getByText(/Try again in .*second/).waitFor();
  assert.equal(await page.getByLabel("Topic").inputValue(), "tea");
  await until("its place is free", () => gateway.ask("api/apps"), ({ data }) => data[0].running === 0);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForURL(AT_A_RUN);
});

test("a token is asked for when the gateway wants one, and the run starts after it", async (t) => {
  const gateway = await t.gateway("inputs.yaml", { tokens: {
    page: { hash: "sha256:c7355b9788d3036817b4b9118e71116224521da29885b160eb8451377c47b377" } } });
  const page = await t.open(gateway, { allow: [/status of 401/] });
  await page.getByRole("textbox", { name: "Access token" }).fill("a-token-of-the-tests");
  await page.getByRole("button", { name: "Continue" }).click();
  await fillLeast(page);
  await page.evaluate(() => sessionStorage.clear()); // as if it had been taken back meanwhile
  await run(page).click();
  await page.getByRole("textbox", { name: "Access token" }).fill("a-token-of-the-tests");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(AT_A_RUN);
  await received(gateway);
});

test("names of the gateway's own are inputs like others; what is hidden is sent, what is unknown is text", async (t) => {
  const gateway = await t.gateway("forms.yaml");
  const page = await t.open(gateway, { path: "#/apps/odd" });
  for (const [label, text] of [["An app", "inputs"], ["A user", "nobody"], ["More", "{}"], ["Query", "lines\nof it"], ["Level", "7"]])
    await page.getByLabel(label).fill(text);
  await page.getByText("does not know this kind of field").waitFor();
  await page.getByText("What is meant").waitFor();
  assert.equal(await page.getByLabel("Token").count(), 0);
  await chooser(page, "Plans").setInputFiles({ name: "a.dwg", mimeType: "", buffer: Buffer.from("x") });
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  const { plans, ...inputs } = await received(gateway);
  assert.deepEqual(inputs, { app: "inputs", user: "nobody", inputs: "{}", query: "lines\nof it", token: "secret", level: "7" });
  assert.equal(plans[0].type, "custom");
});

test("several apps: one is chosen, and says why it is not there", async (t) => {
  const gateway = await t.gateway(["inputs.yaml", "forms.yaml"]);
  for (const look of [{ width: 1440 }, { width: 390, lang: "zh", scheme: "dark", touch: true }]) {
    const page = await t.open(gateway, { ...look, allow: [/status of/, INLINE] });
    await page.locator(".apps").waitFor();
    assert.equal(await page.locator(".apps li").count(), 4);
    await page.locator(".apps li", { hasText: "away" }).locator(".bad").waitFor();
    await axe(page);
    await steady(page);
    await shot(page, "apps");
    await page.getByRole("link", { name: "guide" }).click();
    await page.locator("form.form").waitFor();
    assert.match(await page.title(), /^guide · /);
    await page.getByRole("button", { name: /All apps|所有应用/ }).click();
    await page.locator(".apps").waitFor();
    await page.goto(gateway.url + "#/apps/none");
    await page.getByText("none").waitFor();
    await page.context().close();
  }
});

test("a chat: its opening, its suggestions, and a message of several lines", async (t) => {
  const gateway = await t.gateway("forms.yaml");
  const page = await t.open(gateway, { path: "#/apps/guide", allow: [INLINE] });
  await page.locator(".opening strong", { hasText: "the guide" }).waitFor();
  assert.equal(await page.locator(".opening [onerror]").count(), 0);
  await page.getByLabel("Place").fill("here");
  await page.getByRole("button", { name: "Where to?" }).click();
  const message = page.getByLabel("Your message");
  assert.equal(await message.inputValue(), "Where to?");
  await message.press("Enter");
  await message.pressSequentially("And when?");
  await message.press("Control+Enter");
  await page.waitForURL(AT_A_RUN);
  const id = page.url().split("/").at(-1);
  const result = await gateway.result(id);
  assert.equal(result.data.answer ?? result.data.outputs.answer, "You said: Where to?\nAnd when?");
});

test("it works behind a proxy's path", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const proxy = await t.proxy(gateway, "/tools/dify/");
  const page = await t.open(proxy);
  await fillLeast(page);
  await chooser(page, "Picture").setInputFiles(picture());
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  assert.match(page.url(), /\/tools\/dify\//);
  await received(gateway);
});

await main();
