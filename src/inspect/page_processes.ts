/**
 * The script of the page, second part: the list, what can be done to a process, the events, and when it asks.
 *
 * @module
 */

/** Lists, acts and follows. Nothing is asked for while the page is hidden. */
export const pageProcesses: string = /* js */ String.raw`
const narrow = matchMedia("(max-width: 800px)"), list = $("list"), dialog = $("dialog");
const heightOf = () => narrow.matches ? 58 : 40;
let items = [], cursor, load = 0, isLoading = false, active = -1, listedAt = 0;

function choose(name, value) {
  query.delete(name);
  if (value) query.set(name, value);
  history.replaceState(null, "", location.pathname + (query.size ? "?" + query : ""));
  if (overview) drawFleet(overview);
  list.scrollTop = 0;
  active = -1;
  relist();
}
/** Lists anew, as far as it had come. */
async function relist() {
  load++;
  cursor = undefined;
  await more(Math.min(1000, Math.max(200, items.length)), []);
}
async function more(limit = 200, before = items) {
  const mine = load, asked = new URLSearchParams(query);
  asked.set("limit", limit);
  if (cursor) asked.set("cursor", cursor);
  isLoading = true;
  try {
    const page = await get("processes?" + asked);
    if (mine !== load) return;
    [items, cursor, listedAt, isLoading] = [before.concat(page.items), page.cursor, now(), false];
    $("empty").textContent = items.length ? "" : query.size ? "No process matches what is searched for." : "The table has no entries.";
    drawList();
  } catch ({ message }) {
    $("empty").textContent = message;
  }
}
function drawList() {
  list.hidden = items.length === 0;
  $("found").textContent = items.length ? number(items.length) + (cursor ? " so far" : "") : "";
  $("rows").style.height = items.length * heightOf() + "px";
  drawRows();
}
/** Only the rows in view exist. */
function drawRows() {
  const height = heightOf(), first = Math.max(0, Math.floor(list.scrollTop / height) - 4), last = first + Math.ceil(list.clientHeight / height) + 8;
  $("rows").replaceChildren(...items.slice(first, last).map((item, offset) => {
    const index = first + offset, { state, key, sinceAt } = item;
    return el("div", { className: "item", id: "row" + index, role: "option", ariaSelected: index === active, ariaPosInSet: index + 1, ariaSetSize: cursor ? -1 : items.length, style: "top:" + index * height + "px", onclick: () => activate(index, true) },
      el("b", "key", plain(key)), pill(state), el("span", "dim why", plain(whyOf(item) || " ")), sinceAt && timed(() => span(now() - sinceAt), "dim"));
  }));
  if (cursor && !isLoading && last > items.length - 100) more();
}
function activate(index, isChosen) {
  active = Math.max(0, Math.min(index, items.length - 1));
  const height = heightOf(), top = active * height;
  list.scrollTop = Math.min(top, Math.max(list.scrollTop, top + height - list.clientHeight));
  drawRows();
  list.setAttribute("aria-activedescendant", "row" + active);
  if (isChosen) open(items[active]);
}
const bySaid = ({ by, reason }) => (by ? " by " + by : "") + (reason ? ": " + reason : "");
function whyOf({ state, pause, lastError, note, isSeen, session }) {
  if (state === "paused" && pause) return (pause.isWholeTable ? "whole table paused" : "paused") + bySaid(pause);
  return lastError && state !== "running" ? lastError.name + ": " + lastError.message : note ?? (session && !isSeen ? "on " + session.slice(0, 8) : "");
}

const acts = new Map();
const actText = ({ at, action, key, ...event }) => action + " " + (key === undefined ? "all" : plain(key)) + plain(bySaid(event)) + ", " + span(now() - at) + " ago";
function actionsOf({ state, pause, isSeen }) {
  const possible = state === "paused" ? [!pause?.isWholeTable && "resume"] : state === "stuck" ? [isSeen && "abandon", "pause"] : [state === "resting" && isSeen ? "start" : "restart", "pause"];
  return possible.filter((action) => rights.actions.includes(action));
}
/** Shows a process and what can be done to it, or asks about one thing that is to be done. */
async function open(item, action) {
  const path = "processes/" + item.id, key = plain(item.key);
  present(action ? action + " " + key + "?" : key, item, action ? [action] : actionsOf(item), path + "/");
  const detail = await get(path).catch(({ message }) => ({ ...item, note: message }));
  if (dialog.subject === item) drawFacts(detail);
}
function present(title, item, actions, path) {
  dialog.subject = item;
  $("subject").textContent = title;
  $("reason").value = $("refused").textContent = "";
  $("why").hidden = actions.length === 0;
  $("choices").replaceChildren(button("cancel", () => dialog.close()), ...actions.map((action) => button(action, () => act(path + action), { className: "main" })));
  drawFacts(item);
  dialog.showModal();
}
function drawFacts(item) {
  const { id, state, note, pause, trouble, spec, specError } = item, last = acts.get(id), date = (at) => at && new Date(at).toLocaleString();
  const facts = [["Says", note], ["Paused", pause && date(pause.at) + bySaid(pause)], ["Until", date(pause?.untilAt)], ["Failing since", date(trouble?.failingSinceAt)],
    ["Last action", last && actText(last)], ["Spec", specError ?? (spec !== undefined && JSON.stringify(spec))]].filter(([, text]) => text);
  $("facts").replaceChildren(...state ? [el("p", "line", pill(state), factsOf(item)), ...errorOf(item)] : [], ...facts.map(([name, text]) => el("p", "fact", el("span", "dim", name), el("span", "", plain(text)))));
}
async function act(path) {
  const reason = $("reason").value;
  try {
    const answer = await call(path, { method: "POST", body: JSON.stringify(reason ? { reason } : {}) }), { isChanged } = await answer.json();
    dialog.close();
    $("said").textContent = isChanged ? "Done: " + $("subject").textContent.replace("?", "") : "There was nothing to change.";
    setTimeout(() => $("said").textContent = "", 6000);
  } catch ({ message }) {
    $("refused").textContent = message;
  }
  wholeMs = -Infinity;
  look();
  setTimeout(relist, 300);
}

/** No event has this id, so the stream begins with all that are kept. */
let lastId = "00000000-0", following, pending, lookedMs = -Infinity, fresh = [];
function textOf({ type, action, slot, session, outcome, cause, error, count, missed, seen, ...event }) {
  if (type === "dropped") return count + " events are missing here: they came too fast";
  if (type === "hello") return missed && "What was before is not kept";
  return [type === "acted" ? action + bySaid(event) : type.replaceAll("-", " "), slot, session?.slice(0, 8), outcome, cause, seen >= 0 && seen + " entries", type !== "parked" && error && error.name + ": " + error.message]
    .filter((part) => part || part === 0).join(", ");
}
function took(event) {
  const { type, id, at } = event;
  if (type === "acted") acts.set(id, event).set("last", event);
  if (textOf(event) && fresh.push(event) === 1) requestAnimationFrame(drawEvents);
  if (id && at >= listedAt) patch(event);
  if (at) pending ??= setTimeout(lookSoon, Math.max(0, 500 + lookedMs - performance.now()));
}
function lookSoon() {
  [pending, lookedMs] = [undefined, performance.now()];
  look();
  drawList();
}
function drawEvents() {
  const drawn = fresh.slice(-200).map((event) => el("li", event.at ? event.type : "gap", event.at && el("time", "dim", clock(event.at)), event.key !== undefined && el("b", "key", plain(event.key)), " " + plain(textOf(event))));
  fresh = [];
  $("events").prepend(...drawn.reverse());
  while ($("events").childElementCount > 200) $("events").lastChild.remove();
  if (acts.size) $("acted").replaceChildren(timed(() => "Last action: " + actText(acts.get("last"))));
}
/** Keeps the list true to the events of this instance, without asking. */
function patch({ type, id, key, at, pause, error, failures = 0, retryAt }) {
  const index = items.findIndex((item) => item.id === id), item = items[index];
  if (item && type === "exited" && error) item.lastError = { causes: [], ...error };
  if (item && type === "removed") items.splice(index, 1);
  if (!states.includes(type)) return;
  const known = { state: type, sinceAt: at, pause, retryAt, failures, isSeen: true };
  if (item) return Object.assign(item, known);
  const place = items.findIndex((other) => other.key > key), end = cursor ? -1 : items.length;
  if (!query.has("state") && String(key).startsWith(query.get("search") ?? "") && (place >= 0 || end >= 0)) items.splice(place < 0 ? end : place, 0, { id, key, ...known });
}
async function follow({ signal }) {
  while (!signal.aborted) {
    try {
      const { body } = await call("events", { headers: { "last-event-id": lastId }, signal });
      let text = "";
      for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
        const frames = (text + chunk).split("\n\n");
        text = frames.pop();
        for (const frame of frames) {
          const { id, event: type, data } = Object.fromEntries(frame.split("\n").map((line) => line.split(/: (.*)/s)));
          lastId = id ?? lastId;
          if (type) took({ ...JSON.parse(data), type });
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
  if (document.hidden) return live("", false);
  follow(following = new AbortController());
  timers = [setInterval(look, 2000), setInterval(tick, 1000)];
  rights = await get("rights").catch(() => rights);
  look();
}
function begin() {
  wake();
  relist();
}
$("search").value = query.get("search") ?? "";
$("search").oninput = () => {
  clearTimeout($("search").timer);
  $("search").timer = setTimeout(() => choose("search", $("search").value), 200);
};
$("search").onkeydown = ({ key }) => {
  if (key !== "ArrowDown") return;
  list.focus();
  activate(0);
};
list.onkeydown = (event) => {
  const page = Math.floor(list.clientHeight / heightOf()), { key } = event;
  const to = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: items.length, Enter: active }[key];
  if (to === undefined) return;
  event.preventDefault();
  activate(to, key === "Enter");
};
list.addEventListener("scroll", () => requestAnimationFrame(drawRows), { passive: true });
narrow.onchange = drawList;
$("again").onclick = relist;
for (const each of document.querySelectorAll("[data-action]")) each.onclick = () => present(each.textContent + "?", {}, [each.dataset.action], "");
$("login").onsubmit = (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token").value);
  begin();
};
document.onvisibilitychange = wake;
document.onkeydown = (event) => {
  if (event.key !== "/" || /INPUT|TEXTAREA/.test(event.target.tagName)) return;
  event.preventDefault();
  $("search").focus();
};
begin();
`;
