/**
 * The head of the page: how many run, the bar of states, the instances and their slots.
 *
 * @module
 */

/** Draws the overview every two seconds: it reads nothing from the database. */
export const pageOverview: string = /* js */ String.raw`
async function refresh() {
  try {
    overview = await get("api/overview");
    skewMs = overview.at - Date.now();
    draw();
    tell("as of " + new Date(overview.at).toLocaleTimeString());
  } catch (error) {
    tell("no answer: " + error.message);
  }
}

/** Replaces what is shown in a place; what has the focus there keeps it. */
function replace(place, children) {
  const label = place.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
  place.replaceChildren(...children);
  if (label) [...place.querySelectorAll("button")].find((each) => each.getAttribute("aria-label") === label)?.focus();
}

function draw() {
  const { counts, desired, sessions, slots, isComplete, isRunning } = overview, { running = 0 } = counts;
  document.title = running + "/" + desired + " " + overview.title;
  $("title").textContent = overview.title;
  $("running").replaceChildren(String(running), h("small", {}, " of " + desired + " running"));
  const self = sessions.find((each) => each.isSelf);
  $("revision").hidden = !self || !self.revision;
  $("revision").textContent = self && self.revision ? "revision " + self.revision : "";
  const some = states.filter((state) => counts[state]);
  $("bar").replaceChildren(...some.map((state) => {
    const part = h("i", { className: state, title: state });
    part.style.flexGrow = counts[state];
    return part;
  }));
  $("legend").replaceChildren(...some.map((state) => h("span", { className: "dot " + state }, counts[state] + " " + state)));
  $("note").textContent = desired === 0 && some.length === 0
    ? (isRunning || sessions.length ? "The table has no entries for this program yet." : "No supervisor runs here, and there is no cluster session: a program without a Cluster cannot be seen.")
    : isComplete ? "" : "Not complete: some instance has not said how many keys it has, or a slot has no owner.";
  const owned = sessions.map((each) => {
    const { id, isSelf, heartbeatAgeMs, ttlMs, slots, info, revision } = each;
    const told = info === undefined ? "" : typeof info === "string" ? info : JSON.stringify(info);
    const box = h("div", { className: heartbeatAgeMs > ttlMs / 2 ? "old" : "" }, h("b", {}, id.slice(0, 8)), isSelf ? " (this one)" : "",
      h("div", { className: "dim" }, slots + " slots, heartbeat " + span(heartbeatAgeMs) + " ago" + (revision ? ", " + shown(revision) : "")),
      h("div", { className: "dim" }, shown(told)));
    if (told === "") box.lastChild.remove();
    box.style.flexGrow = Math.max(1, slots);
    return box;
  });
  if (slots && slots.unowned) owned.push(h("div", { className: "none" }, h("b", {}, slots.unowned + " slots without an owner")));
  $("sessions").hidden = owned.length === 0;
  $("strip").replaceChildren(...owned);
}
`;
