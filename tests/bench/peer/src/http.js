// Events of an HTTP API (payload 2.0) in, answers out.

const COOKIE = "__Host-session";

export const setCookie = (value, ttl) => `${COOKIE}=${value}; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=${ttl}`;

export const sessionId = (event) =>
  event.cookies?.find((cookie) => cookie.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);

export const clientIp = (event) => event.requestContext.http.sourceIp;

export function answer(statusCode, body, cookie) {
  const headers = { "content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff" };
  return { statusCode, headers, cookies: cookie ? [cookie] : [], body: JSON.stringify(body) };
}

export const failure = (statusCode, error, more, cookie) => answer(statusCode, { success: false, error, ...more }, cookie);

/** A handler for JSON posted by a page of this origin. */
export const handle = (run) => async (event) => {
  const started = performance.now();
  let reply;
  try {
    const { headers } = event;
    if (event.requestContext.http.method !== "POST") reply = failure(405, "method_not_allowed");
    else if (headers["sec-fetch-site"] && headers["sec-fetch-site"] !== "same-origin") reply = failure(403, "origin_not_allowed");
    else if (!/^application\/json\b/i.test(headers["content-type"] ?? "")) reply = failure(415, "unsupported_media_type");
    else {
      const text = event.isBase64Encoded ? Buffer.from(event.body, "base64").toString() : event.body;
      let body;
      try {
        body = JSON.parse(text);
      } catch {
        return failure(400, "invalid_request");
      }
      reply = await run(event, body);
    }
  } catch (error) {
    console.error(JSON.stringify({ level: "error", detail: String(error) }));
    reply = failure(502, "upstream_error");
  }
  console.log(JSON.stringify({ level: "info", path: event.rawPath, status: reply.statusCode, ms: performance.now() - started }));
  return reply;
};
