/**
 * What the page does: its parts, and when they do it.
 *
 * @module
 */

import { pageEvents } from "./page_events.ts";
import { pageList } from "./page_list.ts";
import { pageOverview } from "./page_overview.ts";
import { pageTools } from "./page_tools.ts";
import { pageTrouble } from "./page_trouble.ts";

/** Nothing is asked for while the page is hidden. */
const begin = /* js */ `
let timers = [];
function wake() {
  timers.forEach(clearInterval);
  timers = [];
  following?.abort();
  if (document.hidden) return tell("paused while hidden");
  follow();
  refresh().then(troubles);
  timers = [setInterval(refresh, 2000), setInterval(troubles, 10000), setInterval(tick, 1000)];
}
async function begin() {
  rights = await get("api/rights").catch(() => ({ actions: [] }));
  for (const button of document.querySelectorAll("[data-path]")) {
    button.hidden = !rights.table?.includes(button.dataset.action);
    button.onclick = () => confirmed(button.dataset.action, button.dataset.path, button.dataset.subject);
  }
  wake();
  restarted();
}
let typing;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(restarted, 200);
});
$("filter").addEventListener("change", restarted);
narrow.addEventListener("change", () => {
  rowHeight = narrow.matches ? 84 : 44;
  restarted();
});
$("again").addEventListener("click", restarted);
$("list").addEventListener("scroll", () => requestAnimationFrame(rows), { passive: true });
$("cancel").addEventListener("click", () => $("ask").close());
$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  store.setItem("token", $("token").value);
  $("token").value = "";
  begin();
});
document.addEventListener("visibilitychange", wake);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) {
    event.preventDefault();
    $("search").focus();
  }
});
begin();
`;

/** The script of the page. */
export const pageScript: string = [pageTools, pageOverview, pageTrouble, pageList, pageEvents, begin].join("");
