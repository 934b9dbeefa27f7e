/**
 * The keys in trouble, each with its error, since when, and when it is tried again.
 *
 * @module
 */

/** Draws what is in trouble, and the buttons of a process. */
export const pageTrouble: string = /* js */ String.raw`
function why({ lastError, pause, note, state }) {
  if (state === "paused" && pause) return "paused" + (pause.isWholeTable ? " with the whole table" : "") + (pause.by ? " by " + pause.by : "") + (pause.reason ? ": " + pause.reason : "");
  if (lastError && state !== "running") return [lastError.name + ": " + lastError.message, ...lastError.causes].join(" ← ");
  return note || "";
}
function buttons(item) {
  const wanted = item.state === "paused" ? ["resume"] : item.state === "stuck" ? ["pause", "abandon"]
    : item.state === "parked" || item.state === "retrying" ? ["restart", "pause"] : ["restart", "pause"];
  return wanted.filter((action) => rights.actions.includes(action) && (action !== "abandon" || item.isSeen)).map((action) => {
    const button = h("button", { type: "button" }, action);
    button.setAttribute("aria-label", action + " " + shown(item.key));
    button.addEventListener("click", () => confirmed(action, "api/processes/" + item.id + "/" + action, shown(item.key)));
    return button;
  });
}

let isAsking = false, others = [], askedAt = -Infinity, othersBad;
/** Asks for those of this instance, which costs nothing, and now and then for those of all others, which reads the database. */
async function troubles() {
  if (isAsking || !overview) return;
  isAsking = true;
  try {
    const self = overview.sessions.find((each) => each.isSelf), isAlone = overview.sessions.length < 2;
    const bad = overview.sessions.map(({ isSelf, counts = {} }) => isSelf ? "" : counts.parked + "/" + counts.stuck).join();
    const isDue = isAlone || performance.now() - askedAt > (bad === othersBad ? 120000 : 30000);
    const scope = isDue || !self ? "" : "&session=" + self.id;
    const ask = (state) => get("api/processes?limit=50&state=" + state + scope);
    const found = await Promise.all(["stuck", "parked", "retrying"].map(ask));
    if (isDue) {
      askedAt = performance.now();
      othersBad = bad;
      others = isAlone ? [] : found.flatMap(({ items }) => items).filter(({ isSeen }) => !isSeen);
    } else found.push({ items: others });
    const rank = ["stuck", "parked", "retrying"];
    const all = found.flatMap(({ items }) => items).sort((a, b) => rank.indexOf(a.state) - rank.indexOf(b.state));
    replace($("troubled"), all.map((item) => h("div", { className: "row" },
      h("span", { className: "key" }, shown(item.key)), h("span", { className: "dot " + item.state }, item.state),
      h("span", { className: "dim" }, item.failures + (item.failures === 1 ? " failure" : " failures")),
      item.sinceAt ? h("span", { className: "dim since" }) : "", item.retryAt ? h("span", { className: "next" }) : "",
      h("span", { className: "end" }, ...buttons(item)), h("div", { className: "why" }, shown(why(item))))));
    [...$("troubled").children].forEach((row, index) => {
      row.dataset.since = all[index].sinceAt || "";
      row.dataset.retry = all[index].retryAt || "";
    });
    $("fine").hidden = all.length > 0;
    $("fine").textContent = "Nothing is in trouble: no key is retrying, parked or stuck.";
    $("cut").hidden = !found.some(({ cursor }) => cursor);
    tick();
  } catch (error) {
    tell(error.message);
  } finally {
    isAsking = false;
  }
}
function tick() {
  for (const row of $("troubled").children) {
    const since = row.querySelector(".since"), next = row.querySelector(".next");
    if (since) since.textContent = "for " + span(now() - row.dataset.since);
    const leftMs = row.dataset.retry - now();
    if (next) next.textContent = leftMs > 0 ? "next try in " + Math.ceil(leftMs / 1000) + " s" : "trying now";
  }
}
`;
