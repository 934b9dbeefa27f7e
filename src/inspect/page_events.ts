/**
 * The events of the instance, with a line where some are missing.
 *
 * @module
 */

/** Follows the events, and has the rest of the page drawn when they tell of a change. */
export const pageEvents: string = /* js */ String.raw`
function line(event) {
  const { type, at, key, error, action, by, reason, outcome, cause, count, missed } = event;
  if (type === "dropped") return count + " events dropped here";
  if (type === "hello") return missed ? "Some events before this are missing." : "";
  const parts = [type === "acted" ? action + (by ? " by " + by : "") : type, key === undefined ? "" : shown(key), outcome || cause || "", reason || "", error ? error.name + ": " + error.message : ""];
  return new Date(at).toLocaleTimeString() + "  " + parts.filter(Boolean).join("  ");
}
let lastId, following, pending;
const telling = new Set(["exited", "retrying", "parked", "unparked", "stuck", "unstuck", "running", "paused", "resumed", "abandoned", "acted", "session-dead", "session-left", "session-joined"]);
function took(type, data) {
  const text = line({ ...data, type });
  if (text) $("quiet")?.remove();
  if (text) $("events").prepend(h("p", {}, shown(text)));
  while ($("events").childElementCount > 200) $("events").lastChild.remove();
  const item = data.id && items.find(({ id }) => id === data.id);
  if (item && ["starting", "running", "retrying", "parked", "paused", "stuck"].includes(type)) {
    Object.assign(item, { pause: data.pause, state: type });
  }
  if (item && type === "exited" && data.error) item.lastError = data.error;
  if (telling.has(type)) {
    pending ||= setTimeout(() => {
      pending = undefined;
      refresh().then(troubles);
      rows();
    }, 400);
  }
}
async function follow() {
  const ending = following = new AbortController();
  while (!ending.signal.aborted) {
    try {
      const headers = lastId ? { "last-event-id": lastId } : {};
      const answer = await call("api/events", { headers, signal: ending.signal });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = "";;) {
        const { done, value } = await reader.read();
        if (done) break;
        const frames = (text + value).split("\n\n");
        text = frames.pop();
        for (const frame of frames) {
          const fields = Object.fromEntries(frame.split("\n").map((each) => each.split(/: (.*)/s)));
          if (fields.id) lastId = fields.id;
          if (fields.event) took(fields.event, JSON.parse(fields.data));
        }
      }
    } catch (error) {
      if (!ending.signal.aborted) tell("no events: " + error.message);
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}
`;
