/**
 * The page: one HTML document without data in it, which asks for all of it from the place where it is itself.
 *
 * @module
 */

import { encodeBase64Url } from "@std/encoding/base64url";
import { pageFleet } from "./page_fleet.ts";
import { pageProcesses } from "./page_processes.ts";
import { pageStyle } from "./page_style.ts";
import { answer } from "./problem.ts";

const markup = /* html */ `
<main>
<form id="login" class="card" hidden><label for="token">A token is needed</label><input id="token" type="password" autocomplete="off" required><button class="main">Go on</button></form>
<section id="head" aria-label="At a glance">
<p id="big"><b id="running">–</b> <span id="desired"></span></p><p id="note"></p>
<div id="bar" aria-hidden="true"></div><div id="legend" class="line" role="group" aria-label="Show one state"></div>
<div class="line"><span id="acted" class="dim"></span><button data-action="pause" data-path="pause" hidden>pause all</button><button data-action="resume" data-path="resume" data-state="paused" hidden>resume all</button></div>
</section>
<div id="columns"><div>
<section><div class="line"><h2>In trouble</h2><span id="count" class="dim"></span><button data-action="restart" data-path="restart?state=parked" data-state="parked" hidden>restart all parked</button></div>
<div id="trouble" tabindex="0" role="region" aria-label="In trouble"></div><p id="well" class="dim"></p></section>
<section><div class="line"><h2>Processes</h2><span id="found" class="dim" role="status"></span><button id="again">refresh</button></div>
<input id="search" type="search" placeholder="Find a key by its beginning" aria-label="Key begins with" aria-keyshortcuts="/">
<div id="list" role="listbox" tabindex="0" aria-label="Processes" hidden><div id="rows" role="presentation"></div></div><p id="empty" class="dim"></p></section>
</div><div>
<section><div class="line"><h2>Instances</h2><span id="slots" class="dim"></span></div><div id="strip" role="img" aria-label="Slots by owner"></div><div id="instances"></div><p id="alone" class="dim"></p></section>
<section><h2 class="line">Events of this instance</h2><ol id="events" tabindex="0" aria-label="Events"></ol></section>
</div></div></main>
<dialog id="dialog" aria-labelledby="subject"><h2 id="subject"></h2><div id="facts"></div><label id="why">Reason <textarea id="reason" maxlength="1000" rows="2" placeholder="Kept with the action, for others to read"></textarea></label><p id="refused" role="alert"></p><div id="choices" class="line"></div></dialog>
`;

/** Answers with the page. Only what bears this answer's nonce is executed, and it speaks to nothing but its own server. */
export function pageResponse(title: string): Response {
  const nonce = encodeBase64Url(crypto.getRandomValues(new Uint8Array(18)));
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  const html = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>
<style nonce="${nonce}">${pageStyle}</style></head><body>
<header class="line"><h1 id="title">${
    escaped(title)
  }</h1><span id="badges"></span><span id="live"></span></header>${markup}
<script nonce="${nonce}">${pageFleet}${pageProcesses}</script></body></html>`;
  return answer(html, {
    headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
  });
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
