// Asks for the messages every two seconds, and answers pushes.

const KINDS = {
  sms: "Text message",
  voice: "Call",
  email: "E-mail",
  push: "Push notification",
  push_enrollment: "New push device",
};

const list = document.getElementById("messages");
const state = document.getElementById("state");
const template = document.getElementById("message");
let shown = "";

function render(message) {
  const item = template.content.cloneNode(true);
  const set = (selector, text) => {
    item.querySelector(selector).textContent = text;
  };
  set(".kind", KINDS[message.kind] ?? message.kind);
  set(".to", message.to ? `to ${message.to} (${message.user})` : `for ${message.user}`);
  const at = new Date(message.at);
  const time = item.querySelector("time");
  time.dateTime = at.toISOString();
  time.textContent = at.toLocaleTimeString();
  set(".code", message.code ?? "");
  const actions = item.querySelector(".actions");
  if (message.answer === "waiting") {
    item.querySelector(".approve").addEventListener("click", () => answer(message.id, "approve"));
    item.querySelector(".refuse").addEventListener("click", () => answer(message.id, "refuse"));
  } else {
    actions.remove();
    set(".answer", message.answer ?? "");
  }
  return item;
}

async function answer(id, how) {
  await fetch(`/_tenant/inbox/${id}/${how}`, { method: "POST" });
  await refresh();
}

async function refresh() {
  try {
    const response = await fetch("/_tenant/inbox");
    const text = await response.text();
    if (text === shown) {
      return;
    }
    const messages = JSON.parse(text).reverse();
    list.replaceChildren(...messages.map(render));
    state.textContent = messages.length === 0 ? "Nothing yet." : "";
    state.hidden = messages.length !== 0;
    shown = text;
  } catch {
    state.hidden = false;
    state.textContent = "The tenant does not answer.";
    shown = "";
  }
}

refresh();
setInterval(refresh, 2000);
