// The Action, with events as "Event Object" of Auth0's post-login trigger describes them.

const { test } = require("node:test");
const assert = require("node:assert/strict");

const { onExecutePostLogin } = require("./step-up.js");

const CLAIM = "https://bank.example/step_up";
const SECRETS = { STEP_UP_SCOPES: "transfer:funds close:account", STEP_UP_CLAIM: CLAIM };
const MFA = ["multifactor.enable", "any", { allowRememberBrowser: false }];
const CLAIMS = [
  ["accessToken.setCustomClaim", CLAIM, true],
  ["idToken.setCustomClaim", CLAIM, true],
];
const without = (...scopes) => scopes.map((scope) => ["accessToken.removeScope", scope]);

/** What the Action does in this event, call by call. */
async function calls(event) {
  const made = [];
  const recorder = (path) =>
    new Proxy(() => {}, {
      get: (_, name) => recorder([...path, name]),
      apply: (_target, _this, values) => void made.push([path.join("."), ...values]),
    });
  await onExecutePostLogin({ secrets: SECRETS, ...event }, recorder([]));
  return made;
}

const refresh = (body, transaction) =>
  calls({ transaction: { protocol: "oauth2-refresh-token", ...transaction }, request: { body } });
const signIn = (protocol, body, requested_scopes) =>
  calls({ transaction: { protocol, requested_scopes }, request: { body } });

test("a refresh that asks for a step-up scope demands a factor, and its tokens say so", async () => {
  const made = await refresh({ grant_type: "refresh_token", scope: "openid transfer:funds" });
  assert.deepEqual(made, [...without("close:account"), MFA, ...CLAIMS]);
});

test("a refresh that asks for none demands nothing and gets none", async () => {
  const none = without("transfer:funds", "close:account");
  for (const scope of ["openid profile offline_access", undefined, "", "transfer:funds:all", "TRANSFER:FUNDS"]) {
    assert.deepEqual(await refresh({ grant_type: "refresh_token", scope }), none, scope);
  }
  assert.deepEqual(await refresh(undefined), none, "no body");
});

test("what the first sign-in asked for does not make a step-up of a refresh", async () => {
  const made = await refresh({ scope: "openid" }, { requested_scopes: ["openid", "transfer:funds"] });
  assert.deepEqual(made, without("transfer:funds", "close:account"));
});

test("a factor that was given earlier in the session does not count", async () => {
  const made = await calls({
    transaction: { protocol: "oauth2-refresh-token" },
    request: { body: { scope: "transfer:funds" } },
    authentication: { methods: [{ name: "mfa", type: "otp", timestamp: "2026-01-01T00:00:00Z" }] },
  });
  assert.ok(made.some(([name]) => name === MFA[0]));
});

test("a sign-in with a password demands a factor, and gets a step-up scope only by its name", async () => {
  for (const protocol of ["oauth2-password", "oauth2-resource-owner"]) {
    const ordinary = [...without("transfer:funds", "close:account"), MFA];
    assert.deepEqual(await signIn(protocol, { scope: "openid profile" }), ordinary);
    assert.deepEqual(await signIn(protocol, {}), ordinary, "no scope is all scopes");
    const named = [...without("close:account"), MFA];
    assert.deepEqual(await signIn(protocol, { scope: "openid transfer:funds" }), named);
    assert.deepEqual(await signIn(protocol, undefined, ["transfer:funds"]), named);
  }
});

test("a step-up scope in any other flow, also one that there is not yet, is refused", async () => {
  const known = ["oidc-basic-profile", "oauth2-token-exchange", "oauth2-device-code", "samlp"];
  for (const protocol of [...known, "of-tomorrow", undefined]) {
    for (const made of [
      await signIn(protocol, undefined, ["openid", "transfer:funds"]),
      await signIn(protocol, { scope: "openid transfer:funds" }),
    ]) {
      assert.equal(made.at(-1)[0], "access.deny", protocol);
      assert.ok(made.every(([name]) => !name.endsWith("setCustomClaim")), protocol);
    }
  }
});

test("any other flow without one is let through, and gets none", async () => {
  const none = without("transfer:funds", "close:account");
  assert.deepEqual(await signIn("oidc-basic-profile", undefined, ["openid"]), none);
  assert.deepEqual(await calls({}), none, "an event without a transaction and a request");
});

test("without its configuration it lets nobody in", async () => {
  for (const secrets of [
    {},
    { STEP_UP_SCOPES: " ", STEP_UP_CLAIM: CLAIM },
    { STEP_UP_SCOPES: "transfer:funds" },
    { STEP_UP_SCOPES: "transfer:funds", STEP_UP_CLAIM: "step_up" },
  ]) {
    const made = await calls({ secrets, transaction: { protocol: "oidc-basic-profile" } });
    assert.deepEqual(
      made.map(([name]) => name),
      ["access.deny"],
    );
  }
});
