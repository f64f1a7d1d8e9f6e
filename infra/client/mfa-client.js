// A client of the two functions, for pages: sign-in with a password and a second factor, step-up, and the session
// between them. No dependencies; the types and what they mean are in mfa-client.d.ts.

/** What passes by itself, for whoever only waits: a look at a push costs nothing and can be repeated. */
const PASSING = ["in_progress", "too_many_requests", "upstream_error", "upstream_timeout", "store_unavailable", "network_error"];
const isPassing = ({ code, status }) => PASSING.includes(code) || (code === "unexpected_response" && (status === 429 || status > 500));

const LOOK_AGAIN_SECONDS = 5;

export class MfaError extends Error {
  name = "MfaError";

  constructor(code, message, { status, attemptsLeft, retryAfter, requestId, cause } = {}) {
    super(message, { cause });
    Object.assign(this, { code, status, attemptsLeft, retryAfter, requestId });
  }

  static async from(response) {
    return failure(response, await json(response));
  }
}

export class MfaClient {
  // Private, and in memory: neither storage nor another script of the page has them.
  #token;
  #elevated;

  #baseUrl;
  #timeout;
  #fetch;
  #isStepUp = false;
  #isSent = false;
  #nextLook = 0;
  #confirming = Promise.resolve();

  constructor({ baseUrl = "/api/mfa", timeout = 15_000, fetch = (...request) => globalThis.fetch(...request) } = {}) {
    this.#baseUrl = baseUrl.replace(/\/+$/, "");
    this.#timeout = timeout;
    this.#fetch = fetch;
  }

  signIn(credentials, options) {
    return this.#authenticate({ action: "sign_in", ...credentials }, options, false);
  }

  challenge(choice, options) {
    return this.#authenticate({ action: "challenge", ...choice }, options);
  }

  async authenticators(options) {
    return (await this.#authenticate({ action: "authenticators" }, options)).authenticators;
  }

  enroll(factor, options) {
    return this.#authenticate({ action: "enroll", ...factor }, options);
  }

  stepUp(scope, choice, options) {
    return this.#authenticate({ action: "step_up", scope, ...choice }, options, true);
  }

  renew(options) {
    return this.#authenticate({ action: "renew" }, options, false);
  }

  async verify(code, options) {
    if (typeof code === "string") {
      // As people type: with spaces, and in full-width digits where the keyboard is a Japanese one.
      const typed = code.normalize("NFKC").replace(/\s/g, "");
      code = this.#isSent ? { binding_code: typed } : { otp: typed };
    }
    return this.#noted(await this.#call("POST", "verify", code, options));
  }

  async waitForPush({ signal, onRetry } = {}) {
    for (;;) {
      await pause(this.#nextLook - Date.now(), signal);
      signal?.throwIfAborted();
      let wait = LOOK_AGAIN_SECONDS;
      try {
        // Without the signal: a look that was cut off goes on at the server, and what follows would be `in_progress`.
        const answer = await this.verify({ push: true });
        if (!answer.pending) return answer;
        wait = answer.retry_after;
      } catch (error) {
        if (!isPassing(error)) throw error;
        wait = error.retryAfter ?? wait;
        onRetry?.(error);
      }
      this.#nextLook = Date.now() + wait * 1000;
    }
  }

  async complete(step, askForCode, options) {
    let error;
    while (step.mfa_required || step.state === "pending") {
      const given = await askForCode(step, error);
      if (!given) throw new MfaError("cancelled", "No code was given.");
      error = undefined;
      try {
        // An answer, where the code was sent, or another factor chosen, by whoever was asked for it.
        if (given.success) step = given;
        else step = await (given.push ? this.waitForPush(options) : this.verify(given, options));
      } catch (wrong) {
        if (wrong.code !== "invalid_code") throw wrong;
        error = wrong;
      }
    }
    return step;
  }

  async status(options) {
    const session = await this.#call("GET", "authenticate", undefined, options);
    this.#isStepUp = session.purpose === "step_up";
    return this.#noted(session);
  }

  async signOut(options) {
    try {
      await this.#call("DELETE", "authenticate", undefined, options);
    } finally {
      this.#token = this.#elevated = undefined;
    }
  }

  async fetchWithStepUp(input, askForCode, init) {
    const request = new Request(input, init);
    const send = (token) => {
      // A copy, because a body can be sent only once.
      const copy = request.clone();
      if (token) copy.headers.set("authorization", `Bearer ${token}`);
      return this.#fetch(copy);
    };
    // After a reload in the middle of a step-up there is no other.
    const token = this.#token ?? this.#elevated?.access_token;
    const response = await send(token);
    const scope = demandedScope(response);
    if (!scope) return response;
    return this.#oneByOne(async () => {
      // The last confirmation may do for this as well, such as one that another request was waiting for.
      if (this.#elevated?.access_token !== token && covers(this.#elevated?.scope, scope)) {
        const again = await send(this.#elevated.access_token);
        if (again.status !== 401) return again;
        this.#elevated = undefined;
      }
      const { signal } = request;
      const { access_token } = await this.complete(await this.stepUp(scope, {}, { signal }), askForCode, { signal });
      return send(access_token);
    });
  }

  /** One confirmation after the other: a session has one step-up open at a time, and a user one code to type. */
  #oneByOne(work) {
    const result = this.#confirming.then(work);
    this.#confirming = result.catch(() => {});
    return result;
  }

  async #authenticate(body, options, isStepUp = this.#isStepUp) {
    const answer = await this.#call("POST", "authenticate", body, options);
    // With a new sign-in the session is another one, maybe another user's.
    if (body.action === "sign_in") this.#token = this.#elevated = undefined;
    this.#isStepUp = isStepUp;
    this.#nextLook = 0;
    return this.#noted(answer);
  }

  /** Keeps from an answer what later calls need. */
  #noted(answer) {
    const { challenge, enrollment, access_token, scope } = answer;
    if (challenge) this.#isSent = challenge.binding_method !== undefined;
    if (enrollment) this.#isSent = ["sms", "voice", "email"].includes(enrollment.type);
    if (access_token && this.#isStepUp) this.#elevated = { access_token, scope };
    else if (access_token) this.#token = access_token;
    return answer;
  }

  async #call(method, path, body, { signal } = {}) {
    const limit = AbortSignal.timeout(this.#timeout);
    let response, answer;
    try {
      response = await this.#fetch(`${this.#baseUrl}/${path}`, {
        method,
        headers: body && { "content-type": "application/json" },
        body: body && JSON.stringify(body),
        credentials: "include",
        cache: "no-store",
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      if (response.status === 204) return undefined;
      answer = await json(response);
    } catch (cause) {
      signal?.throwIfAborted();
      throw new MfaError("network_error", "The server cannot be reached.", { cause });
    }
    if (response.ok && answer?.success) return answer;
    throw failure(response, answer);
  }
}

/** The error that an answer is. A gateway answers in words of its own, by which a page cannot decide anything. */
function failure({ status, headers }, body) {
  const { error, error_description, attempts_left: attemptsLeft, request_id: requestId } = body ?? {};
  const details = { status, attemptsLeft, requestId, retryAfter: seconds(headers.get("retry-after")) };
  if (typeof error === "string") return new MfaError(error, error_description, details);
  return new MfaError("unexpected_response", `Unexpected answer with status ${status}.`, details);
}

/** The JSON of a response, or `undefined` where it is none. A connection that breaks off is an error all the same. */
async function json(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The scope of a demand for step-up (RFC 9470, section 3), if the response is one that names a scope. */
function demandedScope(response) {
  if (response.status !== 401) return undefined;
  const isDemand = ({ scheme, error }) => scheme === "bearer" && error === "insufficient_user_authentication";
  return challenges(response.headers.get("www-authenticate") ?? "").find(isDemand)?.scope;
}

/**
 * The challenges of a WWW-Authenticate field (RFC 9110, section 11.6.1), each with its scheme and its parameters,
 * names in lower case. Commas separate challenges and parameters alike; a quoted value may hold commas of its own.
 */
export function challenges(field) {
  const token = "[!#$%&'*+.^`|~\\w-]+";
  const parameter = `(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`;
  const scheme = `(${token})(?=[\\s,]|$)(?: +[\\w.~+/-]+=*(?=\\s*(?:,|$)))?`;
  const found = [];
  for (const [, name, quoted, plain, begun] of field.matchAll(new RegExp(`[,\\s]*(?:${parameter}|${scheme})`, "gy"))) {
    if (begun) found.push({ scheme: begun.toLowerCase() });
    else if (found.length) found.at(-1)[name.toLowerCase()] = plain ?? quoted.replace(/\\(.)/g, "$1");
  }
  return found;
}

const covers = (held = "", wanted) => wanted.split(" ").every((scope) => held.split(" ").includes(scope));

/** The seconds of a Retry-After field, which is a number or a date (RFC 9110, section 10.2.3). */
function seconds(field) {
  if (!field) return undefined;
  const left = /^\d+$/.test(field) ? Number(field) : Math.ceil((Date.parse(field) - Date.now()) / 1000);
  return Number.isNaN(left) ? undefined : Math.max(0, left);
}

/** Resolves after so many milliseconds, or as soon as `signal` is aborted. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
}
