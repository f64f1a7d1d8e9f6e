// Everything that the page says. A translation is another object of the same shape.

export const text = {
  steps: ["Password", "Code", "Signed in"],

  loading: { title: "One moment", lead: "Looking for a session…" },

  password: {
    title: "Sign in",
    lead: "With your e-mail address and password. A code from your authenticator app comes next.",
    email: "E-mail",
    password: "Password",
    submit: "Continue",
    busy: "Checking…",
  },

  code: {
    title: "Enter your code",
    lead: {
      otp: "Open your authenticator app and type the six digits it shows.",
      oob: "Type the code that was sent to you.",
    },
    label: { otp: "Six-digit code", oob: "Code" },
    submit: "Verify",
    busy: "Verifying…",
    restart: "Start again",
    endsIn: (time) => `This step ends in ${time}`,
    attemptsLeft: (left) => (left === 1 ? "One attempt left" : `${left} attempts left`),
    incomplete: "The code has six digits.",
    missing: "Type the code first.",
  },

  tokens: {
    title: "You are signed in",
    lead: "The tokens below are in this page’s memory and nowhere else. Reload, and they are gone.",
    leadReplaced: "Write down your new recovery code now: the old one is used up, and this one is not shown again.",
    recoveryCode: "New recovery code",
    claims: "Claims of the ID token",
    noIdToken: "There is no ID token: the scope did not ask for one.",
    accessToken: "Access token",
    copy: "Copy",
    copied: "Copied",
    expires: "Expires",
    expiresIn: (span, time) => `in ${span}, at ${time}`,
    scope: "Scope",
    signOut: "Sign out",
    busy: "Signing out…",
  },

  session: {
    title: "You are signed in",
    lead: "Your session goes on, but the tokens were in this page’s memory and went with the reload.",
    endsIn: (time) => `The session ends in ${time}`,
    signOut: "Sign out",
    busy: "Signing out…",
  },

  noFactor: {
    title: "A second factor is missing",
    lead: "Your password is right, but this account has no second factor yet, and signing in needs one.",
    restart: "Start again",
  },

  unavailable: {
    title: "That did not work",
    lead: "The page could not find out whether you are signed in.",
    retry: "Try again",
    busy: "Trying…",
  },

  hint: {
    title: "Local stack",
    body: ["The user and the password are in the terminal where ", { code: "cargo dev" }, " runs. So is the code, whenever one is asked for."],
  },

  signedOut: "You have signed out.",

  // By the error code of an answer. `problem` is the answer, `seconds` what its Retry-After says.
  errors: {
    invalid_credentials: () => "The e-mail address or the password is not right.",
    invalid_code: (problem) => `That code is not right. ${text.code.attemptsLeft(problem.attempts_left)}.`,
    session_expired: () => "That took too long, or the session is over. Please sign in again.",
    login_required: () => "Please sign in again.",
    too_many_attempts: (_, seconds) => (seconds ? `Too many attempts. Try again in ${span(seconds)}.` : "Too many attempts. Sign in again; if that is refused too, wait a while."),
    too_many_requests: (_, seconds) => `There are too many requests right now. Try again in ${span(seconds || 1)}.`,
    in_progress: () => "Another request of this session is still under way. Try again in a moment.",
    account_blocked: () => "This account is blocked. Ask whoever runs it for help.",
    password_leaked: () => "This password has appeared in a data breach elsewhere and is blocked. Reset it, then sign in.",
    verification_required: () => "This sign-in has to be confirmed as human, which this page cannot do. Use the hosted sign-in page.",
    unsupported_challenge_type: () => "This account has no authenticator app as its second factor.",
    mfa_not_enforced: () => "Sign-in is not set up safely: no second factor was asked for, so nothing was granted.",
    challenge_rejected: () => "The request was refused on your phone.",
    origin_not_allowed: () => "This page’s address is not one that may sign in here.",
    store_unavailable: () => "The service is not available right now. Your session is kept: try again in a moment.",
    upstream_error: () => "The identity service gave no usable answer. Nothing was lost: try again.",
    upstream_timeout: () => "The identity service did not answer in time. Nothing was lost: try again.",
    server_misconfigured: () => "Sign-in is not set up correctly here. Tell whoever runs this service.",
    internal_error: () => "Something went wrong on our side. Try again.",
    network: () => "The server cannot be reached. Is it running?",
  },

  reference: (id) => `Reference: ${id}`,
};

/** `75` as `1:15`. */
export function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** `86400` as `24 hours`. */
export function span(seconds) {
  const unit = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`;
  if (seconds < 60) return unit(seconds, "second");
  if (seconds < 3600) return unit(Math.round(seconds / 60), "minute");
  return unit(Math.round(seconds / 3600), "hour");
}
