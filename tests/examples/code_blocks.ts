/**
 * Finds the code that a reader copies: in Markdown, in doc comments, and in examples.
 *
 * @module
 */

import { namesOnly } from "../tasks/source.ts";

/** Code and where it begins. */
export interface CodeBlock {
  /** The file and the line, for example `README.md:12`. */
  readonly place: string;
  /** What follows the language, for example `ignore`. */
  readonly attribute: string;
  readonly code: string;
}

/** What code shows that a reader should not have to write, each by its name. */
const chores: Readonly<Record<string, RegExp>> = {
  "a type argument": /\b[\w$]+<[^()=;]*?>\s*\(/,
  "a cast": /\bas\s+(?!const\b)/,
  "a non-null assertion": /[\w$)\]]!(?=\s*[.;,:)\]}[])/,
  "a signal that never aborts": /new AbortController\(\)\s*\.\s*signal/,
};

const importing = /^\s*(?:import|export)\b[^;{]*\{[^}]*\}|^\s*(?:import|export)\s+\*\s+as\s+\w+/gm;
const declaring = /\bfunction\s*\*?\s*[\w$]*\s*<|\b(?:class|interface|type)\s+[\w$]+\s*</g;

/**
 * Lists the blocks of TypeScript in Markdown, or in the doc comments of a source file.
 *
 * @param path The path of the file.
 * @param text Its text.
 * @returns The blocks, from the first to the last.
 */
export function blocksOf(path: string, text: string): CodeBlock[] {
  const isSource = path.endsWith(".ts");
  const blocks: CodeBlock[] = [];
  let code: string[] | undefined;
  let place = "", attribute = "";
  for (const [index, line] of text.split("\n").entries()) {
    const content = isSource ? line.replace(/^ *\* ?/, "") : line;
    const opening = code ? null : /^```ts *(.*)$/.exec(content);
    if (opening) {
      code = [];
      place = `${path}:${index + 1}`;
      attribute = opening[1];
    } else if (code && content.startsWith("```")) {
      blocks.push({ place, attribute, code: code.join("\n") });
      code = undefined;
    } else code?.push(content);
  }
  return blocks;
}

/**
 * Lists what a reader should not have to write.
 *
 * @param block Code, with comments and strings.
 * @returns One line for each kind of chore.
 */
export function choresIn({ place, code }: CodeBlock): string[] {
  const names = namesOnly(code).replace(importing, "").replace(declaring, "");
  return Object.entries(chores).filter(([, pattern]) => pattern.test(names)).map(([chore]) => `${place}: ${chore}`);
}
