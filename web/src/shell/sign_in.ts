// Being let in: a token from the URL's fragment becomes a cookie; without one it is asked for.

import { ApiError, ask, signIn } from "../api.js";
import type { About } from "../contract.js";
import { element } from "../element.js";
import { failing } from "../part/blank.js";

/** Ends when the server answers. */
export async function enter(body: HTMLElement): Promise<About> {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token !== null) {
    history.replaceState(null, "", location.pathname + location.search);
    await signIn(token);
  }
  for (;;) {
    try {
      return await ask<About>("about", {}, AbortSignal.timeout(30_000));
    } catch (failure) {
      if (!(failure instanceof ApiError) && !(failure instanceof DOMException)) throw failure;
      if (failure instanceof ApiError && failure.status === 401) await askForToken(body);
      else await askForPatience(body, failure);
    }
  }
}

async function askForToken(body: HTMLElement): Promise<void> {
  const field = element("input", { id: "token", type: "password", autocomplete: "off", required: true });
  const wrong = element("p", { class: "error", role: "alert" });
  const form = element(
    "form",
    { class: "gate" },
    element("h1", {}, "BlueOx"),
    element("label", { for: "token" }, "This page needs its token: what stands behind #token= in the address that oxview web printed."),
    field,
    wrong,
    element("button", { class: "strong" }, "Enter"),
  );
  body.replaceChildren(element("main", {}, form));
  field.focus();
  await new Promise<void>((entered) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void signIn(field.value).then((good) => {
        if (good) entered();
        else wrong.textContent = "That is not the token.";
      });
    });
  });
}

async function askForPatience(body: HTMLElement, failure: Error): Promise<void> {
  const shown = failure instanceof ApiError ? failure : new ApiError(0, { error: "the server did not answer in 30 s" });
  await new Promise<void>((again) => body.replaceChildren(element("main", { class: "gate" }, failing(shown, again))));
}
