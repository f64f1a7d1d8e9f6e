// A signed-in user confirms a transfer with the second factor alone; and the session that this needs.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { AUTHENTICATE, TOGETHER, TRANSFERS, VERIFY, enterPassword, fits, open, says, shows, signIn } from "./page.js";

const MEL = "mel@example.com";
const dialog = (page) => page.getByRole("dialog");

/** Fills in a transfer and sends it. */
async function send(page, to, amount) {
  await page.getByRole("textbox", { name: "To", exact: true }).fill(to);
  await page.getByRole("textbox", { name: "Amount in €" }).fill(amount);
  await page.getByRole("button", { name: "Transfer", exact: true }).click();
}

/** Types a code into the dialog, which six digits leave by themselves. */
const confirm = (page, code) => dialog(page).getByRole("textbox", { name: "Code" }).fill(code);

const asks = (page, words = "Enter your code") => dialog(page).getByRole("heading", { name: words }).waitFor();
const isClosed = (page) => dialog(page).waitFor({ state: "hidden" });

describe("step-up and session", TOGETHER, () => {
  test("a transfer asks for the code alone, and the next one asks again", async (t) => {
    const { stack, page, count } = await open(t);
    await signIn(page, stack, MEL);
    const answers = [];
    page.on("response", (response) => response.url().endsWith(TRANSFERS) && answers.push([response.status(), response.headers()["www-authenticate"]]));

    await send(page, "Grace Hopper", "25,50");
    await asks(page);
    await dialog(page).getByText("To confirm: 25.50 € to Grace Hopper").waitFor();
    assert.equal(await page.getByLabel("Password").count(), 0);
    const [[status, challenge]] = answers;
    assert.equal(status, 401);
    assert.match(challenge, /^Bearer error="insufficient_user_authentication", .*scope="transfer:funds"$/);

    await confirm(page, "000000");
    await dialog(page).getByRole("alert").filter({ hasText: "That code is not right. 4 attempts left." }).waitFor();
    await confirm(page, (await stack.message(MEL, 2)).code);
    await says(page, "25.50 € went to Grace Hopper.");
    await isClosed(page);
    assert.equal(count(`POST ${TRANSFERS}`), 2);

    await send(page, "Alan Turing", "1");
    await asks(page);
    await dialog(page).getByText("To confirm: 1 € to Alan Turing").waitFor();
    await confirm(page, (await stack.message(MEL, 3)).code);
    await says(page, "1.00 € went to Alan Turing.");
    // The token at hand, the one that confirmed the first and is used up, the new one.
    assert.deepEqual(answers.map(([status]) => status), [401, 200, 401, 401, 200]);
    assert.match(answers[3][1], /confirmed a transfer already/);
  });

  test("a transfer that is not confirmed is not made, and the session goes on", async (t) => {
    const { stack, page, count } = await open(t);
    await signIn(page, stack, MEL);
    await send(page, "Grace Hopper", "5");
    await asks(page);
    await page.keyboard.press("Escape");
    await isClosed(page);
    assert.equal(await page.getByRole("textbox", { name: "To", exact: true }).inputValue(), "Grace Hopper");
    await page.getByRole("button", { name: "Transfer", exact: true }).click();
    await asks(page);
    await dialog(page).getByRole("button", { name: "Cancel" }).click();
    await isClosed(page);
    assert.equal(count(`POST ${TRANSFERS}`), 2);
    assert.equal(count(`POST ${VERIFY}`), 1, "the sign-in's");
    await page.getByRole("button", { name: "Get fresh tokens" }).click();
    await says(page, "These tokens are fresh.");
  });

  test("a reload keeps the session, with a fresh token that confirms nothing", async (t) => {
    const { stack, page, count } = await open(t);
    await signIn(page, stack, MEL);
    const token = await page.locator("#access-token").innerText();
    await page.reload();
    await shows(page, "You are signed in");
    await page.locator("#access-token").waitFor();
    assert.notEqual(await page.locator("#access-token").innerText(), token);
    assert.doesNotMatch(await page.locator(".facts-table").innerText(), /transfer:funds/);
    assert.equal(count(`POST ${VERIFY}`), 1, "no code was needed");
    await send(page, "Grace Hopper", "5");
    await asks(page);
  });

  test("a reload in the middle of a step-up asks on, and the confirmation is there for one transfer", async (t) => {
    const { stack, page, count } = await open(t);
    await signIn(page, stack, MEL);
    await send(page, "Grace Hopper", "5");
    await asks(page);
    await page.reload();
    await asks(page);
    await confirm(page, (await stack.message(MEL, 2)).code);
    await says(page, "Confirmed. The next transfer needs no code.");
    await isClosed(page);
    const steps = count(`POST ${AUTHENTICATE}`);
    await send(page, "Grace Hopper", "5");
    await says(page, "5.00 € went to Grace Hopper.");
    assert.equal(count(`POST ${AUTHENTICATE}`), steps);
  });

  test("a transfer is confirmed with another factor, or on the phone", async (t) => {
    const { stack, page } = await open(t);
    await enterPassword(page, stack, "pat@example.com", "Look at your phone");
    await page.getByRole("button", { name: "Enter a code instead" }).click();
    await page.getByLabel("Six-digit code").fill((await stack.tenant("GET", "/users/pat@example.com/otp")).code);
    await shows(page, "You are signed in");
    await send(page, "Grace Hopper", "12.34");
    await asks(page, "Look at your phone");
    await dialog(page).getByRole("button", { name: "Try another way" }).click();
    await asks(page, "Choose another way");
    await dialog(page).getByRole("button", { name: "Notification on your phone" }).click();
    await asks(page, "Look at your phone");
    await stack.tenant("POST", `/inbox/${(await stack.message("pat@example.com", 3)).id}/approve`);
    await says(page, "12.34 € went to Grace Hopper.");
  });

  test("a recovery code confirms a transfer too, and its replacement is seen first", async (t) => {
    const { stack, page } = await open(t);
    await signIn(page, stack, "rae@example.com");
    await send(page, "Grace Hopper", "7");
    await asks(page);
    await dialog(page).getByRole("button", { name: "Try another way" }).click();
    await dialog(page).getByRole("button", { name: "Recovery code" }).click();
    await dialog(page).getByRole("textbox", { name: "Recovery code" }).fill("RAEFRANKLINSRECOVERY2024");
    await dialog(page).getByRole("button", { name: "Verify" }).click();
    await asks(page, "Keep your new recovery code");
    await page.keyboard.press("Escape");
    await asks(page, "Keep your new recovery code");
    await dialog(page).getByRole("button", { name: "I have kept it" }).click();
    await says(page, "7.00 € went to Grace Hopper.");
  });

  test("a step-up without a factor of the wanted kind offers the others, and then the transfer goes on", async (t) => {
    const { stack, page } = await open(t);
    await signIn(page, stack, MEL);
    await page.route(`**${AUTHENTICATE}`, async (route) => {
      if (route.request().postDataJSON()?.action !== "step_up") return route.continue();
      // The step-up is pending all the same.
      await route.fetch();
      return route.fulfill({ status: 400, json: { success: false, error: "unsupported_challenge_type", error_description: "…" } });
    });
    await send(page, "Grace Hopper", "8");
    await asks(page, "Choose another way");
    await dialog(page).getByRole("button", { name: "E-mail" }).click();
    await asks(page);
    await confirm(page, (await stack.message(MEL, 3)).code);
    await says(page, "8.00 € went to Grace Hopper.");
  });

  test("a session that is over asks for the password as soon as it is needed", async (t) => {
    const { stack, page, context, press } = await open(t);
    await signIn(page, stack, MEL);
    await context.clearCookies();
    await send(page, "Grace Hopper", "5");
    await shows(page, "Sign in");
    await says(page, "Please sign in again.");
    await signIn(page, stack, MEL);
    await context.clearCookies();
    await press("Get fresh tokens");
    await shows(page, "Sign in");
    await says(page, "Please sign in again.");
  });

  test("the session's end is counted down to", async (t) => {
    const { stack, page } = await open(t, { clock: true });
    await signIn(page, stack, MEL);
    await page.getByText(/^The session ends in 8:00:00|7:59:/).waitFor();
    await page.clock.fastForward(8 * 3600 * 1000);
    await shows(page, "Sign in");
    await says(page, "the session is over");
  });

  test("too many wrong codes end the session", async (t) => {
    const { stack, page, context } = await open(t, { set: { MAX_ATTEMPTS: "1" } });
    await signIn(page, stack, MEL);
    await send(page, "Grace Hopper", "5");
    await asks(page);
    await confirm(page, "000000");
    await shows(page, "Sign in");
    await says(page, "Too many attempts");
    assert.deepEqual(await context.cookies(), []);
    assert.equal((await stack.tenant("GET", `/users/${MEL}`)).live_refresh_tokens, 0);
  });

  test("a step-up that takes too long leaves the session", async (t) => {
    const { stack, page } = await open(t, { clock: true });
    await signIn(page, stack, MEL);
    await send(page, "Grace Hopper", "5");
    await asks(page);
    await page.clock.fastForward(301_000);
    await says(page, "That took too long, and nothing was confirmed.");
    await isClosed(page);
    assert.equal(await page.getByRole("textbox", { name: "Amount in €" }).inputValue(), "5");
  });

  test("a user who was blocked meanwhile is signed out", async (t) => {
    const { stack, page } = await open(t);
    await signIn(page, stack, MEL);
    await stack.tenant("PATCH", `/users/${MEL}`, { conduct: "blocked" });
    await send(page, "Grace Hopper", "5");
    await shows(page, "Sign in");
    await says(page, "This account is blocked.");
  });

  test("signing out revokes the session at the tenant", async (t) => {
    const { stack, page, context } = await open(t);
    await signIn(page, stack, MEL);
    assert.equal((await stack.tenant("GET", `/users/${MEL}`)).live_refresh_tokens, 1);
    await page.getByRole("button", { name: "Sign out" }).click();
    await says(page, "You have signed out.");
    assert.equal((await stack.tenant("GET", `/users/${MEL}`)).live_refresh_tokens, 0);
    assert.deepEqual(await context.cookies(), []);
    await page.reload();
    await shows(page, "Sign in");
  });

  test("a transfer that cannot be made is told, and keeps what was typed", async (t) => {
    const { stack, page } = await open(t);
    await signIn(page, stack, MEL);
    await page.route(`**${TRANSFERS}`, (route) => route.abort());
    await send(page, "Grace Hopper", "5");
    await says(page, "The server cannot be reached.");
    assert.equal(await page.getByRole("textbox", { name: "To", exact: true }).inputValue(), "Grace Hopper");
    await page.unroute(`**${TRANSFERS}`);
    await page.getByRole("button", { name: "Transfer", exact: true }).click();
    await asks(page);
  });

  test("where the tenant wants a factor at every refresh, a renewal asks for it", async (t) => {
    const { stack, page } = await open(t);
    await signIn(page, stack, MEL);
    await stack.tenant("PATCH", "/settings", { policy: "always" });
    await page.reload();
    await asks(page);
    await confirm(page, (await stack.message(MEL, 2)).code);
    await says(page, "These tokens are fresh.");
    await page.locator("#access-token").waitFor();
  });

  test("the keyboard is enough for a transfer, in the dark and at 320 pixels", async (t) => {
    const { stack, page } = await open(t, { colorScheme: "dark", viewport: { width: 320, height: 640 } });
    await signIn(page, stack, MEL);
    await fits(page);
    await page.keyboard.press("Tab");
    await page.keyboard.type("Grace Hopper");
    await page.keyboard.press("Tab");
    await page.keyboard.type("5");
    await page.keyboard.press("Enter");
    await asks(page);
    await fits(page);
    await page.keyboard.type((await stack.message(MEL, 2)).code);
    await page.keyboard.press("Enter");
    await says(page, "5.00 € went to Grace Hopper.");
    await isClosed(page);
  });
});
