/**
 * What can be thrown and hardly be looked at.
 *
 * @module
 */

const fail = () => {
  throw new Error("unreadable");
};

/** An error with a property of another kind than usual. */
function errorWith(property: PropertyKey, descriptor: PropertyDescriptor): Error {
  return Object.defineProperty(new Error("x"), property, descriptor);
}

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** An array with a hole in what can be read of it. */
const badErrors = Object.defineProperty([new Error("fine")], 0, { get: fail });

/** Everything odd, by name. */
export const oddValues: Readonly<Record<string, unknown>> = {
  "undefined": undefined,
  "null": null,
  "a symbol": Symbol("thrown"),
  "a bigint": 5n,
  "a function": fail,
  "an empty text": "",
  "a text of many lines": "first\nsecond",
  "a bare object": Object.create(null),
  "a revoked proxy": revoked({}),
  "a revoked proxy of an error": revoked(new Error("x")),
  "a revoked proxy of a function": revoked(fail),
  "a revoked proxy of an array": revoked([]),
  "a proxy whose traps throw": new Proxy(new Error("x"), { get: fail, getPrototypeOf: fail, has: fail, ownKeys: fail }),
  "an object whose tag throws": Object.defineProperty({}, Symbol.toStringTag, { get: fail }),
  "an object whose toString throws": { toString: fail, [Symbol.toPrimitive]: fail },
  "an error whose name throws": errorWith("name", { get: fail }),
  "an error whose name is a symbol": errorWith("name", { value: Symbol("name") }),
  "an error whose message throws": errorWith("message", { get: fail }),
  "an error whose message is a symbol": errorWith("message", { value: Symbol("message") }),
  "an error whose message is a bare object": errorWith("message", { value: Object.create(null) }),
  "an error whose message is a revoked proxy": errorWith("message", { value: revoked({}) }),
  "an error whose cause throws": errorWith("cause", { get: fail }),
  "an error whose cause is a revoked proxy": new Error("x", { cause: revoked({}) }),
  "an error whose inspection throws": Object.assign(new Error("x"), {
    [Symbol.for("Deno.customInspect")]: fail,
    [Symbol.for("nodejs.util.inspect.custom")]: fail,
  }),
  "an error whose stack throws": errorWith("stack", { get: fail }),
  "an AggregateError whose errors throw": Object.defineProperty(new AggregateError([]), "errors", { get: fail }),
  "an AggregateError whose errors are no list": Object.assign(new AggregateError([]), { errors: { slice: () => 5 } }),
  "an AggregateError with an unreadable error": Object.assign(new AggregateError([]), { errors: badErrors }),
  "an AggregateError with a revoked proxy": new AggregateError([revoked({})]),
  "a frozen error": Object.freeze(new Error("x")),
};
