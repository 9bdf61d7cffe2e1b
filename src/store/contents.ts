/** What an output is made of, file by file, so that a later change to it can be found and named. */
import { createHash, hash } from "node:crypto";
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { atomicWrite, hasCode, readOwn } from "./disk.ts";
import { takingTurns } from "./turns.ts";
import type { Receipt } from "./types.ts";

/** What a receipt tells of its output's contents: the digest of the list beside it, how many entries it has, and the bytes of its files. */
export type Contents = NonNullable<Receipt["contents"]>;

/** How an output compares with its receipt. `differences`: one line each, at least one when `changed`. */
export type ContentsVerdict =
  | { readonly outcome: "intact"; readonly entries: number; readonly bytes: number }
  | { readonly outcome: "changed"; readonly differences: readonly string[] }
  | { readonly outcome: "untestable"; readonly reason: string };

/** The list's name in an output. */
const contentsName = "contents.json";

/** What only we write into an output, and no list has in it: whatever else had these names would be lost. */
export const ownNames: readonly string[] = ["receipt.json", contentsName];

/**
 * Writes the list of an output's files, folders and links beside them and gives what the receipt tells of it. One JSON array in a line each:
 * kind, mode (octal), SHA-256 or target, path; in the order of a walk by names. What has another owner than the output's folder says it as well
 * (user:group, by number). Times are left out. Throws ForgeError `interrupted`.
 */
export async function noteContents(out: string, signal: AbortSignal): Promise<Contents> {
  const { text, owner: _owner, ...contents } = await listOf(out, signal);
  await atomicWrite(join(out, contentsName), text);
  return contents;
}

/**
 * Compares an output with what its receipt tells of it, byte by byte; the owner of its folder with that of the store, and without its list it is
 * changed. Changes nothing.
 */
export async function compareContents({ out, contents }: Pick<Receipt, "out" | "contents">): Promise<ContentsVerdict> {
  if (contents === undefined)
    return { outcome: "untestable", reason: "its receipt is from a tlsforge that noted no digest of what it built" };
  try {
    const now = await listOf(out);
    const same = now.sha256 === contents.sha256;
    const before = await listThen(out, contents.sha256);
    const listed = typeof before === "string" ? compare(before, now) : [listProblem(before, same)];
    const differences = [...ownDifferences(out), ...listed];
    // Of names that are no text two may look alike.
    if (!same && differences.length === 0) differences.push("it has other entries than its list");
    if (differences.length > 0) return { outcome: "changed", differences };
    return { outcome: "intact", entries: now.entries, bytes: now.bytes };
  } catch (error) {
    return { outcome: "untestable", reason: unreadable(error) };
  }
}

/** What is in no list: the output's folder, and what stands in it about the output. */
function ownDifferences(out: string): readonly string[] {
  const [folder, store] = [lstatSync(out), lstatSync(dirname(out))];
  const differences: string[] = [];
  if (ownerOf(folder) !== ownerOf(store))
    differences.push(`its folder: belongs to ${ownerOf(folder)}, the store to ${ownerOf(store)}`);
  if ((folder.mode & 0o002) !== 0) differences.push("its folder: is writable by everybody");
  for (const name of ownNames) {
    const facts = lstatSync(join(out, name), { throwIfNoEntry: false });
    if (facts === undefined) continue;
    if (!facts.isFile()) differences.push(`${name}: is no file`);
    else if (ownerOf(facts) !== ownerOf(folder)) differences.push(ownerText(name, ownerOf(folder), ownerOf(facts)));
    else if ((facts.mode & 0o7022) !== 0) differences.push(`${name}: has the mode ${modeText(facts)}`);
  }
  return differences;
}

interface Listed extends Contents {
  readonly text: string;
  /** Of the output's folder. */
  readonly owner: string;
}

async function listOf(out: string, signal?: AbortSignal): Promise<Listed> {
  const lines: string[] = [];
  const reading = { buffer: Buffer.allocUnsafe(1 << 18), pause: takingTurns(signal) };
  let bytes = 0;
  const owner = ownerOf(lstatSync(out));
  for (const { path, facts } of entriesOf(out, "")) {
    const line = await lineOf(join(out, path), { path, facts }, reading);
    const foreign = facts === null || ownerOf(facts) === owner ? [] : [ownerOf(facts)];
    lines.push(JSON.stringify([...line, ...foreign]));
    if (facts?.isFile() === true) bytes += facts.size;
    await reading.pause(4096);
  }
  const text = lines.map((line) => `${line}\n`).join("");
  return { text, owner, sha256: hash("sha256", text), entries: lines.length, bytes };
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
    if (ownNames.includes(path)) continue;
    const facts = lstatSync(join(out, path), { throwIfNoEntry: false }) ?? null;
    yield { path, facts };
    if (facts?.isDirectory() === true) yield* entriesOf(out, path);
  }
}

interface Reading {
  readonly buffer: Buffer;
  readonly pause: ReturnType<typeof takingTurns>;
}

async function lineOf(full: string, { path, facts }: Entry, reading: Reading): Promise<readonly string[]> {
  if (facts === null) return ["unknown", "", "", path];
  const mode = modeText(facts);
  if (facts.isSymbolicLink()) return ["link", "", readlinkSync(full), path];
  if (facts.isDirectory()) return ["folder", mode, "", path];
  return facts.isFile() ? ["file", mode, await digestOf(full, reading), path] : ["other", mode, "", path];
}

async function digestOf(file: string, { buffer, pause }: Reading): Promise<string> {
  const descriptor = openSync(file, "r");
  try {
    const digest = createHash("sha256");
    for (;;) {
      const count = readSync(descriptor, buffer);
      if (count === 0) return digest.digest("hex");
      digest.update(buffer.subarray(0, count));
      await pause(count);
    }
  } catch (error) {
    // What the disk does not give back any more is a finding of its own.
    if (hasCode(error, "EIO")) return "unreadable";
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** The list as it was written, or why it is not what the receipt speaks of. */
async function listThen(out: string, sha256: string): Promise<string | { readonly lost: "is gone" | "was changed" }> {
  try {
    const text = await readOwn(join(out, contentsName));
    if (text === null) return { lost: "is gone" };
    return hash("sha256", text) === sha256 ? text : { lost: "was changed" };
  } catch (error) {
    if (hasCode(error, "EIO", "EACCES", "ELOOP")) return { lost: "was changed" };
    throw error;
  }
}

function listProblem({ lost }: { readonly lost: string }, same: boolean): string {
  return `${contentsName}: ${lost}${same ? "" : "; what else was changed cannot be told"}`;
}

/** `folder`: the owner of the output's folder. */
function compare(before: string, { text, owner: folder }: Listed): readonly string[] {
  const [then, today] = [byPath(before), byPath(text)];
  const differences: string[] = [];
  for (const [path, [kind, mode, value, , owner = folder]] of then) {
    const found = today.get(path);
    if (found === undefined) differences.push(`${path}: is gone`);
    else if (found[0] !== kind) differences.push(`${path}: was a ${kind}, is a ${found[0]}`);
    else if (found[2] === "unreadable") differences.push(`${path}: the disk does not give it back (EIO)`);
    else if (found[2] !== value)
      differences.push(`${path}: ${kind === "link" ? `leads to ${found[2]}` : "has other content"}`);
    else if (found[1] !== mode) differences.push(`${path}: had the mode ${mode}, has ${found[1]}`);
    else if ((found[4] ?? folder) !== owner) differences.push(ownerText(path, owner, found[4] ?? folder));
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

function ownerText(path: string, before: string, now: string): string {
  return `${path}: had the owner ${before}, has ${now}`;
}

/** User and group by number. */
function ownerOf({ uid, gid }: Stats): string {
  return `${uid}:${gid}`;
}

function modeText({ mode }: Stats): string {
  return (mode & 0o7777).toString(8);
}

/** What this user may not read says nothing of what is in it. */
function unreadable(error: unknown): string {
  if (error instanceof Error && hasCode(error, "EACCES", "EPERM", "EIO", "ENOENT"))
    return `it cannot be read: ${error.message}`;
  throw error;
}
