import { assertEquals, assertStringIncludes } from "@std/assert";
import { nop } from "@pact/supervisor";
import { ErrorConsole, settle, World, type WorldOptions } from "./fixtures/mod.ts";

const fail = () => {
  throw new Error("unreadable");
};
const errorWith = (message: PropertyDescriptor) => Object.defineProperty(new Error("x"), "message", message);

/** Errors that cannot be turned into text. */
const oddErrors: [string, unknown][] = [
  ["an error whose message throws", errorWith({ get: fail })],
  ["an error whose message is a symbol", errorWith({ value: Symbol("message") })],
  ["an error whose message is a bare object", errorWith({ value: Object.create(null) })],
  ["an object whose tag throws", Object.defineProperty({}, Symbol.toStringTag, { get: fail })],
];
/** Where they come from, and what is printed then. */
const sources = {
  run: 'process "a": failed while starting: ',
  build: 'process "a": entry failed: ',
  iterate: "table: iterate failed: ",
} as const;
type Source = keyof typeof sources;

/** A world in which an error comes from one place until it is mended. */
function brokenWorld(source: Source, error: unknown, options: WorldOptions = {}) {
  const world = new World({}, { announces: false, ...options });
  const broken = { isMended: false, world };
  const failIn = (place: Source) => place === source && !broken.isMended ? Promise.reject(error) : undefined;
  const run: typeof nop.run = (running, options) => failIn("run") ?? nop.run(running, options);
  world.table.onIterate = () => failIn("iterate");
  world.table.rows.set("a", { build: () => failIn("build") ?? { run } });
  return broken;
}

for (const [title, error] of oddErrors) {
  for (const [source, start] of Object.entries(sources) as [Source, string][]) {
    Deno.test(`Supervisor prints ${title} from ${source} when nobody listens`, async () => {
      using console = new ErrorConsole();
      await using world = brokenWorld(source, error, { isObserved: false }).world;
      await world.begin();
      assertStringIncludes(`${console.lines[0]}`, `supervisor: ${start}`);
    });

    Deno.test(`Supervisor goes on after ${title} from ${source} when nobody listens`, async () => {
      using _console = new ErrorConsole();
      const broken = brokenWorld(source, error, { isObserved: false });
      await using world = broken.world;
      await world.begin();
      broken.isMended = true;
      await world.time.pass(1_000);
      assertEquals(world.stateOf("a"), "running");
    });
  }

  Deno.test(`Supervisor.snapshot() shows ${title} as text`, async () => {
    await using world = brokenWorld("run", error).world;
    await world.begin();
    await settle();
    const { name, message } = world.snapshot.processes[0].lastError!;
    assertEquals([typeof name, typeof message], ["string", "string"]);
  });
}
