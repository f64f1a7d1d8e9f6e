// Signing in with a password and a second factor, and confirming a transfer with the factor alone.
//
// The page is always in one state, an object whose `view` names a function in `views`. Tokens are in the client, and
// in the state to be shown, and nowhere else: not in storage, not in the address, not in a cookie that script can read.
//
// A state with something pending (a sign-in, a step-up, a renewal) has `purpose`, `attemptsLeft` and `endsAt`;
// `flow`, which is the same object from its first view to its last; and, when it is a signed-in user's,
// `over`: the account's state that it returns to.

import { client, MfaError, qrCode, transfer } from "/api.js";
import { act, button, copyButton, countdown, current, fact, field, form, go, h, heading, hold, laterButton, meanwhile, PENDING, say, use } from "/surface.js";
import { dayAndTime, info, text, time, told } from "/text.js";

/** How long before a code, or a push, can be sent again. */
const RESEND_MS = 30_000;

const inSeconds = (seconds) => Date.now() + seconds * 1000;

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
  const authenticators = await client.authenticators();
  return authenticators.length ? { ...pendingPart(from), view: "choose", authenticators } : { ...pendingPart(from), view: "enroll" };
}

/** The state after an answer with tokens, or with a demand for one more factor, and what is to be said there. */
async function arrived(answer, from) {
  if (answer.mfa_required) return [pendingState(answer, from), info(text.oneMore)];
  from.flow.answer = answer;
  const account = from.over ? from.over : { view: "account", ...(await sessionEnd()) };
  const next =
    from.purpose === "step_up"
      ? { ...account, resumes: account.draft !== undefined }
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
  const session = await client.status().catch(() => ({}));
  return session.state === "signed_in" ? { hasSession: true, sessionEndsAt: inSeconds(session.expires_in) } : {};
}

/** Goes to a state that `arrived`; a transfer that waited for it goes on. */
function arrive([next, message]) {
  const { resumes, ...state } = next;
  const { flow } = current();
  if (resumes) flow.settle?.(flow.answer);
  go(state, message);
  if (!resumes) return;
  const form = document.querySelector("#transfer");
  if (flow.sent) waitForTransfer(form.querySelector("[type=submit]"), flow.sent, state);
  else form.requestSubmit();
}

/** Where the cookie's session stands, as a state and what is to be said there. */
async function found() {
  const session = await client.status();
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
    const answer = await client.renew();
    if (answer.mfa_required) return [pendingState(answer, begun("renew", account))];
    return [{ ...account, tokens: answer, expiresAt: inSeconds(answer.expires_in) }];
  } catch (error) {
    if (!(error instanceof MfaError)) throw error;
    return [error.code === "login_required" ? { view: "password" } : account, told(error)];
  }
}

/** Goes on where the session stands; `message` is what to say there, and `signedIn` if that is the account. */
async function start({ message, signedIn = message, pressed } = {}) {
  const find = async () => {
    const [next, own] = await found();
    return () => go(next, own ?? (next.view === "account" ? signedIn : message));
  };
  const failed = (error) => go({ view: "unavailable" }, told(error));
  if (pressed) return act(pressed, text.unavailable.busy, find, failed);
  try {
    (await find())();
  } catch (error) {
    if (!(error instanceof MfaError)) throw error;
    failed(error);
  }
}

// ------------------------------------------------------------------------------------------------ leaving

/** What one window tells the others of this browser, which share its session. */
const windows = new BroadcastChannel("session");

function signOut(pressed, label, message) {
  const request = async () => {
    await client.signOut();
    windows.postMessage("signed-out");
    return () => go({ view: "password" }, message);
  };
  act(pressed, label, request, (error) => say(told(error)));
}

// A new page has none of the tokens, and finds out by itself what is left of the session.
windows.addEventListener("message", () => location.reload());

// Back from a code is the password, as it was the way there (`go` has put the step into the history). Every other
// way, and forward again, is to where the session stands.
addEventListener("popstate", ({ state }) => {
  const { flow, over } = current();
  if (flow && !over && state !== PENDING) go({ view: "password" });
  else start();
});

/** What is pending has taken too long. A session that it was to confirm something for goes on. */
function tooLate({ over }) {
  if (over) return go(over, { kind: "error", words: text.tooLate });
  return go({ view: "password" }, { kind: "error", words: text.errors.session_expired() });
}

const ENDINGS = ["session_expired", "login_required", "access_denied", "account_blocked"];

/** Errors that end what is pending, or the whole session: it says itself which. `true` if this was one. */
function ended(error, state) {
  if (error.code === "session_expired" && state.over) tooLate(state);
  else if (error.code === "session_expired" && state.flow) start({ message: told(error), signedIn: info(text.account.elsewhere) });
  else if (ENDINGS.includes(error.code) || (error.code === "too_many_attempts" && state.flow)) start({ message: told(error) });
  else return false;
  return true;
}

/** Sends a request about what is pending; what it answers is the next state. */
function proceed(pressed, label, state, request, failed = (error) => say(told(error))) {
  const work = async () => {
    try {
      const next = await request();
      return () => arrive(next);
    } catch (error) {
      // No factor of this kind, or one already: the list says which there are.
      if (!["unsupported_challenge_type", "already_enrolled"].includes(error.code) || state.view === "choose") throw error;
      const next = await otherWays(state);
      return () => go(next, told(error));
    }
  };
  act(pressed, label, work, (error) => ended(error, state) || failed(error));
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

/** A code for what is pending: `kind` is `otp`, `oob` or `recovery`. Six digits are sent as soon as they are there. */
function codeForm(state, kind) {
  const submit = ({ code: typed }, pressed, element) => {
    const code = plain(typed);
    const wrong = kind === "otp" ? !/^\d{6}$/.test(code) && text.code.incomplete : !code && text.code.missing;
    if (wrong) {
      say({ kind: "error", words: wrong });
      return element.querySelector("[name=code]").focus();
    }
    const body = { otp: { otp: code }, oob: { binding_code: code }, recovery: { recovery_code: code } }[kind];
    proceed(pressed, text.code.busy, state, async () => arrived(await client.verify(body), state), (error) => {
      // A code that is not awaited has been sent too late: Auth0 takes a new one only.
      const isOver = kind === "oob" && error.code === "invalid_request";
      go({ ...state, attemptsLeft: error.attemptsLeft ?? state.attemptsLeft }, isOver ? { kind: "error", words: text.code.over } : told(error));
      // What may still be right stays, so that it can be sent again.
      if (error.code !== "invalid_code") document.querySelector("[name=code]").value = typed;
      hold(error.retryAfter);
    });
  };
  const input = { name: "code", class: "code", autocomplete: "one-time-code", required: "", "aria-describedby": "limits" };
  if (kind === "recovery") Object.assign(input, { class: "code long", autocomplete: "off", autocapitalize: "characters", spellcheck: "false" });
  else input.inputmode = "numeric";
  if (kind === "otp") input.maxlength = "9";
  const element = form(submit, text.code.submit, [field(text.code.label[kind], input)]);
  // Not while an input method composes: its digits are not there yet.
  const isComplete = ({ target, isComposing }) => kind !== "recovery" && !isComposing && /^\d{6}$/.test(plain(target.value));
  for (const event of ["input", "compositionend"]) element.addEventListener(event, (event) => isComplete(event) && element.requestSubmit());
  return element;
}

/** What was typed, without spaces, and in plain letters and digits where the keyboard has full-width ones. */
const plain = (typed) => typed.normalize("NFKC").replace(/\s/g, "");

/** A button that sends a code or a push again, once that makes sense. */
function resend(state, label, request) {
  const send = (pressed) =>
    proceed(pressed, text.resend.busy, state, async () => [await request(), info(text.resend.done)], (error) => {
      go(state, told(error));
    });
  return laterButton(state.refused ? 0 : state.sentAt + RESEND_MS, label, text.resend.wait, send);
}

/** The same challenge once more, or the nearest thing to it, after a reload. */
async function again(state) {
  const { factor } = state;
  const which = factor?.id ? { authenticator_id: factor.id } : { challenge_type: "oob" };
  return pendingState(await client.challenge(which), state, factor);
}

async function enroll(state, type, fields) {
  const answer = await client.enroll({ type, ...fields });
  return pendingState(answer, state, { type, ...fields });
}

/** Waits for the answer to a push, for as long as `state` is on top. */
const watch = (state) =>
  meanwhile(async (signal) => {
    try {
      const answer = await client.waitForPush({ signal, onRetry: (error) => current() === state && say(told(error)) });
      const next = await arrived(answer, state);
      // What was called off meanwhile stays so.
      return () => current().flow === state.flow && arrive(next);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof MfaError)) throw error;
      return () => current() === state && (ended(error, state) || go({ ...state, refused: true }, told(error)));
    }
  });

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
          const answer = await client.signIn({ email: email.trim(), password });
          const [next, message] = answer.mfa_required ? [pendingState(answer, from)] : await arrived(answer, from);
          return () => go(next, message);
        } catch (error) {
          if (error.code !== "unsupported_challenge_type") throw error;
          const next = await otherWays(from);
          return () => go(next);
        }
      };
      act(pressed, text.password.busy, request, (error) => {
        // The address stays, the password does not.
        go({ view: "password", email }, told(error));
        hold(error.retryAfter);
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
        const answer = await client.challenge({ authenticator_id: authenticator.id });
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
      const failed = (error) => go({ ...state, number }, told(error));
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
    const gone = () => go({ view: "password" }, { kind: "error", words: text.errors.session_expired() });
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
    const retry = button(text.unavailable.retry, () => start({ pressed: retry }));
    return { step: 0, title: text.unavailable.title, nodes: [...heading(text.unavailable), retry], focus: "button" };
  },
};

// ------------------------------------------------------------------------------------------- the account

function transferForm(state) {
  const { draft = {}, done } = state;
  const submit = ({ to, amount }, pressed) => {
    const draft = { to: to.trim(), amount: amount.trim().replace(",", ".") };
    const account = { ...state, draft, done: undefined };
    waitForTransfer(pressed, send(draft, account), account);
  };
  const element = form(submit, text.transfer.submit, [
    field(text.transfer.to, { name: "to", autocomplete: "off", maxlength: "100", required: "", value: draft.to ?? "" }),
    field(text.transfer.amount, { name: "amount", inputmode: "decimal", autocomplete: "off", required: "", pattern: "\\d{1,7}([.,]\\d{1,2})?", title: text.transfer.form, value: draft.amount ?? "" }),
  ]);
  element.id = "transfer";
  return h("div", {}, [element, done && h("p", { class: "facts", id: "done" }, text.transfer.reference(done.id))]);
}

/** Sends a transfer. Resolves to what comes next: that it is made, or the dialog where the API wants a fresh factor. */
function send(draft, account) {
  return new Promise((resolve, reject) => {
    const flow = {};
    const ask = (step) =>
      new Promise((settle) => {
        Object.assign(flow, { settle, left: () => settle(null) });
        resolve(() => go(pendingState(step, { ...begun("step_up", account), flow })));
      });
    flow.sent = transfer(draft, ask).then((made) => () => go({ ...account, draft: undefined, done: made }, info(text.transfer.done(made))));
    flow.sent.then(resolve, reject);
  });
}

/** Goes where `sent` leads. */
function waitForTransfer(pressed, sent, account) {
  const request = async () => {
    try {
      return await sent;
    } catch (error) {
      if (error.code !== "unsupported_challenge_type") throw error;
      // The step-up is there, but not for a factor that this user has.
      const next = await otherWays(begun("step_up", account));
      return () => go(next);
    }
  };
  act(pressed, text.transfer.busy, request, (error) => {
    if (ended(error, account)) return;
    go(account, told(error));
    hold(error.retryAfter);
  });
}

function renew(account, pressed) {
  const request = async () => {
    const answer = await client.renew();
    if (answer.mfa_required) return () => go(pendingState(answer, begun("renew", account)));
    const next = { ...account, tokens: answer, expiresAt: inSeconds(answer.expires_in) };
    return () => go(next, info(text.account.renewed));
  };
  act(pressed, text.account.renewing, request, (error) => ended(error, account) || say(told(error)));
}

function tokenParts({ access_token, id_token, expires_in, scope }, expiresAt) {
  const facts = [
    fact(text.account.accessToken, [
      h("code", { id: "access-token", title: shortened(access_token) }, shortened(access_token)),
      copyButton(access_token, text.account.accessToken),
    ]),
    fact(text.account.expires, text.account.expiresIn(expires_in, time(new Date(expiresAt)))),
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
    const date = ["exp", "iat", "nbf", "auth_time", "updated_at"].includes(name) && typeof value === "number" && dayAndTime(new Date(value * 1000));
    return h("tr", {}, [h("th", { scope: "row" }, name), h("td", {}, [shown, " ", date && h("small", {}, date)])]);
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
