/** A fake messenger, which treats a token as its first word says: fine, revoked, busy, broken or deaf. */

import { delay } from "@std/async/delay";
import type { Handler } from "../uptime/http_server.ts";
import { route } from "../uptime/routes.ts";

/** After how long there is another message, in ms. */
const messageEveryMs = 500;

/** How a poll is answered, if not well; `nth` counts the polls with this token from 1. */
type Mood = (nth: number) => Response | undefined;

function moodsOf(retryAfterS: number): Record<string, Mood> {
  const throttled = { status: 429, headers: { "retry-after": String(retryAfterS) } };
  return {
    fine: () => undefined,
    revoked: () => new Response(null, { status: 401 }),
    busy: (nth) => nth % 8 === 1 ? new Response(null, throttled) : undefined,
    broken: (nth) => nth % 3 === 1 ? new Response(null, { status: 500 }) : undefined,
    deaf: (nth) => nth % 3 === 0 ? neverAnswered() : undefined,
  };
}

/** Serves it. The number of a message is one more than that of the message before. */
export function fakeMessenger({ retryAfterS = 5 }: { readonly retryAfterS?: number } = {}): Handler {
  const moods = moodsOf(retryAfterS);
  const polls: Map<string, number> = new Map();
  return route({
    "/:id/messages/:after": {
      GET: async ({ url }, token) => {
        const nth = (polls.get(token) ?? 0) + 1;
        polls.set(token, nth);
        const answer = moods[token.split("-")[0]]?.(nth);
        if (answer) return answer;
        await delay(messageEveryMs);
        return Response.json([Number(url.split("/").at(-1)) + 1]);
      },
    },
    "/:id/:what(typing|reply)/:message": { POST: () => new Response() },
  });
}

/** Says that it will answer, and never does. */
function neverAnswered(): Response {
  return new Response(new ReadableStream());
}
