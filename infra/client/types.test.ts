// The whole of the API as a page in TypeScript uses it. Nothing here runs; it has to type-check, and what is marked
// as an error has to be one.

import { MfaClient, MfaError, challenges } from "mfa-client";
import type { AskForCode, Authenticator, ErrorCode, PendingStep, Standing, Tokens } from "mfa-client";

const exactly = <T>() => <U>(_value: U, ..._same: [T, U] extends [U, T] ? [] : [never]) => {};

const mfa = new MfaClient();
new MfaClient({ baseUrl: "https://api.example.com/api/mfa", timeout: 5_000, fetch });
const { signal } = new AbortController();

// A sign-in, step by step.
const step = await mfa.signIn({ email: "ada@example.com", password: "…" }, { signal });
exactly<PendingStep | Tokens>()(step);
await mfa.signIn({ username: "ada", password: "…", challenge_type: "otp oob", authenticator_id: "sms|dev_1" });
// @ts-expect-error: there is no such member before it is known that something is pending
step.challenge;
// @ts-expect-error: nor are there tokens
step.access_token;
if (!step.mfa_required) {
  exactly<Tokens>()(step);
} else if ("challenge" in step) {
  exactly<"otp" | "oob">()(step.challenge.challenge_type);
  if (step.challenge.challenge_type === "oob") exactly<"prompt" | undefined>()(step.challenge.binding_method);
} else if ("enrollment" in step) {
  exactly<string | undefined>()(step.enrollment.barcode_uri);
  exactly<string[] | undefined>()(step.enrollment.recovery_codes);
} else {
  exactly<true>()(step.enrollment_required);
}

exactly<PendingStep>()(await mfa.challenge());
exactly<PendingStep>()(await mfa.challenge({ challenge_type: "oob", authenticator_id: "sms|dev_1" }, { signal }));
exactly<Authenticator[]>()(await mfa.authenticators({ signal }));
exactly<string | undefined>()((await mfa.enroll({ type: "otp" })).enrollment.secret);
await mfa.enroll({ type: "sms", phone_number: "+4917655500199" }, { signal });
await mfa.enroll({ type: "email" });

exactly<PendingStep | Tokens>()(await mfa.verify("123456"));
await mfa.verify({ otp: "123456" }, { signal });
await mfa.verify({ binding_code: "123456" });
await mfa.verify({ recovery_code: "ALKE6EJZ4853BJYLM2DM2WU7" });
const look = await mfa.verify({ push: true });
if ("pending" in look) exactly<number>()(look.retry_after);
else exactly<PendingStep | Tokens>()(look);
exactly<PendingStep | Tokens>()(await mfa.waitForPush({ signal, onRetry: (error) => error.retryAfter }));

// Step-up and the session.
exactly<PendingStep>()(await mfa.stepUp("transfer:funds", { challenge_type: "oob" }, { signal }));
exactly<PendingStep | Tokens>()(await mfa.renew({ signal }));
const standing = await mfa.status({ signal });
exactly<Standing>()(standing);
if (standing.state === "pending") exactly<Tokens>()(await mfa.complete(standing, () => "123456", { signal }));
else if (standing.state === "signed_in") exactly<number>()(standing.expires_in);
exactly<void>()(await mfa.signOut({ signal }));

// The user is asked.
const ask: AskForCode = async (step, error) => {
  if (error?.code === "invalid_code") exactly<number | undefined>()(error.attemptsLeft);
  if ("enrollment_required" in step) return mfa.enroll({ type: "push" });
  if ("challenge" in step && step.challenge?.challenge_type === "oob") return { push: true };
  return null;
};
exactly<Tokens>()(await mfa.complete(step, ask, { signal }));
exactly<Tokens>()(await mfa.complete(step, () => "123456"));
exactly<Tokens>()(await mfa.complete(step, async () => ({ recovery_code: "…" })));
exactly<Response>()(await mfa.fetchWithStepUp("/api/transfers", ask, { method: "POST", body: "{}", signal }));
await mfa.fetchWithStepUp(new Request("/api/transfers"), ask);
await mfa.fetchWithStepUp(new URL("https://api.example.com/transfers"), ask);

// Errors.
try {
  await mfa.verify("123456");
} catch (error) {
  if (!(error instanceof MfaError)) throw error;
  exactly<ErrorCode>()(error.code);
  const words: string[] = [error.name, error.message, error.requestId ?? ""];
  const numbers: (number | undefined)[] = [error.status, error.attemptsLeft, error.retryAfter];
  switch (error.code) {
    case "invalid_code":
    case "network_error":
    case "unexpected_response":
    case "cancelled":
      console.log(words, numbers);
  }
  // @ts-expect-error: no such code
  if (error.code === "wrong_code") throw error;
  // @ts-expect-error: it is what the server said
  error.code = "invalid_code";
}
exactly<MfaError>()(await MfaError.from(new Response()));
new MfaError("too_many_requests", "…", { status: 429, retryAfter: 10, cause: new Error() });

exactly<string | undefined>()(challenges('Bearer error="x"')[0]?.["error"]);

// @ts-expect-error: an address or a name is missing
await mfa.signIn({ password: "…" });
// @ts-expect-error: no such kind
await mfa.signIn({ email: "ada@example.com", password: "…", challenge_type: "sms" });
// @ts-expect-error: a telephone number is missing
await mfa.enroll({ type: "voice" });
// @ts-expect-error: exactly one kind of code, and one that exists
await mfa.verify({ code: "123456" });
// @ts-expect-error: a code is text, or its leading zeros are lost
await mfa.verify(123456);
// @ts-expect-error: a scope is needed
await mfa.stepUp();
// @ts-expect-error: somebody has to be asked
await mfa.fetchWithStepUp("/api/transfers");
// @ts-expect-error: a number is no code
await mfa.complete(step, () => 123456);
// @ts-expect-error: the token is nobody's but the client's
mfa.token;
// @ts-expect-error: a code of the table, or the module's own
new MfaError("oops", "…");
