// Every other second factor: chosen, sent again, answered on the phone, recovered, set up.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { AUTHENTICATE, TOGETHER, VERIFY, enterCode, enterPassword, fits, open, says, shows, signIn } from "./page.js";
import { en } from "../../infra/local/page/en.js";
import { codes } from "./stack.js";

const NARROW = { colorScheme: "dark", viewport: { width: 320, height: 640 } };

/** What the list of ways says, once it is there. */
async function ways(page) {
  await shows(page, "Choose another way");
  return page.getByRole("listitem").filter({ has: page.getByRole("button") }).allInnerTexts();
}

describe("every other second factor", TOGETHER, () => {
  test("a text message can be sent again, but not at once", async (t) => {
    const { stack, page, press } = await open(t, { clock: true });
    await enterPassword(page, stack, "sam@example.com");
    const resend = page.getByRole("button", { name: "Send again in" });
    assert.ok(await resend.isDisabled());
    assert.match(await resend.innerText(), /0:(30|2\d)/);
    const first = await stack.message("sam@example.com");
    assert.equal(first.kind, "sms");

    await page.clock.fastForward(31_000);
    await press("Send a new code");
    await says(page, "Sent again.");
    const second = await stack.message("sam@example.com", 2);
    await page.getByRole("button", { name: "Send again in" }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.name), "code");
    if (first.code !== second.code) {
      await enterCode(page, first.code, "Code");
      await says(page, "That code is not right. 4 attempts left.");
    }
    await enterCode(page, second.code, "Code");
    await shows(page, "You are signed in");
  });

  test("another factor is chosen from a list, without the password", async (t) => {
    const { stack, page, press, count } = await open(t);
    await enterPassword(page, stack, "rae@example.com");
    await press("Try another way");
    const shown = (await ways(page)).map((text) => text.split("\n")[0]);
    assert.deepEqual(shown, ["Text message", "Phone call", "E-mail", "Recovery code"]);
    const text = (await ways(page)).join();
    assert.match(text, /X+6704/);
    assert.doesNotMatch(text, /rae@|\+49/, "names are masked");
    await press("E-mail");
    await shows(page, "Enter your code");
    await page.getByText(/from the e-mail to \*+@/).waitFor();
    const mail = await stack.message("rae@example.com", 2);
    assert.equal(mail.kind, "email");
    await enterCode(page, mail.code, "Code");
    await shows(page, "You are signed in");
    assert.equal(count(`POST ${AUTHENTICATE}`), 3, "sign_in, authenticators, challenge");
  });

  test("a recovery code is replaced, and only the replacement is good the next time", async (t) => {
    const { stack, page, press } = await open(t);
    const old = "RAEFRANKLINSRECOVERY2024";
    const recover = async (code) => {
      await enterPassword(page, stack, "rae@example.com");
      await press("Try another way");
      await press("Recovery code");
      await page.getByText("recovery code that you kept").waitFor();
      await enterCode(page, code, "Recovery code");
    };
    await recover(old);
    await shows(page, "Keep your new recovery code");
    const code = await page.locator(".recovery code").innerText();
    assert.match(code, /^[A-Z0-9]{24}$/);
    assert.equal(code, (await stack.tenant("GET", "/users/rae@example.com")).recovery_code);
    await press("I have kept it");
    await shows(page, "You are signed in");
    await press("Sign out");

    await recover(old);
    await says(page, "That code is not right. 4 attempts left.");
    await enterCode(page, code, "Recovery code");
    await shows(page, "Keep your new recovery code");
  });

  test("a push that is approved goes on by itself, and is not asked about too often", async (t) => {
    const { stack, page, count } = await open(t, { clock: true });
    const looked = () => page.waitForResponse((response) => response.url().endsWith(VERIFY));
    const [first] = await Promise.all([looked(), enterPassword(page, stack, "pat@example.com", "Look at your phone")]);
    assert.equal(first.status(), 202);
    const { retry_after } = await first.json();
    const { id } = await stack.message("pat@example.com");
    await page.getByRole("status").filter({ hasText: "Waiting for your answer" }).waitFor();
    await page.clock.fastForward((retry_after - 1) * 1000);
    assert.equal(count(`POST ${VERIFY}`), 1, `${retry_after} seconds between two looks`);
    await Promise.all([looked(), page.clock.fastForward(1000)]);
    assert.equal(count(`POST ${VERIFY}`), 2);

    await page.reload();
    await shows(page, "Look at your phone");
    await stack.tenant("POST", `/inbox/${id}/approve`);
    await Promise.all([shows(page, "You are signed in"), page.clock.runFor(60_000)]);
  });

  test("a push that is refused can be sent again, or a code typed instead", async (t) => {
    const { stack, page, press, count } = await open(t);
    await enterPassword(page, stack, "pat@example.com", "Look at your phone");
    await stack.tenant("POST", `/inbox/${(await stack.message("pat@example.com")).id}/refuse`);
    await says(page, "The notification was refused, or is over.");
    assert.equal(await page.getByText(en.push.waiting).count(), 0, "it does not go on waiting");

    await press("Send it again");
    await says(page, "Sent again.");
    await stack.message("pat@example.com", 2);
    await press("Enter a code instead");
    const looks = count(`POST ${VERIFY}`);
    await enterCode(page, (await stack.tenant("GET", "/users/pat@example.com/otp")).code);
    await shows(page, "You are signed in");
    assert.equal(count(`POST ${VERIFY}`), looks + 1);
  });

  test("after a refused push a reload offers the other ways", async (t) => {
    const { stack, page } = await open(t);
    await enterPassword(page, stack, "pat@example.com", "Look at your phone");
    await stack.tenant("POST", `/inbox/${(await stack.message("pat@example.com")).id}/refuse`);
    await says(page, "refused");
    await page.reload();
    assert.match((await ways(page)).join(), /Notification on your phone\s+Pat’s phone/);
  });

  test("two factors are asked for in turn", async (t) => {
    const { stack, page } = await open(t);
    await enterPassword(page, stack, "cleo@example.com");
    await enterCode(page, (await stack.message("cleo@example.com")).code, "Code");
    await says(page, "That was right. One more factor is needed.");
    const second = await stack.message("cleo@example.com", 2);
    assert.equal(second.kind, "email");
    await enterCode(page, second.code, "Code");
    await shows(page, "You are signed in");
  });

  test("an authenticator app is set up with a QR code, and its recovery code is good", async (t) => {
    const { stack, page, press, count } = await open(t);
    const sent = [];
    page.on("request", (request) => request.url().endsWith("/api/qr-code") && sent.push(request.postData()));
    await enterPassword(page, stack, "nia@example.com", "Set up a second factor");
    await press("Authenticator app");
    await shows(page, "Confirm your second factor");
    await page.getByRole("img", { name: "QR code for the app" }).waitFor();
    const secret = (await page.locator("#secret").innerText()).replaceAll(" ", "");
    assert.match(secret, /^[A-Z2-7]{16,}$/);
    assert.equal(sent.length, 1);
    assert.match(sent[0], new RegExp(`^otpauth://totp/.*secret=${secret}`));
    const recovery = await page.locator(".recovery code").innerText();

    await enterCode(page, "000000");
    await says(page, "That code is not right.");
    await page.getByRole("img", { name: "QR code for the app" }).waitFor();
    assert.equal(await page.locator(".recovery code").innerText(), recovery, "it is still there");
    await enterCode(page, codes(secret)());
    await shows(page, "You are signed in");
    assert.ok(!(await page.content()).includes(recovery));
    assert.equal(count("GET /api/qr-code"), 0);
    await press("Sign out");

    await enterPassword(page, stack, "nia@example.com");
    await press("Try another way");
    assert.deepEqual((await ways(page)).map((text) => text.split("\n")[0]), ["Authenticator app", "Recovery code"]);
    await press("Recovery code");
    await enterCode(page, recovery, "Recovery code");
    await shows(page, "Keep your new recovery code");
  });

  test("a telephone is set up, through a reload", async (t) => {
    const { stack, page, press, count } = await open(t);
    await enterPassword(page, stack, "nia@example.com", "Set up a second factor");
    await press("Text message");
    await shows(page, "Your telephone number");
    await page.getByRole("textbox", { name: "Telephone number" }).fill("0151 2345678");
    await press("Continue");
    await says(page, "A telephone number begins with +");
    assert.equal(count(`POST ${AUTHENTICATE}`), 1, "it was not sent");
    await page.getByRole("textbox", { name: "Telephone number" }).fill("+49 (151) 2345-678");
    await press("Continue");
    await shows(page, "Confirm your second factor");
    assert.equal((await stack.message("nia@example.com")).to, "+491512345678");

    // What was shown once is gone; the code is still awaited, and the whole can be begun again.
    await page.reload();
    await shows(page, "Enter your code");
    await press("Try another way");
    await shows(page, "Set up a second factor");
    await press("E-mail");
    await shows(page, "Confirm your second factor");
    const mail = await stack.message("nia@example.com", 2);
    assert.equal(mail.kind, "email");
    await enterCode(page, mail.code, "Code");
    await shows(page, "You are signed in");
  });

  test("a phone with push is set up by scanning alone", async (t) => {
    const { stack, page, press } = await open(t);
    await enterPassword(page, stack, "nia@example.com", "Set up a second factor");
    await page.reload();
    await shows(page, "Set up a second factor");
    await press("Notification on your phone");
    await page.getByRole("img", { name: "QR code for the app" }).waitFor();
    // In the inbox this stands for the scan.
    const message = await stack.message("nia@example.com");
    assert.equal(message.kind, "push_enrollment");
    await stack.tenant("POST", `/inbox/${message.id}/approve`);
    await shows(page, "You are signed in");
  });

  test("a factor that another step asks for is told from a wrong code", async (t) => {
    const { stack, page, press } = await open(t);
    await enterPassword(page, stack, "cleo@example.com");
    await press("Try another way");
    await press("E-mail");
    await says(page, "That way is not possible here. Choose another.");
    await shows(page, "Choose another way");
    await press("Text message");
    await shows(page, "Enter your code");
  });

  test("messages arrive in the inbox, where a push is answered by hand", async (t) => {
    const { stack, page, context } = await open(t);
    const [inbox] = await Promise.all([context.waitForEvent("page"), page.getByRole("link", { name: "inbox" }).click()]);
    await enterPassword(page, stack, "pat@example.com", "Look at your phone");
    await inbox.getByRole("button", { name: "Approve" }).click();
    await inbox.getByText("approved").waitFor();
    await shows(page, "You are signed in");
  });

  test("the keyboard is enough for every factor, in the dark and at 320 pixels", async (t) => {
    const { stack, page } = await open(t, NARROW);
    const press = async (name) => {
      await page.getByRole("button", { name, exact: true }).focus();
      await page.keyboard.press("Enter");
    };
    await enterPassword(page, stack, "nia@example.com", "Set up a second factor");
    await fits(page);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await shows(page, "Confirm your second factor");
    await page.getByRole("img", { name: "QR code for the app" }).waitFor();
    await fits(page);
    await press("Start again");
    await enterPassword(page, stack, "rae@example.com");
    await press("Try another way");
    await shows(page, "Choose another way");
    await fits(page);
    await press("Recovery code");
    await page.getByRole("textbox", { name: "Recovery code" }).waitFor();
    await page.keyboard.type("RAEFRANKLINSRECOVERY2024");
    await fits(page);
    await page.keyboard.press("Enter");
    await shows(page, "Keep your new recovery code");
    await fits(page);
  });

  test("a signed-in user's next sign-in can be another user's", async (t) => {
    const { stack, page, press } = await open(t);
    await signIn(page, stack, "mel@example.com");
    await press("Sign out");
    await signIn(page, stack, "sam@example.com");
    assert.match(await page.locator("#claims").innerText(), /sam@example\.com/);
  });
});
