/** The database of the program: one file in its own directory. */

/**
 * Opens the database.
 *
 * Nothing else may read, watch or copy its directory while it is open: SQLite's locks would be lost.
 */
export async function openDatabase(dir: string): Promise<Deno.Kv> {
  try {
    await Deno.mkdir(dir, { recursive: true });
    return await Deno.openKv(`${dir}/monitors.sqlite3`);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new Error(`Cannot keep the monitors in "${dir}": ${cause.message}; choose another directory with --dir`, {
      cause,
    });
  }
}
