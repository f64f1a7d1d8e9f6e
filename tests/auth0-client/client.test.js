// Auth0's own client drives the simulated tenant, unchanged: what satisfies it here is Auth0's wire.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createPublicKey, randomBytes, verify as verifySignature } from "node:crypto";

import { AuthClient, isMfaRequiredError } from "@auth0/auth0-auth-js";

import { CLIENT_ID, CLIENT_SECRET, DOMAIN, REALM, startTenant, totp } from "./tenant.js";

const API = "https://bank.example/api";
const MFA_API = `https://${DOMAIN}/mfa/`;
const SCOPE = "openid profile email offline_access";
const PHONE = "+4915123456789";
const OTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const OTP = { type: "otp", secret: OTP_SECRET };
const SMS = { type: "sms", phone_number: PHONE };
const PUSH = { type: "push", device: "A phone" };
const RECOVERY_CODE = "ABCDEFGHIJKLMNOPQRSTUVWX";
const RECOVERY = { type: "recovery-code", code: RECOVERY_CODE };

let tenant, auth0;

before(async () => {
  tenant = await startTenant();
  await tenant.control("POST", "/apis", { identifier: API, scopes: ["read:accounts", "transfer:funds"] });
  await tenant.control("POST", "/applications", {
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    trusts_forwarded_for: true,
  });
  await tenant.control("PATCH", "/settings", { policy: "always_except_refresh", step_up_scopes: ["transfer:funds"] });
  auth0 = client();
});
after(() => tenant?.stop());

function client(clientSecret = CLIENT_SECRET) {
  const customFetch = (...call) => tenant.fetch(...call);
  return new AuthClient({ domain: DOMAIN, clientId: CLIENT_ID, clientSecret, customFetch });
}

/** The error that a call ends in. */
async function refused(call) {
  return call.then(
    () => assert.fail("it was not refused"),
    (error) => error,
  );
}

/** The password call of `user`, which must end in a demand for a second factor: its `mfa_token`. */
async function mfaToken(user, options = {}) {
  const call = { ...user, realm: REALM, audience: API, scope: SCOPE, ...options };
  const error = await refused(auth0.getTokenByPassword(call));
  assert.ok(isMfaRequiredError(error), error);
  return error.cause.mfa_token;
}

const byOtp = (mfaToken, otp = totp(OTP_SECRET)) => auth0.mfa.verify({ factorType: "otp", mfaToken, otp });
const byRecoveryCode = (mfaToken, recoveryCode) =>
  auth0.mfa.verify({ factorType: "recovery-code", mfaToken, recoveryCode });

const sorted = (scope) => scope.split(" ").sort();

test("a password is answered with a demand for a second factor, which the client knows as such", async () => {
  const user = await tenant.user(OTP);
  await tenant.control("DELETE", "/received");
  const call = { ...user, realm: REALM, audience: API, scope: SCOPE, auth0ForwardedFor: "203.0.113.7" };
  const error = await refused(auth0.getTokenByPassword(call));

  assert.ok(isMfaRequiredError(error));
  assert.equal(error.name, "TokenByPasswordError");
  assert.equal(error.statusCode, 403);
  assert.equal(error.cause.error_description, "Multifactor authentication required");
  assert.match(error.cause.mfa_token, /^Fe26\.2\*/);
  assert.equal(error.cause.mfa_requirements, undefined);
  const { requests } = await tenant.control("GET", "/received");
  const sent = requests.find((request) => request.endpoint === "token");
  assert.equal(sent.grant_type, "password");
  assert.equal(sent.forwarded_for, "203.0.113.7");
  assert.ok(sent.fields.includes("realm") && sent.fields.includes("client_secret"));
});

test("with customizable MFA the client is told which factors will do", async () => {
  await tenant.control("PATCH", "/settings", { customizable_mfa: true });
  try {
    const enrolled = await tenant.user(OTP, RECOVERY);
    const call = { realm: REALM, scope: SCOPE };
    const challenge = await refused(auth0.getTokenByPassword({ ...enrolled, ...call }));
    assert.deepEqual(challenge.cause.mfa_requirements.challenge, [{ type: "otp" }, { type: "recovery-code" }]);
    const enroll = await refused(auth0.getTokenByPassword({ ...(await tenant.user()), ...call }));
    assert.ok(enroll.cause.mfa_requirements.enroll.some((factor) => factor.type === "phone"));
    const [listed] = await auth0.mfa.listAuthenticators({ mfaToken: challenge.cause.mfa_token });
    assert.equal(listed.type, "otp");
  } finally {
    await tenant.control("PATCH", "/settings", { customizable_mfa: false });
  }
});

test("the authenticators are listed in the client's terms", async () => {
  const user = await tenant.user(OTP, SMS, RECOVERY);
  const listed = await auth0.mfa.listAuthenticators({ mfaToken: await mfaToken(user) });

  const kind = ({ id }) => id.split("|")[0];
  assert.deepEqual(listed.map(kind), ["totp", "sms", "voice", "recovery-code"]);
  assert.deepEqual(
    listed.map((one) => one.authenticatorType),
    ["otp", "oob", "oob", "recovery-code"],
  );
  assert.ok(listed.every((one) => one.active && /^[a-z-]+\|dev_[A-Za-z0-9]{16}$/.test(one.id)));
  assert.equal(listed[1].name, "XXXXXXXXXX6789");
});

test("a code of the authenticator app gets tokens", async () => {
  const user = await tenant.user(OTP);
  const token = await mfaToken(user);
  const challenge = await auth0.mfa.challengeAuthenticator({ challengeType: "otp", mfaToken: token });
  assert.deepEqual(challenge, { challengeType: "otp" });
  const tokens = await byOtp(token);

  assert.equal(tokens.tokenType.toLowerCase(), "bearer");
  assert.deepEqual(sorted(tokens.scope), sorted(SCOPE));
  assert.ok(tokens.refreshToken);
  assert.equal(tokens.recoveryCode, undefined);
  assert.equal(tokens.claims.iss, `https://${DOMAIN}/`);
  assert.equal(tokens.claims.aud, CLIENT_ID);
  assert.equal(tokens.claims.email, user.username);
  assert.equal(tokens.claims.amr, undefined, "the MFA API's tokens have none");
  const who = await auth0.getUserInfo({ accessToken: tokens.accessToken, expectedSubject: tokens.claims.sub });
  assert.equal(who.email, user.username);

  // The client trusts the connection for the signature, so it is checked here, as an API would.
  const keys = await (await tenant.fetch(`https://${DOMAIN}/.well-known/jwks.json`)).json();
  for (const jwt of [tokens.idToken, tokens.accessToken]) {
    const [header, payload, signature] = jwt.split(".");
    const { alg, kid } = JSON.parse(Buffer.from(header, "base64url"));
    assert.equal(alg, "RS256");
    const key = createPublicKey({ key: keys.keys.find((one) => one.kid === kid), format: "jwk" });
    assert.ok(verifySignature("sha256", Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url")));
  }
});

test("a code by text message gets tokens", async () => {
  const user = await tenant.user(OTP, SMS);
  const token = await mfaToken(user);
  const sms = (await auth0.mfa.listAuthenticators({ mfaToken: token })).find(({ id }) => id.startsWith("sms|"));
  const { oobCode, ...challenge } = await auth0.mfa.challengeAuthenticator({
    challengeType: "oob",
    authenticatorId: sms.id,
    mfaToken: token,
  });
  assert.deepEqual(challenge, { challengeType: "oob", bindingMethod: "prompt" });

  const bindingCode = await user.textMessage();
  const tokens = await auth0.mfa.verify({ factorType: "oob", mfaToken: token, oobCode, bindingCode });
  assert.equal(tokens.claims.email, user.username);
});

test("a push is waited for, and gets tokens once it is approved", async () => {
  const user = await tenant.user(PUSH);
  const token = await mfaToken(user);
  const { oobCode, ...challenge } = await auth0.mfa.challengeAuthenticator({ challengeType: "oob", mfaToken: token });
  assert.deepEqual(challenge, { challengeType: "oob" }, "no binding method: nothing is typed");
  const poll = () => auth0.mfa.verify({ factorType: "oob", mfaToken: token, oobCode });

  const waiting = await refused(poll());
  assert.deepEqual([waiting.statusCode, waiting.cause.error], [400, "authorization_pending"]);
  await user.answerPush("approve");
  assert.equal((await poll()).claims.email, user.username);
});

test("a recovery code gets tokens and its replacement, once", async () => {
  const user = await tenant.user(OTP, RECOVERY);
  const first = await byRecoveryCode(await mfaToken(user), RECOVERY_CODE);
  assert.match(first.recoveryCode, /^[A-Z0-9]{24}$/);
  assert.notEqual(first.recoveryCode, RECOVERY_CODE);

  const again = await refused(byRecoveryCode(await mfaToken(user), RECOVERY_CODE));
  assert.equal(again.cause.error, "invalid_grant");
  const second = await byRecoveryCode(await mfaToken(user), first.recoveryCode);
  assert.notEqual(second.recoveryCode, first.recoveryCode);
});

test("an authenticator app is enrolled and confirmed by its first code", async () => {
  const user = await tenant.user();
  const token = await mfaToken(user);
  const enrollment = await auth0.mfa.enrollAuthenticator({ authenticatorTypes: ["otp"], mfaToken: token });

  assert.equal(enrollment.authenticatorType, "otp");
  assert.equal(new URL(enrollment.barcodeUri).searchParams.get("secret"), enrollment.secret);
  assert.match(enrollment.recoveryCodes[0], /^[A-Z0-9]{24}$/);
  const factor = async () =>
    (await auth0.mfa.listAuthenticators({ mfaToken: token })).find((one) => one.authenticatorType === "otp");
  assert.equal((await factor()).active, false);

  assert.equal((await byOtp(token, totp(enrollment.secret))).claims.email, user.username);
  const next = await mfaToken(user);
  const [confirmed] = await auth0.mfa.listAuthenticators({ mfaToken: next });
  assert.equal(confirmed.active, true);
  assert.ok((await byRecoveryCode(next, enrollment.recoveryCodes[0])).recoveryCode);
});

test("a telephone is enrolled and confirmed by the code that it is sent", async () => {
  const user = await tenant.user();
  const token = await mfaToken(user);
  const { oobCode, recoveryCodes, ...enrollment } = await auth0.mfa.enrollAuthenticator({
    authenticatorTypes: ["oob"],
    oobChannels: ["sms"],
    phoneNumber: PHONE,
    mfaToken: token,
  });
  assert.equal(enrollment.oobChannel, "sms");
  assert.equal(enrollment.bindingMethod, "prompt");
  assert.equal(recoveryCodes.length, 1);

  const bindingCode = await user.textMessage();
  const tokens = await auth0.mfa.verify({ factorType: "oob", mfaToken: token, oobCode, bindingCode });
  assert.equal(tokens.claims.email, user.username);
});

test("an authenticator is deleted with a token of the MFA API, not with an mfa_token", async () => {
  const user = await tenant.user(OTP, SMS);
  const token = await mfaToken(user, { audience: MFA_API, scope: "openid read:authenticators remove:authenticators" });
  const authenticatorId = (await auth0.mfa.listAuthenticators({ mfaToken: token }))[0].id;
  const error = await refused(auth0.mfa.deleteAuthenticator({ authenticatorId, mfaToken: token }));
  assert.equal(error.statusCode, 401);

  const { accessToken } = await byOtp(token);
  await auth0.mfa.deleteAuthenticator({ authenticatorId, mfaToken: accessToken });
  const left = await auth0.mfa.listAuthenticators({ mfaToken: accessToken });
  assert.ok(left.length > 0 && left.every(({ id }) => id !== authenticatorId));
});

test("a refresh token is replaced at each use, and its reuse ends the family", async () => {
  const first = await byOtp(await mfaToken(await tenant.user(OTP)));
  const second = await auth0.getTokenByRefreshToken({ refreshToken: first.refreshToken });
  assert.notEqual(second.refreshToken, first.refreshToken);
  assert.equal(second.claims.sub, first.claims.sub);

  const reuse = await refused(auth0.getTokenByRefreshToken({ refreshToken: first.refreshToken }));
  assert.deepEqual([reuse.statusCode, reuse.cause.error], [403, "invalid_grant"]);
  const family = await refused(auth0.getTokenByRefreshToken({ refreshToken: second.refreshToken }));
  assert.equal(family.cause.error, "invalid_grant");
});

test("a revoked refresh token is no longer taken", async () => {
  const { refreshToken } = await byOtp(await mfaToken(await tenant.user(OTP)));
  await auth0.revokeToken({ token: refreshToken });
  const error = await refused(auth0.getTokenByRefreshToken({ refreshToken }));
  assert.equal(error.cause.error, "invalid_grant");
});

test("a refresh that asks for the step-up scope demands a factor, and only that token has it", async () => {
  const signedIn = await byOtp(await mfaToken(await tenant.user(OTP, RECOVERY)));
  assert.ok(!sorted(signedIn.scope).includes("transfer:funds"));

  const stepUp = { refreshToken: signedIn.refreshToken, scope: `${SCOPE} transfer:funds` };
  const error = await refused(auth0.getTokenByRefreshToken(stepUp));
  assert.ok(isMfaRequiredError(error));
  assert.equal(error.name, "TokenByRefreshTokenError");
  const elevated = await byRecoveryCode(error.cause.mfa_token, RECOVERY_CODE);
  assert.ok(sorted(elevated.scope).includes("transfer:funds"));
  assert.equal(elevated.claims.sub, signedIn.claims.sub);

  const renewed = await auth0.getTokenByRefreshToken({ refreshToken: elevated.refreshToken });
  assert.ok(!sorted(renewed.scope).includes("transfer:funds"));
});

test("the client checks the id_token that it is given", async () => {
  for (const claims of [{ aud: "another-client" }, { iss: "https://another.example/" }, { exp: 1 }]) {
    const token = await mfaToken(await tenant.user(OTP));
    const effect = { kind: "id_token", claims };
    await tenant.control("POST", "/faults", { endpoint: "token", grant: "mfa-otp", effect });
    assert.equal((await refused(byOtp(token))).name, "MfaVerifyError");
  }
});

test("every refusal reaches the client with its status, error and words", async (t) => {
  const malformed = randomBytes(32).toString("base64url");
  const wrongPassword = { password: "wrong", realm: REALM, audience: API };
  const challenge = (mfaToken) => auth0.mfa.challengeAuthenticator({ challengeType: "oob", mfaToken });
  const list = (mfaToken) => auth0.mfa.listAuthenticators({ mfaToken });
  const enroll = (mfaToken) => auth0.mfa.enrollAuthenticator({ authenticatorTypes: ["otp"], mfaToken });

  const table = {
    "a wrong password": [
      async () => auth0.getTokenByPassword({ ...(await tenant.user(OTP)), ...wrongPassword }),
      [403, "invalid_grant", "Wrong email or password."],
    ],
    "a wrong client secret": [
      async () => client("wrong").getTokenByPassword({ ...(await tenant.user(OTP)), realm: REALM }),
      [401, "access_denied", "Unauthorized"],
    ],
    "a wrong otp": [
      async () => byOtp(await mfaToken(await tenant.user(OTP)), "000000"),
      [403, "invalid_grant", "Invalid otp_code."],
    ],
    "an otp that was used before": [
      async () => {
        const user = await tenant.user(OTP);
        const otp = totp(OTP_SECRET);
        await byOtp(await mfaToken(user), otp);
        return byOtp(await mfaToken(user), otp);
      },
      [403, "invalid_grant", "Invalid otp_code."],
    ],
    "a wrong binding code": [
      async () => {
        const token = await mfaToken(await tenant.user(SMS));
        const { oobCode } = await challenge(token);
        return auth0.mfa.verify({ factorType: "oob", mfaToken: token, oobCode, bindingCode: "000000" });
      },
      [403, "invalid_grant", "Invalid binding_code."],
    ],
    "a push that was refused": [
      async () => {
        const user = await tenant.user(PUSH);
        const token = await mfaToken(user);
        const { oobCode } = await challenge(token);
        await user.answerPush("refuse");
        return auth0.mfa.verify({ factorType: "oob", mfaToken: token, oobCode });
      },
      [400, "access_denied", "MFA Authorization rejected."],
    ],
    "a wrong recovery code": [
      async () => byRecoveryCode(await mfaToken(await tenant.user(OTP, RECOVERY)), "WRONGWRONGWRONGWRONGWRON"),
      [403, "invalid_grant", "MFA Authorization rejected."],
    ],
    "a challenge for a factor that the user has not": [
      async () => challenge(await mfaToken(await tenant.user(OTP))),
      [
        401,
        "unsupported_challenge_type",
        "User does not have any enrolled authenticator with the supported challenge type (oob)",
      ],
    ],
    "an enrollment by a user who has a factor": [
      async () => enroll(await mfaToken(await tenant.user(OTP))),
      [403, "access_denied", "User is already enrolled."],
    ],
    "an mfa_token that is none, at a grant": [
      () => byOtp(malformed, "123456"),
      [403, "invalid_grant", "Malformed mfa_token"],
    ],
    "an mfa_token that is none, at the list": [
      () => list(malformed),
      [401, "invalid_grant", "The mfa_token provided is invalid. Try getting a new token."],
    ],
    "an mfa_token that has expired": [
      async () => {
        const token = await mfaToken(await tenant.user(OTP));
        await tenant.control("POST", "/clock", { advance_seconds: 601 });
        return challenge(token).finally(() => tenant.control("POST", "/clock", { rewind_seconds: 601 }));
      },
      [401, "expired_token", "mfa_token is expired"],
    ],
    "a first factor of two": [
      async () => {
        const user = await tenant.user(OTP, SMS);
        await tenant.control("PATCH", `/users/${user.username}`, { chain: [["otp"], ["sms"]] });
        return byOtp(await mfaToken(user));
      },
      [403, "mfa_required", "Multifactor authentication required"],
    ],
    "a refresh token that is none": [
      () => auth0.getTokenByRefreshToken({ refreshToken: malformed }),
      [403, "invalid_grant", "Unknown or invalid refresh token."],
    ],
  };
  for (const [name, [call, [status, code, words]]] of Object.entries(table)) {
    await t.test(name, async () => {
      const { statusCode, cause } = await refused(call());
      assert.equal(statusCode, status);
      assert.equal(cause.error, code);
      assert.equal(cause.error_description, words);
    });
  }
});
