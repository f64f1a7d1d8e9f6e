// A React page that signs in with a password and a second factor, and makes a transfer that needs a step-up.

import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { MfaClient, MfaError } from "mfa-client";

const mfa = new MfaClient();

function App() {
  const [isSignedIn, setSignedIn] = useState(false);
  const [asked, setAsked] = useState();
  const [message, setMessage] = useState("");

  // Whoever needs a code waits for the form below, wherever in the page that is.
  const askForCode = (step, error) => new Promise((answer) => setAsked({ error, answer }));
  const answer = (code) => (asked.answer(code), setAsked());

  const run = (work) => {
    setMessage("");
    work().catch((error) => (error instanceof MfaError ? setMessage(error.message) : Promise.reject(error)));
  };
  const submit = (work) => (event) => (event.preventDefault(), run(() => work(Object.fromEntries(new FormData(event.target)))));
  const signIn = async (credentials) => (await mfa.complete(await mfa.signIn(credentials), askForCode), setSignedIn(true));
  const resume = async () => {
    const session = await mfa.status();
    if (session.state === "pending") await mfa.complete(session, askForCode);
    if (session.state === "signed_in") await mfa.complete(await mfa.renew(), askForCode);
    setSignedIn(session.state !== "none");
  };
  const transfer = async (draft) => {
    const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(draft) };
    const response = await mfa.fetchWithStepUp("/api/transfers", askForCode, post);
    if (!response.ok) throw await MfaError.from(response);
    setMessage(`Transfer ${(await response.json()).transfer.id} is made.`);
  };
  useEffect(() => run(resume), []);

  return (
    <main>
      <h1>{isSignedIn ? "Transfer" : "Sign in"}</h1>
      <p role="alert">{asked?.error ? `${asked.error.message} ${asked.error.attemptsLeft} attempts left.` : message}</p>
      {asked && <Form fields={CODE} label="Verify" submit={submit(async ({ code }) => answer(code))} />}
      {asked && <button onClick={() => answer(null)}>Cancel</button>}
      {!isSignedIn && !asked && <Form fields={PASSWORD} label="Continue" submit={submit(signIn)} />}
      {isSignedIn && <Form fields={TRANSFER} label="Send" submit={submit(transfer)} />}
      {isSignedIn && <button onClick={() => run(() => mfa.signOut().then(() => setSignedIn(false)))}>Sign out</button>}
    </main>
  );
}

const CODE = { Code: { name: "code", autoComplete: "one-time-code", inputMode: "numeric", autoFocus: true } };
const PASSWORD = { "E-mail": { name: "email", type: "email" }, Password: { name: "password", type: "password" } };
const TRANSFER = { To: { name: "to" }, Amount: { name: "amount", inputMode: "decimal" } };

const inputs = (fields) => Object.entries(fields).map(([name, input]) => <label key={name}>{name} <input {...input} /></label>);
const Form = ({ fields, label, submit }) => <form onSubmit={submit}>{inputs(fields)}<button>{label}</button></form>;

createRoot(document.getElementById("root")).render(<App />);
