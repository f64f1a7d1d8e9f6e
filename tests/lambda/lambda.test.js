// Both binaries as Lambda runs them: under the real Runtime API, which `cargo lambda watch` emulates,
// with nothing but the environment of `cargo dev --env`. HTTP is curl's, with its own cookie jar, so these
// are also the README's commands.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { ROOT, freePorts, run, startStack, wrongCode } from "../browser/stack.js";

const exec = promisify(execFile);
const COMPILE_TIMEOUT_MS = 900_000; // the first request to a function builds it

let folder;
let stack;
let port;
let watch;
const secrets = [];

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "mfa-lambda-"));
  stack = await startStack();
  port = await freePorts();
  const { stdout } = await exec("cargo", ["dev", "--port", String(stack.port), "--env"], { cwd: ROOT });
  const envFile = path.join(folder, "env");
  await writeFile(envFile, stdout);
  watch = run("cargo", ["lambda", "watch", "--ignore-changes", "--disable-cors", "--invoke-address", "127.0.0.1", "--invoke-port", String(port), "--env-file", envFile]);
  await watch.printed(/starting Runtime server/, 120_000);
});

after(async () => {
  await watch?.end();
  await stack?.end();
  await rm(folder, { recursive: true, force: true });
});

/** A request with curl, cookies in the jar `jar`. */
async function curl(jar, method, route, body) {
  const args = ["--silent", "--show-error", "--include", "--request", method, "--cookie", jar, "--cookie-jar", jar];
  if (body) args.push("--header", "content-type: application/json", "--data", JSON.stringify(body));
  const { stdout } = await exec("curl", [...args, `http://localhost:${port}${route}`], { timeout: COMPILE_TIMEOUT_MS });
  const [head, ...rest] = stdout.split("\r\n\r\n");
  const text = rest.join("\r\n\r\n");
  const headers = Object.fromEntries(head.split("\r\n").slice(1).map((line) => line.split(/:\s*(.*)/s, 2)));
  return { status: Number(head.match(/^HTTP\/\S+ (\d+)/)[1]), headers, json: text ? JSON.parse(text) : undefined };
}

async function invoke(name, event) {
  const file = path.join(ROOT, "tests", "events", `${event}.json`);
  const args = ["lambda", "invoke", name, "--invoke-address", "127.0.0.1", "--invoke-port", String(port), "--data-file", file];
  const { stdout } = await exec("cargo", args, { cwd: ROOT, timeout: COMPILE_TIMEOUT_MS });
  const reply = JSON.parse(stdout);
  return { ...reply, json: reply.body && JSON.parse(reply.body) };
}

test("cold start, sign-in, wrong code, right code", async () => {
  const jar = path.join(folder, "jar");
  const signIn = { email: stack.email, password: stack.password };
  const challenge = await curl(jar, "POST", "/api/mfa/authenticate", signIn);
  assert.equal(challenge.status, 200, JSON.stringify(challenge));
  assert.deepEqual(challenge.json, { success: true, mfa_required: true, challenge: { challenge_type: "otp" }, expires_in: challenge.json.expires_in });
  assert.equal(challenge.headers["cache-control"], "no-store");
  const [, cookie] = challenge.headers["set-cookie"].match(/^mfa_session=([\w-]{43});/);
  secrets.push(stack.email, stack.password, "eyJ", "Fe26.2", cookie);

  const wrong = await curl(jar, "POST", "/api/mfa/verify", { otp: wrongCode(stack.code) });
  assert.equal(wrong.status, 401, JSON.stringify(wrong));
  assert.equal(wrong.json.error, "invalid_code");
  assert.equal(wrong.json.attempts_left, 4);

  const pending = await curl(jar, "GET", "/api/mfa/authenticate");
  assert.equal(pending.json.state, "pending");
  assert.equal(pending.json.attempts_left, 4);

  const right = await curl(jar, "POST", "/api/mfa/verify", { otp: stack.code() });
  assert.equal(right.status, 200, JSON.stringify(right.json.error));
  assert.equal(right.json.success, true);
  assert.match(right.json.access_token, /^eyJ/);
  assert.match(right.json.id_token, /^eyJ/);
  assert.equal(right.json.refresh_token, undefined);

  const end = await curl(jar, "DELETE", "/api/mfa/authenticate");
  assert.equal(end.status, 204);
});

test("cargo lambda invoke answers every captured event", async () => {
  for (const event of ["http-api-sign-in", "http-api-sign-in-base64", "function-url-sign-in", "rest-api-sign-in"]) {
    const reply = await invoke("authenticate", event);
    assert.equal(reply.statusCode, 200, `${event}: ${JSON.stringify(reply)}`);
    assert.equal(reply.json.mfa_required, true, event);
    const cookies = event.startsWith("rest") ? reply.multiValueHeaders["set-cookie"] : reply.cookies;
    assert.match(cookies.join(), /^mfa_session=[\w-]{43};/, event);
  }
  const verify = await invoke("verify", "http-api-verify");
  assert.equal(verify.statusCode, 401);
  assert.equal(verify.json.error, "session_expired");
});

test("an event that is not HTTP, or whose body is not in the base64 that it says, fails its invocation, and the process goes on", async () => {
  // lambda_http panics over such a body, before the function has the request.
  const encoded = JSON.parse(await readFile(path.join(ROOT, "tests/events/http-api-sign-in-base64.json"), "utf8"));
  const notBase64 = JSON.stringify({ ...encoded, body: "{" });
  for (const event of ['{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}', "[]", '"text"', '{"version":"2.0"}', notBase64]) {
    const args = ["lambda", "invoke", "authenticate", "--invoke-address", "127.0.0.1", "--invoke-port", String(port), "--data-ascii", event];
    await assert.rejects(exec("cargo", args, { cwd: ROOT, timeout: COMPILE_TIMEOUT_MS }), event);
    const reply = await invoke("authenticate", "http-api-sign-in");
    assert.equal(reply.statusCode, 200, `after ${event}: ${JSON.stringify(reply)}`);
  }
});

test("the log has a line for each request, and nothing secret", async () => {
  const lines = watch.output().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  const requests = lines.filter((line) => line.message === "request");
  assert.equal(requests.length, 15);
  const metrics = lines.filter((line) => line._aws);
  assert.equal(metrics.length, requests.length, "and a line of metrics");
  assert.deepEqual(metrics.slice(0, 5).map((line) => line.outcome), ["challenge", "invalid_code", "ok", "ok", "ok"]);
  assert.deepEqual(metrics.slice(0, 5).map((line) => line.SignIn), [1, 1, undefined, 1, undefined]);
  for (const line of metrics) assert.equal(line._aws.CloudWatchMetrics[0].Namespace, "Auth0Mfa");
  // Two processes, so two cold starts: the first request of each.
  assert.deepEqual(requests.filter((line) => line.cold_start).map((line) => line.route), ["/api/mfa/authenticate", "/api/mfa/verify"]);
  assert.deepEqual(requests.slice(0, 5).map((line) => line.outcome), ["ok", "invalid_code", "ok", "ok", "ok"]);
  assert.equal(secrets.length, 5);
  for (const secret of secrets) assert.ok(!watch.output().includes(secret), `the output contains ${secret}`);
});
