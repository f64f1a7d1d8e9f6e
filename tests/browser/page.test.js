// The page in a real browser, against the local stack.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

import { ROOT, startStack, wrongCode } from "./stack.js";

const AUTHENTICATE = "/api/mfa/authenticate";
const VERIFY = "/api/mfa/verify";
const CHROMIUM = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let profile;
let browser;

before(async () => {
  assert.ok(CHROMIUM, "there is no Chromium: install it, or name it in CHROMIUM");
  profile = await mkdtemp(path.join(tmpdir(), "mfa-browser-"));
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, env: { ...process.env, HOME: profile } });
});

after(async () => {
  await browser?.close();
  await rm(profile, { recursive: true, force: true });
});

/** A fresh browser on the page of a fresh stack. Ends both after the test, which fails on any fault of the page. */
async function open(t, { set, ...options } = {}) {
  const stack = await startStack(t, set);
  const context = await browser.newContext({ viewport: { width: 1000, height: 760 }, ...options });
  const page = await context.newPage();
  const faults = [];
  const sent = [];
  page.on("pageerror", (fault) => faults.push(fault.message));
  // A 4xx is on the console too, and no fault.
  page.on("console", (entry) => entry.type() === "error" && !entry.text().startsWith("Failed to load resource") && faults.push(entry.text()));
  page.on("request", (request) => sent.push(`${request.method()} ${new URL(request.url()).pathname}`));
  t.after(async () => {
    await context.close();
    assert.deepEqual(faults, []);
  });
  await page.goto(stack.url);
  await shows(page, "Sign in");
  return {
    stack,
    context,
    page,
    count: (what) => sent.filter((one) => one === what).length,
    shot: (name) => page.screenshot({ path: path.join(ROOT, "target", "screenshots", `${name}.png`), fullPage: true }),
  };
}

const shows = (page, title) => page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
const says = async (page, words) => {
  await page.getByRole("alert").filter({ hasText: words }).waitFor();
};

async function enterPassword(page, stack) {
  await page.getByLabel("E-mail").fill(stack.email);
  await page.getByLabel("Password").fill(stack.password);
  await page.getByRole("button", { name: "Continue" }).click();
  await shows(page, "Enter your code");
}

async function enterCode(page, code) {
  await page.getByLabel("Six-digit code").fill(code);
  await page.getByRole("button", { name: "Verify" }).click();
}

test("a wrong code, then the right one, gives tokens", async (t) => {
  const { stack, page, shot } = await open(t);
  await shot("1-password");

  await page.getByLabel("E-mail").fill(stack.email);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Continue" }).click();
  await says(page, "The e-mail address or the password is not right.");
  assert.equal(await page.getByLabel("E-mail").inputValue(), stack.email);
  assert.equal(await page.getByLabel("Password").inputValue(), "");
  await shot("2-wrong-password");

  await enterPassword(page, stack);
  await shot("3-code");

  await enterCode(page, wrongCode(stack.code));
  await says(page, "That code is not right. 4 attempts left.");
  assert.equal(await page.evaluate(() => document.activeElement.name), "code");
  await shot("4-wrong-code");

  await enterCode(page, stack.code());
  await shows(page, "You are signed in");
  const claims = await page.locator("#claims").innerText();
  assert.match(claims, /ada@example\.com/);
  assert.match(claims, /auth0\|/);
  assert.match(await page.locator("#access-token").innerText(), /^\S{16}…\S{8}$/);
  await shot("5-tokens");

  await page.getByRole("button", { name: "Sign out" }).click();
  await says(page, "You have signed out.");
  await shot("6-signed-out");
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
  await page.reload();
  await page.getByRole("heading", { level: 1 }).filter({ hasNotText: "One moment" }).waitFor();
  assert.equal(await page.locator("#claims").count(), 0);
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
  const { stack, page, shot } = await open(t, { set: { PENDING_TTL_SECONDS: "3" } });
  await enterPassword(page, stack);
  await shows(page, "Sign in");
  await says(page, "That took too long, or the session is over.");
  await shot("7-expired");
});

test("a code that comes too late is told so", async (t) => {
  const { stack, page } = await open(t, { set: { PENDING_TTL_SECONDS: "2" } });
  await enterPassword(page, stack);
  // The page's clock stands still, the server's does not.
  await page.clock.setFixedTime(Date.now());
  await page.waitForTimeout(2500);
  await enterCode(page, stack.code());
  await shows(page, "Sign in");
  await says(page, "That took too long, or the session is over.");
});

test("the last wrong code ends the sign-in", async (t) => {
  const { stack, page, shot } = await open(t, { set: { MAX_ATTEMPTS: "2" } });
  await enterPassword(page, stack);
  await enterCode(page, wrongCode(stack.code));
  await says(page, "One attempt left");
  await enterCode(page, wrongCode(stack.code));
  await shows(page, "Sign in");
  await says(page, "Too many attempts");
  await shot("8-too-many-attempts");
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
  const { stack, page, shot } = await open(t, { colorScheme: "dark", viewport: { width: 320, height: 640 } });
  const fits = async () => assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  await fits();
  await page.keyboard.type(stack.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(stack.password);
  await shot("9-narrow-password");
  await page.keyboard.press("Enter");
  await shows(page, "Enter your code");
  await fits();
  await shot("9-narrow-code");
  await page.keyboard.type(stack.code());
  await page.keyboard.press("Enter");
  await shows(page, "You are signed in");
  await fits();
  await shot("9-narrow-tokens");
});

test("a server that is away, and back again", async (t) => {
  const { stack, page, shot } = await open(t);
  await enterPassword(page, stack);
  await page.route("**/api/**", (route) => route.abort());
  const code = stack.code();
  await enterCode(page, code);
  await says(page, "The server cannot be reached.");
  assert.equal(await page.getByLabel("Six-digit code").inputValue(), code);
  await page.reload();
  await shows(page, "That did not work");
  await shot("10-unavailable");
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
