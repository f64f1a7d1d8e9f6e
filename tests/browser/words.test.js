// What the page says: the same in every language, and something for every error.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";

import { en } from "../../infra/local/page/en.js";
import { ja } from "../../infra/local/page/ja.js";
import { AUTHENTICATE, open, says } from "./page.js";

const root = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");
const { schemas } = parse(read("infra/openapi.yaml")).components;

/** `a.b: kind` of everything in a text. */
function shape(text, path = "") {
  if (typeof text !== "object") return [`${path}: ${typeof text}`];
  return Object.entries(text).flatMap(([name, value]) => shape(value, path && Array.isArray(text) ? `${path}[]` : `${path}.${name}`));
}

/** Everything that a text can say. */
function sentences(text) {
  if (typeof text === "string") return [text];
  if (typeof text === "object") return Object.values(text).flatMap(sentences);
  const some = { attemptsLeft: 2, retryAfter: 90, message: "It is so.", to: "Ada", amount: "5", name: "…6704", type: "sms" };
  // Some want a number or a text, and take it from this.
  return [text({ ...some, toString: () => "3" }, { ...some, toString: () => "3" })];
}

const FACTORS = Object.keys(en.factors);

test("both languages say the same things", () => {
  // A sentence may be put together from another number of parts.
  const of = (text) => [...new Set(shape({ ...text, hint: { ...text.hint, body: "" } }))].sort();
  assert.deepEqual(of(ja), of(en));
  for (const [path, kind] of of(en).map((line) => line.split(": "))) assert.ok(["string", "function"].includes(kind), path);
  assert.equal(ja.steps.length, en.steps.length);
});

test("nothing was left in English, and nothing is empty or undefined", () => {
  const { name, href } = ja.hint.body.find((part) => part.href);
  assert.equal(href, "/inbox");
  const plain = ja.hint.body.filter((part) => typeof part === "string");
  const all = [name, ...plain, ...sentences({ ...ja, hint: ja.hint.title })];
  const isJapanese = (sentence) => /[\u3040-\u30ff\u4e00-\u9fff]/.test(sentence);
  // Japanese has this word as it is.
  assert.deepEqual([...new Set(all.filter((sentence) => !isJapanese(sentence)))], ["SMS"]);
  for (const text of [en, ja]) {
    for (const sentence of sentences({ ...text, hint: text.hint.title })) assert.doesNotMatch(sentence, /undefined|\[object|NaN|^\s*$/, sentence);
    // An error may say no more than its code.
    for (const [code, words] of Object.entries(text.errors)) if (code !== "invalid_code") assert.doesNotMatch(words({}), /undefined|NaN/, code);
    for (const factor of FACTORS) for (const kind of ["oob", "otp", "recovery"]) assert.ok(text.code.lead(kind, { type: factor }));
  }
});

test("there are words for every error of the functions, of the client and of the transfers, in both languages", () => {
  const own = read("infra/client/mfa-client.d.ts").match(/type ClientErrorCode = (.*);/)[1].match(/\w+/g);
  const transfers = read("infra/local/src/transfers.rs").match(/\(StatusCode::\w+, "(\w+)"/g).map((line) => line.match(/"(\w+)"/)[1]);
  assert.ok(own.length >= 3 && transfers.length >= 5 && schemas.ErrorCode.enum.length >= 26);
  const codes = [...new Set([...schemas.ErrorCode.enum, ...own, ...transfers])].sort();
  for (const text of [en, ja]) assert.deepEqual(Object.keys(text.errors).sort(), codes);
});

test("the page says them", async (t) => {
  const { page, stack, press } = await open(t);
  let answer;
  await page.route(`**${AUTHENTICATE}`, (route) => (route.request().method() === "POST" ? route.fulfill(answer) : route.continue()));
  for (const code of schemas.ErrorCode.enum) {
    if (code === "unsupported_challenge_type") continue; // is answered with the list of factors
    const body = { success: false, error: code, error_description: "As the server says.", request_id: "r-7", ...(code === "invalid_code" && { attempts_left: 3 }) };
    answer = { status: code === "internal_error" ? 500 : 400, headers: { "retry-after": "0" }, json: body };
    await page.getByLabel("E-mail").fill(stack.email);
    await page.getByLabel("Password").fill("p");
    await press("Continue");
    const words = en.errors[code]({ attemptsLeft: 3, message: "As the server says." });
    await says(page, answer.status === 500 ? `${words}\nReference: r-7` : words);
  }
});
