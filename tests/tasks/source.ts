/**
 * Reads source text just well enough to tell imports and names from comments and strings.
 *
 * @module
 */

/** Source files by path, relative to the root of the repository, for example `src/clock.ts`. */
export type Sources = ReadonlyMap<string, string>;

const comment = String.raw`//[^\n]*|/\*[\s\S]*?\*/`;
const quoted = String.raw`"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'`;
const template = "`(?:\\\\.|[^`\\\\])*`";
const lexeme = new RegExp(`${comment}|${quoted}|${template}`, "g");
const importingTypes = /\b(?:import|export)\s+type\b[^;"'=]*?\bfrom\s*(?:"[^"\n]+"|'[^'\n]+')/g;
const importing = /(?:\bfrom\s*|\bimport\s*\(?\s*)(?:"([^"\n]+)"|'([^'\n]+)')/g;

/**
 * Drops comments: an example in a doc comment imports nothing.
 *
 * @param text The text of a source file.
 * @returns The text without comments.
 */
export function withoutComments(text: string): string {
  return text.replace(lexeme, (found) => found.startsWith("/") ? " " : found);
}

/**
 * Drops comments and strings, but keeps what is evaluated inside a template.
 *
 * @param text The text of a source file.
 * @returns What names can be looked for in.
 */
export function namesOnly(text: string): string {
  return text.replace(lexeme, (found) => {
    if (!found.startsWith("`")) return " ";
    return (found.match(/\$\{[^}]*\}/g) ?? []).map((part) => part.slice(2, -1)).join(" ");
  });
}

/**
 * Lists the lines of code: neither blank nor comment.
 *
 * @param text The text of a source file.
 * @returns The lines, indented as they are.
 */
export function codeLinesOf(text: string): string[] {
  return withoutComments(text).split("\n").filter((line) => line.trim() !== "");
}

/**
 * Lists what a file imports or re-exports as values: a cycle of these breaks at run time.
 *
 * @param path The path of the file.
 * @param text Its text.
 * @returns Specifiers, as {@linkcode importsOf} gives them.
 */
export function valueImportsOf(path: string, text: string): string[] {
  return importsOf(path, withoutComments(text).replace(importingTypes, ""));
}

/**
 * Lists what a file imports or re-exports, types included.
 *
 * @param path The path of the file.
 * @param text Its text.
 * @returns Specifiers; a relative one as the path from the root of the repository.
 */
export function importsOf(path: string, text: string): string[] {
  const specifiers = [...withoutComments(text).matchAll(importing)].map(([, double, single]) => double ?? single);
  return specifiers.map((specifier) => specifier.startsWith(".") ? resolve(path, specifier) : specifier);
}

function resolve(path: string, specifier: string): string {
  // A host that no URL of ours has: only the path of the result is used.
  return new URL(specifier, new URL(path, "file:///root/")).pathname.replace(/^\/root\//, "");
}
