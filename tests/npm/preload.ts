import { registerHooks } from "node:module";
// deno-std's testing/time.js imports from a folder that the package spells with an underscore.
const mend = (specifier: string) => specifier.replace("../data-structures/", "../data_structures/");
registerHooks({ resolve: (specifier, context, next) => next(mend(specifier), context) });
