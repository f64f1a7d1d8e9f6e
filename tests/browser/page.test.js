// The page in a real browser, against the local stack: a sign-in with an authenticator app.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { AUTHENTICATE, TOGETHER, VERIFY, enterCode, enterPassword, open, says, shows } from "./page.js";
import { wrongCode } from "./stack.js";

describe("a sign-in with an authenticator app", TOGETHER, () => {
  test("a wrong code, then the right one, gives tokens", async (t) => {
    const { stack, page } = await open(t);
    assert.match(await page.locator("#hint").innerText(), /^Local stack\s+Users and .* where cargo dev runs\. .* in the inbox\.$/);

    await page.getByLabel("E-mail").fill(stack.email);
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Continue" }).click();
    await says(page, "The e-mail address or the password is not right.");
    assert.equal(await page.getByLabel("E-mail").inputValue(), stack.email);
    assert.equal(await page.getByLabel("Password").inputValue(), "");

    await enterPassword(page, stack);

    await enterCode(page, wrongCode(stack.code));
    await says(page, "That code is not right. 4 attempts left.");
    assert.equal(await page.evaluate(() => document.activeElement.name), "code");

    await enterCode(page, stack.code());
    await shows(page, "You are signed in");
    const claims = await page.locator("#claims").innerText();
    assert.match(claims, /ada@example\.com/);
    assert.match(claims, /auth0\|/);
    assert.match(await page.locator("#access-token").innerText(), /^\S{16}…\S{8}$/);

    await page.getByRole("button", { name: "Sign out" }).click();
    await says(page, "You have signed out.");
  });

  test("tokens are in the page's memory and nowhere else", async (t) => {
    const { stack, page, context } = await open(t);
    await enterPassword(page, stack);
    await enterCode(page, stack.code());
    await shows(page, "You are signed in");
    const kept = await page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href]));
    assert.doesNotMatch(kept, /eyJ/);
    for (const cookie of await context.cookies()) {
      assert.ok(cookie.httpOnly && cookie.sameSite === "Strict", JSON.stringify(cookie));
      assert.doesNotMatch(cookie.value, /eyJ/);
    }
    const token = await page.locator("#access-token").innerText();
    await page.reload();
    await shows(page, "You are signed in");
    assert.notEqual(await page.locator("#access-token").innerText(), token, "a fresh one");
  });

  test("without a session a reload is a sign-out, and there is nothing to confirm", async (t) => {
    const { stack, page } = await open(t, { set: { AUTH0_SCOPE: "openid email", STEP_UP_SCOPES: "" } });
    await enterPassword(page, stack);
    await enterCode(page, stack.code());
    await shows(page, "You are signed in");
    for (const name of ["Transfer", "Get fresh tokens"]) assert.equal(await page.getByRole("button", { name }).count(), 0);
    await page.reload();
    await shows(page, "Sign in");
  });

  test("a reload in the middle goes on with the code", async (t) => {
    const { stack, page, count } = await open(t);
    await enterPassword(page, stack);
    await enterCode(page, wrongCode(stack.code));
    await says(page, "4 attempts left");
    await page.reload();
    await shows(page, "Enter your code");
    await page.getByText("4 attempts left").waitFor();
    await enterCode(page, stack.code());
    await shows(page, "You are signed in");
    assert.equal(count(`POST ${AUTHENTICATE}`), 1);
  });

  test("a sign-in that takes too long starts again", async (t) => {
    const { stack, page } = await open(t, { set: { PENDING_TTL_SECONDS: "3" } });
    await enterPassword(page, stack);
    await shows(page, "Sign in");
    await says(page, "That took too long, or the session is over.");
  });

  test("a code that comes too late is told so", async (t) => {
    const { stack, page } = await open(t, { set: { PENDING_TTL_SECONDS: "3" } });
    await enterPassword(page, stack);
    // The page's clock stands still, the server's does not.
    await page.clock.setFixedTime(Date.now());
    await page.waitForTimeout(3500);
    await enterCode(page, stack.code());
    await shows(page, "Sign in");
    await says(page, "That took too long, or the session is over.");
  });

  test("the last wrong code ends the sign-in", async (t) => {
    const { stack, page } = await open(t, { set: { MAX_ATTEMPTS: "2" } });
    await enterPassword(page, stack);
    await enterCode(page, wrongCode(stack.code));
    await says(page, "One attempt left");
    await enterCode(page, wrongCode(stack.code));
    await shows(page, "Sign in");
    await says(page, "Too many attempts");
    await enterPassword(page, stack);
    await enterCode(page, stack.code());
    await shows(page, "You are signed in");
  });

  test("a double click sends one request", async (t) => {
    const { stack, page, count } = await open(t);
    await page.getByLabel("E-mail").fill(stack.email);
    await page.getByLabel("Password").fill(stack.password);
    await page.getByRole("button", { name: "Continue" }).dblclick();
    await shows(page, "Enter your code");
    await page.getByLabel("Six-digit code").fill(stack.code());
    await page.evaluate(() => {
      const form = document.querySelector("form");
      for (let i = 0; i < 3; i++) form.requestSubmit();
    });
    await shows(page, "You are signed in");
    assert.equal(count(`POST ${AUTHENTICATE}`), 1);
    assert.equal(count(`POST ${VERIFY}`), 1);
  });

  test("a code of the wrong form is not sent", async (t) => {
    const { stack, page, count } = await open(t);
    await enterPassword(page, stack);
    await enterCode(page, "12345");
    await says(page, "The code has six digits.");
    assert.equal(count(`POST ${VERIFY}`), 0);
    const code = stack.code();
    await enterCode(page, `${code.slice(0, 3)} ${code.slice(3)}`);
    await shows(page, "You are signed in");
  });

  test("the keyboard is enough, in the dark and at 320 pixels", async (t) => {
    const { stack, page } = await open(t, { colorScheme: "dark", viewport: { width: 320, height: 640 } });
    const fits = async () => assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
    await fits();
    await page.keyboard.type(stack.email);
    await page.keyboard.press("Tab");
    await page.keyboard.type(stack.password);
    await page.keyboard.press("Enter");
    await shows(page, "Enter your code");
    await fits();
    await page.keyboard.type(stack.code());
    await page.keyboard.press("Enter");
    await shows(page, "You are signed in");
    await fits();
  });

  test("a server that is away, and back again", async (t) => {
    const { stack, page } = await open(t);
    await enterPassword(page, stack);
    await page.route("**/api/**", (route) => route.abort());
    const code = stack.code();
    await enterCode(page, code);
    await says(page, "The server cannot be reached.");
    assert.equal(await page.getByLabel("Six-digit code").inputValue(), code);
    await page.reload();
    await shows(page, "That did not work");
    await page.unroute("**/api/**");
    await page.getByRole("button", { name: "Try again" }).click();
    await shows(page, "Enter your code");
    await enterCode(page, stack.code());
    await shows(page, "You are signed in");
  });

  test("starting again forgets the sign-in", async (t) => {
    const { stack, page, context } = await open(t);
    await enterPassword(page, stack);
    await page.getByRole("button", { name: "Start again" }).click();
    await shows(page, "Sign in");
    assert.deepEqual(await context.cookies(), []);
  });
});
