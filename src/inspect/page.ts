/**
 * The page: one HTML document, which has no data in it and asks for all of it, from the place where it is itself.
 *
 * @module
 */

import { encodeBase64Url } from "@std/encoding/base64url";
import { pageScript } from "./page_script.ts";
import { pageStyle } from "./page_style.ts";
import { answer } from "./problem.ts";

const markup = /* html */ `
<header><h1 id="title"></h1><span class="badge" id="revision" hidden></span><span class="end" id="state" role="status"></span></header>
<form id="login" class="tools" hidden><label for="token">A token is needed:</label><input id="token" type="password" autocomplete="off" required><button>Go on</button></form>
<main>
<section aria-label="Overview"><div class="big" id="running"></div><div class="bar" id="bar" aria-hidden="true"></div><div class="legend" id="legend"></div><p class="dim" id="note"></p></section>
<section id="sessions" aria-labelledby="of-sessions" hidden><h2 id="of-sessions">Instances and their slots</h2><div class="strip" id="strip"></div></section>
<section aria-labelledby="of-trouble"><h2 id="of-trouble">In trouble</h2><p class="dim" id="fine"></p><div id="troubled" tabindex="0" role="region" aria-label="Processes in trouble"></div><p class="dim" id="cut" hidden>There are more: choose a state below to see them all.</p>
<div class="tools"><button type="button" data-action="restart" data-path="api/restart?state=parked" data-subject="all parked processes" hidden>restart all parked</button></div></section>
<div class="columns">
<section aria-labelledby="of-all"><h2 id="of-all">Processes</h2>
<div class="tools"><input id="search" type="search" placeholder="Key begins with… ( / )" aria-label="Key begins with"><select id="filter" aria-label="State"><option value="">every state</option></select><button type="button" id="again">refresh</button>
<button type="button" data-action="pause" data-path="api/pause" data-subject="the whole table" hidden>pause all</button><button type="button" data-action="resume" data-path="api/resume" data-subject="the whole table" hidden>resume all</button></div>
<p class="dim" id="empty" hidden></p><div id="list" tabindex="0" role="region" aria-label="List of processes"><div id="space"></div><div id="rows" role="list"></div></div><p class="dim" id="found" role="status"></p></section>
<section aria-labelledby="of-events"><h2 id="of-events">Events of this instance</h2><div id="events" tabindex="0" role="region" aria-label="Events"><p class="dim" id="quiet">Nothing has happened since this page was opened.</p></div></section>
</div>
</main>
<dialog id="ask" aria-labelledby="ask-text"><h2 id="ask-text"></h2><label>Why? <textarea id="reason" maxlength="1000" rows="2"></textarea></label><div class="tools"><button type="button" id="cancel">Cancel</button><button type="button" id="go"></button></div></dialog>
`;

/** Answers with the page. Only what bears this answer's nonce is executed, and it speaks to nothing but its own server. */
export function pageResponse(title: string): Response {
  const nonce = encodeBase64Url(crypto.getRandomValues(new Uint8Array(18)));
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${
    escaped(title)
  }</title>`;
  const style = `<style nonce="${nonce}">${pageStyle}</style>`,
    script = `<script nonce="${nonce}">${pageScript}</script>`;
  const html = `<!DOCTYPE html><html lang="en"><head>${head}${style}</head><body>${markup}${script}</body></html>`;
  return answer(html, {
    headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy.join("; ") },
  });
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
