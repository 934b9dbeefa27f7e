/**
 * The claim on a slot as one process has it: it can be revoked, and its neighbours keep theirs.
 *
 * ```text
 *   held ──▶ lost      a fence, another session: the signal aborts, and a commit resolves to { ok: false }
 *     ╰────▶ revoked   the process was abandoned: the signal aborts, and a commit rejects
 * ```
 *
 * Neither takes back what has been sent already, nor a bare `check` that the process has put into an operation of its own:
 * that is refused only once another session has taken the slot.
 *
 * @module
 */

import type { Claim } from "../kv/context.ts";
import { ClaimLostError } from "./errors.ts";

/**
 * Commits an operation that has the check of a claim.
 *
 * @param isHeld Is asked right before it is sent: if it says no, nothing is sent, and the result is `{ ok: false }`; what it
 * throws, the commit rejects with.
 */
export type CommitHeld = (atomic: Deno.AtomicOperation, isHeld: () => boolean) => ReturnType<Claim["commit"]>;

/** The claim of one process. */
export class ClaimHandle implements Claim {
  readonly check: Deno.AtomicCheck;
  readonly token: string;
  readonly commit: Claim["commit"];
  readonly #held: AbortSignal;
  readonly #revoking: AbortController = new AbortController();
  /** Made when it is first asked for. */
  #signal: AbortSignal | undefined = undefined;

  /**
   * @param check Names the token of the claim: frozen, as all processes of the slot share it.
   * @param held Aborts when the slot is lost.
   */
  constructor(check: Deno.AtomicCheck & { readonly versionstamp: string }, held: AbortSignal, commit: CommitHeld) {
    this.check = check;
    this.token = check.versionstamp;
    this.commit = async (atomic) => {
      if (!this.#isHeld()) return { ok: false };
      return await commit(atomic.check(check), () => this.#isHeld());
    };
    this.#held = held;
    Object.freeze(this);
  }

  get signal(): AbortSignal {
    return this.#signal ??= AbortSignal.any([this.#held, this.#revoking.signal]);
  }

  /** The process has no part in the slot any more, which goes on. */
  revoke(): void {
    this.#revoking.abort(new ClaimLostError("its process was abandoned"));
  }

  #isHeld(): boolean {
    this.#revoking.signal.throwIfAborted();
    return !this.#held.aborted;
  }
}
