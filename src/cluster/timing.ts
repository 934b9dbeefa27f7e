/**
 * Every duration of a cluster, as a share of the heartbeat and of the time to live (TTL). Pure: no wait, no clock.
 *
 * The last moments of a session, at worst, with a TTL of three heartbeats:
 *
 * ```text
 *   heartbeats    0         1         2         3         4         5
 *                 ├─────────┼─────────┼─────────┼─────────┼─────────┤
 *   the session   B         b         F                             ·
 *   an observer   ·         S ─────────── TTL ──────────▶ D ─ grace ▶ G
 *
 *   B  its last beat that is acknowledged
 *   b  the next beat, one heartbeat later: the database does not acknowledge it, nor any after it
 *   F  the fence, two thirds of the TTL after B was sent: the session aborts all that it runs
 *   S  an observer first sees B: it looks once in a heartbeat
 *   D  death, a TTL after S: the observer looks at this very moment, deletes the session and takes its share of the slots
 *   G  a slot that was left to another session is taken by any session that still finds it unowned
 * ```
 *
 * **The promised bound** follows: S is at most one heartbeat after B, D is a TTL after S, and G is one heartbeat after D. So
 * a slot of a dead session has a new owner within its TTL plus two heartbeats. What the calls to the database take comes on
 * top.
 *
 * **The fence comes first**: the session counts from when it *sent* B, an observer from when it *saw* B, which is later. A
 * third of the TTL lies between F and the earliest D, so clocks that differ by half in speed still fence before they bury.
 *
 * **A free slot is noticed** within a tenth of a heartbeat of its ring where a watch tells of it, within three tenths where the
 * bell is polled: `bellPollMs`, then `minLookMs` at most. A ring that nothing tells of is seen at the next look, one heartbeat
 * later: each look lists the bell. Rings that come within `minLookMs` have one look, and within half
 * of that while slots are on their way.
 *
 * **One lost beat does no harm**: `options.ts` asks for a TTL of at least three heartbeats, so there is time for another beat
 * before the fence.
 *
 * @module
 */

/** However short the heartbeats, claims that no bell has told of are not listed more often, in ms. */
const minClaimsCheckMs = 5 * 60_000;

/** However short the times to live, an instance that waits does not say so more often, in ms. */
const minWaitingNoticeMs = 10 * 60_000;

/** The share of its TTL after which a session that is not acknowledged fences itself. */
const fenceShare = 2 / 3;

/**
 * Returns after how long without an acknowledged beat a session fences itself, in ms.
 *
 * @param ttlMs The time to live that stands in its record.
 */
export function fenceAfterMs(ttlMs: number): number {
  return ttlMs * fenceShare;
}

/** The durations of one cluster, all in ms. */
export class Timing {
  /** How often a session beats, and how often it looks at the others. */
  readonly heartbeatMs: number;
  /** After how long without a beat others declare a session dead. */
  readonly ttlMs: number;

  constructor({ heartbeatMs, ttlMs }: { readonly heartbeatMs: number; readonly ttlMs: number }) {
    this.heartbeatMs = heartbeatMs;
    this.ttlMs = ttlMs;
  }

  /** After how long without an acknowledged beat the own session fences itself. */
  get fenceMs(): number {
    return fenceAfterMs(this.ttlMs);
  }

  /** How long one call to the database may take: after a lost one there is time for another before the fence. */
  get timeoutMs(): number {
    return this.heartbeatMs * 0.5;
  }

  /** How long at most before a beat that failed is written again. */
  get beatRetryMs(): number {
    return this.heartbeatMs * 0.1;
  }

  /** How long before the database is asked again whether the instance may join. */
  get admissionRetryMs(): number {
    return this.heartbeatMs * 0.2;
  }

  /** How long at most before an instance that waits for others to be gone looks for them again: the first pauses are shorter. */
  get waitMs(): number {
    return this.heartbeatMs;
  }

  /** How often an instance says that it waits. */
  get waitingNoticeMs(): number {
    return Math.max(minWaitingNoticeMs, this.ttlMs);
  }

  /** How long at most before a fenced instance joins again. */
  get rejoinMs(): number {
    return this.heartbeatMs * 0.1;
  }

  /** How long a new session waits before it takes slots: sessions that start at the same time see each other by then. */
  get settleMs(): number {
    return this.heartbeatMs * 0.1;
  }

  /**
   * The same for a session that follows a fenced one. An outage fences all of them, and they are back within moments of each
   * other: the first one would take every slot, and hand most of them over again.
   */
  get rejoinSettleMs(): number {
    return this.heartbeatMs * 0.5;
  }

  /** How long after a look the next one comes at the earliest. */
  get minLookMs(): number {
    return this.heartbeatMs * 0.1;
  }

  /** The same while slots are on their way, which wait for it. */
  get eagerMinLookMs(): number {
    return this.heartbeatMs * 0.05;
  }

  /** How long after a look the next one comes while slots may soon become the session's own. */
  get eagerLookMs(): number {
    return this.heartbeatMs * 0.2;
  }

  /** For how long a session looks eagerly when nothing changes. */
  get eagernessMs(): number {
    return this.ttlMs;
  }

  /** How often the bell is read where a watch does not see everybody, and how long before a failed watch is opened again. */
  get bellPollMs(): number {
    return this.heartbeatMs * 0.2;
  }

  /** How long after the last listing of the claims they are listed although the bell has not moved. */
  get claimsCheckMs(): number {
    return Math.max(minClaimsCheckMs, this.heartbeatMs * 15);
  }

  /** How often it is seen through a second handle whether others can see the database: at every second look. */
  get sharedCheckMs(): number {
    return this.heartbeatMs * 1.5;
  }

  /** How long changes of a table are followed, beyond the delay before that, until their earlier failures are forgotten. */
  get steadyMs(): number {
    return this.heartbeatMs * 2;
  }

  /** After how long without it a failure that comes and goes is over: longer than the pauses between the calls that fail. */
  get failureMs(): number {
    return this.ttlMs;
  }

  /** For how long rows of slots are kept that are to come: much longer than their hand-over takes. */
  get keptRowsMs(): number {
    return this.heartbeatMs * 12;
  }

  /** For how long an unowned slot is left to the session that should own it, which looks eagerly meanwhile. */
  get graceMs(): number {
    return this.heartbeatMs;
  }

  /** How long the processes of a slot may take to end before the hand-over is given up. */
  get handOverMs(): number {
    return this.ttlMs;
  }
}
