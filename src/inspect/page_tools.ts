/**
 * What every part of the page uses: how it asks its server, and how it shows what it was told, as text and never as markup.
 *
 * @module
 */

/** Asks and shows. */
export const pageTools: string = /* js */ String.raw`
"use strict";
const $ = (id) => document.getElementById(id), pageSize = 200;
const narrow = matchMedia("(max-width: 800px)");
let rowHeight = narrow.matches ? 84 : 44;
const states = ["running", "queued", "starting", "stopping", "stuck", "retrying", "parked", "resting", "paused", "unowned", "unknown"];
const store = sessionStorage;
let rights = { actions: [] }, overview, items = [], cursor, isLoading = false, loads = 0, skewMs = 0;

const given = /[#&]token=([^&]+)/.exec(location.hash);
if (given) {
  store.setItem("token", decodeURIComponent(given[1]));
  history.replaceState(null, "", location.pathname + location.search);
}

function h(tag, props, ...children) {
  const made = Object.assign(document.createElement(tag), props);
  made.append(...children.filter((child) => child !== undefined && child !== null && child !== ""));
  return made;
}
function shown(key) {
  return key === "" ? "(empty text)" : String(key).replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}
function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  return s < 120 ? s + " s" : s < 7200 ? Math.round(s / 60) + " min" : s < 172800 ? Math.round(s / 3600) + " h" : Math.round(s / 86400) + " days";
}
const now = () => Date.now() + skewMs;

async function call(path, options = {}) {
  const token = store.getItem("token"), headers = token ? { authorization: "Bearer " + token } : {};
  const answer = await fetch(path, { ...options, headers: { ...headers, ...options.headers }, credentials: "same-origin" });
  $("login").hidden = answer.status !== 401;
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail || "The server has answered " + answer.status);
}
const get = async (path) => (await call(path)).json();

function tell(text) {
  $("state").textContent = text;
}
`;
