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
    const { stack, page } = await open(t, { clock: true });
    await enterPassword(page, stack);
    await page.clock.fastForward(301_000);
    await shows(page, "Sign in");
    await says(page, "That took too long, or the session is over.");
  });

  test("a code that comes too late is told so", async (t) => {
    const { stack, page } = await open(t);
    await enterPassword(page, stack);
    // The tenant's clock goes ahead, the page's does not.
    await stack.tenant("POST", "/clock", { advance_seconds: 900 });
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
    await page.evaluate((code) => {
      const form = document.querySelector("form");
      form.code.value = code;
      for (let i = 0; i < 3; i++) form.requestSubmit();
    }, stack.code());
    await shows(page, "You are signed in");
    assert.equal(count(`POST ${AUTHENTICATE}`), 1);
    assert.equal(count(`POST ${VERIFY}`), 1);
  });

  test("the sixth digit sends the code, typed, pasted or full-width, and once", async (t) => {
    const { stack, page, press, count } = await open(t, { permissions: ["clipboard-read", "clipboard-write"] });
    await enterPassword(page, stack);
    const input = page.getByLabel("Six-digit code");
    assert.deepEqual(
      await input.evaluate(({ autocomplete, inputMode, type }) => [autocomplete, inputMode, type]),
      ["one-time-code", "numeric", "text"],
    );
    const wrong = wrongCode(stack.code);
    await page.keyboard.type(wrong.slice(0, 5));
    assert.equal(count(`POST ${VERIFY}`), 0);
    await page.keyboard.type(wrong.slice(5));
    await says(page, "4 attempts left");
    assert.deepEqual([await input.inputValue(), await input.evaluate((element) => element === document.activeElement)], ["", true]);

    const fullWidth = [...wrong].map((digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0)).join("");
    await input.fill(fullWidth);
    await says(page, "3 attempts left");
    assert.equal(count(`POST ${VERIFY}`), 2);

    await page.evaluate((code) => navigator.clipboard.writeText(` ${code.slice(0, 3)} ${code.slice(3)} `), stack.code());
    await page.keyboard.press("ControlOrMeta+V");
    await shows(page, "You are signed in");
    assert.equal(count(`POST ${VERIFY}`), 3);
    await press("Sign out");
  });

  test("what happens is said to those who cannot see it, and the focus is where one goes on", async (t) => {
    const { stack, page } = await open(t);
    const focus = () => page.evaluate(() => document.activeElement.name || document.activeElement.id);
    assert.equal(await focus(), "email");
    await enterPassword(page, stack);
    assert.equal(await focus(), "code");
    assert.equal(await page.title(), "Enter your code");
    const input = page.getByLabel("Six-digit code");
    const description = await input.evaluate((element) => document.getElementById(element.getAttribute("aria-describedby")).textContent);
    assert.match(description, /^This step ends in \d:\d\d/);

    let answer;
    const held = new Promise((resolve) => (answer = resolve));
    await page.route(`**${VERIFY}`, async (route) => {
      await held;
      await route.continue();
    });
    await input.fill(wrongCode(stack.code));
    await page.getByRole("status").filter({ hasText: "Verifying…" }).waitFor({ state: "attached" });
    assert.ok(await input.isDisabled());
    answer();
    await says(page, "That code is not right.");
    assert.equal(await page.locator("#card .progress").innerText(), "");
    assert.equal(await focus(), "code");
    await input.fill(stack.code());
    await shows(page, "You are signed in");
    assert.equal(await focus(), "card-title");
  });

  test("back is the password again, and forward the code", async (t) => {
    const { stack, page, count } = await open(t);
    await enterPassword(page, stack);
    await page.goBack();
    await shows(page, "Sign in");
    await page.goForward();
    await shows(page, "Enter your code");
    await page.goBack();
    await shows(page, "Sign in");
    await enterPassword(page, stack);
    await enterCode(page, stack.code());
    await shows(page, "You are signed in");
    assert.equal(count(`POST ${AUTHENTICATE}`), 2, "the password was sent twice");

    // Back does not sign out, and to leave and return does neither.
    await page.goBack();
    await shows(page, "You are signed in");
    await page.goto("about:blank");
    await page.goBack();
    await shows(page, "You are signed in");
  });

  test("two windows share a sign-in and its end", async (t) => {
    const { stack, page, context, press } = await open(t);
    await enterPassword(page, stack);
    const other = await context.newPage();
    await other.goto(stack.url);
    await shows(other, "Enter your code");
    await enterCode(other, stack.code());
    await shows(other, "You are signed in");

    // Here the code has come too late, and nothing is wrong.
    await enterCode(page, wrongCode(stack.code));
    await says(page, "You have signed in in another window.");
    await shows(page, "You are signed in");

    await press("Sign out");
    await shows(page, "Sign in");
    await shows(other, "Sign in");
  });

  test("without a language that it knows the page is in English", async (t) => {
    const { page } = await open(t, { locale: "fr-FR" });
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  });

  test("a code of the wrong form is not sent", async (t) => {
    const { stack, page, count } = await open(t);
    await enterPassword(page, stack);
    await enterCode(page, "12345");
    await says(page, "The code has six digits.");
    assert.equal(count(`POST ${VERIFY}`), 0);
    await enterCode(page, stack.code());
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
