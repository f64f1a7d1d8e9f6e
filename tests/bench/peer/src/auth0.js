// Auth0's authentication API. `fetch` keeps its connections alive.

import { SecretsManagerClient, GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";

const { AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET_ID, AUTH0_BASE_URL } = process.env;
const AUTH0_TIMEOUT_MS = 5000;

// Asked for at init and awaited where it is needed: a container reads it once.
const secret = new SecretsManagerClient({})
  .send(new GetSecretValueCommand({ SecretId: AUTH0_CLIENT_SECRET_ID }))
  .then(({ SecretString }) => SecretString.trim());
secret.catch(() => {}); // where it is awaited it is answered

/** Posts `fields` with the client's credentials; an error answer is an answer. */
export async function post(path, fields, clientIp) {
  const body = new URLSearchParams({ client_id: AUTH0_CLIENT_ID, client_secret: await secret, ...fields });
  const response = await fetch(AUTH0_BASE_URL + path, {
    method: "POST",
    headers: { "auth0-forwarded-for": clientIp },
    body,
    redirect: "error",
    signal: AbortSignal.timeout(AUTH0_TIMEOUT_MS),
  });
  return { ok: response.ok, json: await response.json() };
}

/** What an id token from the token endpoint has to say (OpenID Connect Core 1.0, section 3.1.3.7). */
export function checkIdToken(idToken) {
  const claims = JSON.parse(Buffer.from(idToken.split(".")[1], "base64url"));
  const now = Date.now() / 1000;
  if (claims.iss !== `${AUTH0_BASE_URL}/` || claims.aud !== AUTH0_CLIENT_ID || claims.exp < now - 60 || claims.iat > now + 60)
    throw new Error("the id_token's claims do not fit");
}
