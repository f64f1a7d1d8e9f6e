// What the page says, in the first of the browser's languages that there is.

import { en } from "/en.js";
import { ja } from "/ja.js";

const texts = { en, ja };
const languageOf = (locale) => locale.split("-")[0];
const locale = navigator.languages.find((locale) => languageOf(locale) in texts) ?? "en";

export const text = texts[languageOf(locale)];

document.documentElement.lang = languageOf(locale);

/** `75` as `1:15`. */
export function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** A time of day, or with the day, as the language writes it. */
export const time = (date) => date.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
export const dayAndTime = (date) => date.toLocaleString(locale);

/** What to say of a failed call: `{ kind, words }`. */
export function told(error) {
  const words = text.errors[error.code]?.(error) ?? text.errors.unexpected_response(error);
  // What only the log can explain is worth a reference to it.
  const reference = error.status >= 500 && error.requestId ? `\n${text.reference(error.requestId)}` : "";
  return { kind: "error", words: words + reference };
}

export const info = (words) => ({ kind: "info", words });
