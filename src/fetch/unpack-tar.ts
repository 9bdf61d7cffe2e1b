import type { Parser, ReadEntry } from "tar";
import { Writable } from "node:stream";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ForgeError } from "../errors.ts";
import { errnoOf } from "./problems.ts";
import { broken, quoted, unsafe } from "./unpack-members.ts";
import { checkExtendedHeader } from "./unpack-pax.ts";
import type { FileSink, Member, TreeWriter } from "./unpack-writer.ts";

/** Feeds a plain (decompressed) tar stream to a writer. Whatever the tar library would leave out is refused instead. */
export async function readTar(
  plain: Readable,
  { archive, writer }: { archive: string; writer: TreeWriter },
): Promise<void> {
  const tar = await import("tar");
  const parser = new tar.Parser({ strict: true, brotli: false, zstd: false });
  let ended = false;
  let failure: unknown;
  let open: FileSink | undefined;
  // The parser works synchronously: everything below happens within its write().
  parser.on("error", (error) => fail(error));
  parser.on("ignoredEntry", (entry: ReadEntry) =>
    fail(unsafe(archive, entry.path, `is of a kind that is refused (${entry.type})`)),
  );
  parser.on("meta", (text: string) => guarded(() => checkExtendedHeader(archive, text)));
  parser.on("entry", (entry: ReadEntry) => guarded(() => take(entry)));
  parser.on("eof", () => {
    ended = true;
  });
  try {
    await pipeline(plain, feeder(parser));
  } finally {
    // Only after a failure: a complete member has closed its file.
    open?.abandon();
  }
  if (!ended) throw broken(archive, "it ends too early");

  function feeder(to: Parser): Writable {
    let first = true;
    return new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (first && (chunk[0] === 0x1f || chunk.subarray(0, 4).equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))))
          fail(broken(archive, "it is compressed twice"));
        first = false;
        guarded(() => writer.passed(chunk.length));
        // What follows the end mark is padding; the parser would collect it in memory.
        if (failure === undefined && !ended) guarded(() => to.write(chunk));
        done(failure === undefined ? null : asError(failure));
      },
    });
  }

  function take(entry: ReadEntry): void {
    const { path, linkpath, size } = entry.globalExtended ?? {};
    if ((path ?? linkpath ?? size) !== undefined)
      throw unsafe(archive, entry.path, "is named or measured by a header that is for all members");
    if (entry.header.size === undefined) throw broken(archive, `the member ${quoted(entry.path)} has no size`);
    const member: Member = { path: entry.path, mode: entry.mode ?? 0o644, mtime: (entry.mtime?.getTime() ?? 0) / 1000 };
    switch (entry.type) {
      case "File":
      case "OldFile":
      case "ContiguousFile": {
        const sink = writer.file(member);
        open = sink;
        entry.on("data", (chunk: Buffer) => guarded(() => sink.write(chunk)));
        entry.on("end", () => {
          open = undefined;
          guarded(() => sink.end());
        });
        return;
      }
      case "Directory":
        writer.folder(member);
        break;
      case "SymbolicLink":
        refuseContent(entry);
        writer.symbolicLink(member, entry.linkpath ?? "");
        break;
      case "Link":
        refuseContent(entry);
        writer.hardLink(member, entry.linkpath ?? "");
        break;
      default:
        throw unsafe(archive, entry.path, `is of a kind that is refused (${entry.type})`);
    }
    entry.resume();
  }

  function refuseContent({ size, path }: ReadEntry): void {
    if (size > 0) throw broken(archive, `the link ${quoted(path)} has content of its own`);
  }

  /** Keeps the first failure: errors must not pass through the parser, which would lose its place. */
  function guarded(action: () => unknown): void {
    if (failure !== undefined) return;
    try {
      action();
    } catch (error) {
      fail(error);
    }
  }

  function fail(error: unknown): void {
    const known = error instanceof ForgeError || (errnoOf(error) !== null && !isTarError(error));
    failure ??= known ? error : broken(archive, error instanceof Error ? error.message : String(error), error);
  }
}

function isTarError(error: unknown): boolean {
  return error instanceof Error && "tarCode" in error;
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
