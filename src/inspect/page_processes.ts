/**
 * The script of the page, second part: the list, what can be done to a process, the events, and when it asks.
 *
 * @module
 */

/** Lists, acts and follows. Nothing is asked for while the page is hidden. */
export const pageProcesses: string = /* js */ String.raw`
let items = [], cursor, load = 0, isLoading, active = -1, listedAt;
function choose(name, value) {
  query.delete(name);
  if (value) query.set(name, value);
  history.replaceState(null, "", location.pathname + (query.size ? "?" + query : ""));
  if (overview) drawFleet(overview);
  list.scrollTop = 0;
  active = -1;
  relist();
}
function again() {
  wholeMs = -Infinity;
  look();
  relist();
}
/** Lists anew, as far as it had come. */
function relist() {
  load++;
  cursor = undefined;
  more(Math.min(1000, Math.max(200, items.length)), []);
}
async function more(limit = 200, before = items) {
  const mine = load;
  isLoading = true;
  try {
    const page = await get("processes?" + new URLSearchParams([...query, ["limit", limit], ...cursor ? [["cursor", cursor]] : []]));
    if (mine !== load) return;
    [items, cursor, listedAt, isLoading] = [before.concat(page.items), page.cursor, page.at, false];
    say("empty", items.length ? "" : query.size ? "No process matches what is searched for." : "The table has no entries.");
    drawList();
  } catch ({ message }) {
    say("empty", message);
  }
}
/** Only the rows in view exist. */
function drawList() {
  list.hidden = !items.length;
  const first = Math.max(0, Math.floor(list.scrollTop / rowHeight) - 4), last = first + Math.ceil(list.clientHeight / rowHeight) + 8;
  say("found", items.length ? number(items.length) + (cursor ? " so far" : "") : "");
  $("rows").style.height = items.length * rowHeight + "px";
  $("rows").replaceChildren(...items.slice(first, last).map((item, offset) => {
    const index = first + offset, { state, key, sinceAt } = item;
    const place = { id: "row" + index, ariaPosInSet: index + 1, ariaSetSize: cursor ? -1 : items.length, style: "top:" + index * rowHeight + "px" };
    return el("div.item", place, { role: "option", ariaSelected: index === active, onclick: () => activate(index, true) },
      el("b", nameOf(key)), pill(state), el("span.dim.why", whyOf(item)), sinceAt && timed("span.dim", () => span(now() - sinceAt)));
  }));
  if (cursor && !isLoading && last > items.length - 100) more();
}
function activate(index, isChosen) {
  active = Math.max(0, Math.min(index, items.length - 1));
  const top = active * rowHeight;
  list.scrollTop = Math.min(top, Math.max(list.scrollTop, top + rowHeight - list.clientHeight));
  drawList();
  list.setAttribute("aria-activedescendant", "row" + active);
  if (isChosen) open(items[active]);
}
const told = ({ by, reason }) => (by ? " by " + by : "") + (reason ? ": " + reason : "");
function whyOf({ state, pause, lastError, note, isSeen, session }) {
  if (state === "paused" && pause) return (pause.isWholeTable ? "whole table paused" : "paused") + told(pause);
  return lastError && state !== "running" ? lastError.name + ": " + lastError.message : note ?? (session && !isSeen ? "on " + short(session) : "");
}

function actionsOf({ state, pause, isSeen }) {
  const possible = { paused: [!pause?.isWholeTable && "resume"], stuck: [isSeen && "abandon", "pause"] }[state] ?? ["restart", "pause"];
  return possible.filter((action) => rights.actions.includes(action));
}
/** Shows a process, or the whole table, and asks which of the actions to take. */
async function open(item, actions = actionsOf(item)) {
  const { id, key, path = "processes/" + id } = item;
  dialog.item = item;
  say("subject", nameOf(key));
  $("reason").value = $("refused").textContent = "";
  $("why").hidden = !actions.length;
  const choices = actions.map((action) => el("button.main", action, { onclick: () => act(id ? path + "/" + action : path) }));
  $("choices").replaceChildren(el("button", "cancel", { onclick: () => dialog.close() }), ...choices);
  drawFacts(item);
  dialog.showModal();
  const detail = id && await get(path).catch(() => undefined);
  if (detail && dialog.item === item) drawFacts(detail);
}
function drawFacts(item) {
  const { id, state, lastError, spec, specError } = item, last = acts.find((event) => event.id === id);
  const texts = [!lastError && whyOf(item), last && "Last action: " + actText(last), (specError ?? spec) !== undefined && "Spec: " + (specError ?? JSON.stringify(spec))];
  $("facts").replaceChildren(...state ? [pill(state), ...factsOf(item)] : [], ...texts.filter(Boolean).map((text) => el("p", text)));
}
async function act(path) {
  try {
    const { isChanged } = await get(path, { method: "POST", body: JSON.stringify({ reason: $("reason").value || undefined }) });
    if (isChanged) dialog.close();
    say("refused", "There is nothing to change.");
  } catch ({ message }) {
    say("refused", message);
  }
  setTimeout(again, 300);
}

/** The newest first. No event has this id, so the stream begins with all that are kept; nothing is missing if none came before them. */
const none = "00000000-0";
let log = [], acts = [], lastId = none, following, pending, drawnMs = -Infinity;
const actText = ({ at, action, key, ...event }) => action + " " + (key === undefined ? "all" : nameOf(key)) + told(event) + ", " + span(now() - at) + " ago";
function textOf({ type, at, action, slot, session, outcome, cause, error, count, missed, ...event }) {
  if (!at) return count ? count + " events are missing here: they came too fast" : missed ? "What was before is not kept" : "";
  const failure = type !== "parked" && error && error.name + ": " + error.message;
  return [type === "acted" ? action + told(event) : type.replaceAll("-", " "), slot, session && short(session), outcome, cause, failure].filter((part) => part || part === 0).join(", ");
}
function took(event) {
  const { type, id, at } = event;
  if (type === "acted") acts = [event, ...acts];
  if (textOf(event)) log = [event, ...log].slice(0, 200);
  if (id && at >= listedAt) patch(event);
  pending ??= setTimeout(drawEvents, 500 + drawnMs - performance.now());
}
function drawEvents() {
  [pending, drawnMs] = [undefined, performance.now()];
  $("events").replaceChildren(...log.map((event) => event.at
    ? el("li", el("time.dim", clock(event.at)), event.key !== undefined && el("b", nameOf(event.key)), " " + textOf(event)) : el("li.gap", textOf(event))));
  if (acts[0]) $("acted").replaceChildren(timed("span", () => "Last action: " + actText(acts[0])));
  drawList();
  look();
}
/** Keeps the list true to the events of this instance, without asking. */
function patch({ type, id, key, at, pause, error, failures = 0, retryAt }) {
  const index = items.findIndex((item) => item.id === id), item = items[index];
  if (item && type === "exited" && error) item.lastError = { causes: [], ...error };
  if (item && type === "removed") items.splice(index, 1);
  if (!states.includes(type)) return;
  const known = { state: type, sinceAt: at, pause, retryAt, failures, isSeen: true };
  if (item) return Object.assign(item, known);
  const next = items.findIndex((other) => other.key > key), place = next < 0 && !cursor ? items.length : next;
  if (place >= 0 && !query.has("state") && String(key).startsWith(search.value)) items.splice(place, 0, { id, key, ...known });
}
async function follow({ signal }) {
  while (!signal.aborted) {
    try {
      const { body } = await call("events", { signal }, { "last-event-id": lastId });
      let text = "";
      for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
        const frames = (text + chunk).split("\n\n");
        text = frames.pop();
        for (const frame of frames) {
          const { id, event: type, data } = Object.fromEntries(frame.split("\n").map((line) => line.split(/: (.*)/s)));
          const isAll = lastId === none && id?.endsWith("-0");
          lastId = id ?? lastId;
          if (type && !isAll) took({ ...JSON.parse(data), type });
        }
      }
    } catch (_interrupted) { /* a look tells why there is no answer */ }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

let timers = [];
async function wake() {
  timers.forEach(clearInterval);
  following?.abort();
  if (document.hidden) return live();
  follow(following = new AbortController());
  timers = [setInterval(look, 2000), setInterval(() => document.querySelectorAll(".timed").forEach((each) => each.draw()), 1000)];
  relist();
  rights = await get("rights").catch(() => rights);
  look();
}
search.value = query.get("search") ?? "";
search.oninput = () => {
  clearTimeout(search.timer);
  search.timer = setTimeout(() => choose("search", search.value), 200);
};
document.onkeydown = (event) => {
  const { key, target } = event, page = Math.floor(list.clientHeight / rowHeight);
  const to = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: items.length, Enter: active }[key];
  if (key === "/" && !/INPUT|TEXTAREA/.test(target.tagName)) search.focus();
  else if (target === search && key === "ArrowDown") list.focus(activate(0));
  else if (target === list && to !== undefined) activate(to, key === "Enter");
  else return;
  event.preventDefault();
};
list.onscroll = () => requestAnimationFrame(drawList);
$("again").onclick = again;
for (const each of tableButtons) each.onclick = () => open({ key: each.textContent, path: each.dataset.path }, [each.dataset.action]);
$("login").onsubmit = (event) => {
  event.preventDefault();
  store.token = $("token").value;
  wake();
};
document.onvisibilitychange = wake;
wake();
`;
