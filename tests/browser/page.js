// The page in a real browser, for the tests of a file.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before } from "node:test";
import axe from "axe-core";
import { chromium } from "playwright-core";

import { en } from "../../infra/local/page/en.js";
import { ROOT, startStack } from "./stack.js";

export const AUTHENTICATE = "/api/mfa/authenticate";
export const VERIFY = "/api/mfa/verify";
export const TRANSFERS = "/api/transfers";

/** Tests mostly wait, for a push for one, and each has a stack of its own: some at a time. */
export const TOGETHER = { concurrency: 5 };

const WIDE = { width: 1000, height: 760 };

// The one without a user interface of its own takes half the time.
const PROGRAMS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"].map((name) => `/usr/bin/${name}`);
const CHROMIUM = process.env.CHROMIUM ?? PROGRAMS.find(existsSync);
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

/**
 * A fresh browser on the page of a fresh stack, or on another page that `front` serves before it. Ends all of it after
 * the test, which fails on any fault of the page.
 */
export async function open(t, { set, clock, front, text = en, ...options } = {}) {
  const stack = await startStack(t, set);
  const url = front ? await front(t, stack) : stack.url;
  const context = await browser.newContext({ reducedMotion: "reduce", viewport: WIDE, ...options });
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
  if (clock) await page.clock.install();
  await page.goto(url);
  await shows(page, text.password.title);
  return {
    stack,
    context,
    page,
    /** How many requests there were: `POST /path`. */
    count: (what) => sent.filter((one) => one === what).length,
    press: (name) => page.getByRole("button", { name, exact: true }).click(),
  };
}

/** Resolves once the card's heading is `title`. */
export const shows = (page, title) => page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
/** Resolves once the page says `words`. */
export const says = async (page, words) => {
  await page.getByRole("alert").filter({ hasText: words }).waitFor();
};

export async function enterPassword(page, stack, email = stack.email, next, text = en) {
  await page.getByLabel(text.password.email).fill(email);
  await page.getByLabel(text.password.password).fill(stack.password);
  await page.getByRole("button", { name: text.password.submit }).click();
  await shows(page, next ?? text.code.title);
}

/** Types a code. Six digits are sent by themselves; anything else needs the button. */
export async function enterCode(page, code, label, text = en) {
  await page.getByLabel(label ?? text.code.label.otp, { exact: true }).fill(code);
  if (!/^[0-9]{6}$/.test(code)) await page.getByRole("button", { name: text.code.submit, exact: true }).click();
}

/** Signs in as a user whose second factor is a code in a message. */
export async function signIn(page, stack, email) {
  const before = (await stack.tenant("GET", "/inbox")).filter((message) => message.user === email).length;
  await enterPassword(page, stack, email);
  await enterCode(page, (await stack.message(email, before + 1)).code, "Code");
  await shows(page, "You are signed in");
}

/**
 * Looks at a view in the light on a wide screen and in the dark on a narrow one: there is nothing that axe finds,
 * and nothing is wider than the window. Keeps a picture of each as `name`.
 */
export async function look(page, name) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  for (const [colorScheme, viewport] of [["dark", { width: 320, height: 640 }], ["light", WIDE]]) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await fits(page);
    const found = await page.evaluate(async () => (await axe.run()).violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => [html, failureSummary]) })));
    assert.deepEqual(found, [], `${name}, ${colorScheme}`);
    const isOpen = await page.getByRole("dialog").isVisible();
    await page.screenshot({ path: path.join(ROOT, "target", "screenshots", `${name}-${colorScheme}.png`), fullPage: !isOpen });
  }
}

/** Nothing is wider than the window. */
export async function fits(page) {
  const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= width, `${wide} > ${width}`);
}
