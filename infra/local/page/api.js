// The two functions and the API behind them, over `fetch`.

import { text } from "/text.js";

const AUTHENTICATE = "/api/mfa/authenticate";
const VERIFY = "/api/mfa/verify";
const TRANSFERS = "/api/transfers";
const QR_CODE = "/api/qr-code";
const TIMEOUT_MS = 20_000;

/**
 * What an answer that is no success says: the API's own fields, with `status` and `retryAfter` beside them, and
 * `scope` where an API asks for a fresh second factor (RFC 9470).
 */
export class Problem {
  constructor(fields) {
    Object.assign(this, fields);
  }

  get words() {
    const words = text.errors[this.error]?.(this, this.retryAfter) ?? this.error_description ?? text.errors.internal_error();
    // What only the log can explain is worth a reference to it.
    return this.status >= 500 && this.request_id ? `${words}\n${text.reference(this.request_id)}` : words;
  }

  get message() {
    return { kind: "error", words: this.words };
  }
}

/** Goes on with a sign-in, a step-up or a session: an action of `authenticate`. */
export const authenticate = (body) => call("POST", AUTHENTICATE, body);

/** Sends a code, or looks whether a push was answered. */
export const verify = (body) => call("POST", VERIFY, body);

/** Where the cookie's session stands. */
export const standing = () => call("GET", AUTHENTICATE);

/** Ends the session. */
export const end = () => call("DELETE", AUTHENTICATE);

/** A transfer, with an access token as every API takes one. */
export const transfer = (body, token) => call("POST", TRANSFERS, body, token && { authorization: `Bearer ${token}` });

/** `content` as a QR code, an element. It is sent in a body, so that no address ever holds it. */
export async function qrCode(content) {
  const response = await request("POST", QR_CODE, content, { "content-type": "text/plain; charset=utf-8" });
  if (!response.ok) throw new Problem({ error: "internal_error", status: response.status });
  return document.importNode(new DOMParser().parseFromString(await response.text(), "image/svg+xml").documentElement, true);
}

/** One request. Returns its JSON (`{}` where there is none) or throws a `Problem`. */
async function call(method, path, body, headers) {
  const type = body && { "content-type": "application/json" };
  const response = await request(method, path, body && JSON.stringify(body), { ...type, ...headers });
  const answer = await response.json().catch(() => ({}));
  if (response.ok && answer.success !== false) return answer;
  const retryAfter = Number(response.headers.get("retry-after")) || undefined;
  const scope = response.headers.get("www-authenticate")?.match(/\bscope="([^"]+)"/)?.[1];
  throw new Problem({ error: "internal_error", ...answer, status: response.status, retryAfter, scope });
}

async function request(method, path, body, headers) {
  try {
    return await fetch(path, { method, headers, body, credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Problem({ error: "network" });
  }
}
