// The form of an app: what fills it in, what is checked, and what is sent of it.

import {
  AT_A_RUN, chooser, error, field, file, fillLeast, INLINE, paper, picture, received, run,
} from "./form.mjs";
import { assert, axe, LOOKS, main, shot, steady, test } from "./kit.mjs";

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
  assert.deepEqual(others, { topic: "tea", text: "Two lines\nof text", Foodtype: "饼干", count: -2.5,
    strict: true, more: { a: [1, "二"] } });
  assert.equal((await gateway.ask("api/runs")).data[0].user, "小王");
});

test("it looks right at every width, in both languages and schemes", async (t) => {
  const gateway = await t.gateway(["inputs.yaml", "forms.yaml"]);
  for (const look of LOOKS) {
    const page = await t.open(gateway, { ...look, path: "#/apps/inputs", allow: [INLINE] });
    await page.locator("form.form").waitFor();
    const cameras = page.getByRole("button", { name: /Take a photo|拍照/ });
    assert.equal(await cameras.count(), look.touch ? 2 : 0, "where there is a camera at hand");
    await steady(page);
    await page.locator("form.form button.primary").click();
    await page.locator(".form-end .notice").waitFor();
    await axe(page);
    await steady(page);
    await shot(page, "form-wrong", { fullPage: true });
    await page.goto(gateway.url + "#/apps/guide");
    await page.reload(); // a screenshot of the full page moves things, too
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
  await error(page, "More").getByText("not valid JSON").waitFor();
  await error(page, "Count").getByText("number").waitFor();
  await error(page, "食品类别").getByText("choose").waitFor();
  await page.getByRole("alert").getByText("4 fields need your attention: Topic, 食品类别, Count, More")
    .waitFor();
  const topic = page.getByLabel("Topic");
  assert.ok(await topic.evaluate((element) => element === document.activeElement), "the first one has the focus");
  assert.equal(await topic.getAttribute("aria-invalid"), "true");
  const described = await topic.evaluate((element) =>
    element.getAttribute("aria-describedby").split(" ").map((id) => document.getElementById(id).textContent).join(" "));
  assert.match(described, /At most 48 characters.*Too long/);
  await page.getByRole("button", { name: "中文" }).click();
  await error(page, "食品类别").getByText("请选择一项").waitFor();
  assert.equal((await topic.inputValue()).length, 49, "another language leaves all as it is");
  await page.getByRole("button", { name: "English" }).click();
  await topic.press("End");
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
  const path = "?app=inputs&Topic=by+label&Foodtype=糖果&strict=true&count=x&user=someone&nothing=1";
  const page = await t.open(gateway, { path });
  await page.getByRole("heading", { name: "inputs" }).waitFor();
  assert.equal(await page.getByLabel("Topic").inputValue(), "by label");
  assert.equal(await page.getByLabel("食品类别").inputValue(), "糖果");
  assert.ok(await page.getByLabel("Strict").isChecked());
  assert.equal(await page.getByLabel("Count").inputValue(), "3", "what is no number is not taken");
  assert.equal(await page.getByLabel("Your name").inputValue(), "someone");
  await page.getByLabel("食品类别").press("Control+Enter");
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
  const value = (label) => page.getByLabel(label).inputValue();
  const values = async () => [await value("Topic"), await value("食品类别"),
    await page.getByLabel("Strict").isChecked(), await value("Count"), await value("Your name")];
  assert.deepEqual(await values(), ["tea", "饼干", true, "", "me"]);
  assert.equal(await page.locator(".drop li").count(), 0, "files are not kept");
  await page.getByRole("button", { name: "Clear" }).click();
  assert.deepEqual(await values(), ["", "", false, "3", "me"]);
  await page.reload();
  await page.getByRole("heading", { name: "inputs" }).waitFor();
  assert.deepEqual(await values(), ["", "", false, "3", "me"]);
});

test("names of the gateway's own are inputs; what is hidden is sent, what is unknown is text", async (t) => {
  const gateway = await t.gateway("forms.yaml");
  const page = await t.open(gateway, { path: "#/apps/odd" });
  const texts = { "An app": "inputs", "A user": "nobody", More: "{}", Query: "lines\nof it", Level: "7" };
  for (const [label, text] of Object.entries(texts)) await page.getByLabel(label).fill(text);
  await page.getByText("does not know this kind of field").waitFor();
  await page.getByText("What is meant").waitFor();
  assert.equal(await page.getByLabel("Token").count(), 0);
  await chooser(page, "Plans").setInputFiles(file("a.dwg", "", "x"));
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  const { plans, ...inputs } = await received(gateway);
  assert.deepEqual(inputs, { app: "inputs", user: "nobody", inputs: "{}", query: "lines\nof it",
    token: "secret", level: "7" });
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

test("a run's inputs are there once more, but for its files", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway);
  await fillLeast(page);
  await page.getByLabel("Text", { exact: true }).fill("");
  await page.getByLabel("Count").fill("7");
  await chooser(page, "Picture").setInputFiles(picture());
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  await page.evaluate(() => localStorage.clear()); // as of one that somebody else has asked for
  await page.getByRole("button", { name: "Run again" }).click();
  await page.waitForURL(/#\/apps\/inputs$/);
  await page.getByRole("heading", { name: "inputs" }).waitFor();
  assert.equal(await page.getByLabel("Topic").inputValue(), "tea");
  assert.equal(await page.getByLabel("食品类别").inputValue(), "饼干");
  assert.equal(await page.getByLabel("Count").inputValue(), "7");
  assert.equal(await page.getByLabel("Text", { exact: true }).inputValue(), "");
  await field(page, "Picture").getByText("choose them again").waitFor();
  assert.equal(await field(page, "Papers").getByText("choose them again").count(), 0);
});

test("a chat is asked on in its conversation", async (t) => {
  const gateway = await t.gateway("forms.yaml");
  const page = await t.open(gateway, { path: "#/apps/guide", allow: [INLINE] });
  await page.getByLabel("Place").fill("here");
  await page.getByLabel("Your message").fill("First");
  await page.getByRole("button", { name: "Send" }).click();
  await page.waitForURL(AT_A_RUN);
  const first = page.url();
  const next = page.getByLabel("Follow up");
  await next.press("Control+Enter");
  await page.getByText("Please fill this in.").waitFor();
  await next.fill("Second");
  await axe(page);
  await shot(page, "form-ask-on");
  await next.press("Control+Enter");
  await page.waitForURL((url) => AT_A_RUN.test(url.href) && url.href !== first);
  const results = await Promise.all([first, page.url()].map((url) => gateway.result(url.split("/").at(-1))));
  assert.equal(results[0].data.conversation_id, results[1].data.conversation_id);
  assert.equal(results[1].data.outputs.answer, "You said: Second");
  assert.equal(await next.inputValue(), "", "a new run, a new message");
});

await main();
