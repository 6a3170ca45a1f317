import assert from "node:assert/strict";
import { test } from "node:test";
import type { Row } from "../src/run/layout";
import { moveOf, scrollTo, windowOf } from "../src/run/window";

const row = (depth: number, count = 0, isCollapsed = false) => ({ depth, count, isCollapsed }) as Row;
//               0       1          2       3       4
const rows = [row(0), row(0, 3), row(1, 1), row(2), row(1, 9, true)];

test("the rows in sight are in the window, at every place, with few more", () => {
  for (const count of [0, 1, 7, 40, 2000]) {
    for (let top = 0; top <= Math.max(0, count * 32 - 500); top += 17) {
      const [first, last] = windowOf(top, 500, 32, count);
      assert.ok(first <= Math.floor(top / 32), `${count} ${top}: ${first}`);
      assert.ok(last >= Math.min(count, Math.ceil((top + 500) / 32)), `${count} ${top}: ${last}`);
      assert.ok(last - first <= 30 && first >= 0 && last <= count);
    }
  }
});

test("the window is always of one size while there are rows for it: its elements are used again", () => {
  const sizes = new Set<number>();
  for (let top = 0; top < 2000 * 32 - 500; top += 111) {
    const [first, last] = windowOf(top, 500, 32, 2000);
    sizes.add(last - first);
  }
  assert.equal(sizes.size, 1);
});

test("a row comes in sight by the least scroll", () => {
  assert.equal(scrollTo(5, 32, 0, 500), 0);
  assert.equal(scrollTo(0, 32, 100, 500), 0);
  assert.equal(scrollTo(20, 32, 0, 500), 21 * 32 - 500);
});

test("keys go as in a treegrid", () => {
  assert.deepEqual(moveOf("ArrowDown", rows, 0, 10), { to: 1 });
  assert.deepEqual(moveOf("ArrowDown", rows, 4, 10), { to: 4 });
  assert.deepEqual(moveOf("ArrowUp", rows, 0, 10), { to: 0 });
  assert.deepEqual(moveOf("PageDown", rows, 1, 2), { to: 3 });
  assert.deepEqual(moveOf("End", rows, 0, 10), { to: 4 });
  assert.deepEqual(moveOf("Home", rows, 3, 10), { to: 0 });
  assert.equal(moveOf("Enter", rows, 3, 10), "open");
  assert.equal(moveOf("x", rows, 3, 10), null);
  assert.equal(moveOf("ArrowDown", [], 0, 10), null);
});

test("right unfolds, then goes inside; left folds, then goes to what is around", () => {
  assert.deepEqual(moveOf("ArrowRight", rows, 4, 10), { fold: false });
  assert.deepEqual(moveOf("ArrowRight", rows, 1, 10), { to: 2 });
  assert.equal(moveOf("ArrowRight", rows, 0, 10), null);
  assert.deepEqual(moveOf("ArrowLeft", rows, 2, 10), { fold: true });
  assert.deepEqual(moveOf("ArrowLeft", rows, 3, 10), { to: 2 });
  assert.deepEqual(moveOf("ArrowLeft", rows, 4, 10), { to: 1 });
  assert.equal(moveOf("ArrowLeft", rows, 0, 10), null);
});
