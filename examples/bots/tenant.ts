/** What is stored of a tenant. */

import type { SpecSchema } from "@pact/supervisor/kv";

/** A tenant. */
export interface Tenant {
  /** What its bot shows to the messenger. */
  readonly token: string;
}

/** What a tenant must look like, as a Standard Schema: both in a request and in the database. */
export const tenantSchema: SpecSchema<Tenant> = {
  "~standard": {
    version: 1,
    vendor: "bots",
    validate(value) {
      const { token }: Record<string, unknown> = { ...Object(value) };
      if (typeof token === "string" && /^[\w-]{1,64}$/.test(token)) return { value: { token } };
      const rule = 'must be 1 to 64 letters, digits, "-" or "_"';
      return { issues: [{ path: ["token"], message: `${rule}, current value is ${JSON.stringify(token)}` }] };
    },
  },
};
