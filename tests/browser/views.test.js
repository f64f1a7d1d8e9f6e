// Every view in every language, in the light and in the dark, wide and narrow: nothing that axe finds, nothing cut
// off, and a picture of each in target/screenshots. What the views do is in the other files.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { en } from "../../infra/local/page/en.js";
import { ja } from "../../infra/local/page/ja.js";
import { AUTHENTICATE, TOGETHER, enterCode, enterPassword, look, open, says, shows } from "./page.js";
import { wrongCode } from "./stack.js";

for (const [language, locale, text] of [["en", "en-GB", en], ["ja", "ja-JP", ja]]) {
  describe(`every view in ${language}`, TOGETHER, () => {
    /** The page in this language, and `see`, which looks at a view. */
    async function opened(t, options) {
      const tools = await open(t, { locale, text, ...options });
      const { page, stack } = tools;
      assert.equal(await page.evaluate(() => document.documentElement.lang), language);
      return {
        ...tools,
        see: (name) => look(page, `${language}-${name}`),
        password: (user, next) => enterPassword(page, stack, user && `${user}@example.com`, next, text),
        code: (code, label) => enterCode(page, code, label, text),
      };
    }

    test("signing in", async (t) => {
      const { stack, page, press, see, password, code } = await opened(t);
      await see("password");
      await page.getByLabel(text.password.email).fill(stack.email);
      await page.getByLabel(text.password.password).fill("not the password");
      await press(text.password.submit);
      await says(page, text.errors.invalid_credentials());
      await see("wrong-password");
      await password();
      await see("code");
      await code(wrongCode(stack.code));
      await says(page, text.errors.invalid_code({ attemptsLeft: 4 }));
      await see("wrong-code");
      await code(stack.code());
      await shows(page, text.account.title);
      await see("account");
      await press(text.account.signOut);
      await says(page, text.signedOut);
      await see("signed-out");
    });

    test("other factors", async (t) => {
      const { stack, page, press, see, password, code } = await opened(t);
      await password("rae");
      await see("sent-code");
      await press(text.ways.other);
      await shows(page, text.choose.title);
      await see("choose");
      await press(text.factors["recovery-code"]);
      await see("recovery-code");
      await code("RAEFRANKLINSRECOVERY2024", text.code.label.recovery);
      await shows(page, text.recovered.title);
      await see("recovered");
      await press(text.recovered.done);
      await press(text.account.signOut);

      await password("pat", text.push.title);
      await see("push");
      await stack.tenant("POST", `/inbox/${(await stack.message("pat@example.com")).id}/refuse`);
      await says(page, text.errors.challenge_rejected());
      await see("push-refused");
    });

    test("setting up a factor", async (t) => {
      const { page, press, see, password } = await opened(t);
      await password("nia", text.enroll.title);
      await see("enroll");
      await press(text.factors.otp);
      await page.getByRole("img", { name: text.enrolled.qr }).waitFor();
      await see("enrolled-app");
      await press(text.ways.other);
      await press(text.factors.sms);
      await shows(page, text.phone.title);
      await page.getByRole("textbox", { name: text.phone.label }).fill("090 1234 5678");
      await press(text.phone.submit);
      await says(page, text.phone.wrong);
      await see("phone");
      await page.getByRole("textbox", { name: text.phone.label }).fill("+81 90 1234 5678");
      await press(text.phone.submit);
      await shows(page, text.enrolled.title);
      await see("enrolled-phone");
      await press(text.ways.other);
      await press(text.factors.push);
      await page.getByRole("img", { name: text.enrolled.qr }).waitFor();
      await see("enrolled-push");
    });

    test("confirming a transfer", async (t) => {
      const { stack, page, press, see, password, code } = await opened(t);
      await password("pat", text.push.title);
      await press(text.push.code);
      await code((await stack.tenant("GET", "/users/pat@example.com/otp")).code);
      await shows(page, text.account.title);
      const asks = (title) => page.getByRole("dialog").getByRole("heading", { name: title }).waitFor();
      await page.getByLabel(text.transfer.to, { exact: true }).fill("Grace Hopper");
      await page.getByLabel(text.transfer.amount).fill("25.50");
      await press(text.transfer.submit);
      await asks(text.push.title);
      await page.getByText(text.confirming({ to: "Grace Hopper", amount: "25.50" })).waitFor();
      await see("step-up-push");
      await press(text.ways.other);
      await asks(text.choose.title);
      await see("step-up-choose");
      await press(text.factors.otp);
      await asks(text.code.title);
      await code("000000");
      await says(page, text.errors.invalid_code({ attemptsLeft: 4 }));
      await see("step-up-wrong-code");
      await press(text.ways.other);
      await press(text.factors.push);
      const { id } = await stack.message("pat@example.com", 3);
      await stack.tenant("POST", `/inbox/${id}/approve`);
      await says(page, text.transfer.done({ to: "Grace Hopper", amount: "25.50" }));
      await see("transferred");
    });

    test("when it does not work", async (t) => {
      const { page, press, see, password } = await opened(t, { clock: true });
      await password();
      await page.clock.fastForward(301_000);
      await says(page, text.errors.session_expired());
      await see("expired");
      await page.route(`**${AUTHENTICATE}`, (route) => route.abort());
      await page.reload();
      await shows(page, text.unavailable.title);
      await see("unavailable");
      await page.unroute(`**${AUTHENTICATE}`);
      await press(text.unavailable.retry);
      await shows(page, text.code.title);
    });
  });
}
