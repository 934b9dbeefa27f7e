/**
 * How the page looks: light and dark, at any width.
 *
 * @module
 */

/** The style sheet of the page. */
export const pageStyle: string = /* css */ `
:root {
  color-scheme: light dark;
  --back: light-dark(#f6f7f9, #101317); --card: light-dark(#fff, #191d23); --line: light-dark(#d9dde3, #2d333c);
  --text: light-dark(#1a1f26, #e8ebef); --dim: light-dark(#545d69, #a3adba); --link: light-dark(#0b57c2, #7fb3ff);
  --running: light-dark(#1f8a4c, #3fb970); --retrying: light-dark(#b45f06, #f0a04b); --parked: light-dark(#b3261e, #ff7b72);
  --stuck: light-dark(#7d1fa8, #d29bf5); --paused: light-dark(#5a6675, #8793a3); --waiting: light-dark(#0b6fa8, #58b6ee);
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif; padding: 20px; max-width: 1280px; margin: auto; }
h1 { font-size: 18px; } h2 { font-size: 14px; margin-bottom: 10px; color: var(--dim); font-weight: 600; }
header { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: baseline; margin-bottom: 16px; }
header .end { margin-left: auto; color: var(--dim); }
.badge { border: 1px solid var(--line); border-radius: 9px; padding: 0 8px; font-size: 13px; color: var(--dim); overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; margin-bottom: 14px; min-width: 0; }
.big { font-size: 44px; font-weight: 650; line-height: 1.1; font-variant-numeric: tabular-nums; }
.big small { font-size: 18px; color: var(--dim); font-weight: 400; }
.bar { display: flex; height: 12px; border-radius: 6px; overflow: hidden; margin: 12px 0 8px; background: var(--line); gap: 1px; }
.bar i { min-width: 3px; background: var(--state); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-variant-numeric: tabular-nums; }
.dot::before { content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%; background: var(--state); margin-right: 6px; }
.running { --state: var(--running); } .retrying { --state: var(--retrying); } .parked, .unowned { --state: var(--parked); }
.stuck { --state: var(--stuck); } .paused, .resting, .unknown { --state: var(--paused); }
.queued, .starting, .stopping { --state: var(--waiting); }
.columns { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); gap: 14px; }
.dim { color: var(--dim); } .key { font-weight: 600; overflow-wrap: anywhere; white-space: pre-wrap; }
.row { display: flex; flex-wrap: wrap; gap: 2px 12px; align-items: baseline; padding: 8px 0; border-top: 1px solid var(--line); }
.row:first-child { border-top: 0; } .row .end { margin-left: auto; display: flex; gap: 6px; }
.why { flex-basis: 100%; overflow-wrap: anywhere; font-size: 14px; }
.tools { display: flex; flex-wrap: wrap; gap: 8px; margin-bottom: 10px; }
input, select, button, textarea { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 7px; padding: 5px 10px; max-width: 100%; }
.tools input { flex: 1 1 200px; } button { cursor: pointer; } button:hover { border-color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
#troubled { max-height: 50vh; overflow-y: auto; margin-bottom: 10px; }
#list { height: 420px; overflow-y: auto; position: relative; border-top: 1px solid var(--line); }
#list .item { position: absolute; left: 0; right: 0; height: 44px; display: flex; gap: 12px; align-items: center; border-bottom: 1px solid var(--line); padding: 0 4px; }
#list .item > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } #list .key { flex: 1 1 40%; }
#list .more { flex: 1 1 40%; } #list .dot { flex: 0 0 92px; } #list button { padding: 2px 8px; flex: none; }
#events { max-height: 420px; overflow-y: auto; font-size: 13px; overflow-wrap: anywhere; } #events p { padding: 2px 0; }
.strip { display: flex; gap: 3px; } .strip > div { min-width: 4px; border-top: 5px solid var(--link); padding-top: 4px; overflow-wrap: anywhere; font-size: 13px; flex-basis: 0; }
.strip > .old { border-color: var(--retrying); } .strip > .none { border-color: var(--parked); }
dialog { margin: auto; border: 1px solid var(--line); border-radius: 10px; background: var(--card); color: inherit; padding: 20px; width: min(440px, 92vw); }
dialog::backdrop { background: #0008; } dialog textarea { width: 100%; margin: 10px 0; } dialog .tools { justify-content: end; margin: 0; }
[hidden] { display: none !important; }
@media (max-width: 800px) { body { padding: 10px; } .columns { grid-template-columns: minmax(0, 1fr); gap: 0; } #list .more { display: none; } #list .item { height: 84px; flex-wrap: wrap; align-content: center; gap: 4px 10px; } #list .key { flex: 1 0 100%; } #list .dot { flex: 1 0 80px; } .strip { flex-direction: column; } }
@media (prefers-reduced-motion: no-preference) { .bar i { transition: flex-grow .4s; } }
`;
