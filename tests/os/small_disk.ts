/**
 * File systems of their own for tests: small enough to be filled, and to be frozen while programs use them.
 *
 * @module
 */

/** A mounted file system. Disposing of it unmounts and deletes it. */
export class SmallDisk implements AsyncDisposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Mounts an empty file system.
   *
   * @param sizeMb Its size, in MB.
   * @param kind In memory, or ext4 in a file, which can be frozen.
   */
  static async mount(sizeMb: number, kind: "tmpfs" | "ext4" = "tmpfs"): Promise<SmallDisk> {
    const disk = new SmallDisk(await Deno.makeTempDir({ prefix: "disk_" }));
    await Deno.mkdir(disk.path);
    if (kind === "tmpfs") {
      await run("mount", "-t", "tmpfs", "-o", `size=${sizeMb}m`, "tmpfs", disk.path);
    } else {
      const image = `${disk.#directory}/image`;
      await run("truncate", "-s", `${sizeMb}M`, image);
      await run("mkfs.ext4", "-q", image);
      await run("mount", "-o", "loop", image, disk.path);
    }
    return disk;
  }

  /** Where it is mounted. */
  get path(): string {
    return `${this.#directory}/mounted`;
  }

  /** Writes a file until nothing more fits, and returns how to delete it. */
  async fill(): Promise<() => Promise<void>> {
    const path = `${this.path}/ballast`;
    using file = await Deno.open(path, { write: true, create: true });
    const block = new Uint8Array(4_096);
    try {
      for (;;) await file.write(block);
    } catch (_full) {
      return () => Deno.remove(path);
    }
  }

  /** Lets no write through for a while. Another program thaws it, whatever becomes of this one. */
  async freeze(forMs: number): Promise<void> {
    await run("sh", "-c", `fsfreeze -f ${this.path} && sleep ${forMs / 1_000} && fsfreeze -u ${this.path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", "-l", this.path);
    await Deno.remove(this.#directory, { recursive: true });
  }
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`Cannot ${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function triesToMount(): Promise<boolean> {
  try {
    await using _disk = await SmallDisk.mount(1);
    return true;
  } catch (_refused) {
    return false;
  }
}

/** Only the administrator of the machine may mount; elsewhere tests that need to are left out. */
export const canMount: boolean = Deno.build.os === "linux" && Deno.uid() === 0 && await triesToMount();
