/**
 * Answers: plain data as JSON, and what is wrong as `application/problem+json` (RFC 9457), which never tells a stack, a path or
 * what the environment is.
 *
 * @module
 */

/** What stands at every answer: no cache keeps it, and it is taken for nothing else. */
const guards: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** What else an answer has. */
export interface AnswerOptions {
  /** 200 unless it says otherwise. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Something that the client is told instead of what it asked for. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What else is told, for example the session that owns a key. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    message: string,
    { headers = {}, ...details }: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly [detail: string]: unknown;
    } = {},
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.details = details;
  }

  /** Makes the answer. */
  toResponse(): Response {
    const { status, message, headers, details } = this;
    const type = { "content-type": "application/problem+json" };
    return jsonResponse({ title: titles[status] ?? "Error", status, detail: message, ...details }, {
      status,
      headers: { ...type, ...headers },
    });
  }
}

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Answers with data. */
export function jsonResponse(data: unknown, { status, headers }: AnswerOptions = {}): Response {
  return answer(toJson(data), { status, headers: { "content-type": "application/json", ...headers } });
}

/** Answers with any body. */
export function answer(body: BodyInit | null, { status = 200, headers }: AnswerOptions = {}): Response {
  return new Response(body, { status, headers: { ...guards, ...headers } });
}

/**
 * Says data in one line of JSON: a bigint as text with `n`, and the two separators of lines that JSON lets stand escaped.
 *
 * @throws {TypeError} If the data refers to itself.
 */
export function toJson(data: unknown): string {
  const text = JSON.stringify(data, (_, value) => typeof value === "bigint" ? `${value}n` : value) ?? "null";
  return text.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
