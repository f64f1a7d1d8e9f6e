// `cargo dev` as a program: what it prints, how it ends, and what happens when it cannot start.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { test } from "node:test";

import { run, startStack } from "./stack.js";

test("it prints all that a person needs, and Ctrl-C ends it cleanly", async (t) => {
  const stack = await startStack(t, {}, ["cargo", "dev"]);
  const output = stack.output();
  assert.equal(stack.url, `http://localhost:${stack.port}`);
  assert.match(output, /otpauth:\/\/totp\//);
  assert.match(output, /[▀▄█]{10}/, "the QR code");
  assert.match(output, new RegExp(`Code\\s+${stack.code()}|Code\\s+${stack.code(Date.now() - 30_000)}`));

  for (const user of ["sam", "mel", "pat", "rae", "cleo", "nia"]) assert.match(output, new RegExp(`${user}@example\\.com  +\\w`));

  const page = await fetch(stack.url);
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-security-policy"), /^default-src 'none'; script-src 'self'/);
  assert.doesNotMatch(page.headers.get("content-security-policy"), /unsafe/);
  // The client module, as it is.
  const module = await fetch(`${stack.url}/mfa-client.js`);
  assert.match(module.headers.get("content-type"), /^text\/javascript/);
  assert.equal(await module.text(), await readFile(new URL("../../infra/client/mfa-client.js", import.meta.url), "utf8"));

  const inbox = await fetch(`${stack.url}/inbox`);
  assert.equal(inbox.url, `${stack.tenantUrl}/inbox`);
  assert.equal(inbox.status, 200);

  assert.deepEqual(await stack.end(), { code: 0, signal: null });
  await assert.rejects(fetch(stack.url));
});

test("a port that is taken is named, with what to do", async (t) => {
  const taken = createServer();
  await new Promise((resolve) => taken.listen(0, "127.0.0.1", resolve));
  t.after(() => taken.close());
  const { port } = taken.address();
  const second = run("cargo", ["dev", "--port", String(port)]);
  assert.equal((await second.exited).code, 1);
  assert.match(second.output(), new RegExp(`error: port ${port}, for the page, is taken by another program`));
  assert.match(second.output(), /--port/);
  assert.doesNotMatch(second.output(), /panicked|RUST_BACKTRACE/);
});

test("--env is for the stack on that port, and starts nothing", async () => {
  const env = run("cargo", ["dev", "--port", "23000", "--set", "MAX_ATTEMPTS=2", "--env"], { stdio: ["ignore", "pipe", "ignore"] });
  assert.equal((await env.exited).code, 0);
  const lines = env.output().trim().split("\n");
  for (const line of lines) assert.match(line, /^[A-Z0-9_]+=(\S+|'[^']+')$/);
  const value = (name) => lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
  assert.equal(value("AUTH0_BASE_URL"), "http://127.0.0.1:23001");
  assert.equal(value("AWS_ENDPOINT_URL_DYNAMODB"), "http://127.0.0.1:23002");
  assert.equal(value("AWS_ENDPOINT_URL_SECRETS_MANAGER"), "http://127.0.0.1:23003");
  assert.equal(value("MAX_ATTEMPTS"), "2");
  // What `cargo dev` itself runs with.
  assert.equal(value("AUTH0_SCOPE"), "'openid profile email offline_access'");
  assert.equal(value("STEP_UP_SCOPES"), "transfer:funds");
});

test("what is sent to a user is printed", async (t) => {
  const stack = await startStack(t);
  const signIn = { email: "sam@example.com", password: stack.password };
  const headers = { "content-type": "application/json" };
  await fetch(`${stack.url}/api/mfa/authenticate`, { method: "POST", headers, body: JSON.stringify(signIn) });
  const { code } = await stack.message("sam@example.com");
  await stack.printed(new RegExp(`SMS\\s+${code}  \\(sam@example\\.com\\)`));
});
