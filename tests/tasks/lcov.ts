/**
 * Reads the part of the lcov format that line coverage needs: `SF:` names a file, `DA:` gives a line and its count.
 *
 * @module
 */

/** How much of a file is covered. */
export interface FileCoverage {
  /** The path or URL of the file. */
  readonly path: string;
  /** How many lines hold code. */
  readonly lines: number;
  /** How many of them ran. */
  readonly hit: number;
  /** The numbers of those that did not. */
  readonly missed: readonly number[];
}

/**
 * Reads an lcov report.
 *
 * @param report The text of the report.
 * @returns What it says of each file, in its order.
 */
export function readLcov(report: string): FileCoverage[] {
  return report.split("end_of_record").filter((record) => record.includes("SF:")).map((record) => {
    const path = /^SF:(.*)$/m.exec(record)?.[1] ?? "";
    const counts = [...record.matchAll(/^DA:(\d+),(\d+)/gm)].map(([, line, count]) => [Number(line), Number(count)]);
    const missed = counts.filter(([, count]) => count === 0).map(([line]) => line);
    return { path, lines: counts.length, hit: counts.length - missed.length, missed };
  });
}

/**
 * Sums up.
 *
 * @param files What is known of each file.
 * @returns The share of lines that ran, in percent; 0 when there are none.
 */
export function percentOf(files: readonly FileCoverage[]): number {
  const lines = files.reduce((sum, file) => sum + file.lines, 0);
  const hit = files.reduce((sum, file) => sum + file.hit, 0);
  return lines === 0 ? 0 : 100 * hit / lines;
}
