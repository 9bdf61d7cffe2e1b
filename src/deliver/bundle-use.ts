import { createHash, randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import type { ReadEntry } from "tar";
import { ForgeError } from "../errors.ts";
import { chunksOf, noteFirstOrigin, writeProblem } from "../fetch/index.ts";
import { indexName, longest, membersOf, noBundle, parseIndex } from "./bundle-index.ts";
import type { BundleMember } from "./bundle-index.ts";
import { fileProblem } from "./problems.ts";
import type { BundleIndex } from "./types.ts";

/**
 * Brings the sources of a bundle into a cache folder, `<cache>/<sha256>`. A bundle is not trusted: its members must be those of its index, in that
 * order, of that size, and each is compared with the digest that it is named by before it gets that name. What came before a lie stays, as it is what its
 * name says; a signature that is there already is not replaced.
 * Throws `archive-broken`, `source-mismatch`, `usage`, `interrupted`, and of the cache `disk-full` and `prefix-unusable`.
 */
export async function useBundle(
  file: string,
  { cache, signal }: { readonly cache: string; readonly signal: AbortSignal },
): Promise<BundleIndex> {
  const { Parser } = await import("tar");
  const parser = new Parser({ strict: true, brotli: false, zstd: false });
  const reader = bundleReader(file, cache);
  let ended = false;
  let failure: Error | undefined;
  // The parser works synchronously: everything below happens within its write(), and its own errors must not pass through it.
  const guarded = (action: () => void): void => {
    if (failure !== undefined) return;
    try {
      action();
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
  };
  const refuse = (why: string, cause?: unknown): void => {
    failure ??= noBundle(file, why, cause);
  };
  parser.on("error", (error) => refuse(error instanceof Error ? error.message : String(error), error));
  parser.on("ignoredEntry", (entry: ReadEntry) => refuse(`it holds a ${entry.type}`));
  parser.on("meta", () => refuse("it has extended headers"));
  parser.on("entry", (entry: ReadEntry) => {
    guarded(() => reader.begin(entry));
    entry.on("data", (chunk: Buffer) => guarded(() => reader.data(chunk)));
    entry.on("end", () => guarded(() => reader.end()));
    if (failure !== undefined) entry.resume();
  });
  parser.on("eof", () => {
    ended = true;
  });
  try {
    let first = true;
    for await (const chunk of chunksOf(file)) {
      if (signal.aborted) throw new ForgeError("interrupted", "interrupted while a bundle was read");
      // The parser would unpack by itself what a bundle never is: packed.
      if (first && chunk.subarray(0, indexName.length).toString("latin1") !== indexName)
        throw noBundle(file, "it does not begin with its index");
      first = false;
      // The parser keeps pieces for later, and this buffer is used again.
      parser.write(Buffer.from(chunk));
      if (failure !== undefined) throw failure;
      if (ended) break;
    }
    if (!ended) throw noBundle(file, "it ends too early");
    const index = reader.finish();
    for (const sha256 of reader.brought) await noteFirstOrigin(path.join(cache, sha256), `the bundle ${file}`);
    return index;
  } catch (error) {
    // What went wrong with a member has said so; the rest is about the bundle.
    throw error === failure ? error : fileProblem(error, file, "read");
  } finally {
    reader.abandon();
  }
}

/** Takes the members of a bundle one by one. */
function bundleReader(file: string, cache: string) {
  let text = "";
  let index: BundleIndex | null = null;
  let expected: readonly BundleMember[] = [];
  let at = 0;
  let open: ReturnType<typeof cacheFile> | null = null;
  const brought = new Set<string>();
  return {
    /** The digests of the sources that were not in the cache. */
    brought,
    begin({ path: name, size, type }: ReadEntry): void {
      if (type !== "File" && type !== "OldFile") throw noBundle(file, `it holds a ${type}`);
      if (index === null) {
        if (name !== indexName || size > longest.index) throw noBundle(file, "it does not begin with its index");
        return;
      }
      const member = expected[at];
      if (member === undefined || name !== member.name || size !== member.bytes)
        throw noBundle(
          file,
          `after ${at} of ${expected.length} files comes something that its index does not have there`,
        );
      if (member.name === member.sha256 && !existsSync(path.join(cache, member.name))) brought.add(member.sha256);
      open = inCache(cache, () => cacheFile(cache, member, file));
    },
    data(chunk: Buffer): void {
      if (open === null) text += chunk.toString("latin1");
      else inCache(cache, () => open?.write(chunk));
    },
    end(): void {
      if (open === null) {
        index = parseIndex(Buffer.from(text, "latin1").toString("utf8"), file);
        expected = membersOf(index);
        return;
      }
      inCache(cache, () => open?.end());
      open = null;
      at += 1;
    },
    finish(): BundleIndex {
      if (index === null || at !== expected.length)
        throw noBundle(file, `it has ${at} of the ${expected.length} files of its index`);
      return index;
    },
    abandon(): void {
      open?.abandon();
    },
  };
}

/** What goes wrong while something is written into the cache is the cache's fault, not the bundle's. */
function inCache<Result>(cache: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw writeProblem(error, cache);
  }
}

/** A file on its way into the cache: under another name until its digest is known to be right. */
function cacheFile(cache: string, { name, sha256 }: BundleMember, file: string) {
  mkdirSync(cache, { recursive: true });
  const temporary = path.join(cache, `.${name}.${randomBytes(4).toString("hex")}`);
  const handle = openSync(temporary, "wx", 0o644);
  const hash = createHash("sha256");
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    closeSync(handle);
  };
  const abandon = (): void => {
    close();
    rmSync(temporary, { force: true });
  };
  return {
    write(chunk: Buffer): void {
      hash.update(chunk);
      for (let done = 0; done < chunk.length;) done += writeSync(handle, chunk, done);
    },
    end(): void {
      const got = hash.digest("hex");
      if (got !== sha256) {
        throw new ForgeError(
          "source-mismatch",
          `${file} holds other bytes than it says: expected SHA-256 ${sha256}, got ${got}`,
          {
            hint: "nothing of it was kept under this digest; make the bundle again, or distrust where it came from",
          },
        );
      }
      const final = path.join(cache, name);
      if (name !== sha256 && existsSync(final)) return abandon();
      fsyncSync(handle);
      close();
      renameSync(temporary, final);
    },
    abandon,
  };
}
