// A React page on the client module, in Chromium, against the local stack: the password, the second factor, and a
// step-up.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { TOGETHER, open, says, shows } from "../browser/page.js";
import { serve } from "./server.js";

const MEL = "mel@example.com";

/** The page, and what a user does there. */
async function opened(t) {
  const tools = await open(t, { front: serve });
  const { page, press, stack } = tools;
  return {
    ...tools,
    enterPassword: async () => {
      await page.getByLabel("E-mail").fill(MEL);
      await page.getByLabel("Password").fill(stack.password);
      await press("Continue");
    },
    /** Types the `count`th code that was sent, or another one. */
    enterCode: async (count, code) => {
      await page.getByLabel("Code").fill(code ?? (await stack.message(MEL, count)).code);
      await press("Verify");
    },
    send: async () => {
      await page.getByLabel("To").fill("Grace Hopper");
      await page.getByLabel("Amount").fill("25.50");
      await press("Send");
    },
  };
}

describe("a React page", TOGETHER, () => {
  test("signs in with password and code, and confirms a transfer with a code alone", async (t) => {
    const { page, press, context, enterPassword, enterCode, send } = await opened(t);
    await enterPassword();
    await enterCode(1, "000000");
    await says(page, "That code is not right; please try the current one. 4 attempts left.");
    await enterCode(1);
    await shows(page, "Transfer");
    await send();
    await enterCode(2);
    await says(page, /^Transfer .+ is made\.$/);

    // Called off, nothing is made, and the next one is asked about again.
    await send();
    await press("Cancel");
    await says(page, "No code was given.");
    await send();
    await page.getByLabel("Code").waitFor();
    await press("Cancel");

    const kept = await page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href]));
    assert.doesNotMatch(kept, /eyJ/);
    await press("Sign out");
    await shows(page, "Sign in");
    assert.deepEqual(await context.cookies(), []);
  });

  test("goes on after a reload, in the middle and when signed in", async (t) => {
    const { page, enterPassword, enterCode, send } = await opened(t);
    await enterPassword();
    await page.getByLabel("Code").waitFor();
    await page.reload();
    await enterCode(1);
    await shows(page, "Transfer");
    await page.reload();
    await shows(page, "Transfer");
    await send();
    await enterCode(2);
    await says(page, /is made\.$/);
  });
});

test("the page has at most 60 lines", () => {
  const lines = readFileSync(new URL("app.jsx", import.meta.url), "utf8").trimEnd().split("\n").length;
  assert.ok(lines <= 60, `${lines} lines`);
});
