// Where states are drawn, and the parts that views are made of.
//
// There are two surfaces: the card, and a dialog over it for what a signed-in user confirms. The state on top is
// the one that counts; `go` replaces it, and `act` is how it is left: one request at a time, whose answer says
// where to go.

import { MfaError } from "/api.js";
import { clock, text } from "/text.js";

const card = { root: document.getElementById("card"), level: "h1", timers: [] };
const dialog = { root: document.getElementById("dialog"), level: "h2", timers: [] };
for (const surface of [card, dialog]) {
  surface.view = surface.root.querySelector(".view");
  surface.region = surface.root.querySelector(".message");
  surface.progress = surface.root.querySelector(".progress");
}

/** The history's entry of a sign-in that waits for its second factor. */
export const PENDING = "pending";

let views;
let top;
let drawing = card;
let busy = false;
let waiting;

/** Tells how states are drawn: by the function in `all` that a state's `view` names. */
export function use(all) {
  views = all;
  dialog.root.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (!busy && top.over && !top.next) go(top.over);
  });
  // A browser may close it all the same.
  dialog.root.addEventListener("close", () => top.over && go(top.next ?? top.over));
}

/** The state on top. */
export const current = () => top;

/**
 * Shows `next`, and with it an optional message: `{ kind: "error" | "info", words }`. A state with another one in
 * `over` is drawn in the dialog, over that one.
 */
export function go(next, message) {
  // Whoever waits for what is now called off is told so.
  if (top?.flow && top.flow !== next.flow) top.flow.left?.();
  top = next;
  if (next.flow && !next.over && history.state !== PENDING) history.pushState(PENDING, "");
  if (next.over) {
    if (card.state !== next.over) draw(card, next.over);
    if (!dialog.root.open) dialog.root.showModal();
    draw(dialog, next, message);
  } else {
    stop(dialog);
    dialog.view.replaceChildren();
    if (dialog.root.open) dialog.root.close();
    draw(card, next, message);
  }
}

function draw(surface, state, message) {
  stop(surface);
  surface.state = state;
  drawing = surface;
  show(surface, message);
  const { step, nodes, focus, title } = views[state.view](state);
  // A view begins at its top, however far down the one before it was read.
  if (surface === card && surface.root.dataset.view !== state.view) scrollTo(0, 0);
  surface.view.replaceChildren(...nodes);
  surface.root.dataset.view = state.view;
  document.title = title;
  if (surface === card) drawSteps(step);
  (surface.view.querySelector(focus ?? "[id$=title]") ?? surface.view.querySelector("[id$=title]"))?.focus();
}

function stop(surface) {
  for (const timer of surface.timers) clearInterval(timer);
  surface.timers = [];
  surface.work = undefined;
  waiting?.abort();
}

const onTop = () => (top.over ? dialog : card);

/** Says something on the surface on top. */
export const say = (message) => show(onTop(), message);

/** The region stays in place, so that a screen reader notices when its content changes. */
function show({ region }, message) {
  region.dataset.kind = message?.kind ?? "";
  region.textContent = message?.words ?? "";
}

/**
 * Runs `request` unless another one is under way. Meanwhile the controls are off, and `label` is on the button.
 * What the request returns is called in the end; an `MfaError` goes to `failed`.
 */
export async function act(button, label, request, failed) {
  if (busy) return;
  busy = true;
  const began = top;
  const surface = onTop();
  const { work } = surface;
  const idle = button.textContent;
  const focused = document.activeElement;
  const controls = [...surface.view.querySelectorAll("input, button")].filter((control) => !control.disabled);
  say();
  button.textContent = label;
  button.setAttribute("aria-busy", "true");
  surface.progress.textContent = label;
  for (const control of controls) control.disabled = true;
  const leave = () => {
    busy = false;
    surface.progress.textContent = "";
    button.textContent = idle;
    button.removeAttribute("aria-busy");
    for (const control of controls) control.disabled = false;
    // A control that is switched off loses the focus.
    focused?.focus();
  };
  try {
    // Requests of one session come one after the other, and what a look at a push finds comes first.
    const found = await waiting?.ended();
    if (found) {
      leave();
      return found();
    }
    if (top !== began) return leave();
    const proceed = await request();
    leave();
    proceed();
  } catch (error) {
    leave();
    if (!(error instanceof MfaError)) throw error;
    failed(error);
  }
  if (top === began && work) meanwhile(work);
}

/**
 * Waits for something beside the user, with `work`, for as long as the state is on top. It is handed a signal, and
 * resolves to a function that goes on from what was found. A request stops it first, and where that changes nothing
 * it begins again.
 */
export function meanwhile(work) {
  const controller = new AbortController();
  // What was waited for before may still be asking, and may find something.
  const before = waiting?.ended();
  const running = (async () => (await before) ?? work(controller.signal))();
  const own = {
    abort: () => controller.abort(),
    /** Ends it; what it finds is the caller's. */
    ended: () => {
      waiting = undefined;
      controller.abort();
      return running;
    },
  };
  waiting = own;
  onTop().work = work;
  running.then((found) => {
    if (waiting !== own) return;
    waiting = undefined;
    found?.();
  });
}

/** Calls `what` in so many seconds, unless the state is left before. */
export function later(seconds, what) {
  const surface = onTop();
  surface.timers.push(setTimeout(what, seconds * 1000));
}

// ------------------------------------------------------------------------------------------- elements

/** An element with attributes and children; `undefined`, `false` and `null` children are left out. */
export function h(tag, attributes, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...[children].flat().filter((child) => child != null && child !== false));
  return element;
}

export const heading = ({ title, lead }) => [
  h(drawing.level, { id: `${drawing.root.id}-title`, tabindex: "-1" }, title),
  h("p", { class: "lead" }, lead),
];

export const field = (label, attributes, hint) => {
  const id = `${drawing.root.id}-${attributes.name}`;
  const described = hint && { "aria-describedby": `${id}-hint` };
  return h("div", { class: "field" }, [
    h("label", { for: id }, label),
    h("input", { id, ...described, ...attributes }),
    hint && h("p", { class: "field-hint", id: `${id}-hint` }, hint),
  ]);
};

export const fact = (name, value) => h("div", {}, [h("dt", {}, name), h("dd", {}, value)]);

/** A form that hands itself, its values and its button to `submit`. */
export function form(submit, label, fields) {
  const button = h("button", { type: "submit" }, label);
  const element = h("form", {}, [...fields, button]);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    // While a request is under way the fields are off, and a form without fields says nothing.
    if (!busy) submit(Object.fromEntries(new FormData(element)), button, element);
  });
  return element;
}

/** A button that hands itself to `pressed`. */
export function button(label, pressed, kind) {
  const element = h("button", { type: "button", ...(kind && { class: kind }) }, label);
  element.addEventListener("click", () => busy || pressed(element));
  return element;
}

/** A button that copies `value`, which is `what`. */
export function copyButton(value, what) {
  const name = (element, words) => {
    element.textContent = words;
    element.setAttribute("aria-label", `${words}: ${what}`);
    return element;
  };
  const copy = async (element) => {
    const words = await navigator.clipboard.writeText(value).then(() => text.copied, () => text.notCopied);
    name(element, words);
  };
  return name(button(text.copy, copy, "small"), text.copy);
}

/** A text that counts down to `endsAt`, then calls `ended`. It is not read out every second. */
export function countdown(endsAt, words, ended) {
  const element = h("span", { role: "timer", "aria-live": "off" });
  tick(() => {
    const left = Math.ceil((endsAt - Date.now()) / 1000);
    if (left <= 0 && !busy) return ended();
    element.textContent = words(clock(Math.max(left, 0)));
  });
  return element;
}

/** A button that cannot be pressed before `from`, and counts down to it. */
export function laterButton(from, label, wait, pressed) {
  const element = button(label, pressed, "quiet");
  tick(() => {
    if (busy) return;
    const left = Math.ceil((from - Date.now()) / 1000);
    element.disabled = left > 0;
    element.textContent = left > 0 ? wait(clock(left)) : label;
  });
  return element;
}

/** Keeps the submit button off for as long as the server asked to wait, a minute at most. */
export function hold(seconds) {
  const element = onTop().view.querySelector("[type=submit]");
  if (!seconds || !element) return;
  element.disabled = true;
  later(Math.min(seconds, 60), () => (element.disabled = busy));
}

function tick(draw) {
  drawing.timers.push(setInterval(draw, 1000));
  draw();
}

function drawSteps(now) {
  const steps = text.steps.map((name, index) => {
    const step = h("li", { class: index < now ? "done" : "" }, name);
    if (index === now) step.setAttribute("aria-current", "step");
    return step;
  });
  document.getElementById("steps").replaceChildren(...steps);
}
