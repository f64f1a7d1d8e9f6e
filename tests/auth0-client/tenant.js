// A simulated tenant in a process of its own, and its users: their telephone, their authenticator app.

import { createHmac } from "node:crypto";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START_TIMEOUT_MS = 600_000; // the first start compiles

/** What the client believes it talks to: `fetch` below takes it to the local tenant. */
export const DOMAIN = "tenant.example.auth0.com";
export const CLIENT_ID = "demo-client";
export const CLIENT_SECRET = "demo-secret";
export const REALM = "Username-Password-Authentication";

/** Starts the tenant on a free port. */
export async function startTenant() {
  const options = ["--port", "0", "--base-url", `https://${DOMAIN}`, "--domain", DOMAIN];
  const secrets = ["--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET];
  const child = spawn("cargo", ["run", "--quiet", "--locked", "-p", "auth0-tenant", "--", ...options, ...secrets], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const address = await new Promise((resolve, reject) => {
    let output = "";
    const limit = setTimeout(() => reject(new Error(`the tenant did not start:\n${output}`)), START_TIMEOUT_MS);
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`the tenant ended:\n${output}`)));
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      const found = output.match(/^Inbox\s+(http:\S+)\/inbox$/m);
      if (found) {
        clearTimeout(limit);
        resolve(found[1]);
      }
    });
  });

  /** The control API. */
  async function control(method, path, body) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${address}/_tenant${path}`, { method, headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  let users = 0;
  return {
    /** `fetch` for the client: the origin is replaced, nothing else. */
    fetch: (url, init) => fetch(String(url).replace(`https://${DOMAIN}`, address), init),
    control,
    /** A new user with these factors. */
    async user(...factors) {
      const email = `user-${++users}@example.com`;
      await control("POST", "/users", { email, password: PASSWORD, factors });
      const inbox = async () => (await control("GET", "/inbox")).filter((message) => message.user === email);
      return {
        username: email,
        password: PASSWORD,
        /** The code of the last text message. */
        textMessage: async () => (await inbox()).findLast((message) => message.kind === "sms").code,
        /** Answers the last push: `approve` or `refuse`. */
        answerPush: async (answer) => {
          const push = (await inbox()).findLast((message) => message.kind === "push");
          await control("POST", `/inbox/${push.id}/${answer}`);
        },
      };
    },
    async stop() {
      child.removeAllListeners("exit");
      const exited = new Promise((resolve) => child.on("exit", resolve));
      child.kill("SIGINT");
      await exited;
    },
  };
}

const PASSWORD = "correct horse battery staple";

/** The code of this moment (RFC 6238: SHA-1, six digits, 30 seconds), worked out without the tenant's code. */
export function totp(secret) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0"));
  const key = Buffer.from(bits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const digest = createHmac("sha1", key).update(step).digest();
  const number = digest.readUInt32BE(digest[19] & 0xf) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}
