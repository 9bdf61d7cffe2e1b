import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { ForgeError } from "../errors.ts";
import { errnoOf } from "./problems.ts";
import { broken } from "./unpack-members.ts";

/** How an archive is packed, told by its first bytes. */
export type Packing = "gzip" | "zstd" | "xz" | "bzip2" | "zip" | "tar" | "unknown";

/** The packings that hold a tar stream. */
export type TarPacking = Exclude<Packing, "zip" | "unknown">;

/** Reads the packing of a file from its content; names are not looked at. */
export async function packingOf(file: string): Promise<Packing> {
  const handle = await open(file, "r");
  try {
    const head = Buffer.alloc(262);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    const begins = (...bytes: number[]): boolean =>
      bytesRead >= bytes.length && head.subarray(0, bytes.length).equals(Buffer.from(bytes));
    if (begins(0x1f, 0x8b)) return "gzip";
    if (begins(0x28, 0xb5, 0x2f, 0xfd)) return "zstd";
    if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return "xz";
    if (begins(0x42, 0x5a, 0x68)) return "bzip2";
    if (begins(0x50, 0x4b, 0x03, 0x04) || begins(0x50, 0x4b, 0x05, 0x06)) return "zip";
    return head.subarray(257, 262).toString("latin1") === "ustar" ? "tar" : "unknown";
  } finally {
    await handle.close();
  }
}

/** The tar stream inside a file, and `done`, which rejects when the packing turns out to be damaged or the stream was cut. */
export interface Plain {
  readonly stream: Readable;
  readonly done: Promise<void>;
}

/** Opens the tar stream inside a packed file. Damage surfaces as an error of the stream or of `done`. */
export async function decompressed(
  file: string,
  { archive, packing }: { archive: string; packing: TarPacking },
): Promise<Plain> {
  // Small chunks: large ones outlive the collections of the young generation and pile up.
  const packed = (): Readable => createReadStream(file);
  const done = Promise.resolve();
  switch (packing) {
    case "tar":
      return { stream: packed(), done };
    case "gzip":
      return { stream: through(packed(), createGunzip()), done };
    case "zstd":
      return { stream: through(packed(), createZstdDecompress()), done };
    case "bzip2":
      return withProgram({ ...bzip2, file, archive });
    case "xz":
      return withProgram({ ...xz, file, archive });
  }
}

function through(from: Readable, to: NodeJS.ReadWriteStream & Readable): Readable {
  from.on("error", (error) => to.destroy(error));
  to.on("close", () => from.destroy());
  from.pipe(to);
  return to;
}

/** A program of the host that unpacks to its standard output. */
interface Unpacker {
  readonly argv: readonly [string, ...string[]];
  /** Variables in which a caller's shell may have put options: they have no say here. */
  readonly options: readonly string[];
  readonly install: string;
}

const xz: Unpacker = {
  argv: ["xz", "--decompress", "--stdout", "--memlimit-decompress=1GiB", "--"],
  options: ["XZ_OPT", "XZ_DEFAULTS"],
  install: "package xz-utils on Debian, xz elsewhere",
};

const bzip2: Unpacker = {
  argv: ["bzip2", "--decompress", "--stdout", "--"],
  options: ["BZIP", "BZIP2"],
  install: "package bzip2",
};

/** A program of the host does the work in a process of its own: what a hostile file does to it, it does to nobody else. */
async function withProgram({
  argv: [program, ...argv],
  options,
  install,
  file,
  archive,
}: Unpacker & { readonly file: string; readonly archive: string }): Promise<Plain> {
  const { execa } = await import("execa");
  const child = execa(program, [...argv, file], {
    stdin: "ignore",
    buffer: { stdout: false, stderr: true },
    maxBuffer: 64 * 1024,
    reject: false,
    env: { ...Object.fromEntries(options.map((name) => [name, ""])), LC_ALL: "C" },
  });
  const stream = child.stdout;
  stream.on("close", () => {
    if (!stream.readableEnded) child.kill();
  });
  const done = child.then((result) => {
    // Ended by the reader, who knows why.
    if (!result.failed || result.isTerminated) return;
    if (errnoOf(result.cause) === "ENOENT" || errnoOf(result) === "ENOENT") {
      throw new ForgeError(
        "requirement-missing",
        `The program ${program} is needed to unpack a source and is not on PATH`,
        {
          hint: `Install it (${install})`,
        },
      );
    }
    const said = String(result.stderr).trim().split("\n")[0] ?? "";
    throw broken(archive, said === "" ? `${program} failed` : said.replaceAll(`${file}: `, ""));
  });
  // Whoever reads the stream may fail first; the reason is still told by `done`.
  done.catch(() => undefined);
  return { stream, done };
}
