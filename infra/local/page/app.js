// Signing in with a password and a second factor, and confirming a transfer with the factor alone.
//
// The page is always in one state, an object whose `view` names a function in `views`. Tokens are in the state
// and nowhere else: not in storage, not in the address, not in a cookie that script can read.
//
// A state with something pending (a sign-in, a step-up, a renewal) has `purpose`, `attemptsLeft` and `endsAt`;
// `flow`, which is the same object from its first view to its last; and, when it is a signed-in user's,
// `over`: the account's state that it returns to.

import { authenticate, end, Problem, qrCode, standing, transfer, verify } from "/api.js";
import { act, button, copyButton, countdown, current, fact, field, form, go, h, heading, hold, later, laterButton, look, say, use } from "/surface.js";
import { span, text } from "/text.js";

/** How long before a code, or a push, can be sent again. */
const RESEND_MS = 30_000;

/** Seconds to the next look at a push, where the answer does not say. */
const LOOK_AGAIN = 5;

const inSeconds = (seconds) => Date.now() + seconds * 1000;
const info = (words) => ({ kind: "info", words });

// ------------------------------------------------------------------------------------------ what is next

const pendingPart = ({ purpose, attemptsLeft, endsAt, flow, over, factors }) => ({ purpose, attemptsLeft, endsAt, flow, over, factors });

const begun = (purpose, over) => ({ purpose, over, flow: {} });

/** The state after an answer that something is pending. `factor` is what the user chose, as far as is known. */
function pendingState({ challenge, enrollment, enrollment_required, factors, attempts_left, expires_in }, from, factor) {
  const pending = { ...pendingPart(from), attemptsLeft: attempts_left ?? from.attemptsLeft, endsAt: inSeconds(expires_in) };
  if (enrollment_required) return { ...pending, view: "enroll", factors };
  if (enrollment) return { ...pending, view: "enrolled", enrollment, factor, sentAt: Date.now() };
  if (challenge?.challenge_type === "otp") return { ...pending, view: "code", kind: "otp" };
  if (challenge?.binding_method) return { ...pending, view: "code", kind: "oob", factor, sentAt: Date.now() };
  return { ...pending, view: "push", factor, sentAt: Date.now() };
}

/** The state in which another factor is chosen. Who has none that is confirmed enrolls one. */
async function otherWays(from) {
  const { authenticators } = await authenticate({ action: "authenticators" });
  return authenticators.length ? { ...pendingPart(from), view: "choose", authenticators } : { ...pendingPart(from), view: "enroll" };
}

/** The state after an answer with tokens, or with a demand for one more factor, and what is to be said there. */
async function arrived(answer, from) {
  if (answer.mfa_required) return [pendingState(answer, from), info(text.oneMore)];
  const account = from.over ? from.over : { view: "account", ...(await sessionEnd()) };
  const next =
    from.purpose === "step_up"
      ? { ...account, elevated: answer.access_token, resumes: account.draft !== undefined }
      : { ...account, tokens: answer, expiresAt: inSeconds(answer.expires_in) };
  if (answer.recovery_code) return [{ ...pendingPart(from), view: "recovered", code: answer.recovery_code, next }];
  return [next, afterwards(from)];
}

function afterwards({ purpose, over }) {
  if (purpose === "renew") return info(text.account.renewed);
  // After a reload nobody knows any more what was confirmed.
  return purpose === "step_up" && !over.draft ? info(text.account.confirmed) : undefined;
}

/** Whether a session goes on after a sign-in, and for how long. Without an answer the page does without. */
async function sessionEnd() {
  const session = await standing().catch(() => ({}));
  return session.state === "signed_in" ? { hasSession: true, sessionEndsAt: inSeconds(session.expires_in) } : {};
}

/** Goes to a state that `arrived`; a transfer that waited for it is sent. */
function arrive([next, message]) {
  const { resumes, ...state } = next;
  go(state, message);
  if (resumes) document.querySelector("#transfer").requestSubmit();
}

/** Where the cookie's session stands, as a state and what is to be said there. */
async function found() {
  const session = await standing();
  switch (session.state) {
    case "pending": {
      const over = session.purpose === "sign_in" ? undefined : { view: "account", hasSession: true };
      const from = { ...begun(session.purpose, over), attemptsLeft: session.attempts_left, endsAt: inSeconds(session.expires_in) };
      if (!session.challenge && !session.enrollment_required) return [await otherWays(from)];
      return [pendingState(session, from)];
    }
    case "signed_in":
      return renewed({ view: "account", hasSession: true, sessionEndsAt: inSeconds(session.expires_in) });
    default:
      return [{ view: "password" }];
  }
}

/** A session without tokens, after a reload: fresh ones, if they can be had. */
async function renewed(account) {
  try {
    const answer = await authenticate({ action: "renew" });
    if (answer.mfa_required) return [pendingState(answer, begun("renew", account))];
    return [{ ...account, tokens: answer, expiresAt: inSeconds(answer.expires_in) }];
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return [problem.error === "login_required" ? { view: "password" } : account, problem.message];
  }
}

/** Goes on where the session stands; `message` is what to say there. */
async function start(message, pressed) {
  const find = async () => {
    const [next, own] = await found();
    return () => go(next, own ?? message);
  };
  const failed = (problem) => go({ view: "unavailable" }, problem.message);
  if (pressed) return act(pressed, text.unavailable.busy, find, failed);
  try {
    (await find())();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    failed(problem);
  }
}

// ------------------------------------------------------------------------------------------------ leaving

function signOut(pressed, label, message) {
  const request = async () => {
    await end();
    return () => go({ view: "password" }, message);
  };
  act(pressed, label, request, (problem) => say(problem.message));
}

/** What is pending has taken too long. A session that it was to confirm something for goes on. */
function tooLate({ over }) {
  if (over) return go(over, { kind: "error", words: text.tooLate });
  return go({ view: "password" }, new Problem({ error: "session_expired" }).message);
}

const ENDINGS = ["session_expired", "login_required", "access_denied", "account_blocked"];

/** Problems that end what is pending, or the whole session: it says itself which. `true` if this was one. */
function ended(problem, state) {
  if (problem.error === "session_expired" && state.flow) tooLate(state);
  else if (ENDINGS.includes(problem.error) || (problem.error === "too_many_attempts" && state.flow)) start(problem.message);
  else return false;
  return true;
}

/** Sends a request about what is pending; what it answers is the next state. */
function proceed(pressed, label, state, request, failed = (problem) => say(problem.message)) {
  const work = async () => {
    try {
      const next = await request();
      return () => arrive(next);
    } catch (problem) {
      // No factor of this kind, or one already: the list says which there are.
      if (!["unsupported_challenge_type", "already_enrolled"].includes(problem.error) || state.view === "choose") throw problem;
      const next = await otherWays(state);
      return () => go(next, problem.message);
    }
  };
  act(pressed, label, work, (problem) => ended(problem, state) || failed(problem));
}

/** What stands below every view of something pending. */
function ways(state, ...others) {
  return [
    ...others,
    !["choose", "enroll", "enrolled"].includes(state.view) &&
      button(text.ways.other, (pressed) => proceed(pressed, text.ways.busy, state, async () => [await otherWays(state)]), "quiet"),
    state.over
      ? button(text.ways.cancel, () => go(state.over), "quiet")
      : button(text.ways.restart, (pressed) => signOut(pressed, text.ways.restart), "quiet"),
  ];
}

/** How much time and how many attempts are left. */
const limits = (state) =>
  h("p", { class: "facts", id: "limits" }, [
    state.endsAt && countdown(state.endsAt, text.code.endsIn, () => tooLate(state)),
    state.attemptsLeft && h("span", {}, text.code.attemptsLeft(state.attemptsLeft)),
  ]);

/** What is being confirmed, where that is known. */
const purposeOf = ({ over, purpose }) => purpose === "step_up" && over.draft && h("p", { class: "purpose" }, text.confirming(over.draft));

/** A code for what is pending: `kind` is `otp`, `oob` or `recovery`. */
function codeForm(state, kind) {
  const submit = ({ code: typed }, pressed, element) => {
    const code = typed.replace(/\s/g, "");
    const wrong = kind === "otp" ? !/^\d{6}$/.test(code) && text.code.incomplete : !code && text.code.missing;
    if (wrong) {
      say({ kind: "error", words: wrong });
      return element.querySelector("[name=code]").focus();
    }
    const body = { otp: { otp: code }, oob: { binding_code: code }, recovery: { recovery_code: code } }[kind];
    proceed(pressed, text.code.busy, state, async () => arrived(await verify(body), state), (problem) => {
      // A code that is not awaited has been sent too late: Auth0 takes a new one only.
      const { message } = kind === "oob" && problem.error === "invalid_request" ? new Problem({ error: "code_over" }) : problem;
      go({ ...state, attemptsLeft: problem.attempts_left ?? state.attemptsLeft }, message);
      // What may still be right stays, so that it can be sent again.
      if (problem.error !== "invalid_code") document.querySelector("[name=code]").value = typed;
      hold(problem.retryAfter);
    });
  };
  const input = { name: "code", class: "code", autocomplete: "one-time-code", required: "", "aria-describedby": "limits" };
  if (kind === "recovery") Object.assign(input, { class: "code long", autocomplete: "off", autocapitalize: "characters", spellcheck: "false" });
  else input.inputmode = "numeric";
  if (kind === "otp") Object.assign(input, { placeholder: "000000", maxlength: "9" });
  return form(submit, text.code.submit, [field(text.code.label[kind], input)]);
}

/** A button that sends a code or a push again, once that makes sense. */
function resend(state, label, request) {
  const send = (pressed) =>
    proceed(pressed, text.resend.busy, state, async () => [await request(), info(text.resend.done)], (problem) => {
      go(state, problem.message);
    });
  return laterButton(state.refused ? 0 : state.sentAt + RESEND_MS, label, text.resend.wait, send);
}

/** The same challenge once more, or the nearest thing to it, after a reload. */
async function again(state) {
  const { factor } = state;
  const which = factor?.id ? { authenticator_id: factor.id } : { challenge_type: "oob" };
  return pendingState(await authenticate({ action: "challenge", ...which }), state, factor);
}

async function enroll(state, type, fields) {
  const answer = await authenticate({ action: "enroll", type, ...fields });
  return pendingState(answer, state, { type, ...fields });
}

/** Looks whether a push was answered, for as long as `state` is on top. */
function watch(state) {
  const next = (seconds) => current() === state && later(seconds, see);
  const see = () => look(once).then((asked) => asked || next(1));
  const once = async () => {
    try {
      const answer = await verify({ push: true });
      if (answer.pending) return next(answer.retry_after ?? LOOK_AGAIN);
      const arrival = await arrived(answer, state);
      // What was called off meanwhile stays so.
      return current().flow === state.flow && arrive(arrival);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (current() !== state || ended(problem, state)) return undefined;
      const passes = problem.status === undefined || problem.status >= 500 || [409, 429].includes(problem.status);
      if (!passes) return go({ ...state, refused: true }, problem.message);
      say(problem.message);
      return next(problem.retryAfter ?? LOOK_AGAIN);
    }
  };
  later(0, see);
}

const waiting = (words) => h("p", { class: "waiting", role: "status" }, [h("span", { class: "spinner", "aria-hidden": "true" }), words]);

// ----------------------------------------------------------------------------------------------- views
//
// A view is a function from the state to what is drawn: the `nodes`, the page's `title`, the `step` to
// highlight, and the selector of what gets the `focus`, if that is not the heading.

const views = {
  loading: () => ({ step: 0, title: text.loading.title, nodes: heading(text.loading) }),

  password: ({ email = "" }) => {
    const submit = async ({ email, password }, pressed) => {
      const from = begun("sign_in");
      const request = async () => {
        try {
          const answer = await authenticate({ action: "sign_in", email: email.trim(), password });
          const [next, message] = answer.mfa_required ? [pendingState(answer, from)] : await arrived(answer, from);
          return () => go(next, message);
        } catch (problem) {
          if (problem.error !== "unsupported_challenge_type") throw problem;
          const next = await otherWays(from);
          return () => go(next);
        }
      };
      act(pressed, text.password.busy, request, (problem) => {
        // The address stays, the password does not.
        go({ view: "password", email }, problem.message);
        hold(problem.retryAfter);
      });
    };
    const nodes = [
      ...heading(text.password),
      form(submit, text.password.submit, [
        field(text.password.email, { name: "email", type: "email", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: "", value: email }),
        field(text.password.password, { name: "password", type: "password", autocomplete: "current-password", required: "" }),
      ]),
    ];
    return { step: 0, title: text.password.title, nodes, focus: email ? "[name=password]" : "[name=email]" };
  },

  code: (state) => {
    const { kind, factor } = state;
    const nodes = [
      ...heading({ title: text.code.title, lead: text.code.lead(kind, factor) }),
      purposeOf(state),
      codeForm(state, kind),
      limits(state),
      ...ways(state, kind === "oob" && resend(state, text.resend.code, () => again(state))),
    ];
    return { step: 1, title: text.code.title, nodes: nodes.filter(Boolean), focus: "[name=code]" };
  },

  push: (state) => {
    if (!state.refused) watch(state);
    const nodes = [
      ...heading({ title: text.push.title, lead: state.refused ? text.push.leadRefused : text.push.lead(state.factor) }),
      purposeOf(state),
      !state.refused && waiting(text.push.waiting),
      limits(state),
      ...ways(
        state,
        resend(state, text.resend.push, () => again(state)),
        button(text.push.code, () => go({ ...pendingPart(state), view: "code", kind: "otp" }), "quiet"),
      ),
    ];
    return { step: 1, title: text.push.title, nodes: nodes.filter(Boolean) };
  },

  choose: (state) => {
    const choose = (authenticator) => (pressed) => {
      // A recovery code needs no challenge.
      if (authenticator.type === "recovery-code") return go({ ...pendingPart(state), view: "code", kind: "recovery" });
      return proceed(pressed, text.choose.busy, state, async () => {
        const answer = await authenticate({ action: "challenge", authenticator_id: authenticator.id });
        return [pendingState(answer, state, authenticator)];
      });
    };
    const nodes = [
      ...heading(text.choose),
      purposeOf(state),
      list(state.authenticators.map((one) => [text.factors[one.type] ?? one.type, one.name, choose(one)])),
      limits(state),
      ...ways(state),
    ];
    return { step: 1, title: text.choose.title, nodes: nodes.filter(Boolean) };
  },

  enroll: (state) => {
    const { factors = ["otp", "push", "sms", "voice", "email"] } = state;
    const choose = (type) => (pressed) => {
      if (type === "sms" || type === "voice") return go({ ...state, view: "phone", type });
      return proceed(pressed, text.enroll.busy, state, async () => [await enroll(state, type)]);
    };
    const nodes = [
      ...heading(text.enroll),
      list(factors.map((type) => [text.factors[type] ?? type, text.enroll.about[type], choose(type)])),
      limits(state),
      ...ways(state),
    ];
    return { step: 1, title: text.enroll.title, nodes: nodes.filter(Boolean) };
  },

  phone: (state) => {
    const { type, number = "" } = state;
    const submit = ({ number }, pressed, element) => {
      const phone_number = number.replace(/[\s()/.-]/g, "");
      if (!/^\+[1-9]\d{6,14}$/.test(phone_number)) {
        say({ kind: "error", words: text.phone.wrong });
        return element.querySelector("[name=number]").focus();
      }
      const failed = (problem) => go({ ...state, number }, problem.message);
      return proceed(pressed, text.enroll.busy, state, async () => [await enroll(state, type, { phone_number })], failed);
    };
    const input = { name: "number", type: "tel", autocomplete: "tel", required: "", value: number };
    const nodes = [
      ...heading({ title: text.phone.title, lead: text.phone.lead[type] }),
      form(submit, text.phone.submit, [field(text.phone.label, input, text.phone.hint)]),
      limits(state),
      button(text.ways.back, () => go({ ...state, view: "enroll" }), "quiet"),
    ];
    return { step: 1, title: text.phone.title, nodes, focus: "[name=number]" };
  },

  enrolled: (state) => {
    const { type, barcode_uri, secret, recovery_codes = [] } = state.enrollment;
    if (type === "push" && !state.refused) watch(state);
    const figure = barcode_uri && h("figure", { class: "qr" });
    if (figure) drawQrCode(figure, barcode_uri);
    const sent = type !== "otp" && type !== "push";
    const fields = state.factor?.phone_number && { phone_number: state.factor.phone_number };
    const once = async () => enroll(state, type, fields);
    const nodes = [
      ...heading({ title: text.enrolled.title, lead: text.enrolled.lead[type] }),
      figure,
      secret && h("dl", { class: "facts-table" }, fact(text.enrolled.secret, [h("code", { id: "secret" }, grouped(secret)), copyButton(secret, text.enrolled.secret)])),
      recovery_codes.length > 0 && recovery(recovery_codes, text.enrolled.recovery),
      type === "push" ? !state.refused && waiting(text.enrolled.waiting) : codeForm(state, sent ? "oob" : "otp"),
      limits(state),
      ...ways(
        state,
        (sent || type === "push") && resend(state, type === "push" ? text.resend.qr : text.resend.code, once),
        button(text.ways.other, () => go({ ...pendingPart(state), view: "enroll" }), "quiet"),
      ),
    ];
    return { step: 1, title: text.enrolled.title, nodes: nodes.filter(Boolean) };
  },

  recovered: ({ code, next, over }) => {
    const nodes = [
      ...heading(text.recovered),
      recovery([code]),
      button(text.recovered.done, () => arrive([next])),
    ];
    return { step: over ? 1 : 2, title: text.recovered.title, nodes };
  },

  account: (state) => {
    const { tokens, expiresAt, hasSession, sessionEndsAt } = state;
    const gone = () => go({ view: "password" }, new Problem({ error: "session_expired" }).message);
    const nodes = [
      ...heading({ title: text.account.title, lead: tokens ? text.account.lead : text.account.leadWithout }),
      hasSession && h("h2", {}, text.transfer.title),
      hasSession && transferForm(state),
      ...(tokens ? tokenParts(tokens, expiresAt) : []),
      hasSession && button(text.account.renew, (pressed) => renew(state, pressed), "second"),
      button(text.account.signOut, (pressed) => signOut(pressed, text.account.busy, info(text.signedOut)), hasSession ? "second" : undefined),
      sessionEndsAt && h("p", { class: "facts" }, countdown(sessionEndsAt, text.account.endsIn, gone)),
    ];
    return { step: 2, title: text.account.title, nodes: nodes.filter(Boolean) };
  },

  unavailable: () => {
    const retry = button(text.unavailable.retry, () => start(undefined, retry));
    return { step: 0, title: text.unavailable.title, nodes: [...heading(text.unavailable), retry], focus: "button" };
  },
};

// ------------------------------------------------------------------------------------------- the account

/** A transfer, with the token at hand. If that is not enough, the API says what is. */
function transferForm(state) {
  const { draft = {}, done } = state;
  const submit = ({ to, amount }, pressed) => {
    const draft = { to: to.trim(), amount: amount.trim().replace(",", ".") };
    const request = async () => {
      try {
        const made = await transfer(draft, state.elevated ?? state.tokens?.access_token);
        return () => go({ ...state, draft: undefined, done: made.transfer }, info(text.transfer.done(made.transfer)));
      } catch (problem) {
        if (!problem.scope) throw problem;
        const next = await stepUp(problem.scope, { ...state, draft, elevated: undefined, done: undefined });
        return () => go(...next);
      }
    };
    act(pressed, text.transfer.busy, request, (problem) => {
      if (ended(problem, state)) return;
      go({ ...state, draft, done: undefined }, problem.message);
      hold(problem.retryAfter);
    });
  };
  const element = form(submit, text.transfer.submit, [
    field(text.transfer.to, { name: "to", autocomplete: "off", maxlength: "100", required: "", value: draft.to ?? "" }),
    field(text.transfer.amount, { name: "amount", inputmode: "decimal", autocomplete: "off", required: "", pattern: "\\d{1,7}([.,]\\d{1,2})?", title: text.transfer.form, value: draft.amount ?? "" }),
  ]);
  element.id = "transfer";
  return h("div", {}, [element, done && h("p", { class: "facts", id: "done" }, text.transfer.reference(done.id))]);
}

async function stepUp(scope, account) {
  const from = begun("step_up", account);
  try {
    return [pendingState(await authenticate({ action: "step_up", scope }), from)];
  } catch (problem) {
    if (problem.error !== "unsupported_challenge_type") throw problem;
    return [await otherWays(from)];
  }
}

function renew(account, pressed) {
  const request = async () => {
    const answer = await authenticate({ action: "renew" });
    if (answer.mfa_required) return () => go(pendingState(answer, begun("renew", account)));
    const next = { ...account, tokens: answer, expiresAt: inSeconds(answer.expires_in) };
    return () => go(next, info(text.account.renewed));
  };
  act(pressed, text.account.renewing, request, (problem) => ended(problem, account) || say(problem.message));
}

function tokenParts({ access_token, id_token, expires_in, scope }, expiresAt) {
  const time = new Date(expiresAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const facts = [
    fact(text.account.accessToken, [
      h("code", { id: "access-token", title: shortened(access_token) }, shortened(access_token)),
      copyButton(access_token, text.account.accessToken),
    ]),
    fact(text.account.expires, text.account.expiresIn(span(expires_in), time)),
    scope && fact(text.account.scope, scope.split(" ").map((name) => h("span", { class: "chip" }, name))),
  ];
  return [
    h("h2", {}, text.account.tokens),
    h("dl", { class: "facts-table" }, facts),
    h("h2", {}, text.account.claims),
    id_token ? claims(id_token) : h("p", {}, text.account.noIdToken),
  ];
}

function claims(idToken) {
  const rows = Object.entries(decoded(idToken)).map(([name, value]) => {
    const shown = typeof value === "string" ? value : JSON.stringify(value);
    const time = ["exp", "iat", "nbf", "auth_time", "updated_at"].includes(name) && typeof value === "number" && new Date(value * 1000).toLocaleString();
    return h("tr", {}, [h("th", { scope: "row" }, name), h("td", {}, [shown, " ", time && h("small", {}, time)])]);
  });
  const table = h("table", { id: "claims" }, h("tbody", {}, rows));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": text.account.claims }, table);
}

/** The claims of a JWT, for looking at. Who relies on them has to check the signature first. */
function decoded(jwt) {
  const payload = jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

const shortened = (token) => (token.length > 32 ? `${token.slice(0, 16)}…${token.slice(-8)}` : token);

// ------------------------------------------------------------------------------------------- its parts

/** Buttons with a name and, below it, what is to be said about them. */
const list = (entries) =>
  h("ul", { class: "ways" }, entries.map(([name, about, pressed]) => {
    const element = button(name, pressed, "way");
    return h("li", {}, [element, about && h("span", {}, about)]);
  }));

/** Recovery codes, to be kept. */
const recovery = (codes, words) =>
  h("div", { class: "recovery" }, [
    words && h("p", {}, words),
    ...codes.map((code) => h("p", {}, [h("code", {}, code), copyButton(code, text.factors["recovery-code"])])),
  ]);

const grouped = (secret) => secret.replace(/(.{4})(?=.)/g, "$1 ");

async function drawQrCode(figure, uri) {
  try {
    const image = await qrCode(uri);
    image.setAttribute("role", "img");
    image.setAttribute("aria-label", text.enrolled.qr);
    figure.replaceChildren(image);
  } catch {
    // The secret is there as text.
    figure.remove();
  }
}

function drawHint() {
  const body = text.hint.body.map((part) => {
    if (part.code) return h("code", {}, part.code);
    if (part.href) return h("a", { href: part.href, target: "_blank", rel: "noreferrer" }, part.name);
    return part;
  });
  document.getElementById("hint").replaceChildren(h("strong", {}, text.hint.title), h("p", {}, body));
}

use(views);
drawHint();
go({ view: "loading" });
start();
