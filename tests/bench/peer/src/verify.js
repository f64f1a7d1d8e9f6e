// POST /api/mfa/verify: the code of an authenticator app, for tokens.

import { checkIdToken, post } from "./auth0.js";
import { answer, clientIp, failure, handle, sessionId, setCookie } from "./http.js";
import * as sessions from "./sessions.js";

export const handler = handle(async (event, { otp }) => {
  if (!/^\d{6}$/.test(otp)) return failure(400, "invalid_request");
  const id = sessionId(event);
  const session = id && (await sessions.attempt(id));
  if (!session) return failure(401, "session_expired");

  const grant = await post("/oauth/token", {
    grant_type: "http://auth0.com/oauth/grant-type/mfa-otp",
    mfa_token: session.mfaToken,
    otp,
  }, clientIp(event));
  if (grant.json.error === "invalid_grant") return failure(401, "invalid_code", { attempts_left: session.attemptsLeft });
  if (!grant.ok) throw new Error(grant.json.error);

  const { access_token, id_token, token_type, expires_in, scope } = grant.json;
  checkIdToken(id_token);
  await sessions.remove(id);
  return answer(200, { success: true, access_token, id_token, token_type, expires_in, scope }, setCookie("", 0));
});
