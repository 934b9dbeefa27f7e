/**
 * Reads what comes with a request that acts, and no more of it than may come.
 *
 * @module
 */

import { Problem } from "./problem.ts";

/** What can come with an action. */
export interface ActionBody {
  /** Why it is done. */
  readonly reason?: string;
  /** When a pause is over by itself, epoch ms. */
  readonly untilAt?: number;
}

const maxBytes = 16 * 1024;
/** The last moment that a date can have. */
const maxAt = 8_640_000_000_000_000;
const maxReasonLength = 1_000;

/**
 * Reads the body of a request: JSON, or nothing.
 *
 * @param now The moment, epoch ms.
 * @throws {Problem} 400, 413 or 415, if it is not that.
 */
export async function readBody(request: Request, now: number): Promise<ActionBody> {
  const text = await readText(request);
  if (text.trim() === "") return {};
  const type = request.headers.get("content-type");
  if (type !== null && !/^(application\/json|text\/plain)\s*(;|$)/i.test(type)) {
    throw new Problem(415, "The body must be application/json");
  }
  const body = parse(text);
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Problem(400, "The body must be an object");
  }
  const { reason, untilAt } = body as Record<string, unknown>;
  if (reason !== undefined && (typeof reason !== "string" || reason.length > maxReasonLength)) {
    throw new Problem(400, `The reason must be a text of at most ${maxReasonLength} characters`);
  }
  if (untilAt !== undefined && !(Number.isFinite(untilAt) && untilAt as number > now && untilAt as number <= maxAt)) {
    throw new Problem(400, "untilAt must be a moment after now, in epoch ms");
  }
  return { ...reason !== undefined && { reason }, ...untilAt !== undefined && { untilAt: untilAt as number } };
}

async function readText(request: Request): Promise<string> {
  const tooLong = () => new Problem(413, `The body must have at most ${maxBytes} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLong();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "", size = 0;
  // What is left of a body that is too long is not read: leaving the loop cancels the stream.
  for await (const bytes of request.body ?? []) {
    size += bytes.length;
    if (size > maxBytes) throw tooLong();
    text += decode(decoder, bytes);
  }
  return text + decode(decoder);
}

function decode(decoder: TextDecoder, bytes?: Uint8Array<ArrayBuffer>): string {
  try {
    return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
  } catch (_malformed) {
    throw new Problem(400, "The body must be UTF-8");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (_malformed) {
    throw new Problem(400, "The body must be JSON");
  }
}
