// The local stack as a person starts it, in a process of its own, and what it prints.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START_TIMEOUT_MS = 600_000; // the first start compiles

let program;

/** The program that `cargo dev` runs, built once: each time, cargo takes half a second to see that it is built. */
const built = () => (program ??= build());

async function build() {
  const cargo = run("cargo", ["build", "--package", "local", "--bin", "local", "--message-format", "json"]);
  const { code } = await cargo.exited;
  const executable = cargo.output().match(/"executable":"([^"]+)"/)?.[1];
  if (code !== 0 || !executable) throw new Error(`cargo build:\n${cargo.output()}`);
  return [executable];
}

/**
 * Starts a stack on free ports, with `set` as settings of the functions; it ends after the test `t`, if there is one.
 * `command` is what a person types, or the same without cargo.
 */
export async function startStack(t, set = {}, command = built()) {
  const [program, ...args] = await command;
  const port = await freePorts();
  const settings = Object.entries(set).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
  const stack = run(program, [...args, "--port", String(port), ...settings]);
  t?.after(stack.end);
  await stack.printed(/Code\s+\d{6}/, START_TIMEOUT_MS);
  const find = (pattern) => stack.output().match(pattern)?.[1];
  const tenantUrl = `http://127.0.0.1:${port + 1}`;
  const tenant = async (method, path, body) => {
    const response = await fetch(`${tenantUrl}/_tenant${path}`, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : response.json().catch(() => undefined);
  };
  return {
    tenantUrl,
    /** A request to the tenant's control API. */
    tenant,
    /** The `count`th message to a user, once it has arrived. */
    async message(user, count = 1) {
      for (let tries = 0; tries < 100; tries++) {
        const messages = (await tenant("GET", "/inbox")).filter((message) => message.user === user);
        if (messages.length >= count) return messages[count - 1];
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`there is no message ${count} to ${user}`);
    },
    port,
    url: find(/Page\s+(http:\S+)/),
    email: find(/E-mail\s+(\S+)/),
    password: find(/Password\s+(\S+)/),
    code: codes(find(/TOTP secret\s+(\S+)/)),
    ...stack,
  };
}

/** A process whose output is kept, ended as Ctrl-C does. */
export function run(program, args, options = {}) {
  const child = spawn(program, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], ...options });
  let output = "";
  let changed = () => {};
  const exited = new Promise((resolve) => child.on("exit", (code, signal) => resolve({ code, signal })));
  child.on("error", (error) => (output += `${error}\n`));
  exited.then(() => changed());
  for (const stream of [child.stdout, child.stderr].filter(Boolean)) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
      changed();
    });
  }
  return {
    output: () => output,
    exited,
    /** Resolves once `pattern` has been printed. */
    async printed(pattern, timeout = 30_000) {
      const limit = setTimeout(() => changed(), timeout).unref();
      const end = Date.now() + timeout;
      while (!pattern.test(output)) {
        const ended = child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
        if (ended || Date.now() >= end) {
          throw new Error(`${program} ${args.join(" ")} ${ended ? "ended" : "went on"} without printing ${pattern}:\n${output}`);
        }
        await new Promise((resolve) => (changed = resolve));
      }
      clearTimeout(limit);
    },
    async end() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGINT");
      return exited;
    },
  };
}

const PORTS = 4;
const [FIRST_PORT, LAST_PORT] = [20_000, 30_000]; // below those that Linux gives to connections by itself

let nextPort = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));

/** The first of four consecutive ports that nobody listens on, and that this process has not been told of just now. */
export async function freePorts() {
  for (;;) {
    const first = nextPort;
    nextPort = first + PORTS < LAST_PORT ? first + PORTS : FIRST_PORT;
    const free = await Promise.all(Array.from({ length: PORTS }, (_, offset) => isFree(first + offset)));
    if (free.every(Boolean)) return first;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** An authenticator app (RFC 6238: SHA-1, six digits, 30 s) for a secret in base32. */
export function codes(secret) {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  return (time = Date.now()) => {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(time / 30_000)));
    const mac = createHmac("sha1", key).update(counter).digest();
    const number = mac.readUInt32BE(mac.at(-1) & 0xf) & 0x7fff_ffff;
    return String(number % 1_000_000).padStart(6, "0");
  };
}

/** Six digits that are not the code of now, of just before, or of soon. */
export function wrongCode(code) {
  const near = [-30_000, 0, 30_000].map((offset) => code(Date.now() + offset));
  return ["111111", "222222", "333333", "444444"].find((candidate) => !near.includes(candidate));
}
