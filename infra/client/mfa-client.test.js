// The client against made-up answers; time is moved, not waited for.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, mock, test } from "node:test";
import { gzipSync } from "node:zlib";

import { MfaClient, MfaError, challenges } from "mfa-client";

const OTP = { success: true, mfa_required: true, challenge: { challenge_type: "otp" }, expires_in: 300 };
const SMS = { ...OTP, challenge: { challenge_type: "oob", binding_method: "prompt" } };
const PUSH = { ...OTP, challenge: { challenge_type: "oob" } };
const TOKENS = { success: true, access_token: "base", token_type: "Bearer", expires_in: 900, scope: "openid profile" };
const ELEVATED = { ...TOKENS, access_token: "elevated", scope: "openid transfer:funds" };
const WAITING = { success: true, pending: true, retry_after: 5 };
const WRONG = [401, { success: false, error: "invalid_code", error_description: "That code is not right.", attempts_left: 4, request_id: "r-1" }];
const DEMAND = [401, { error: "insufficient_user_authentication" }, { "www-authenticate": 'Bearer error="insufficient_user_authentication", error_description="Once more", scope="transfer:funds"' }];
const API = "https://api.example.com/transfers";

const refused = (status, error, headers) => [status, { success: false, error, error_description: `${error}.` }, headers];

/** A client whose requests are answered one after the other: a body, `[status, body, headers]`, or a function. */
function client(...answers) {
  const requests = [];
  const fetch = async (input, init) => {
    const request = new Request(new URL(input.url ?? input, "https://page.example.com"), input.url ? input : init);
    const { method, headers, credentials, cache } = request;
    const body = await request.text();
    const told = { method, path: new URL(request.url).pathname, body: body && JSON.parse(body), token: headers.get("authorization"), type: headers.get("content-type"), credentials, cache };
    requests.push(told);
    assert.ok(answers.length, `an answer to ${JSON.stringify(told)}`);
    const answer = answers.shift();
    if (typeof answer === "function") return answer(init);
    const [status, content, more] = Array.isArray(answer) ? answer : [200, answer];
    return new Response(content === undefined || typeof content === "string" ? content : JSON.stringify(content), { status, headers: more });
  };
  const mfa = new MfaClient({ fetch });
  return { mfa, requests, left: () => answers.length, sent: () => requests.map(({ body }) => body) };
}

/** The error that a call ends in. */
const failure = (call) => call.then(() => assert.fail("it did not fail"), (error) => error);

/** Lets everything happen that needs no time. */
const settled = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

afterEach(() => mock.timers.reset());

describe("calls", () => {
  test("each sends what its name says, as JSON and with the cookie", async () => {
    const { mfa, requests } = client(OTP, OTP, { success: true, authenticators: [{ id: "a", type: "otp" }] }, OTP, OTP, OTP, TOKENS, { success: true, state: "none" }, [204, undefined]);
    await mfa.signIn({ email: "ada@example.com", password: "p" });
    await mfa.challenge({ authenticator_id: "a" });
    assert.deepEqual(await mfa.authenticators(), [{ id: "a", type: "otp" }]);
    await mfa.enroll({ type: "sms", phone_number: "+4917655500199" });
    await mfa.stepUp("transfer:funds");
    await mfa.stepUp("transfer:funds", { challenge_type: "oob" });
    await mfa.renew();
    assert.deepEqual(await mfa.status(), { success: true, state: "none" });
    assert.equal(await mfa.signOut(), undefined);
    const told = requests.map(({ method, path, body }) => [method, path, body]);
    const authenticate = "/api/mfa/authenticate";
    assert.deepEqual(told, [
      ["POST", authenticate, { action: "sign_in", email: "ada@example.com", password: "p" }],
      ["POST", authenticate, { action: "challenge", authenticator_id: "a" }],
      ["POST", authenticate, { action: "authenticators" }],
      ["POST", authenticate, { action: "enroll", type: "sms", phone_number: "+4917655500199" }],
      ["POST", authenticate, { action: "step_up", scope: "transfer:funds" }],
      ["POST", authenticate, { action: "step_up", scope: "transfer:funds", challenge_type: "oob" }],
      ["POST", authenticate, { action: "renew" }],
      ["GET", authenticate, ""],
      ["DELETE", authenticate, ""],
    ]);
    for (const { body, type, credentials, cache, token } of requests) {
      assert.equal(type, body ? "application/json" : null);
      assert.deepEqual([credentials, cache, token], ["include", "no-store", null]);
    }
  });

  test("a base URL may end in a slash", async () => {
    const addresses = [];
    const fetch = async (address) => (addresses.push(address), Response.json(TOKENS));
    await new MfaClient({ baseUrl: "https://api.example.com/prod/mfa/", fetch }).verify("123456");
    assert.deepEqual(addresses, ["https://api.example.com/prod/mfa/verify"]);
  });

  for (const [what, step, field] of [
    ["an app's", OTP, "otp"],
    ["a message's", SMS, "binding_code"],
    ["an app's, where a push was sent", PUSH, "otp"],
    ["a new telephone's", { ...OTP, challenge: undefined, enrollment: { type: "sms" } }, "binding_code"],
    ["a new app's", { ...OTP, challenge: undefined, enrollment: { type: "otp" } }, "otp"],
  ]) {
    test(`a code in a string is ${what}, if that is what was asked for`, async () => {
      const { mfa, sent } = client(step, TOKENS);
      await mfa.challenge();
      await mfa.verify("１２３ 456\u3000");
      assert.deepEqual(sent()[1], { [field]: "123456" });
    });
  }

  test("after a reload the status says what a code is for", async () => {
    const { mfa, sent } = client({ success: true, state: "pending", purpose: "sign_in", challenge: SMS.challenge, attempts_left: 5, expires_in: 200 }, TOKENS);
    await mfa.status();
    await mfa.verify("123456");
    assert.deepEqual(sent()[1], { binding_code: "123456" });
  });

  test("any other code is sent as it is", async () => {
    const { mfa, sent } = client(TOKENS);
    await mfa.verify({ recovery_code: "AB CD" });
    assert.deepEqual(sent(), [{ recovery_code: "AB CD" }]);
  });
});

describe("errors", () => {
  test("an error has everything that the answer says", async () => {
    const { mfa } = client(WRONG);
    const error = await failure(mfa.verify("123456"));
    assert.ok(error instanceof MfaError && error instanceof Error);
    const { name, code, status, message, attemptsLeft, retryAfter, requestId } = error;
    assert.deepEqual([name, code, status, message], ["MfaError", "invalid_code", 401, "That code is not right."]);
    assert.deepEqual([attemptsLeft, retryAfter, requestId], [4, undefined, "r-1"]);
  });

  test("in_progress is passed on and nothing is sent again: a code repeated is an attempt spent", async () => {
    const { mfa, requests } = client(refused(409, "in_progress", { "retry-after": "1" }));
    const { code, retryAfter } = await failure(mfa.verify("123456"));
    assert.deepEqual([code, retryAfter, requests.length], ["in_progress", 1, 1]);
  });

  test("Retry-After is read as seconds and as a date, and nonsense is nothing", async () => {
    mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 0, 1, 12, 0, 0) });
    for (const [field, expected] of [["7", 7], ["0", 0], ["Thu, 01 Jan 2026 12:00:30 GMT", 30], ["Thu, 01 Jan 2026 11:00:00 GMT", 0], ["soon", undefined]]) {
      const { mfa } = client(refused(429, "too_many_requests", { "retry-after": field }));
      assert.equal((await failure(mfa.verify("123456"))).retryAfter, expected, field);
    }
  });

  for (const [what, answer] of [
    ["a proxy's HTML", [502, "<html>Bad gateway</html>"]],
    ["the gateway's own words", [429, { message: "Too Many Requests" }]],
    ["HTML that claims to be good", [200, "<html>Sign in to the Wi-Fi</html>"]],
    ["JSON of somebody else", [200, { ok: true }]],
    ["nothing", [500, ""]],
    ["null", [500, "null"]],
    ["a failure that calls itself a success", [500, { success: true }]],
    ["an error that is no word", [400, { error: { code: 1 } }]],
  ]) {
    test(`${what} is unexpected_response, with its status`, async () => {
      const { mfa } = client(answer);
      const { code, status, message } = await failure(mfa.verify("123456"));
      assert.deepEqual([code, status], ["unexpected_response", answer[0]]);
      assert.match(message, new RegExp(answer[0]));
    });
  }

  test("no answer is network_error, with its cause", async () => {
    const cause = new TypeError("fetch failed");
    const { mfa } = client(() => Promise.reject(cause));
    const error = await failure(mfa.verify("123456"));
    assert.deepEqual([error.code, error.status, error.cause], ["network_error", undefined, cause]);
  });

  test("an answer that breaks off is network_error", async () => {
    const half = new ReadableStream({ pull: (controller) => controller.error(new TypeError("terminated")) });
    const { mfa } = client(() => new Response(half));
    assert.equal((await failure(mfa.verify("123456"))).code, "network_error");
  });

  test("an answer that takes too long is network_error", async () => {
    const fetch = (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const error = await failure(new MfaClient({ fetch, timeout: 1 }).verify("123456"));
    assert.deepEqual([error.code, error.cause.name], ["network_error", "TimeoutError"]);
  });

  test("an aborted call rejects with the signal's reason", async () => {
    const { mfa } = client(({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
    const controller = new AbortController();
    const call = failure(mfa.verify("123456", { signal: controller.signal }));
    const reason = new Error("left the page");
    await settled();
    controller.abort(reason);
    assert.equal(await call, reason);
  });

  test("an API's answer can be made one too", async () => {
    const error = await MfaError.from(Response.json({ error: "invalid_token", error_description: "Over" }, { status: 401 }));
    assert.deepEqual([error.code, error.message, error.status], ["invalid_token", "Over", 401]);
  });
});

describe("waiting for a push", () => {
  const clock = () => mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });

  /** Time passes, and what it brings about. */
  const pass = async (milliseconds) => {
    mock.timers.tick(milliseconds);
    await settled();
  };

  test("it looks at once, and then as often as it is told to", async () => {
    clock();
    const { mfa, requests } = client(PUSH, WAITING, { ...WAITING, retry_after: 10 }, TOKENS);
    await mfa.challenge();
    const waiting = mfa.waitForPush();
    await pass(0);
    assert.equal(requests.length, 2);
    await pass(4_999);
    assert.equal(requests.length, 2);
    await pass(1);
    assert.equal(requests.length, 3);
    await pass(9_999);
    assert.equal(requests.length, 3);
    await pass(1);
    assert.deepEqual(await waiting, TOKENS);
    assert.deepEqual(requests[3].body, { push: true });
  });

  test("what passes by itself is waited out, and told", async () => {
    clock();
    const told = [];
    const passing = [
      refused(409, "in_progress", { "retry-after": "1" }),
      refused(429, "too_many_requests", { "retry-after": "7" }),
      refused(503, "store_unavailable"),
      refused(502, "upstream_error"),
      refused(504, "upstream_timeout"),
      () => Promise.reject(new TypeError("offline")),
      [503, { message: "Service Unavailable" }],
      [429, { message: "Too Many Requests" }],
    ];
    const { mfa, requests } = client(...passing, TOKENS);
    const waiting = mfa.waitForPush({ onRetry: ({ code }) => told.push(code) });
    await pass(0);
    for (const [index, seconds] of [1, 7, 5, 5, 5, 5, 5, 5].entries()) {
      await pass(seconds * 1000 - 1);
      assert.equal(requests.length, index + 1);
      await pass(1);
    }
    assert.deepEqual(await waiting, TOKENS);
    assert.deepEqual(told, ["in_progress", "too_many_requests", "store_unavailable", "upstream_error", "upstream_timeout", "network_error", "unexpected_response", "unexpected_response"]);
  });

  for (const answer of [refused(403, "challenge_rejected"), refused(401, "session_expired"), refused(429, "too_many_attempts"), refused(500, "internal_error"), [404, { message: "Not Found", error: "unexpected_response" }]]) {
    test(`${answer[0]} ${answer[1].error} ends it`, async () => {
      clock();
      const { mfa } = client(answer);
      const waiting = failure(mfa.waitForPush());
      await pass(0);
      assert.equal((await waiting).code, answer[1].error);
    });
  }

  test("aborted between two looks, it looks no more", async () => {
    clock();
    const { mfa, requests } = client(WAITING);
    const controller = new AbortController();
    const waiting = failure(mfa.waitForPush({ signal: controller.signal }));
    await pass(0);
    controller.abort();
    assert.equal((await waiting).name, "AbortError");
    await pass(60_000);
    assert.equal(requests.length, 1);
  });

  test("aborted during a look, it ends with the look, and an approval that this brings is not lost", async () => {
    clock();
    for (const [answer, expected] of [[WAITING, "AbortError"], [TOKENS, "base"]]) {
      let reply;
      const { mfa } = client(({ signal }) => new Promise((resolve, reject) => {
        reply = () => resolve(Response.json(answer));
        signal.addEventListener("abort", () => reject(signal.reason));
      }));
      const controller = new AbortController();
      let ended = false;
      const waiting = mfa.waitForPush({ signal: controller.signal }).catch((error) => error).finally(() => (ended = true));
      await pass(0);
      controller.abort();
      await settled();
      assert.equal(ended, false, "the look is under way");
      reply();
      const outcome = await waiting;
      assert.equal(outcome.access_token ?? outcome.name, expected);
    }
  });

  test("begun anew it keeps the distance, but not from another push's looks", async () => {
    clock();
    const { mfa, requests } = client(WAITING, WAITING, PUSH, TOKENS);
    const controller = new AbortController();
    const first = failure(mfa.waitForPush({ signal: controller.signal }));
    await pass(0);
    controller.abort();
    await first;
    const again = new AbortController();
    const second = failure(mfa.waitForPush({ signal: again.signal }));
    await pass(4_999);
    assert.equal(requests.length, 1);
    await pass(1);
    assert.equal(requests.length, 2);
    again.abort();
    await second;
    await mfa.challenge();
    const third = mfa.waitForPush();
    await pass(0);
    assert.deepEqual(await third, TOKENS);
  });
});

describe("completing a step", () => {
  test("a wrong code is asked for again, and one more factor too", async () => {
    const { mfa, sent } = client(WRONG, SMS, TOKENS);
    const asked = [];
    const codes = ["111111", "222222", "333333"];
    const tokens = await mfa.complete(OTP, (step, error) => (asked.push([step.challenge, error?.attemptsLeft]), codes.shift()));
    assert.deepEqual(tokens, TOKENS);
    assert.deepEqual(asked, [[OTP.challenge, undefined], [OTP.challenge, 4], [SMS.challenge, undefined]]);
    assert.deepEqual(sent(), [{ otp: "111111" }, { otp: "222222" }, { binding_code: "333333" }]);
  });

  test("tokens need no code", async () => {
    const { mfa } = client();
    assert.equal(await mfa.complete(TOKENS, () => assert.fail("asked")), TOKENS);
  });

  test("after a reload it goes on from the status", async () => {
    const { mfa, sent } = client({ success: true, state: "pending", purpose: "sign_in", challenge: SMS.challenge, attempts_left: 4, expires_in: 200 }, WRONG, TOKENS);
    const codes = ["111111", "222222"];
    assert.deepEqual(await mfa.complete(await mfa.status(), () => codes.shift()), TOKENS);
    assert.deepEqual(sent().slice(1), [{ binding_code: "111111" }, { binding_code: "222222" }]);
  });

  test("a push is waited for, and a dialog may do everything itself", async () => {
    const { mfa, sent } = client(PUSH, TOKENS, SMS, TOKENS);
    await mfa.challenge();
    assert.deepEqual(await mfa.complete(PUSH, () => ({ push: true })), TOKENS);
    const answers = [() => mfa.challenge({ challenge_type: "oob" }), () => mfa.verify("123456")];
    assert.deepEqual(await mfa.complete(OTP, () => answers.shift()()), TOKENS);
    assert.deepEqual(sent(), [{ action: "challenge" }, { push: true }, { action: "challenge", challenge_type: "oob" }, { binding_code: "123456" }]);
  });

  test("no code is `cancelled`, and any other error is thrown", async () => {
    for (const none of [null, undefined, ""]) assert.equal((await failure(client().mfa.complete(OTP, () => none))).code, "cancelled");
    const { mfa, requests } = client(refused(429, "too_many_attempts"));
    assert.equal((await failure(mfa.complete(OTP, () => "111111"))).code, "too_many_attempts");
    assert.equal(requests.length, 1);
  });
});

describe("a request with step-up", () => {
  const post = { method: "POST", body: '{"amount":5}' };
  const tokens = (requests) => requests.map(({ path, token, body }) => (path === "/transfers" ? [token, body] : body));
  const CODE = () => "123456";

  /** A client that is signed in. */
  async function signedIn(...answers) {
    const one = client(TOKENS, ...answers);
    await one.mfa.renew();
    one.requests.length = 0;
    return one;
  }

  test("a demand is met, and the request repeated once with its body and the new token", async () => {
    const { mfa, requests } = await signedIn(DEMAND, OTP, ELEVATED, [201, { id: 1 }]);
    const response = await mfa.fetchWithStepUp(API, CODE, post);
    assert.deepEqual([response.status, await response.json()], [201, { id: 1 }]);
    assert.deepEqual(tokens(requests), [
      ["Bearer base", { amount: 5 }],
      { action: "step_up", scope: "transfer:funds" },
      { otp: "123456" },
      ["Bearer elevated", { amount: 5 }],
    ]);
  });

  test("a Request is taken as well", async () => {
    const { mfa, requests } = await signedIn(DEMAND, OTP, ELEVATED, {});
    await mfa.fetchWithStepUp(new Request(API, post), CODE);
    assert.deepEqual(tokens(requests).at(-1), ["Bearer elevated", { amount: 5 }]);
  });

  test("every other answer is the caller's", async () => {
    const challenge = (value, status = 401) => [status, {}, value && { "www-authenticate": value }];
    for (const answer of [
      [200, {}],
      challenge(undefined),
      challenge("Bearer"),
      challenge('Bearer error="invalid_token", scope="transfer:funds"'),
      challenge('Basic error="insufficient_user_authentication", scope="transfer:funds"'),
      challenge('Bearer error="insufficient_user_authentication", acr_values="mfa"'),
      challenge('Bearer error="insufficient_user_authentication", scope="transfer:funds"', 403),
      challenge('Bearer realm="error=\\"insufficient_user_authentication\\", scope=x"'),
    ]) {
      const { mfa, requests } = await signedIn(answer);
      const response = await mfa.fetchWithStepUp(API, () => assert.fail("asked"), post);
      assert.deepEqual([response.status, requests.length], [answer[0], 1]);
    }
  });

  test("an API that asks again after the step-up is not asked a third time", async () => {
    const { mfa, requests } = await signedIn(DEMAND, OTP, ELEVATED, DEMAND);
    assert.equal((await mfa.fetchWithStepUp(API, CODE)).status, 401);
    assert.equal(requests.length, 4);
  });

  test("the elevated token is used again where the scope is asked for again, and nowhere else", async () => {
    const { mfa, requests } = await signedIn(DEMAND, OTP, ELEVATED, {}, {}, DEMAND, {});
    await mfa.fetchWithStepUp(API, CODE, post);
    await mfa.fetchWithStepUp(API, CODE, post);
    await mfa.fetchWithStepUp(API, () => assert.fail("asked"), post);
    assert.deepEqual(requests.slice(4).map(({ token }) => token), ["Bearer base", "Bearer base", "Bearer elevated"]);
  });

  test("an elevated token that the API no longer takes is replaced", async () => {
    for (const over of [DEMAND, [401, {}, { "www-authenticate": 'Bearer error="invalid_token"' }]]) {
      const next = { ...ELEVATED, access_token: "next" };
      const { mfa, requests, left } = await signedIn(DEMAND, OTP, ELEVATED, {}, DEMAND, over, OTP, next, {});
      await mfa.fetchWithStepUp(API, CODE, post);
      assert.equal((await mfa.fetchWithStepUp(API, CODE, post)).status, 200);
      assert.equal(left(), 0);
      assert.deepEqual(tokens(requests).at(-1), ["Bearer next", { amount: 5 }]);
    }
  });

  test("a token that was refused is not tried again, though nobody gave a code for another", async () => {
    const { mfa, requests } = await signedIn(DEMAND, OTP, ELEVATED, {}, DEMAND, DEMAND, OTP, DEMAND, OTP);
    await mfa.fetchWithStepUp(API, CODE, post);
    for (let time = 0; time < 2; time++) assert.equal((await failure(mfa.fetchWithStepUp(API, () => null, post))).code, "cancelled");
    assert.equal(requests.filter(({ token }) => token === "Bearer elevated").length, 2);
  });

  test("one of another scope is not even tried", async () => {
    const other = [401, {}, { "www-authenticate": 'Bearer error="insufficient_user_authentication", scope="transfer:funds close:account"' }];
    const { mfa, requests } = await signedIn(DEMAND, OTP, ELEVATED, {}, other, OTP, { ...ELEVATED, access_token: "both" }, {});
    await mfa.fetchWithStepUp(API, CODE, post);
    await mfa.fetchWithStepUp(API, CODE, post);
    assert.deepEqual(tokens(requests).slice(5, 6), [{ action: "step_up", scope: "transfer:funds close:account" }]);
  });

  test("a step-up that a reloaded page completes by itself is good for the next request", async () => {
    const pending = { success: true, state: "pending", purpose: "step_up", challenge: SMS.challenge, attempts_left: 5, expires_in: 200 };
    const { mfa, requests, left } = client(pending, ELEVATED, {}, TOKENS, DEMAND, {});
    await mfa.status();
    await mfa.verify("123456");
    const ask = () => assert.fail("asked");
    assert.equal((await mfa.fetchWithStepUp(API, ask, post)).status, 200);
    await mfa.renew();
    assert.equal((await mfa.fetchWithStepUp(API, ask, post)).status, 200);
    assert.deepEqual(requests.filter(({ token }) => token).map(({ token }) => token), ["Bearer elevated", "Bearer base", "Bearer elevated"]);
    assert.equal(left(), 0);
  });

  test("where that is the only token and is not enough, it is not sent a second time", async () => {
    const next = { ...ELEVATED, access_token: "next" };
    const pending = { success: true, state: "pending", purpose: "step_up", challenge: OTP.challenge, attempts_left: 5, expires_in: 200 };
    const { mfa, requests } = client(pending, ELEVATED, DEMAND, OTP, next, {});
    await mfa.complete(await mfa.status(), CODE);
    await mfa.fetchWithStepUp(API, CODE, post);
    assert.deepEqual(requests.filter(({ token }) => token).map(({ token }) => token), ["Bearer elevated", "Bearer next"]);
  });

  test("two requests ask for one code, and where each needs its own, one after the other", async () => {
    const { mfa, left } = await signedIn(DEMAND, DEMAND, OTP, ELEVATED, {}, {});
    let asked = 0;
    const ask = async () => (asked++, await settled(), "123456");
    await Promise.all([mfa.fetchWithStepUp(API, ask, post), mfa.fetchWithStepUp(API, ask, post)]);
    assert.deepEqual([asked, left()], [1, 0]);

    const single = await signedIn(DEMAND, DEMAND, OTP, ELEVATED, {}, DEMAND, OTP, ELEVATED, {});
    let open = 0;
    const alone = async () => {
      assert.equal(++open, 1, "one dialog at a time");
      await settled();
      open--;
      return "123456";
    };
    await Promise.all([single.mfa.fetchWithStepUp(API, alone, post), single.mfa.fetchWithStepUp(API, alone, post)]);
    assert.equal(single.left(), 0);
  });

  test("a step-up that fails or is called off rejects, and the next one can be made", async () => {
    const { mfa } = await signedIn(DEMAND, refused(401, "login_required"), DEMAND, OTP, DEMAND, OTP, ELEVATED, {});
    assert.equal((await failure(mfa.fetchWithStepUp(API, CODE))).code, "login_required");
    assert.equal((await failure(mfa.fetchWithStepUp(API, () => null))).code, "cancelled");
    assert.equal((await mfa.fetchWithStepUp(API, CODE)).status, 200);
  });

  test("signing out forgets the tokens, also when the server is down", async () => {
    const { mfa, requests } = await signedIn(DEMAND, OTP, ELEVATED, {}, refused(503, "store_unavailable"), DEMAND, OTP, ELEVATED, {});
    await mfa.fetchWithStepUp(API, CODE);
    assert.equal((await failure(mfa.signOut())).code, "store_unavailable");
    await mfa.fetchWithStepUp(API, CODE);
    assert.equal(requests[5].token, null);
    assert.equal(requests.at(-1).token, "Bearer elevated", "a fresh one");
  });

  test("a new sign-in has nothing of the session before it", async () => {
    const { mfa, requests } = await signedIn(DEMAND, OTP, ELEVATED, {}, OTP, {});
    await mfa.fetchWithStepUp(API, CODE);
    await mfa.signIn({ email: "sam@example.com", password: "p" });
    await mfa.fetchWithStepUp(API, CODE);
    assert.equal(requests.at(-1).token, null);
  });

  test("tokens are in no property, no JSON and no text of the client", async () => {
    const { mfa } = await signedIn();
    assert.deepEqual(Reflect.ownKeys(mfa), []);
    assert.equal(JSON.stringify(mfa), "{}");
  });
});

describe("WWW-Authenticate", () => {
  for (const [field, expected] of [
    ["", []],
    ["Bearer", [{ scheme: "bearer" }]],
    ['Bearer error="a", scope="b c"', [{ scheme: "bearer", error: "a", scope: "b c" }]],
    ["bearer ERROR=a", [{ scheme: "bearer", error: "a" }]],
    ['Bearer error = "a" , scope\t=\t"b"', [{ scheme: "bearer", error: "a", scope: "b" }]],
    ['Bearer realm="a, b=\\"c\\" \\\\", error=d', [{ scheme: "bearer", realm: 'a, b="c" \\', error: "d" }]],
    ['Bearer realm=""', [{ scheme: "bearer", realm: "" }]],
    ["Negotiate YWJj==, Bearer error=a", [{ scheme: "negotiate" }, { scheme: "bearer", error: "a" }]],
    ["Negotiate, Bearer error=a", [{ scheme: "negotiate" }, { scheme: "bearer", error: "a" }]],
    ['Basic realm="x", , Bearer error=a', [{ scheme: "basic", realm: "x" }, { scheme: "bearer", error: "a" }]],
    ['DPoP algs="ES256 RS256", Bearer error="a"', [{ scheme: "dpop", algs: "ES256 RS256" }, { scheme: "bearer", error: "a" }]],
    // As API Gateway writes it, without commas.
    ['Bearer scope="" error="invalid_token" error_description="x"', [{ scheme: "bearer", scope: "", error: "invalid_token", error_description: "x" }]],
    ['Bearer error="unclosed', [{ scheme: "bearer" }]],
    ["error=a", []],
  ]) {
    test(`${field || "nothing"}`, () => assert.deepEqual(challenges(field).map((one) => ({ ...one })), expected));
  }

  test("a long field takes no long time", () => {
    const began = performance.now();
    for (const field of [`Bearer ${"a".repeat(50_000)} !`, `Bearer a="${"\\".repeat(50_001)}`, " ,".repeat(50_000), `Bearer ${"a = ".repeat(20_000)}`]) challenges(field);
    assert.ok(performance.now() - began < 2_000);
  });
});

test("the module is under 4 KB", (t) => {
  const size = gzipSync(readFileSync(new URL("mfa-client.js", import.meta.url)), { level: 9 }).length;
  t.diagnostic(`${size} bytes, gzipped`);
  assert.ok(size < 4096, `${size} bytes`);
});
