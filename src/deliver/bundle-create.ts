import { createHash, randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../errors.ts";
import { chunksOf, fileDigest, signatureExtensions } from "../fetch/index.ts";
import { indexName, membersOf } from "./bundle-index.ts";
import { fileProblem, isMissing } from "./problems.ts";
import type { BundledSignature, BundledSource, BundleIndex } from "./types.ts";

/** A source that is to go into a bundle: where it lies now, under its digest. */
export interface SourceToBundle extends Omit<BundledSource, "signatures"> {
  readonly path: string;
}

/** What a bundle is made of. */
export interface BundleContent extends Pick<BundleIndex, "stack" | "platform"> {
  readonly sources: readonly SourceToBundle[];
  readonly signal: AbortSignal;
}

/**
 * Writes all sources with their signatures into one tar file: the index, then each file under its digest. The same sources give the same bytes. Each
 * file is compared with its digest while it is copied; `file` is there whole or as it was before.
 * Throws `source-mismatch`, `disk-full`, `prefix-unusable`, `interrupted`.
 */
export async function createBundle(
  file: string,
  content: BundleContent,
): Promise<{ readonly index: BundleIndex; readonly sha256: string; readonly bytes: number }> {
  const { index, paths } = await indexOf(content);
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(4).toString("hex")}`);
  try {
    const handle = await open(temporary, "wx", 0o644);
    try {
      const out = await tarWriter(handle);
      const text = Buffer.from(`${JSON.stringify(index, null, 1)}\n`);
      await out.member({ name: indexName, bytes: text.length, sha256: null }, [text]);
      for (const member of membersOf(index)) {
        if (content.signal.aborted) throw new ForgeError("interrupted", "interrupted while a bundle was written");
        await out.member(member, chunksOf(paths.get(member.name) ?? ""));
      }
      const written = await out.end();
      await handle.sync();
      await rename(temporary, file);
      return { index, ...written };
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileProblem(error, file, "written");
  }
}

/** The index, and where each of its members lies. */
async function indexOf({
  stack,
  platform,
  sources,
}: BundleContent): Promise<{ readonly index: BundleIndex; readonly paths: ReadonlyMap<string, string> }> {
  const paths = new Map<string, string>();
  const bundled: BundledSource[] = [];
  for (const source of sources.toSorted((a, b) => (a.sha256 < b.sha256 ? -1 : 1))) {
    if (paths.has(source.sha256)) continue;
    const { path: place, name, recipe, version, file, sha256, bytes } = source;
    paths.set(sha256, place);
    const signatures: BundledSignature[] = [];
    for (const ending of signatureExtensions) {
      const beside = path.join(path.dirname(place), `${sha256}.${ending}`);
      const found = await fileDigest(beside).catch((error: unknown) => {
        if (isMissing(error)) return null;
        throw error;
      });
      if (found === null) continue;
      signatures.push({ ending, ...found });
      paths.set(`${sha256}.${ending}`, beside);
    }
    bundled.push({ name, recipe, version, file, sha256, bytes, signatures });
  }
  return { index: { schema: "tlsforge.bundle/1", stack, platform, sources: bundled }, paths };
}

interface TarWriter {
  member(
    facts: { readonly name: string; readonly bytes: number; readonly sha256: string | null },
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void>;
  end(): Promise<{ readonly sha256: string; readonly bytes: number }>;
}

/** Plain ustar, with nothing in it that differs from run to run. */
async function tarWriter(handle: FileHandle): Promise<TarWriter> {
  const { Header } = await import("tar");
  const whole = createHash("sha256");
  let written = 0;
  const write = async (chunk: Uint8Array): Promise<void> => {
    whole.update(chunk);
    for (let done = 0; done < chunk.length;)
      done += (await handle.write(chunk, done, chunk.length - done)).bytesWritten;
    written += chunk.length;
  };
  return {
    async member({ name, bytes, sha256 }, chunks) {
      const header = new Header({
        path: name,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: bytes,
        mtime: new Date(0),
        type: "File",
      });
      header.encode();
      await write(header.block ?? Buffer.alloc(0));
      const hash = createHash("sha256");
      let length = 0;
      for await (const chunk of chunks) {
        length += chunk.length;
        if (length > bytes) break;
        hash.update(chunk);
        await write(chunk);
      }
      if (length !== bytes || (sha256 !== null && hash.digest("hex") !== sha256)) {
        throw new ForgeError("source-mismatch", `the cached file ${name} is not what its name says`, {
          hint: "run again: a damaged file of the cache is fetched anew",
        });
      }
      await write(Buffer.alloc((512 - (bytes % 512)) % 512));
    },
    async end() {
      await write(Buffer.alloc(1024));
      return { sha256: whole.digest("hex"), bytes: written };
    },
  };
}
