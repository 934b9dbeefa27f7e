/**
 * The script of the page, first part: how it asks and draws, the fleet at a glance, and what is in trouble.
 *
 * @module
 */

/** Draws the fleet. Text is never markup, and what could hide in it is shown. */
export const pageFleet: string = /* js */ String.raw`
"use strict";
const $ = (id) => document.getElementById(id), list = $("list"), dialog = $("dialog"), search = $("search");
const query = new URLSearchParams(location.search), store = sessionStorage, rowHeight = 50;
const bad = ["stuck", "parked", "retrying"], tableButtons = document.querySelectorAll("[data-action]");
const states = ["running", "starting", "queued", "stopping", ...bad, "resting", "paused", "unowned", "unknown"];
let overview, rights = { actions: [], table: [] }, skewMs = 0, others = [], wholeMs = -Infinity;

const [, token] = /[#&]token=([^&]+)/.exec(location.hash) ?? [];
if (token) {
  store.token = decodeURIComponent(token);
  history.replaceState(null, "", location.pathname + location.search);
}
async function call(path, options, headers) {
  const known = store.token && { authorization: "Bearer " + store.token };
  const answer = await fetch("api/" + path, { ...options, headers: { ...known, ...headers } });
  $("login").hidden = answer.status !== 401;
  if (answer.ok) return answer;
  const { detail = answer.status } = await answer.json().catch(() => ({}));
  throw new Error(detail);
}
const get = async (path, options) => (await call(path, options)).json();

const hiding = /[\0-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const plain = (text) => String(text).replace(hiding, (char) => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0"));
const say = (id, text) => $(id).textContent = plain(text);
/** Makes an element: "tag.class", then text, properties and children. */
function el(kind, ...parts) {
  const [tag, ...classes] = kind.split("."), made = document.createElement(tag);
  made.className = classes.join(" ");
  for (const part of parts.flat()) {
    if (typeof part === "string") made.append(plain(part));
    else if (part instanceof Node) made.append(part);
    else Object.assign(made, part);
  }
  return made;
}
/** A text that goes on with the time. */
function timed(kind, text) {
  const made = el(kind + ".timed");
  (made.draw = () => made.textContent = plain(text()))();
  return made;
}
/** Draws a place if what it shows is new; focus and selection stay. */
function show(id, data, make) {
  const place = $(id), json = JSON.stringify(data), focused = document.activeElement.id;
  if (place.shown === json) return;
  place.shown = json;
  place.replaceChildren(...make());
  if (document.activeElement === document.body) $(focused)?.focus();
}
const now = () => Date.now() + skewMs, clock = (at) => new Date(at).toLocaleTimeString(), number = (count = 0) => count.toLocaleString();
const nameOf = (key) => key === "" ? "(empty text)" : String(key), short = (session) => session.slice(0, 8), pill = (state) => el("span.pill." + state, state);
function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  return s < 120 ? s + " s" : s < 7200 ? Math.floor(s / 60) + " min" : s < 172800 ? Math.floor(s / 3600) + " h" : Math.floor(s / 86400) + " days";
}

let looking = Promise.resolve(), next;
/** One look at a time: those that are wanted meanwhile become one more. */
const look = () => next ??= looking = looking.then(async () => {
  next = undefined;
  try {
    overview = await get("overview");
    skewMs = overview.at - Date.now();
    drawFleet(overview);
    drawTrouble(await troubles(overview));
    live("live, as of " + clock(overview.at), "running");
  } catch ({ message }) {
    live("no answer: " + message, "parked");
  }
});
function live(text, state) {
  say("live", document.hidden ? "paused while hidden" : text);
  $("live").className = "pill " + state;
}

function drawFleet({ timeline, counts, desired, sessions, slots, isRunning, isComplete }) {
  const { running = 0, resting = 0 } = counts, down = desired - running - resting, isBlind = !isRunning && !sessions.length, chosen = query.get("state");
  const badges = new Set([timeline, ...sessions.map(({ info }) => info?.timeline), ...sessions.map(({ revision }) => revision && "revision " + revision)]);
  document.title = running + "/" + desired + " " + $("title").textContent;
  show("badges", [...badges], () => [...badges].filter(Boolean).map((text) => el("span.badge", String(text))));
  say("running", isBlind ? "–" : number(running));
  say("desired", isBlind ? "" : "of " + number(desired) + " running");
  say("note", isBlind ? "No supervisor runs here, and there is no cluster session: a program without a Cluster cannot be seen."
    : !isComplete ? "Not complete: a slot has no owner, or an instance has not said how many keys it has."
    : down ? number(down) + " should be running and " + (down === 1 ? "is" : "are") + " not."
    : desired ? "Everything that should run is running." : counts.paused ? "Everything is paused." : "The table has no entries for this program.");
  const some = states.filter((state) => counts[state] || state === chosen);
  show("bar", counts, () => some.map((state) => el("i." + state, { style: "flex-grow:" + (counts[state] ?? 0) })));
  show("legend", [counts, chosen], () => some.map((state) => el("button.pill.badge." + state, number(counts[state]) + " " + state,
    { id: "only-" + state, ariaPressed: state === chosen, onclick: () => choose("state", state === chosen ? "" : state) })));
  for (const each of tableButtons) each.hidden = !rights.table.includes(each.dataset.action) || each.dataset.state && !counts[each.dataset.state];

  const owners = sessions.flatMap(({ id, slots }) => Array(slots).fill(id)).concat(Array(slots?.unowned ?? 0).fill(""));
  say("slots", slots ? slots.total + " slots" : "");
  say("alone", sessions.length ? "" : isRunning && !slots ? "This program has no Cluster: this instance is all there is to see." : "There is no cluster session.");
  show("strip", owners, () => owners.map((id) => id ? el("i", colorOf(id)) : el("i.unowned")));
  const data = sessions.map(({ heartbeatAgeMs, ttlMs, ...each }) => ({ ...each, isOld: heartbeatAgeMs > ttlMs / 2 }));
  show("instances", data, () => data.map(({ id, isSelf, isOld, slots, counts, info }) => {
    const ageMs = () => now() - overview.at + (overview.sessions.find((each) => each.id === id)?.heartbeatAgeMs ?? 0);
    const facts = [slots + " slots", counts && number(counts.running) + " running", ...info && typeof info === "object" ? Object.values(info) : [info]];
    const age = timed(isOld ? "span.due" : "span", () => "heartbeat " + span(ageMs()) + " ago");
    return el("div.instance", el("i", colorOf(id)), el("b", short(id) + (isSelf ? " (this one)" : "")), age, el("span.dim", facts.filter(Boolean).join(" · ")));
  }));
}
const seen = [];
function colorOf(id) {
  if (!seen.includes(id)) seen.push(id);
  return { style: "background: oklch(0.63 0.13 " + (250 + 50 * seen.indexOf(id)) + ")" };
}

/** Those of this instance cost nothing to ask for; those of others are read from the database, once a minute. */
async function troubles({ sessions, counts, slots, isRunning, isComplete }) {
  const self = sessions.find(({ isSelf }) => isSelf), wanted = bad.filter((state) => counts[state] || !isComplete);
  const ask = async (scope) => (await Promise.all(wanted.map((state) => get("processes?limit=50&state=" + state + scope)))).flatMap(({ items }) => items);
  const own = self ? await ask("&session=" + self.id) : isRunning && !slots ? await ask("") : [];
  if (wanted.length && performance.now() - wholeMs > 60000) [wholeMs, others] = [performance.now(), await ask("")];
  return [...own, ...others.filter(({ id, isSeen }) => !isSeen && !own.some((item) => item.id === id))].sort((one, other) => bad.indexOf(one.state) - bad.indexOf(other.state));
}
function drawTrouble(all) {
  const count = Math.max(overview.troubles, all.length);
  say("count", count ? number(count) : "");
  say("well", !count ? "Nothing is: no process is retrying, parked or stuck." : count > all.length ? "Choose a state above to see them all." : "");
  const buttonOf = (item) => (action) => el("button", action, { id: action + item.id, ariaLabel: action + " " + plain(item.key), onclick: () => open(item, [action]) });
  show("trouble", [rights, all], () => all.map((item) => el("article.row." + item.state,
    el("div.line", el("b", nameOf(item.key)), pill(item.state), el("span.tools", actionsOf(item).map(buttonOf(item)))), factsOf(item))));
}
/** Why a process is not well, since when, and when it is tried again. */
const factsOf = ({ lastError: error, retryAt, failures, sinceAt, session, isSeen }) => [
  error ? [el("p.error", error.name + ": " + error.message), ...error.causes.map((cause) => el("p.error.dim", "caused by " + cause))] : [],
  el("p.dim.line", retryAt && timed("b.due", () => retryAt > now() ? "next try in " + span(retryAt - now() + 500) : "trying now"),
    failures > 0 && el("span", failures + (failures === 1 ? " failure" : " failures")), sinceAt && timed("span", () => "for " + span(now() - sinceAt)), session && !isSeen && el("span", "on " + short(session))),
].flat();
`;
