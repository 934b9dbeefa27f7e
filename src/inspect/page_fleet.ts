/**
 * The script of the page, first part: how it asks and draws, the fleet at a glance, and what is in trouble.
 *
 * @module
 */

/** Draws the fleet. What it is told becomes text, never markup. */
export const pageFleet: string = /* js */ String.raw`
"use strict";
const $ = (id) => document.getElementById(id), query = new URLSearchParams(location.search);
const bad = ["stuck", "parked", "retrying"];
const states = ["running", "starting", "queued", "stopping", ...bad, "resting", "paused", "unowned", "unknown"];
let overview, rights = { actions: [], table: [] }, skewMs = 0;

const [, given] = /[#&]token=([^&]+)/.exec(location.hash) ?? [];
if (given) {
  sessionStorage.setItem("token", decodeURIComponent(given));
  history.replaceState(null, "", location.pathname + location.search);
}
async function call(path, { headers, ...options } = {}) {
  const token = sessionStorage.getItem("token"), authorization = token && { authorization: "Bearer " + token };
  const answer = await fetch("api/" + path, { ...options, headers: { ...authorization, ...headers } });
  $("login").hidden = answer.status !== 401;
  if (answer.ok) return answer;
  const { detail } = await answer.json().catch(() => ({}));
  throw new Error(detail ?? "the server answered " + answer.status);
}
const get = async (path) => (await call(path)).json();

function el(tag, props, ...children) {
  const made = Object.assign(document.createElement(tag), typeof props === "string" ? { className: props } : props);
  made.append(...children.filter(Boolean));
  return made;
}
const button = (text, onclick, props) => el("button", { type: "button", onclick, ...props }, text);
const pill = (state) => el("span", "pill " + state, state);

/** A text that goes on with the time. */
function timed(draw, className = "") {
  const made = el("span", "timed " + className);
  (made.draw = () => made.textContent = draw())();
  return made;
}
const tick = () => document.querySelectorAll(".timed").forEach((each) => each.draw());

/** Draws a place if what it shows is new; else focus and selection stay. */
function show(id, data, make) {
  const place = $(id), json = JSON.stringify(data), { ariaLabel } = document.activeElement;
  if (place.shown === json) return;
  place.shown = json;
  place.replaceChildren(...make());
  if (ariaLabel && document.activeElement === document.body) place.querySelector("[aria-label=" + CSS.escape(ariaLabel) + "]")?.focus();
}

/** Controls, and what turns the direction of a text, are shown and not obeyed. */
function plain(text) {
  const hidden = /[\0-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  return String(text).replace(hidden, (char) => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0")) || "(empty text)";
}
const number = (count) => count.toLocaleString(), now = () => Date.now() + skewMs;
const clock = (at) => new Date(at).toLocaleTimeString();
function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000)), unit = [[86400, " days"], [3600, " h"], [60, " min"], [1, " s"]].find(([size]) => s >= 2 * size);
  return unit ? Math.floor(s / unit[0]) + unit[1] : s + " s";
}

async function ask() {
  try {
    overview = await get("overview");
    skewMs = overview.at - Date.now();
    drawFleet(overview);
    drawTrouble(await troubles(overview));
    live("live, as of " + clock(overview.at), false);
  } catch ({ message }) {
    live("no answer: " + message, true);
  }
}
function live(text, isStale) {
  $("live").textContent = document.hidden ? "paused while hidden" : text;
  document.body.classList.toggle("stale", isStale);
}
let asked = Promise.resolve(), next;
/** One look at a time: those that are wanted meanwhile become one more. */
const look = () => next ??= asked = asked.then(() => {
  next = undefined;
  return ask();
});

function noteOn({ counts, desired, slots, isRunning, isComplete, pass }, isKnown) {
  const down = desired - (counts.running ?? 0);
  if (!isKnown) return "No supervisor runs here, and there is no cluster session: a program without a Cluster cannot be seen.";
  if (slots?.unowned) return slots.unowned + " slots have no owner: their keys are not counted.";
  if (isRunning && !pass) return "The table has not been read yet.";
  if (!isComplete) return "An instance has not said yet how many keys it has.";
  if (desired === 0) return counts.paused ? "Everything is paused." : "The table has no entries for this program.";
  return down ? number(down) + (down === 1 ? " process does" : " processes do") + " not run and should." : "Everything that should run is running.";
}
function drawFleet({ timeline, counts, desired, sessions, slots, isRunning }) {
  const { running = 0 } = counts, isKnown = isRunning || sessions.length > 0, chosen = query.get("state");
  document.title = running + "/" + desired + " " + $("title").textContent;
  const revisions = new Set(sessions.flatMap(({ revision }) => revision ? "revision " + revision : []));
  const badges = [...new Set([timeline, ...sessions.map(({ info }) => info?.timeline)]), ...revisions].filter(Boolean);
  show("badges", badges, () => badges.map((text) => el("span", "badge", plain(text))));
  $("running").textContent = isKnown ? number(running) : "–";
  $("desired").textContent = isKnown ? "of " + number(desired) + " running" : "";
  $("note").textContent = noteOn(overview, isKnown);
  const some = states.filter((state) => counts[state] || state === chosen || state === "unowned" && slots?.unowned);
  show("bar", counts, () => some.map((state) => el("i", { className: state, style: "flex-grow:" + (counts[state] ?? 0) })));
  show("legend", [counts, some, chosen], () => some.map((state) => button((counts[state] ? number(counts[state]) + " " : "") + state, () => choose("state", state === chosen ? "" : state),
    { className: "chip " + state, ariaPressed: state === chosen, ariaLabel: "only " + state })));
  const possible = { pause: true, resume: counts.paused, restart: counts.parked };
  for (const each of document.querySelectorAll("[data-action]")) each.hidden = !possible[each.dataset.action] || !rights.table.includes(each.dataset.action);
  drawInstances(overview, revisions.size > 1);
}

const owners = [];
function colorOf(id) {
  if (!owners.includes(id)) owners.push(id);
  return "background: oklch(0.63 0.13 " + (250 + 50 * owners.indexOf(id)) + ")";
}
function drawInstances({ sessions, slots, isRunning }, areMixed) {
  $("slots").textContent = slots ? slots.total + " slots" : "";
  const cells = sessions.flatMap(({ id, slots }) => Array(slots).fill(id)).concat(Array(slots?.unowned ?? 0).fill(""));
  show("strip", cells, () => cells.map((id) => el("i", id ? { style: colorOf(id) } : "unowned")));
  $("alone").textContent = sessions.length > 0 ? "" : isRunning && !slots ? "This program has no Cluster: this instance is all there is to see." : "There is no cluster session.";
  const data = sessions.map(({ heartbeatAgeMs, ttlMs, ...each }) => ({ ...each, isOld: heartbeatAgeMs > ttlMs / 2 }));
  show("instances", data, () => data.map(({ id, isSelf, isOld, slots, revision, counts = {}, info }) => {
    const beat = () => overview.sessions.find((each) => each.id === id)?.heartbeatAgeMs ?? 0, { paused = 0, running = 0 } = counts;
    const wanted = Object.values(counts).reduce((sum, count) => sum + count, -paused);
    const facts = info && typeof info === "object" ? Object.values(info).map((each) => typeof each === "object" ? JSON.stringify(each) : each) : [info];
    return el("div", "instance", el("i", { style: colorOf(id) }), el("b", "", id.slice(0, 8) + (isSelf ? " (this one)" : "")),
      timed(() => "heartbeat " + span(now() - overview.at + beat()) + " ago", isOld ? "old" : ""),
      el("span", "dim", plain([slots + " slots", running + " of " + wanted + " running", areMixed && revision, ...facts].filter(Boolean).join(" · "))));
  }));
}

let others = [], wholeMs = -Infinity, told;
/** Those of this instance cost nothing; those of others are read from the database, and so rarely. */
async function troubles({ sessions, counts, isRunning, isComplete, slots }) {
  const self = sessions.find(({ isSelf }) => isSelf), isAlone = isRunning && !slots?.unowned && sessions.every(({ isSelf }) => isSelf);
  const said = JSON.stringify(sessions.map(({ isSelf, counts }) => isSelf || bad.map((state) => counts?.[state])));
  const isWhole = !isAlone && performance.now() - wholeMs > (said === told ? 120000 : 30000);
  const known = isAlone || isWhole ? counts : self?.counts ?? {}, scope = isAlone || isWhole ? "" : "&session=" + self?.id;
  const wanted = bad.filter((state) => known[state] || isWhole && !isComplete);
  const found = (await Promise.all(wanted.map((state) => get("processes?limit=50&state=" + state + scope)))).flatMap(({ items }) => items);
  if (isWhole) [wholeMs, told] = [performance.now(), said];
  if (isWhole || isAlone) others = isWhole ? found.filter(({ isSeen }) => !isSeen) : [];
  return [...found.filter(({ isSeen }) => isSeen || !isWhole), ...others].sort((a, b) => bad.indexOf(a.state) - bad.indexOf(b.state));
}
function drawTrouble(all) {
  const count = Math.max(overview.troubles, all.length);
  $("count").textContent = count ? number(count) : "";
  $("well").textContent = count === 0 ? "Nothing is: no process is retrying, parked or stuck." : count > all.length ? "Choose a state above to see them all." : "";
  show("trouble", [rights, all], () => all.map((item) => el("article", "row " + item.state,
    el("div", "line", el("b", "key", plain(item.key)), pill(item.state), el("span", "tools", ...actionsOf(item).map((action) =>
      button(action, () => open(item, action), { ariaLabel: action + " " + plain(item.key) })))),
    ...errorOf(item), factsOf(item))));
}
const errorOf = ({ lastError }) => lastError ? [el("p", "error", plain(lastError.name + ": " + lastError.message)), ...lastError.causes.map((cause) => el("p", "error dim", "caused by " + plain(cause)))] : [];
function dueText(at) {
  const s = Math.ceil((at - now()) / 1000);
  return s < 1 ? "trying now" : "next try in " + (s < 60 || s > 7200 ? span(s * 1000) : Math.floor(s / 60) + " min " + s % 60 + " s");
}
const factsOf = ({ retryAt, failures, sinceAt, session, isSeen }) => el("p", "dim line", retryAt && timed(() => dueText(retryAt), "due"),
  failures > 0 && el("span", "", failures + (failures === 1 ? " failure" : " failures")), sinceAt && timed(() => "for " + span(now() - sinceAt)),
  session && !isSeen && el("span", "", "on " + session.slice(0, 8)));
`;
