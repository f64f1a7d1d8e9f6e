// Requests and answers have the names that they have on the wire (infra/openapi.yaml, against which
// `openapi.test.ts` checks them), so that one word is used from the page to Auth0.

/** The client of one user's session. Make one for the page and keep it: the access token is in it, and only there. */
export class MfaClient {
  constructor(options?: MfaClientOptions);

  /**
   * Begins a sign-in. Tokens come only where the functions' `MFA_POLICY` is `optional` and Auth0 asked for no
   * second factor. `unsupported_challenge_type` leaves the sign-in pending: go on with `authenticators`.
   */
  signIn(credentials: Credentials, options?: CallOptions): Promise<PendingStep | Tokens>;

  /** A code sent again, or another factor, for what is pending; the password is not needed again. */
  challenge(choice?: Choice, options?: CallOptions): Promise<PendingStep>;

  /** The active factors of the user of what is pending. */
  authenticators(options?: CallOptions): Promise<Authenticator[]>;

  /** Enrolls a first factor for a user without one; its first code goes to `verify`. */
  enroll(factor: Enroll, options?: CallOptions): Promise<EnrollmentAnswer>;

  /**
   * Presents a code. A string is sent as what the last challenge asked for, without spaces and with full-width
   * digits made plain. It is never sent twice by itself: on `in_progress`, which is what a double click meets,
   * nothing has been spent by this call.
   */
  verify(code: { push: true }, options?: CallOptions): Promise<PendingStep | Tokens | PushPending>;
  verify(code: string | Code, options?: CallOptions): Promise<PendingStep | Tokens>;

  /**
   * Looks whether a push was answered, as often as the server wants it and no more often, until it was. Goes on
   * through `in_progress` (another tab looks too), rate limits and outages, each of which `onRetry` is told.
   * Aborted, it rejects with the signal's reason, once no look is under way any more; a look that has just found
   * the approval is not thrown away.
   */
  waitForPush(options?: CallOptions & { onRetry?: (error: MfaError) => void }): Promise<PendingStep | Tokens>;

  /** Asks a signed-in user for the second factor alone. `verify` then answers a token with this scope. */
  stepUp(scope: string, choice?: Choice, options?: CallOptions): Promise<PendingStep>;

  /** Fresh tokens for a signed-in session: after a reload, or when the old ones are over. */
  renew(options?: CallOptions): Promise<PendingStep | Tokens>;

  /** Where the session stands, for a page that was reloaded. */
  status(options?: CallOptions): Promise<Standing>;

  /** Ends the session, and forgets the tokens whatever the server says. */
  signOut(options?: CallOptions): Promise<void>;

  /**
   * Goes on from a step, or after a reload from a pending `status`, until there are tokens, with `askForCode` for
   * every code, and again after a wrong one. Rejects with every other error, and with `cancelled` if no code is
   * given; what is pending stays so.
   */
  complete(step: PendingStep | PendingStanding | Tokens, askForCode: AskForCode, options?: CallOptions): Promise<Tokens>;

  /**
   * `fetch` with the access token. A 401 that asks for a fresh second factor (RFC 9470) and names the scope is met:
   * the user is asked, and the request is sent once more with the token that this gives. That token is used for
   * nothing else, but for later requests that ask for the same scope, as long as their API takes it (and for all
   * where it is the only one: after a reload in the middle of a step-up, until `renew`). Any other response is
   * returned as it is. Two requests that need a code have it asked for one after the other.
   *
   * The token goes to whatever address is asked for: call your own APIs. One on another origin has to expose
   * `WWW-Authenticate` (`Access-Control-Expose-Headers`), or the demand cannot be read.
   */
  fetchWithStepUp(input: RequestInfo | URL, askForCode: AskForCode, init?: RequestInit): Promise<Response>;
}

export interface MfaClientOptions {
  /** Where the two functions are: `/api/mfa` if not said. Another origin must have the page in `ALLOWED_ORIGINS`. */
  baseUrl?: string;
  /** Milliseconds until a call counts as `network_error`: 15000 if not said, more than the functions ever take. */
  timeout?: number;
  /** In the place of the global one. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  /** Ends the call, which then rejects with the signal's reason. What the server was asked, it may do all the same. */
  signal?: AbortSignal;
}

/**
 * Gets a code from the user. `step` says which: a `challenge`, an `enrollment` to show, or that a factor must be
 * enrolled first (call `enroll`, and return what it answered). `error` is there after a wrong code.
 *
 * A string is the code for the challenge. A `Code` is any other: `{ recovery_code }`, or `{ push: true }` to wait
 * for the answer on the phone. An answer of `verify`, `waitForPush`, `challenge` or `enroll` is what comes next, for
 * a dialog that calls them itself. Nothing at all is "cancelled".
 */
export type AskForCode = (
  step: PendingStep | PendingStanding,
  error?: MfaError,
) => Awaitable<string | Code | { push: true } | PendingStep | Tokens | null | undefined>;

type Awaitable<T> = T | Promise<T>;

/** Every failed call. `message` is one sentence for a person, in English; `code` is what to decide by. */
export class MfaError extends Error {
  /** From an answer that is no success, of these functions or of an API that speaks OAuth's `error` too. */
  static from(response: Response): Promise<MfaError>;
  constructor(code: ErrorCode, message: string, details?: MfaErrorDetails);
  readonly name: "MfaError";
  readonly code: ErrorCode;
  /** The HTTP status; absent where there was no answer. */
  readonly status?: number;
  /** Wrong codes that are still forgiven, with `invalid_code`. */
  readonly attemptsLeft?: number;
  /** Seconds to wait, where the server says so. */
  readonly retryAfter?: number;
  /** What the functions' log knows the request by. */
  readonly requestId?: string;
}

export type MfaErrorDetails = Partial<Pick<MfaError, "status" | "attemptsLeft" | "retryAfter" | "requestId">> & {
  cause?: unknown;
};

export type ErrorCode = ServerErrorCode | ClientErrorCode;

/** The module's own: no answer, an answer that is none of the functions', no code from the user. */
export type ClientErrorCode = "network_error" | "unexpected_response" | "cancelled";

export type ServerErrorCode =
  | "invalid_request"
  | "unsupported_challenge_type"
  | "invalid_scope"
  | "invalid_credentials"
  | "session_expired"
  | "invalid_code"
  | "login_required"
  | "account_blocked"
  | "password_leaked"
  | "access_denied"
  | "verification_required"
  | "challenge_rejected"
  | "mfa_not_enforced"
  | "origin_not_allowed"
  | "method_not_allowed"
  | "already_enrolled"
  | "in_progress"
  | "payload_too_large"
  | "unsupported_media_type"
  | "too_many_attempts"
  | "too_many_requests"
  | "internal_error"
  | "server_misconfigured"
  | "upstream_error"
  | "store_unavailable"
  | "upstream_timeout";

// ------------------------------------------------------------------------------------------------ requests

export type Credentials = ({ email: string } | { username: string }) & { password: string } & Choice;

/** Which factor to be asked for. Without one, whichever the user has. */
export interface Choice {
  challenge_type?: "otp" | "oob" | "otp oob" | "oob otp";
  /** One of `authenticators`. */
  authenticator_id?: string;
}

export type Enroll =
  | { type: "otp" | "push" }
  /** `phone_number` in E.164 form, like `+4917655500199`. */
  | { type: "sms" | "voice"; phone_number: string }
  /** Without `email`, the account's own address. */
  | { type: "email"; email?: string };

export type Code = { otp: string } | { binding_code: string } | { recovery_code: string };

// ------------------------------------------------------------------------------------------------- answers

/** `mfa_required` is true: something is awaited, for `expires_in` seconds. */
export type PendingStep = ChallengeAnswer | EnrollmentRequiredAnswer | EnrollmentAnswer;

export interface ChallengeAnswer {
  success: true;
  mfa_required: true;
  challenge: OpenChallenge;
  expires_in: number;
}

/** `otp`: the app's code. `oob` with `binding_method`: a code that was sent. `oob` without: a push. */
export type OpenChallenge = { challenge_type: "otp" } | { challenge_type: "oob"; binding_method?: "prompt" };

export interface EnrollmentRequiredAnswer {
  success: true;
  mfa_required: true;
  enrollment_required: true;
  /** What may be enrolled, where Auth0 says so. */
  factors?: EnrollableType[];
  expires_in: number;
}

export type EnrollableType = "otp" | "sms" | "voice" | "email" | "push";

export interface EnrollmentAnswer {
  success: true;
  mfa_required: true;
  enrollment: {
    type: EnrollableType;
    /** For `otp` and `push`: what the QR code holds. */
    barcode_uri?: string;
    /** For `otp`: to be typed where no QR code can be read. */
    secret?: string;
    /** To be shown once, and kept by the user. */
    recovery_codes?: string[];
  };
  expires_in: number;
}

export interface Authenticator {
  id: string;
  type: EnrollableType | "recovery-code";
  /** For a person, masked by Auth0. */
  name?: string;
}

export interface Tokens {
  success: true;
  mfa_required?: false;
  access_token: string;
  id_token?: string;
  token_type: string;
  expires_in: number;
  scope?: string;
  /** Only after a recovery: the replacement of the code that was used, to be shown once. */
  recovery_code?: string;
}

/** The push is not answered yet. Look again after so many seconds. */
export interface PushPending {
  success: true;
  mfa_required?: undefined;
  pending: true;
  retry_after: number;
}

export type Standing =
  | { success: true; state: "none" }
  | { success: true; state: "signed_in"; expires_in: number }
  | PendingStanding;

export interface PendingStanding {
  success: true;
  state: "pending";
  purpose: "sign_in" | "step_up" | "renew";
  /** What a code is awaited for, an enrollment's too. Absent where none is open: ask for one with `challenge`. */
  challenge?: OpenChallenge;
  /** True until `enroll`. */
  enrollment_required?: true;
  attempts_left: number;
  expires_in: number;
}

/** One challenge of a `WWW-Authenticate` field, with its scheme and its parameters by name, all in lower case. */
export type AuthenticateChallenge = { scheme: string } & Record<string, string>;

/** The challenges of a `WWW-Authenticate` field (RFC 9110, section 11.6.1). */
export function challenges(field: string): AuthenticateChallenge[];
