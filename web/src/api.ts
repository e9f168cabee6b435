// Asking the server. One error type with three families: the question is wrong, the server cannot now, it cannot be reached.

import type { Refusal } from "./contract.js";

export type Parameters = Record<string, string | number | readonly string[] | null | undefined>;

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly refusal: Refusal,
    readonly retryMillis: number | null = null,
  ) {
    super(refusal.error);
  }

  /** Nobody answered at all. */
  get unreachable(): boolean {
    return this.status === 0;
  }
}

/** The address of a question, relative to the page; empty and absent parameters are left out. */
export function address(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === undefined || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  const text = query.toString();
  return `./api/v1/${path}${text === "" ? "" : `?${text}`}`;
}

/** Asks; ends with an [`ApiError`], or with the signal's `AbortError` when the answer is no longer wanted. */
export async function ask<T>(path: string, parameters: Parameters, signal: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address(path, parameters), { signal, headers: { Accept: "application/json" } });
  } catch (failure) {
    if (signal.aborted) throw failure;
    throw new ApiError(0, { error: "the server does not answer; is oxview web still running?" });
  }
  if (response.ok) return (await response.json()) as T;
  const refusal = await response.json().then(asRefusal, () => null);
  const wait = Number(response.headers.get("Retry-After"));
  throw new ApiError(
    response.status,
    refusal ?? { error: `the server answered ${response.status}` },
    response.status === 503 ? (wait > 0 ? wait * 1000 : 1000) : null,
  );
}

function asRefusal(body: unknown): Refusal | null {
  return typeof body === "object" && body !== null && typeof (body as Refusal).error === "string" ? (body as Refusal) : null;
}

/** Trades a token for a cookie that scripts cannot read. */
export async function signIn(token: string): Promise<boolean> {
  const headers = { Authorization: `Bearer ${token}`, "X-BlueOx": "1" };
  const response = await fetch("./api/v1/session", { method: "POST", headers }).catch(() => null);
  return response !== null && response.ok;
}
