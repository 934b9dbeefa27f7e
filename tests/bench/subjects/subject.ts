/**
 * What is measured and how it is told.
 *
 * @module
 */

/** What a section found, by name. Durations end in `Us` or `Ms` and are per process or call; sizes end in `B`. */
export type Measures = Readonly<Record<string, number>>;

/** One exercise at one size; it leaves nothing behind. */
export type Section = (size: number) => Promise<Measures>;

/** One that is measured: its sections by name. */
export type Subject = Readonly<Record<string, Section>>;

/** Says that a subject cannot be measured on this machine. */
export class NotInstalledError extends Error {
  /** Tells the error from others. */
  override readonly name = "NotInstalledError";
}
