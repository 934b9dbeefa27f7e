/**
 * The list of processes, of which only what is in view is drawn, and the question before an action.
 *
 * @module
 */

/** Lists, searches and acts. */
export const pageList: string = /* js */ String.raw`
const query = new URLSearchParams(location.search);
$("search").value = query.get("search") || "";
for (const state of states) $("filter").append(h("option", { value: state }, state));
$("filter").value = states.includes(query.get("state")) ? query.get("state") : "";
function restarted() {
  const asked = new URLSearchParams();
  if ($("search").value) asked.set("search", $("search").value);
  if ($("filter").value) asked.set("state", $("filter").value);
  history.replaceState(null, "", location.pathname + (asked.size ? "?" + asked : ""));
  items = [];
  cursor = undefined;
  loads++;
  isLoading = false;
  more(asked);
}
async function more(asked = new URLSearchParams(location.search)) {
  if (isLoading) return;
  isLoading = true;
  const load = loads;
  asked.set("limit", pageSize);
  if (cursor) asked.set("cursor", cursor);
  try {
    const page = await get("api/processes?" + asked);
    if (load !== loads) return;
    items.push(...page.items);
    cursor = page.cursor;
  } catch (error) {
    tell(error.message);
  }
  if (load !== loads) return;
  isLoading = false;
  $("space").style.height = items.length * rowHeight + "px";
  $("found").textContent = items.length + (cursor ? " or more" : "") + " shown";
  $("empty").hidden = items.length > 0;
  $("empty").textContent = location.search ? "No process matches the search and the state." : "There are no processes.";
  rows();
}
function rows() {
  const list = $("list"), first = Math.max(0, Math.floor(list.scrollTop / rowHeight) - 5);
  const last = Math.min(items.length, Math.ceil((list.scrollTop + list.clientHeight) / rowHeight) + 5);
  replace($("rows"), items.slice(first, last).map((item, index) => {
    const row = h("div", { className: "item" }, h("span", { className: "key" }, shown(item.key)), h("span", { className: "dot " + item.state }, item.state),
      h("span", { className: "more dim" }, shown(why(item))), ...buttons(item));
    row.setAttribute("role", "listitem");
    row.style.top = (first + index) * rowHeight + "px";
    return row;
  }));
  if (cursor && last > items.length - 50) more();
}

function confirmed(action, path, subject) {
  $("ask-text").textContent = action + " " + subject + "?";
  $("reason").value = "";
  $("reason").parentElement.hidden = action !== "pause";
  $("go").textContent = action;
  $("go").onclick = async () => {
    $("ask").close();
    try {
      await call(path, { method: "POST", body: JSON.stringify($("reason").value ? { reason: $("reason").value } : {}) });
      tell(action + " " + subject + ": done");
    } catch (error) {
      tell(action + " " + subject + ": " + error.message);
    }
    setTimeout(again, 300);
  };
  $("ask").showModal();
}
function again() {
  askedAt = -Infinity;
  refresh().then(troubles);
  restarted();
}
`;
