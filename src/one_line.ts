/**
 * Foreign text as one printed line of bounded length.
 *
 * @module
 */

/** The most characters that a line of foreign text has, without the mark of a cut. */
export const maxLineLength = 1_000;

/** What most texts are: a test that is ten times as fast. */
const plain = /^[ -~]*$/;

/** Control characters, line and paragraph separators, marks that turn the direction of text, and lone surrogates. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/u;
const unquotable = /["\\\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/u;

const shortEscapes: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  '"': '\\"',
  "\\": "\\\\",
};

/**
 * Makes a text one line that no terminal and no log reader takes for anything else: what cannot be printed is escaped as in
 * code, and what is too long is cut, with a mark that says how much is missing. The cost does not depend on what is cut. A
 * backslash stays as it is, so the original text cannot be recovered from the line.
 *
 * @param text Any text.
 * @param maxLength The most characters before the mark.
 * @returns The line.
 *
 * @example A text that pretends to be two lines
 * ```ts
 * import { oneLine } from "./one_line.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(oneLine("HTTP 500\nall is well\x1b[2J"), "HTTP 500\\nall is well\\x1b[2J");
 * assertEquals(oneLine("far too long", 3), "far… (9 more characters)");
 * ```
 */
export function oneLine(text: string, maxLength: number = maxLineLength): string {
  if (text.length <= maxLength && (plain.test(text) || !unprintable.test(text))) return text;
  const { shown, missing } = escape(text, maxLength, unprintable);
  return shown + mark(missing);
}

/**
 * Makes a text one line that is not longer than asked for, however much is cut.
 *
 * @param text Any text.
 * @param maxLength The most characters, the mark of a cut included.
 * @returns The line.
 *
 * @example A note that is too long
 * ```ts
 * import { shortLine } from "./one_line.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(shortLine("page 7", 200), "page 7");
 * assertEquals(shortLine("far\ntoo long", 8), "far\\nto…");
 * ```
 */
export function shortLine(text: string, maxLength: number): string {
  const line = oneLine(text, maxLength);
  return line.length <= maxLength ? line : `${escape(text, maxLength - 1, unprintable).shown}…`;
}

/**
 * Puts a text in quotes, as in code and on one line, cut like {@linkcode oneLine}. Different texts look different unless they
 * are cut.
 *
 * @param text Any text.
 * @param maxLength The most characters between the quotes.
 * @returns The quoted text, followed by the mark if it is cut.
 *
 * @example A quote within quotes
 * ```ts
 * import { quote } from "./one_line.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(quote('a "b"'), '"a \\"b\\""');
 * assertEquals(quote("far too long", 3), '"far"… (9 more characters)');
 * ```
 */
export function quote(text: string, maxLength: number = maxLineLength): string {
  const { shown, missing } = escape(text, maxLength, unquotable);
  return `"${shown}"${mark(missing)}`;
}

function escape(text: string, maxLength: number, pattern: RegExp): { shown: string; missing: number } {
  let shown = "", taken = 0;
  for (const char of headOf(text, maxLength)) {
    const piece = pattern.test(char) ? escaped(char) : char;
    if (shown.length + piece.length > maxLength) break;
    shown += piece;
    taken += char.length;
  }
  return { shown, missing: text.length - taken };
}

/** The beginning of a text, with no half of a surrogate pair at its end. */
function headOf(text: string, maxLength: number): string {
  const cutsPair = (text.codePointAt(maxLength - 1) ?? 0) > 0xffff;
  return text.slice(0, cutsPair ? maxLength - 1 : maxLength);
}

function escaped(char: string): string {
  const hex = char.charCodeAt(0).toString(16);
  return shortEscapes[char] ?? (hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`);
}

function mark(missing: number): string {
  return missing === 0 ? "" : `… (${missing} more character${missing === 1 ? "" : "s"})`;
}
