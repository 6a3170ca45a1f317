// The files of a form: how they come to it, which are refused, and how they leave.

import {
  AT_A_RUN, carried, chooser, error, field, file, fillLeast, paper, picture, received, run,
} from "./form.mjs";
import { assert, axe, main, shot, slow, test, until } from "./kit.mjs";

test("files are dropped, pasted, chosen, shown and removed", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway);
  await fillLeast(page);
  const zone = field(page, "Picture").locator(".drop");
  const dropped = await carried(page, [{ name: "dropped.svg", type: "image/svg+xml",
    text: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>alert(1)</script>' +
      '<path d="M0 0h1v1H0z"/></svg>' }]);
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
  const paste = (data) => page.evaluate((clipboardData) => document.activeElement.dispatchEvent(
    new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true })), data);
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
  await error(page, "Picture").getByText("“paper.pdf” is of a type that this field does not take (only JPG")
    .waitFor();
  assert.match(await chooser(page, "Picture").getAttribute("accept"), /^image\/jpeg,/);
  const big = await page.evaluateHandle((bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], "big.png", { type: "image/png" }));
    return data;
  }, 10 * 1024 * 1024 + 1);
  await field(page, "Picture").locator(".drop").dispatchEvent("drop", { dataTransfer: big });
  await error(page, "Picture").getByText("“big.png” is larger than 10 MB").waitFor();
  await error(page, "Picture").scrollIntoViewIfNeeded();
  await shot(page, "form-file-refused");
  await chooser(page, "Picture").setInputFiles(picture());
  await error(page, "Picture").waitFor({ state: "detached" });
  await chooser(page, "Papers").setInputFiles(["1.pdf", "2.pdf", "3.pdf", "4.pdf"].map(paper));
  await error(page, "Papers").getByText("At most 3 files").waitFor();
  const names = await field(page, "Papers").locator("li .drop-name").allTextContents();
  assert.deepEqual(names, ["1.pdf", "2.pdf", "3.pdf"]);

  await page.goto(gateway.url + "#/apps/odd");
  await chooser(page, "Plans").setInputFiles(file("a.txt", "text/plain", "x"));
  await error(page, "Plans").getByText("(only DWG, STEP)").waitFor();
  await chooser(page, "Plans").setInputFiles(file("A.DWG", "", "x"));
  await error(page, "Plans").waitFor({ state: "detached" });
  assert.equal(await field(page, "Plans").getByRole("button", { name: "From a URL" }).count(), 0);
});

test("a file can be given by its address", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway);
  await fillLeast(page);
  await field(page, "Papers").getByRole("button", { name: "From a URL" }).click();
  const address = field(page, "Papers").getByLabel("URL of the file");
  await address.fill("file:///etc/passwd");
  await address.press("Enter");
  await error(page, "Papers").getByText("not the URL of a file").waitFor();
  await address.fill("https://example.org/a.pdf");
  await address.press("Enter");
  await field(page, "Papers").locator("li").waitFor();
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  assert.deepEqual((await received(gateway)).papers,
    [{ type: "document", transfer_method: "remote_url", url: "https://example.org/a.pdf" }]);
});

test("an upload shows how far it is, and can be cancelled", async (t) => {
  const gateway = await t.gateway("inputs.yaml");
  const page = await t.open(gateway, { motion: "no-preference" });
  await fillLeast(page);
  await chooser(page, "Picture").setInputFiles(picture("label.png", 2_000_000));
  await slow(page, { latencyMs: 20, bytesPerS: 100_000 });
  await run(page).click();
  const bar = page.locator("progress");
  await until("it is under way", () => bar.evaluate((at) => at.value), (value) => value > 0.05 && value < 0.95);
  await axe(page);
  await shot(page, "form-uploading");
  const question = page.waitForEvent("dialog");
  const reload = page.reload({ timeout: 3000 }).catch(() => {}); // it is not done
  const dialog = await question;
  assert.equal(dialog.type(), "beforeunload");
  await dialog.dismiss();
  await page.getByRole("button", { name: "Cancel" }).click();
  await reload;
  await page.getByText("Cancelled").waitFor();
  assert.equal((await gateway.simulator.stats()).posts, 0);
  await chooser(page, "Picture").setInputFiles(picture());
  await run(page).click();
  await page.waitForURL(AT_A_RUN);
  await received(gateway);
});

await main();
