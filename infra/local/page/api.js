// The session's client, and what this page asks for besides.

import { MfaClient, MfaError } from "/mfa-client.js";

const TRANSFERS = "/api/transfers";
const QR_CODE = "/api/qr-code";

export { MfaError };

/** The one client of this page. The access token is in it. */
export const client = new MfaClient();

/** A transfer, which an API takes that wants a fresh second factor for it: `ask` gets the code from the user. */
export async function transfer(draft, ask) {
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(draft) };
  const response = await client.fetchWithStepUp(TRANSFERS, ask, request).catch((error) => {
    // What `fetch` rejects with where there is no answer.
    throw error instanceof TypeError ? new MfaError("network_error", error.message) : error;
  });
  if (!response.ok) throw await MfaError.from(response);
  return (await response.json()).transfer;
}

/** `content` as a QR code, an element. It is sent in a body, so that no address ever holds it. */
export async function qrCode(content) {
  const request = { method: "POST", headers: { "content-type": "text/plain; charset=utf-8" }, body: content };
  const response = await fetch(QR_CODE, request);
  if (!response.ok) throw await MfaError.from(response);
  return document.importNode(new DOMParser().parseFromString(await response.text(), "image/svg+xml").documentElement, true);
}
