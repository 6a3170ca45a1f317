// The result of a run: read, copied, saved, looked through, rated; and whatever a model or an
// upstream server put into it does nothing.

import { readFile } from "node:fs/promises";

import { allow, assert, axe, LOOKS, main, shot, steady, test, until } from "./kit.mjs";
import { gatewayOf, open, SVG } from "./results.mjs";

const tab = (page, name) => page.locator(".result").getByRole("tab", { name });

async function saved(page, act) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
}

test("whatever is in a result, nothing of it runs, asks or leads astray", async (t) => {
  const gateway = await gatewayOf(t);
  // The gateway refuses to ask for the picture's odd address.
  const { page, result } = await open(t, gateway, "hostile", { allow: [/status of 4(04|22)/] });
  page.on("dialog", () => { throw new Error("a dialog"); });
  await result.getByText("The end of it.").waitFor();
  const markdown = result.locator(".markdown-parts");
  await result.getByText("Thoughts").click();
  const found = await markdown.evaluate((root) => {
    const of = (selector) => [...root.querySelectorAll(selector)];
    return {
      tags: of("script, style, svg:not(summary svg), math, form, input, button:not(.code-box > button), iframe, object, embed, video, audio, base, meta, link, template"),
      attributes: of("*").flatMap((one) => [...one.attributes].map(({ name }) => name))
        .filter((name) => /^on|^style$|^id$|^name$|^srcset$|^ping$|^form|^background$|^data-/.test(name)),
      links: of("a[href]").map((one) => [one.protocol, one.rel, one.target].join(" ")),
      pictures: of("img").map((one) => one.getAttribute("src")),
      over: of("*").filter((one) => getComputedStyle(one).position === "fixed").length,
    };
  });
  assert.deepEqual(found.tags, []);
  assert.deepEqual(found.attributes, []);
  assert.deepEqual(found.pictures, []);
  assert.equal(found.over, 0);
  for (const link of found.links) assert.match(link, /^https?: noopener noreferrer nofollow _blank$/);
  // A picture from elsewhere is a link, named by its words.
  assert.equal(await markdown.getByRole("link", { name: "srcset picture" }).getAttribute("href"), "http://foreign.invalid/2.png");
  // Code is shown as it is written.
  await markdown.locator("pre", { hasText: "<script>window.hostile=27</script>" }).waitFor();
  for (const link of await markdown.locator("a:not([href])").all()) await link.click();
  for (const name of ["Outputs", "Files", "JSON"]) {
    await tab(page, name).click();
    await result.getByRole("tabpanel").locator(":scope > *").first().waitFor();
  }
  await tab(page, "Outputs").click();
  await result.getByText("<script>window.hostile=40</script>").waitFor();
  await result.getByText("<i>column</i>").waitFor();
  assert.equal(await page.evaluate(() => window.hostile), undefined);
  assert.ok(page.url().startsWith(gateway.url));
});

test("the text is read, chosen, copied, saved; thoughts are folded", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "rich");
  await result.getByRole("heading", { name: "Label check", level: 3 }).waitFor();
  assert.ok(!await result.getByText("First the name").isVisible());
  await result.getByText("Thoughts").click();
  await result.getByText("First the name").waitFor();
  assert.equal(await result.getByRole("cell", { name: "饼干" }).count(), 1);
  await result.getByRole("button", { name: "Copy", exact: true }).click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /# Label check/);
  const { name, text } = await saved(page, () => result.getByRole("button", { name: "Markdown" }).click());
  assert.match(name, /^text-.*\.md$/);
  assert.match(text, /# Label check/);
  await result.locator(".code-box").hover();
  await result.getByRole("button", { name: "Copy code" }).click();
  await result.locator(".code-box").getByText("Copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), '{"score": 18.5}');
  await result.getByLabel("Output", { exact: true }).selectOption("summary");
  await result.getByText("The label lacks a date.").waitFor();
  await axe(page);
}, { needs: "clipboard" });

test("outputs are shown by what they are; a table leaves as CSV", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "rich");
  await tab(page, "Outputs").click();
  const value = (name) => result.locator(".result-outputs > div", { has: page.locator("dt", { hasText: new RegExp(`^${name}`) }) }).locator("dd");
  assert.equal(await value("score").textContent(), "18.5");
  assert.equal(await value("missing").textContent(), "null");
  assert.equal(await value("id").textContent(), "1234567890123456789", "all digits");
  await value("none").getByText("(empty text)").waitFor();
  await value("rules").getByRole("columnheader", { name: "points" }).waitFor();
  await value("report").getByRole("tree").waitFor();
  const { name, text } = await saved(page, () => value("rules").getByRole("button", { name: "CSV" }).click());
  assert.match(name, /^rules-.*\.csv$/);
  assert.equal(text, "\uFEFFrule,found,points,note\r\nName,饼干,10,\r\nDate,,-1,'=1+1\r\n");
  const long = value("long");
  assert.ok((await long.textContent()).length < 1000);
  await long.getByRole("button", { name: /show all/ }).click();
  assert.ok((await long.textContent()).length > 5000);
  await axe(page);
});

test("everything goes by keyboard: tabs, tree, search", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "rich");
  await tab(page, "Text").focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await tab(page, "Outputs").getAttribute("aria-selected"), "true");
  await page.keyboard.press("End");
  assert.equal(await tab(page, "JSON").getAttribute("aria-selected"), "true");
  const tree = result.getByRole("tree");
  await tree.waitFor();
  const at = () => page.evaluate(() => document.activeElement.textContent.trim());
  await tree.getByRole("treeitem").first().focus();
  await page.keyboard.press("ArrowDown");
  assert.match(await at(), /^success/);
  await page.keyboard.press("ArrowDown");
  assert.match(await at(), /^data/);
  const isOpen = () => page.evaluate(() => document.activeElement.getAttribute("aria-expanded"));
  if (await isOpen() === "false") await page.keyboard.press("ArrowRight");
  assert.equal(await isOpen(), "true");
  await page.keyboard.press("ArrowRight");
  assert.match(await at(), /^workflow_run_id/);
  await page.keyboard.press("ArrowLeft");
  assert.match(await at(), /^data/);
  await page.keyboard.press("ArrowLeft");
  assert.equal(await isOpen(), "false");
  await page.keyboard.press("End");
  assert.match(await at(), /^run_id/);
  const search = result.getByRole("textbox", { name: "Search names and values" });
  await search.fill("PROTEIN");
  await result.locator(".json-count", { hasText: "1 / " }).waitFor();
  await search.press("Enter");
  const total = Number((await result.locator(".json-count").textContent()).split("/")[1]);
  assert.ok(total >= 2, `${total} hits`);
  await result.locator(".json-count", { hasText: `2 / ${total}` }).waitFor();
  await search.press("Shift+Enter");
  await result.locator(".json-count", { hasText: `1 / ${total}` }).waitFor();
  await result.getByRole("button", { name: "Copy path" }).click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^result\.data\./);
  await search.press("Escape");
  assert.equal(await search.inputValue(), "");
  const { text } = await saved(page, () => result.getByRole("tabpanel").getByRole("button", { name: "JSON" }).click());
  assert.equal(JSON.parse(text).success, true);
  assert.ok(text.includes("1234567890123456789"), "all digits");
  await axe(page);
}, { needs: "clipboard" });

test("a megabyte of JSON opens, folds and is searched fast enough to use", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result, run } = await open(t, gateway, "big");
  const bytes = JSON.stringify(await gateway.ask(`api/runs/${run}`)).length;
  const timed = async (what, act) => {
    const start = Date.now();
    await act();
    const ms = Date.now() - start;
    console.log(`    ${what}: ${ms} ms`);
    assert.ok(ms < 15_000, `${what}: ${ms} ms`); // a net: machines are slow at times
  };
  console.log(`    a result of ${(bytes / 1e6).toFixed(1)} MB`);
  await timed("opened", async () => {
    await tab(page, "JSON").click();
    await result.getByRole("tree").waitFor();
  });
  await timed("found", async () => {
    await result.getByRole("textbox", { name: "Search names and values" }).fill("needle in");
    await result.locator("mark", { hasText: "needle in" }).first().waitFor();
  });
  const rows = await result.getByRole("treeitem").count();
  assert.ok(rows < 600, `${rows} rows`);
  await timed("outputs", async () => {
    await tab(page, "Outputs").click();
    await result.getByText("row number 49").first().waitFor();
  });
}, { alone: true });

test("files: pictures seen, sound played, all saved; what is gone or elsewhere is said", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "files", { allow: [/status of 404/] });
  await tab(page, "Files").click();
  const item = (name) => result.locator(".result-file", { hasText: name });
  const picture = item("label.png").getByRole("button", { name: "Show label.png larger" });
  await picture.waitFor();
  assert.ok(await until("the picture is there", () => picture.locator("img").evaluate((img) => img.naturalWidth)) > 0);
  await picture.click();
  const dialog = page.getByRole("dialog", { name: "label.png" });
  await dialog.getByRole("img", { name: "label.png" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await item("gone.png").getByText("Dify no longer provides this file.").waitFor();
  await item("far.png").getByText("This file is not stored at Dify.").waitFor();
  assert.equal(await item("far.png").getByRole("link").getAttribute("href"), "http://foreign.invalid/far.png");
  assert.equal(await item("far.png").getByRole("button", { name: "Download" }).count(), 0);
  assert.equal(await item("evil.svg").locator("img").count(), 0, "a drawing is not shown");
  const drawing = await saved(page, () => item("evil.svg").getByRole("button", { name: "Download" }).click());
  assert.deepEqual(drawing, { name: "evil.svg", text: SVG });
  await item("answer.mp3").getByRole("button", { name: "Play" }).click();
  await item("answer.mp3").locator("audio").waitFor();
  await item("report.pdf").getByText("1.2 MB").waitFor();
  await axe(page);
  await steady(page);
  for (const look of LOOKS) {
    const other = await t.open(gateway, { ...look, path: page.url().slice(gateway.url.length), allow: [/status of 404/] });
    await other.locator(".result [role=tab]").nth(1).click();
    await other.locator(".result-file img").waitFor();
    await other.locator(".result-error").waitFor();
    await axe(other);
    await steady(other);
    await shot(other, "result-files", { fullPage: true });
  }
}, { seconds: 180 });

test("a failure says what, where, and what to try, in both languages", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result, run } = await open(t, gateway, "failing");
  await result.getByText("A node of the workflow failed.").waitFor();
  await result.locator("strong", { hasText: "Ask the model" }).waitFor();
  await result.getByText("upstream 503: <b>try again</b> later").waitFor();
  await result.getByText("workflow_failed").waitFor();
  await result.getByText("What the nodes had given by then.").waitFor();
  assert.equal(await tab(page, "Outputs").getAttribute("aria-selected"), "true");
  await axe(page);
  await result.getByRole("button", { name: "Show it Ask the model" }).click();
  await page.locator(".detail", { hasText: "Ask the model" }).waitFor();
  for (const look of LOOKS) {
    const other = await t.open(gateway, { ...look, path: `#/runs/${run}` });
    await other.getByText(look.lang === "zh" ? "工作流中有一个节点失败了。" : "A node of the workflow failed.").waitFor();
    await axe(other);
    await steady(other);
    await shot(other, "result-failed", { fullPage: true });
  }
  const partly = await open(t, gateway, "partly", { lang: "zh" });
  await partly.result.getByText("工作流已运行到结束，但途中处理过错误。").waitFor();
  await partly.result.getByText("without the page").waitFor();
}, { seconds: 180 });

test("a result without outputs says so", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "empty");
  await result.getByText("The run has no outputs.").waitFor();
  await result.getByText("JSON", { exact: true }).click();
  await result.getByRole("tree").waitFor();
  await axe(page);
});

test("a run is rated, with a comment, and that is taken back", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result, run } = await open(t, gateway, "empty");
  const row = async () => (await gateway.ask("api/runs")).data.find((one) => one.run_id === run);
  const good = result.getByRole("button", { name: "Good" });
  await good.click();
  await result.getByText("Saved here; Dify takes no ratings of such apps.").waitFor();
  assert.equal(await good.getAttribute("aria-pressed"), "true");
  const comment = result.getByLabel("Comment (optional)");
  await comment.fill("茶".repeat(1366));
  await result.getByText("2 bytes too long").waitFor();
  await comment.fill("很好, thanks");
  await result.getByRole("button", { name: "Save comment" }).click();
  await until("it is kept", row, ({ rating, comment: text }) => rating === "like" && text === "很好, thanks");
  await axe(page);
  await page.reload();
  await result.locator('[aria-pressed="true"]', { hasText: "Good" }).waitFor();
  assert.equal(await comment.inputValue(), "很好, thanks");
  await result.getByRole("button", { name: "Bad" }).click();
  await until("it is another", row, ({ rating }) => rating === "dislike");
  await result.locator('[aria-pressed="true"]', { hasText: "Bad" }).click();
  await result.getByText("Taken back.").waitFor();
  assert.deepEqual([(await row()).rating, (await row()).comment], [null, null]);
});

test("a chat's rating goes on to Dify", async (t) => {
  const gateway = await gatewayOf(t);
  const { page, result } = await open(t, gateway, "", {}, { app: "talk", query: "Hi", user: "u-1", inputs: {} });
  await result.getByText("this", { exact: true }).waitFor();
  await result.getByRole("button", { name: "Bad" }).click();
  await result.getByText("Saved, and passed on to Dify.").waitFor();
  await gateway.kill();
  allow(page, /ERR_/);
  await result.getByRole("button", { name: "Good" }).click();
  await result.getByText("Not saved. The gateway cannot be reached.").waitFor();
  assert.equal(await result.getByRole("button", { name: "Bad" }).getAttribute("aria-pressed"), "true");
});

test("it fits every width, in both languages and schemes", async (t) => {
  const gateway = await gatewayOf(t);
  const { run } = await open(t, gateway, "rich");
  for (const look of LOOKS) {
    const page = await t.open(gateway, { ...look, path: `#/runs/${run}` });
    for (const [i, name] of ["text", "outputs", "json"].entries()) {
      await page.locator(".result [role=tab]").nth(i).click();
      await page.locator(".result [role=tabpanel] :is(.markdown-parts, .result-outputs, .json-tree)").first().waitFor();
      await axe(page);
      await steady(page);
      await shot(page, `result-${name}`, { fullPage: true });
    }
  }
}, { seconds: 180 });

await main();
