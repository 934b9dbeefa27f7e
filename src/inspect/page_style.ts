/**
 * How the page looks: light and dark, at any width.
 *
 * @module
 */

/** The style sheet of the page. */
export const pageStyle: string = /* css */ `
:root { color-scheme: light dark; --back: light-dark(#f5f6f8, #0e1116); --card: light-dark(#fff, #161a21); --line: light-dark(#e2e5ea, #2a303b);
  --text: light-dark(#15191f, #e6e9ee); --dim: light-dark(#59626f, #98a2b1); --link: light-dark(#1d5fd1, #84b0ff); }
.running { --state: light-dark(#1a8f52, #3fbf7c); } .starting, .queued, .stopping { --state: light-dark(#1476c6, #5cb3f5); } .retrying, .due, .gap { --state: light-dark(#a85500, #f2a64a); }
.parked, .unowned, #refused { --state: light-dark(#c4302b, #ff7b72); } .stuck { --state: light-dark(#8431b5, #cf9bf7); } .paused, .resting, .unknown { --state: light-dark(#6d7786, #8590a1); }
* { box-sizing: border-box; margin: 0; padding: 0; }
[hidden], p:empty, #trouble:empty { display: none !important; }
body { max-width: 1240px; margin: auto; padding: 28px 32px; background: var(--back); color: var(--text); overflow-wrap: anywhere; font-variant-numeric: tabular-nums;
  font: 14px/1.5 -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1, dialog h2 { font-size: 17px; } h2 { font-size: 14px; } .dim, #live, #note, #desired, #why { color: var(--dim); } .due, .gap, #refused { color: var(--state); }
.line { display: flex; flex-wrap: wrap; align-items: center; gap: 5px 10px; } #live, .tools, h2 ~ button { margin-left: auto; } .tools { display: flex; gap: 6px; }
button, input, textarea { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 3px 12px; }
button { cursor: pointer; } button::first-letter { text-transform: uppercase; } button:hover { border-color: var(--dim); } button.main { background: var(--text); color: var(--card); }
input, textarea { display: block; width: 100%; padding: 7px 12px; } ::placeholder { color: var(--dim); opacity: 1; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
.badge { border: 1px solid var(--line); border-radius: 99px; padding: 2px 11px; font-size: 13px; background: var(--card); margin-right: 6px; } .badge[aria-pressed=true] { border-color: var(--text); }
.pill::before { content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%; background: var(--state); margin-right: 7px; }
#big { font-size: 21px; margin-top: 24px; } #big b { font-size: 68px; line-height: 1; letter-spacing: -.03em; margin-right: 6px; } #note { margin: 4px 0 18px; font-size: 15px; } #acted { flex: 1; }
#bar { display: flex; gap: 2px; height: 10px; border-radius: 5px; overflow: hidden; background: var(--line); } #bar i { min-width: 4px; background: var(--state); } #legend { margin: 12px 0; }
#columns { display: grid; grid-template-columns: minmax(0, 1.9fr) minmax(0, 1fr); gap: 16px; margin-top: 16px; }
#columns section, #login, dialog { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 18px 16px; margin-bottom: 16px; } section > .line:first-child { min-height: 30px; margin-bottom: 8px; }
#trouble, #list, #events { overflow-y: auto; max-height: 480px; margin: 0 -18px -16px; padding: 0 18px; border-radius: 0 0 12px 12px; }
.row { border-left: 3px solid var(--state); padding-left: 14px; margin: 6px 0 18px; } .row button { padding: 1px 10px; font-size: 13px; }
.error { font: 13px/1.5 ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; } .error.dim { padding-left: 14px; }
#list { height: 450px; margin-top: 12px; padding: 0; border-top: 1px solid var(--line); } #rows { position: relative; }
.item { position: absolute; width: 100%; height: 50px; padding: 0 18px; display: grid; grid-template: "state key why age" / 88px minmax(0, 1fr) minmax(0, 1.3fr) 64px; gap: 0 10px; align-content: center; border-bottom: 1px solid var(--line); cursor: pointer; }
.item > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } .item b { grid-area: key; } .item .pill { grid-area: state; } .item .why { grid-area: why; } .item .timed { grid-area: age; text-align: right; }
.item:hover, #list:focus [aria-selected=true] { background: var(--back); box-shadow: inset 3px 0 var(--link); }
#strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(10px, 1fr)); gap: 3px; margin-bottom: 10px; } i { height: 11px; border-radius: 3px; } i.unowned { border: 2px solid var(--state); }
.instance { display: grid; grid-template-columns: 11px 1fr auto; gap: 0 9px; align-items: center; padding: 8px 0; border-top: 1px solid var(--line); } .instance .dim { grid-column: 2 / 4; font-size: 13px; }
#events { list-style: none; font-size: 13px; padding-bottom: 12px; } #events > * { padding: 3px 0; } #events time { margin-right: 6px; } #events:empty::before { content: "Nothing has happened here yet."; }
dialog { margin: auto; width: min(520px, 94vw); color: inherit; padding: 22px; } ::backdrop { background: #0008; } dialog > * { display: block; margin-bottom: 12px; } #choices { justify-content: end; }
#login { max-width: 420px; } #login > * { margin-top: 8px; }
@media (max-width: 800px) { body { padding: 16px 14px; } #columns { grid-template-columns: minmax(0, 1fr); gap: 0; } #live { margin: 0; flex-basis: 100%; } .item { grid-template: "key age" auto "state why" auto / auto minmax(0, 1fr); } .why { text-align: right; } }
@media (prefers-reduced-motion: no-preference) { #bar i { transition: flex-grow .4s; } }
`;
