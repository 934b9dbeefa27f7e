/**
 * Answers: plain data as JSON, and what is wrong as `application/problem+json` (RFC 9457), which tells no stack, no path and
 * nothing of the environment.
 *
 * @module
 */

import { textOf } from "./key_id.ts";

/** What stands at every answer: no cache keeps it, and it is taken for nothing else. */
const guards = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** The status is 200 unless it says otherwise. */
interface AnswerOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

interface ProblemDetails extends Pick<AnswerOptions, "headers"> {
  readonly [name: string]: unknown;
}

/** What the client is told instead of what it asked for. */
export class Problem extends Error {
  readonly status: number;
  readonly #headers: AnswerOptions["headers"];
  readonly #details: object;

  /** Among the details may be headers; the others are told. */
  constructor(status: number, message: string, { headers, ...details }: ProblemDetails = {}) {
    super(message);
    this.status = status;
    this.#headers = headers;
    this.#details = details;
  }

  toResponse(): Response {
    const { status, message: detail } = this;
    const headers = { "content-type": "application/problem+json", ...this.#headers };
    return jsonResponse({ status, detail, ...this.#details }, { status, headers });
  }
}

/** Answers with data. */
export function jsonResponse(data: unknown, { status, headers }: AnswerOptions = {}): Response {
  return answer(toJson(data), { status, headers: { "content-type": "application/json", ...headers } });
}

/** Answers with any body. */
export function answer(body: BodyInit | null, { status, headers }: AnswerOptions = {}): Response {
  return new Response(body, { status, headers: { ...guards, ...headers } });
}

/** Says data in one line of JSON: bigints and numbers without digits as text, the line separators of Unicode escaped. */
export function toJson(data: unknown): string {
  const plain = (_: string, value: unknown) =>
    typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value)) ? textOf(value) : value;
  const text = JSON.stringify(data, plain) ?? "null";
  return text.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
