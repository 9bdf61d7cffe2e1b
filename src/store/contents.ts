/** What an output is made of, file by file, so that a later change to it can be found and named. */
import { createHash, hash } from "node:crypto";
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, type Stats } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { atomicWrite, hasCode } from "./disk.ts";
import type { Receipt } from "./types.ts";

/** What a receipt tells of its output's contents: the digest of the list beside it, how many entries it has, and the bytes of its files. */
export type Contents = NonNullable<Receipt["contents"]>;

/** How an output compares with its receipt. `differences`: one line each, at least one when `changed`. */
export type ContentsVerdict =
  | { readonly outcome: "intact"; readonly entries: number; readonly bytes: number }
  | { readonly outcome: "changed"; readonly differences: readonly string[] }
  | { readonly outcome: "untestable"; readonly reason: string };

/** The list's name in an output; it and the receipt are not in it. */
export const contentsName = "contents.json";

/**
 * Writes the list of an output's files, folders and links beside them and gives what the receipt tells of it. One JSON array in a line each:
 * kind, mode (octal), SHA-256 or target, path; in the order of a walk by names. Times and owners are left out.
 */
export async function noteContents(out: string): Promise<Contents> {
  const { text, ...contents } = await listOf(out);
  await atomicWrite(join(out, contentsName), text);
  return contents;
}

/** Compares an output with what its receipt tells of it, byte by byte. Changes nothing. */
export async function compareContents({ out, contents }: Pick<Receipt, "out" | "contents">): Promise<ContentsVerdict> {
  if (contents === undefined)
    return { outcome: "untestable", reason: "its receipt is from a tlsforge that noted no digest of what it built" };
  const now = await listOf(out).catch(unreadable);
  if ("reason" in now) return { outcome: "untestable", reason: now.reason };
  if (now.sha256 === contents.sha256) return { outcome: "intact", entries: now.entries, bytes: now.bytes };
  const before = listThen(out, contents.sha256);
  const differences =
    before === null ? [`${contentsName} has been changed too, so that what else has cannot be told`] : [];
  return { outcome: "changed", differences: [...differences, ...(before === null ? [] : compare(before, now.text))] };
}

interface Listed extends Contents {
  readonly text: string;
}

/** Read at once, file by file: a call to the thread pool for each would cost more than the hashing. Others get their turn in between. */
async function listOf(out: string): Promise<Listed> {
  const lines: string[] = [];
  const buffer = Buffer.allocUnsafe(1 << 18);
  let bytes = 0;
  let sinceTurn = 0;
  for (const { path, facts } of entriesOf(out, "")) {
    const line = lineOf(join(out, path), { path, facts, buffer });
    lines.push(JSON.stringify(line));
    if (facts?.isFile() === true) bytes += facts.size;
    sinceTurn += 4096 + (facts?.isFile() === true ? facts.size : 0);
    if (sinceTurn < 4_000_000) continue;
    sinceTurn = 0;
    await turn();
  }
  const text = lines.map((line) => `${line}\n`).join("");
  return { text, sha256: hash("sha256", text), entries: lines.length, bytes };
}

interface Entry {
  /** Below the output. */
  readonly path: string;
  /** null for a name that cannot be asked for again. */
  readonly facts: Stats | null;
}

function* entriesOf(out: string, folder: string): Generator<Entry> {
  for (const name of readdirSync(join(out, folder)).toSorted()) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (path === "receipt.json" || path === contentsName) continue;
    const facts = lstatSync(join(out, path), { throwIfNoEntry: false }) ?? null;
    yield { path, facts };
    if (facts?.isDirectory() === true) yield* entriesOf(out, path);
  }
}

function lineOf(full: string, { path, facts, buffer }: Entry & { readonly buffer: Buffer }): readonly string[] {
  if (facts === null) return ["unknown", "", "", path];
  const mode = (facts.mode & 0o7777).toString(8);
  if (facts.isSymbolicLink()) return ["link", "", readlinkSync(full), path];
  if (facts.isDirectory()) return ["folder", mode, "", path];
  return facts.isFile() ? ["file", mode, digestOf(full, buffer), path] : ["other", mode, "", path];
}

function digestOf(file: string, buffer: Buffer): string {
  const descriptor = openSync(file, "r");
  try {
    const digest = createHash("sha256");
    for (;;) {
      const count = readSync(descriptor, buffer);
      if (count === 0) return digest.digest("hex");
      digest.update(buffer.subarray(0, count));
    }
  } catch (error) {
    // What the disk does not give back any more is a finding of its own.
    if (hasCode(error, "EIO")) return "unreadable";
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** The list as it was written, or null when it is not what the receipt speaks of. */
function listThen(out: string, sha256: string): string | null {
  try {
    const text = readFileSync(join(out, contentsName), "utf8");
    return hash("sha256", text) === sha256 ? text : null;
  } catch (error) {
    if (hasCode(error, "ENOENT", "EIO", "EISDIR", "EACCES")) return null;
    throw error;
  }
}

function compare(before: string, now: string): readonly string[] {
  const [then, today] = [byPath(before), byPath(now)];
  const differences: string[] = [];
  for (const [path, [kind, mode, value]] of then) {
    const found = today.get(path);
    if (found === undefined) differences.push(`${path}: is gone`);
    else if (found[0] !== kind) differences.push(`${path}: was a ${kind}, is a ${found[0]}`);
    else if (found[2] === "unreadable") differences.push(`${path}: the disk does not give it back (EIO)`);
    else if (found[2] !== value)
      differences.push(`${path}: ${kind === "link" ? `leads to ${found[2]}` : "has other content"}`);
    else if (found[1] !== mode) differences.push(`${path}: had the mode ${mode}, has ${found[1]}`);
  }
  for (const path of today.keys()) if (!then.has(path)) differences.push(`${path}: was not there`);
  return differences;
}

function byPath(text: string): ReadonlyMap<string, readonly string[]> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const entry = JSON.parse(line) as readonly string[];
      return [entry[3] ?? "", entry];
    }),
  );
}

/** What this user may not read says nothing of what is in it. */
function unreadable(error: unknown): { readonly reason: string } {
  if (error instanceof Error && hasCode(error, "EACCES", "EPERM", "EIO", "ENOENT"))
    return { reason: `it cannot be read: ${error.message}` };
  throw error;
}
