// Signing in with password and code, against the two functions.
//
// The page is always in one state, an object whose `view` names a function in `views`. `go` replaces the
// state and draws it; `act` is how a state is left: it sends one request at a time and hands the answer to
// whoever asked. Tokens are in the state and nowhere else: not in storage, not in the address, not in a
// cookie that script can read.

import { clock, span, text } from "/text.js";

const AUTHENTICATE = "/api/mfa/authenticate";
const VERIFY = "/api/mfa/verify";
const TIMEOUT_MS = 20_000;

/** What an answer that is no success says: the API's own fields, with `status` and `retryAfter` beside them. */
class Problem {
  constructor(fields) {
    Object.assign(this, fields);
  }

  get words() {
    const words = text.errors[this.error]?.(this, this.retryAfter) ?? this.error_description ?? text.errors.internal_error();
    // What only the log can explain is worth a reference to it.
    return this.status >= 500 && this.request_id ? `${words}\n${text.reference(this.request_id)}` : words;
  }
}

/** One request to a function. Returns its JSON (`{}` where there is none) or throws a `Problem`. */
async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body ? { "content-type": "application/json" } : {},
      body: body && JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new Problem({ error: "network" });
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok && answer.success !== false) return answer;
  const retryAfter = Number(response.headers.get("retry-after")) || undefined;
  throw new Problem({ error: "internal_error", ...answer, status: response.status, retryAfter });
}

// ---------------------------------------------------------------------------------------------- states

let state = { view: "loading" };
let busy = false;
let ticking;

/** Shows `next`, and with it an optional message: `{ kind: "error" | "info", words }`. */
function go(next, message) {
  clearInterval(ticking);
  state = next;
  say(message);
  const { step, nodes, focus } = views[state.view](state);
  document.getElementById("view").replaceChildren(...nodes);
  document.getElementById("card").dataset.view = state.view;
  document.title = text[state.view].title;
  drawSteps(step);
  document.querySelector(focus ?? "#title")?.focus();
}

/** The message region stays in place, so that a screen reader notices when its content changes. */
function say(message) {
  const region = document.getElementById("message");
  region.dataset.kind = message?.kind ?? "";
  region.textContent = message?.words ?? "";
}

const error = (problem) => ({ kind: "error", words: problem.words });

/**
 * Runs `request` unless another one is under way. Meanwhile the view's controls are off, and `label` is on
 * its button. A problem goes to `failed`.
 */
async function act(button, label, request, failed) {
  if (busy) return;
  busy = true;
  const idle = button.textContent;
  const controls = document.querySelectorAll("#view :is(input, button)");
  say();
  button.textContent = label;
  button.setAttribute("aria-busy", "true");
  for (const control of controls) control.disabled = true;
  const leave = () => {
    busy = false;
    button.textContent = idle;
    button.removeAttribute("aria-busy");
    for (const control of controls) control.disabled = false;
  };
  try {
    const proceed = await request();
    leave();
    proceed();
  } catch (problem) {
    leave();
    if (!(problem instanceof Problem)) throw problem;
    failed(problem);
  }
}

/** Where the cookie's session stands, as a state. */
async function currentState() {
  const session = await call("GET", AUTHENTICATE);
  switch (session.state) {
    case "pending":
      if (session.enrollment_required) return { view: "noFactor" };
      return codeState(session);
    case "signed_in":
      return { view: "session", endsAt: inSeconds(session.expires_in) };
    default:
      return { view: "password" };
  }
}

function codeState({ challenge, attempts_left, expires_in }) {
  return { view: "code", challenge: challenge ?? { challenge_type: "otp" }, attemptsLeft: attempts_left, endsAt: inSeconds(expires_in) };
}

/** The state after an answer of either function that gives tokens, or asks for one more factor. */
function afterAnswer(answer) {
  if (answer.enrollment_required) return { view: "noFactor" };
  if (answer.challenge) return codeState(answer);
  return { view: "tokens", tokens: answer, expiresAt: inSeconds(answer.expires_in) };
}

const inSeconds = (seconds) => Date.now() + seconds * 1000;

/** Goes on where the session stands; `message` is what to say there. */
async function start(button, message) {
  const find = async () => {
    const next = await currentState();
    return () => go(next, message);
  };
  const failed = (problem) => go({ view: "unavailable" }, error(problem));
  if (button) return act(button, text.unavailable.busy, find, failed);
  try {
    (await find())();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    failed(problem);
  }
}

function signOut(button, label, message) {
  const request = async () => {
    await call("DELETE", AUTHENTICATE);
    return () => go({ view: "password" }, message);
  };
  act(button, label, request, (problem) => say(error(problem)));
}

// ----------------------------------------------------------------------------------------------- views
//
// A view is a function from the state to what is drawn: the `step` to highlight, the `nodes` of the card,
// and the selector of what gets the `focus`.

const views = {
  loading: () => ({ step: 0, nodes: heading(text.loading) }),

  password: ({ email = "" }) => {
    const submit = async (form, button) => {
      const { email, password } = Object.fromEntries(new FormData(form));
      const request = async () => {
        const answer = await call("POST", AUTHENTICATE, { action: "sign_in", email: email.trim(), password });
        return () => go(afterAnswer(answer));
      };
      act(button, text.password.busy, request, (problem) => {
        // The address stays, the password does not.
        go({ view: "password", email }, error(problem));
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
    return { step: 0, nodes, focus: email ? "[name=password]" : "[name=email]" };
  },

  code: ({ challenge, attemptsLeft, endsAt }) => {
    const kind = challenge.challenge_type === "oob" ? "oob" : "otp";
    const submit = (form, button) => {
      const code = new FormData(form).get("code").replace(/\s/g, "");
      const wrong = kind === "otp" ? !/^\d{6}$/.test(code) && text.code.incomplete : !code && text.code.missing;
      if (wrong) {
        say({ kind: "error", words: wrong });
        return document.querySelector("[name=code]").focus();
      }
      const request = async () => {
        const answer = await call("POST", VERIFY, kind === "otp" ? { otp: code } : { binding_code: code });
        return () => go(afterAnswer(answer));
      };
      act(button, text.code.busy, request, (problem) => {
        if (problem.error === "session_expired") return go({ view: "password" }, error(problem));
        // The session's own limit ends it, Auth0's does not: the session says which it was.
        if (problem.error === "too_many_attempts") return start(undefined, error(problem));
        const left = problem.attempts_left ?? attemptsLeft;
        // What may still be right stays, so that it can be sent again.
        go({ ...state, attemptsLeft: left }, error(problem));
        if (problem.error !== "invalid_code") document.querySelector("[name=code]").value = code;
        hold(problem.retryAfter);
      });
    };
    const code = { name: "code", class: "code", autocomplete: "one-time-code", inputmode: "numeric", required: "", "aria-describedby": "facts" };
    if (kind === "otp") Object.assign(code, { placeholder: "000000", maxlength: "9" });
    const restart = h("button", { type: "button", class: "quiet" }, text.code.restart);
    restart.addEventListener("click", () => signOut(restart, text.code.restart));
    const nodes = [
      ...heading({ title: text.code.title, lead: text.code.lead[kind] }),
      form(submit, text.code.submit, [field(text.code.label[kind], code)]),
      h("p", { class: "facts", id: "facts" }, [
        countdown(endsAt, text.code.endsIn, () => go({ view: "password" }, error(new Problem({ error: "session_expired" })))),
        attemptsLeft && h("span", {}, text.code.attemptsLeft(attemptsLeft)),
      ]),
      restart,
    ];
    return { step: 1, nodes, focus: "[name=code]" };
  },

  tokens: ({ tokens, expiresAt }) => {
    const { access_token, id_token, expires_in, scope, recovery_code } = tokens;
    const copy = h("button", { type: "button", class: "small" }, text.tokens.copy);
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(access_token);
      copy.textContent = text.tokens.copied;
    });
    const out = h("button", { type: "button" }, text.tokens.signOut);
    out.addEventListener("click", () => signOut(out, text.tokens.busy, { kind: "info", words: text.signedOut }));
    const time = new Date(expiresAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const facts = [
      recovery_code && fact(text.tokens.recoveryCode, h("code", {}, recovery_code)),
      fact(text.tokens.accessToken, [h("code", { id: "access-token", title: shortened(access_token) }, shortened(access_token)), copy]),
      fact(text.tokens.expires, text.tokens.expiresIn(span(expires_in), time)),
      scope && fact(text.tokens.scope, scope.split(" ").map((name) => h("span", { class: "chip" }, name))),
    ];
    const nodes = [
      ...heading({ title: text.tokens.title, lead: recovery_code ? text.tokens.leadReplaced : text.tokens.lead }),
      h("dl", { class: "facts-table" }, facts),
      h("h2", {}, text.tokens.claims),
      id_token ? claims(id_token) : h("p", {}, text.tokens.noIdToken),
      out,
    ];
    return { step: 2, nodes };
  },

  session: ({ endsAt }) => {
    const out = h("button", { type: "button" }, text.session.signOut);
    out.addEventListener("click", () => signOut(out, text.session.busy, { kind: "info", words: text.signedOut }));
    const ended = () => go({ view: "password" }, error(new Problem({ error: "session_expired" })));
    return { step: 2, nodes: [...heading(text.session), h("p", { class: "facts" }, countdown(endsAt, text.session.endsIn, ended)), out] };
  },

  noFactor: () => {
    const restart = h("button", { type: "button" }, text.noFactor.restart);
    restart.addEventListener("click", () => signOut(restart, text.noFactor.restart));
    return { step: 1, nodes: [...heading(text.noFactor), restart] };
  },

  unavailable: () => {
    const retry = h("button", { type: "button" }, text.unavailable.retry);
    retry.addEventListener("click", () => start(retry));
    return { step: 0, nodes: [...heading(text.unavailable), retry], focus: "#view button" };
  },
};

// ------------------------------------------------------------------------------------------- its parts

/** An element with attributes and children; `undefined`, `false` and `null` children are left out. */
function h(tag, attributes, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...[children].flat().filter((child) => child != null && child !== false));
  return element;
}

const heading = ({ title, lead }) => [h("h1", { id: "title", tabindex: "-1" }, title), h("p", { class: "lead" }, lead)];

const field = (label, attributes) => {
  const id = `field-${attributes.name}`;
  return h("div", { class: "field" }, [h("label", { for: id }, label), h("input", { id, ...attributes })]);
};

const fact = (name, value) => h("div", {}, [h("dt", {}, name), h("dd", {}, value)]);

function form(submit, label, fields) {
  const button = h("button", { type: "submit" }, label);
  const element = h("form", {}, [...fields, button]);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    // While a request is under way the fields are off, and a form without fields says nothing.
    if (!busy) submit(element, button);
  });
  return element;
}

/** A text that counts down to `endsAt`, then calls `ended`. It is not read out every second. */
function countdown(endsAt, words, ended) {
  const element = h("span", { role: "timer", "aria-live": "off" });
  const draw = () => {
    const left = Math.ceil((endsAt - Date.now()) / 1000);
    if (left <= 0 && !busy) return ended();
    element.textContent = words(clock(Math.max(left, 0)));
  };
  ticking = setInterval(draw, 1000);
  draw();
  return element;
}

/** Keeps the submit button off for as long as the server asked to wait, a minute at most. */
function hold(seconds) {
  const button = document.querySelector("#view [type=submit]");
  if (!seconds || !button) return;
  button.disabled = true;
  setTimeout(() => (button.disabled = busy), Math.min(seconds, 60) * 1000);
}

function claims(idToken) {
  const rows = Object.entries(decoded(idToken)).map(([name, value]) => {
    const shown = typeof value === "string" ? value : JSON.stringify(value);
    const time = ["exp", "iat", "nbf", "auth_time", "updated_at"].includes(name) && typeof value === "number" && new Date(value * 1000).toLocaleString();
    return h("tr", {}, [h("th", { scope: "row" }, name), h("td", {}, [shown, " ", time && h("small", {}, time)])]);
  });
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": text.tokens.claims }, h("table", { id: "claims" }, h("tbody", {}, rows)));
}

/** The claims of a JWT, for looking at. Who relies on them has to check the signature first. */
function decoded(jwt) {
  const payload = jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

const shortened = (token) => (token.length > 32 ? `${token.slice(0, 16)}…${token.slice(-8)}` : token);

function drawSteps(current) {
  const steps = text.steps.map((name, index) => {
    const step = h("li", { class: index < current ? "done" : "" }, name);
    if (index === current) step.setAttribute("aria-current", "step");
    return step;
  });
  document.getElementById("steps").replaceChildren(...steps);
}

function drawHint() {
  const body = text.hint.body.map((part) => (part.code ? h("code", {}, part.code) : part));
  document.getElementById("hint").replaceChildren(h("strong", {}, text.hint.title), h("p", {}, body));
}

drawHint();
go({ view: "loading" });
start();
