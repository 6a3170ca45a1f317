// Takes the README's pictures of the page anew: script/page --screenshots. The data are fixed; the
// time of day is not.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { main, test } from "./kit.mjs";

const docs = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "docs");
const MIDST = "beside the net content"; // of the text as it grows

test("a run in the midst of things, and its result on a phone", async (t) => {
  const gateway = await t.gateway("picture.yaml", { simulator: { faults: ["reset-after-events=9,times=1"] } });
  const order = { app: "label-check", user: "ann", inputs: { kind: "Biscuits" } };
  const run = await gateway.run(order);
  const path = `#/runs/${run}`;
  const page = await t.open(gateway, { path, width: 1440, height: 1000 });
  await page.getByText(MIDST).waitFor({ timeout: 60_000 });
  await page.screenshot({ path: join(docs, "page.png"), fullPage: true });
  await gateway.result(run);
  const phone = await t.open(gateway,
    { path, width: 390, height: 844, touch: true, scheme: "dark", deviceScaleFactor: 2 });
  await phone.getByRole("heading", { name: "Result" }).waitFor();
  await phone.getByRole("treegrid").waitFor();
  await phone.getByRole("heading", { name: "Timeline" }).evaluate((heading) => heading.scrollIntoView());
  await phone.evaluate(() => scrollBy(0, -140)); // below the head of the page
  await phone.screenshot({ path: join(docs, "page-phone.png") });
});

await main();
