// POST /api/mfa/authenticate: the first factor, and a challenge for the second.

import { randomBytes } from "node:crypto";
import { post } from "./auth0.js";
import { answer, clientIp, failure, handle, setCookie } from "./http.js";
import * as sessions from "./sessions.js";

const TTL = 300;
const { AUTH0_AUDIENCE, AUTH0_CONNECTION = "Username-Password-Authentication", AUTH0_SCOPE = "openid profile email" } = process.env;

export const handler = handle(async (event, { email, password }) => {
  if (typeof email !== "string" || typeof password !== "string") return failure(400, "invalid_request");
  const first = await post("/oauth/token", {
    grant_type: "http://auth0.com/oauth/grant-type/password-realm",
    username: email,
    password,
    realm: AUTH0_CONNECTION,
    audience: AUTH0_AUDIENCE,
    scope: AUTH0_SCOPE,
  }, clientIp(event));
  if (first.ok) return failure(403, "mfa_not_enforced");
  if (first.json.error === "invalid_grant") return failure(401, "invalid_credentials");
  if (first.json.error !== "mfa_required") throw new Error(first.json.error);

  const { mfa_token } = first.json;
  const id = randomBytes(32).toString("base64url");
  const [challenge] = await Promise.all([
    post("/mfa/challenge", { mfa_token, challenge_type: "otp" }, clientIp(event)),
    sessions.put(id, mfa_token, TTL),
  ]);
  if (!challenge.ok) return failure(400, "unsupported_challenge_type");
  const { challenge_type } = challenge.json;
  return answer(200, { success: true, mfa_required: true, challenge: { challenge_type }, expires_in: TTL }, setCookie(id, TTL));
});
