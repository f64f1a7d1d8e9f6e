// Everything that the page says. ja.js is another object of the same shape; a test compares them.

export const en = {
  steps: ["Password", "Code", "Signed in"],

  loading: { title: "One moment", lead: "Looking for a session…" },

  password: {
    title: "Sign in",
    lead: "With your e-mail address and password. Your second factor comes next.",
    email: "E-mail",
    password: "Password",
    submit: "Continue",
    busy: "Checking…",
  },

  code: {
    title: "Enter your code",
    // `factor` is what the user chose: its type, and its name as far as it may be shown.
    lead: (kind, factor) => {
      const to = factor?.name ?? factor?.phone_number;
      switch (kind === "oob" ? factor?.type : kind) {
        case "otp":
          return "Open your authenticator app and type the six digits it shows.";
        case "recovery":
          return "Type the recovery code that you kept when you set up your second factor.";
        case "sms":
          return `Type the code from the text message${to ? ` to ${to}` : ""}.`;
        case "voice":
          return `Type the code from the call${to ? ` to ${to}` : ""}.`;
        case "email":
          return `Type the code from the e-mail${to ? ` to ${to}` : ""}.`;
        default:
          return "Type the code that was sent to you.";
      }
    },
    label: { otp: "Six-digit code", oob: "Code", recovery: "Recovery code" },
    submit: "Verify",
    busy: "Verifying…",
    endsIn: (time) => `This step ends in ${time}`,
    attemptsLeft: (left) => (left === 1 ? "One attempt left" : `${left} attempts left`),
    incomplete: "The code has six digits.",
    missing: "Type the code first.",
    over: "That code is not good any more. Send a new one.",
  },

  resend: {
    code: "Send a new code",
    push: "Send it again",
    qr: "Show a new QR code",
    wait: (time) => `Send again in ${time}`,
    busy: "Sending…",
    done: "Sent again.",
  },

  push: {
    title: "Look at your phone",
    lead: (factor) => `A notification was sent${factor?.name ? ` to ${factor.name}` : " to your phone"}. Approve it there, and this page goes on by itself.`,
    leadRefused: "The notification is over. Send it again, or go on in another way.",
    waiting: "Waiting for your answer…",
    code: "Enter a code instead",
  },

  choose: {
    title: "Choose another way",
    lead: "How would you like to confirm that it is you?",
    busy: "One moment…",
  },

  ways: {
    other: "Try another way",
    busy: "One moment…",
    back: "Back",
    restart: "Start again",
    cancel: "Cancel",
  },

  factors: {
    otp: "Authenticator app",
    sms: "Text message",
    voice: "Phone call",
    email: "E-mail",
    push: "Notification on your phone",
    "recovery-code": "Recovery code",
  },

  enroll: {
    title: "Set up a second factor",
    lead: "Your password is right. This account has no second factor yet, and signing in needs one.",
    about: {
      otp: "Six digits from an app on your phone",
      sms: "A code by text message",
      voice: "A code that is read to you",
      email: "A code to your e-mail address",
      push: "You approve each sign-in in the Guardian app",
    },
    busy: "One moment…",
  },

  phone: {
    title: "Your telephone number",
    lead: { sms: "A text message with a code is sent to it now.", voice: "It is called now, and a code is read to you." },
    label: "Telephone number",
    hint: "With the country’s code, such as +49 151 23456789",
    submit: "Continue",
    wrong: "A telephone number begins with + and the country’s code.",
  },

  enrolled: {
    title: "Confirm your second factor",
    lead: {
      otp: "Scan this with your authenticator app, and type the six digits that it shows.",
      push: "Scan this with the Guardian app on your phone. This page goes on by itself.",
      sms: "Type the code from the text message.",
      voice: "Type the code from the call.",
      email: "Type the code from the e-mail.",
    },
    qr: "QR code for the app",
    secret: "Or type this",
    recovery: "Keep this recovery code. It signs you in without your phone, and it is not shown again:",
    waiting: "Waiting for the scan…",
  },

  recovered: {
    title: "Keep your new recovery code",
    lead: "The one that you used is used up. This is the new one, and it is not shown again.",
    done: "I have kept it",
  },

  oneMore: "That was right. One more factor is needed.",
  tooLate: "That took too long, and nothing was confirmed. Your session goes on.",
  confirming: ({ to, amount }) => `To confirm: ${amount} € to ${to}`,

  account: {
    title: "You are signed in",
    lead: "The tokens are in this page’s memory and nowhere else.",
    leadWithout: "Your session goes on, but there is no token yet.",
    tokens: "Tokens",
    claims: "Claims of the ID token",
    noIdToken: "There is no ID token: the scope did not ask for one.",
    accessToken: "Access token",
    expires: "Expires",
    expiresIn: (seconds, time) => `in ${span(seconds)}, at ${time}`,
    scope: "Scope",
    renew: "Get fresh tokens",
    renewing: "Asking…",
    renewed: "These tokens are fresh.",
    confirmed: "Confirmed. The next transfer needs no code.",
    elsewhere: "You have signed in in another window.",
    endsIn: (time) => `The session ends in ${time}`,
    signOut: "Sign out",
    busy: "Signing out…",
  },

  transfer: {
    title: "Transfer money",
    to: "To",
    amount: "Amount in €",
    form: "An amount such as 25 or 25.50",
    submit: "Transfer",
    busy: "Transferring…",
    done: ({ to, amount }) => `${amount} € went to ${to}.`,
    reference: (id) => `Transfer ${id}`,
  },

  copy: "Copy",
  copied: "Copied",
  notCopied: "Select it, and copy it by hand",

  unavailable: {
    title: "That did not work",
    lead: "The page could not find out whether you are signed in.",
    retry: "Try again",
    busy: "Trying…",
  },

  hint: {
    title: "Local stack",
    body: [
      "Users and their password are in the terminal where ",
      { code: "cargo dev" },
      " runs. So are the codes. Messages and notifications arrive in the ",
      { name: "inbox", href: "/inbox" },
      ".",
    ],
  },

  signedOut: "You have signed out.",

  // By the code of an error, which is handed over.
  errors: {
    invalid_credentials: () => "The e-mail address or the password is not right.",
    invalid_code: ({ attemptsLeft }) => `That code is not right. ${en.code.attemptsLeft(attemptsLeft)}.`,
    session_expired: () => "That took too long, or the session is over. Please sign in again.",
    login_required: () => "Please sign in again.",
    too_many_attempts: ({ retryAfter }) =>
      retryAfter ? `Too many attempts. Try again in ${span(retryAfter)}.` : "Too many attempts. Sign in again; if that is refused too, wait a while.",
    too_many_requests: ({ retryAfter }) => `There are too many requests right now. Try again in ${span(retryAfter || 1)}.`,
    in_progress: () => "Another request of this session is still under way. Try again in a moment.",
    account_blocked: () => "This account is blocked. Ask whoever runs it for help.",
    password_leaked: () => "This password has appeared in a data breach elsewhere and is blocked. Reset it, then sign in.",
    access_denied: ({ message }) => message || "Access was denied. Ask whoever runs this service for help.",
    verification_required: () => "This sign-in has to be confirmed as human, which this page cannot do. Use the hosted sign-in page.",
    unsupported_challenge_type: () => "That way is not possible here. Choose another.",
    already_enrolled: () => "This account has a second factor already. Use that one.",
    mfa_not_enforced: () => "Sign-in is not set up safely: no second factor was asked for, so nothing was granted.",
    challenge_rejected: () => "The notification was refused, or is over.",
    origin_not_allowed: () => "This page’s address is not one that may sign in here.",
    store_unavailable: () => "The service is not available right now. Your session is kept: try again in a moment.",
    upstream_error: () => "The identity service gave no usable answer. Nothing was lost: try again.",
    upstream_timeout: () => "The identity service did not answer in time. Nothing was lost: try again.",
    server_misconfigured: () => "Sign-in is not set up correctly here. Tell whoever runs this service.",
    internal_error: () => "Something went wrong on our side. Try again.",
    // A page that works as it should does not meet these.
    invalid_request: ({ message }) => `This cannot be used as it is: ${message || "something is missing."}`,
    invalid_scope: () => "This cannot be confirmed here. Tell whoever runs this page.",
    method_not_allowed: () => "This page and its server do not fit together. Load the page again.",
    payload_too_large: () => "That is too long. Shorten it, and try again.",
    unsupported_media_type: () => "This page and its server do not fit together. Load the page again.",
    // The transfers’ own, and the client’s.
    invalid_token: () => "The access token is missing or over. Get fresh tokens, then try again.",
    keys_unavailable: () => "The transfer cannot be checked right now. Try again in a moment.",
    insufficient_user_authentication: () => "The transfer was not confirmed. Try again.",
    network_error: () => "The server cannot be reached. Is it running?",
    unexpected_response: () => "The server gave no usable answer. Try again in a moment.",
    cancelled: () => "Nothing was confirmed.",
  },

  reference: (id) => `Reference: ${id}`,
};

/** `86400` as `24 hours`. */
function span(seconds) {
  const unit = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`;
  if (seconds < 60) return unit(seconds, "second");
  if (seconds < 3600) return unit(Math.round(seconds / 60), "minute");
  return unit(Math.round(seconds / 3600), "hour");
}
