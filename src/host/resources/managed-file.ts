/**
 * A configuration file that is wholly ours. A line at its top says so and holds a digest of the rest, so that a change by hand is seen without
 * any record. What somebody changed is never lost: it is kept beside as `<file>.tlsforge-saved`, which no undo removes.
 */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import type { HostRecord } from "../../store/types.ts";
import type { Host, HostCommand, Resource, ResourcePlan } from "../types.ts";
import { asRoot, planBase } from "./kind.ts";
import type { Block, RecordData, UndoPlan } from "./kind.ts";

const ownLine = /^(#!.*\n)?# Written by tlsforge \(content ([0-9a-f]{16})\)\. .*\n/;

/** The text of a managed file with this content. A script's first line stays its first. */
export function managedText(content: string): string {
  const interpreter = /^#!.*\n/.exec(content)?.[0] ?? "";
  const line = `# Written by tlsforge (content ${digest(content)}). A change by hand is shown by "tlsforge plan", never overwritten.\n`;
  return `${interpreter}${line}${content.slice(interpreter.length)}`;
}

type Owner = "absent" | "ours" | "changed" | "foreign";

/** Whose a file's text is: ours as written, ours changed by hand, or somebody else's. */
export function ownerOf(text: string | null): Owner {
  if (text === null) return "absent";
  const recorded = ownLine.exec(text);
  if (recorded === null) return "foreign";
  return recorded[2] === digest(contentOf(text)) ? "ours" : "changed";
}

/** Why a file is none that we may write over; null when it is not there or ours, changed by hand or not. */
export function foreignReason(path: string, owner: Owner): string | null {
  return owner === "foreign" ? `${path} is there and was not written by tlsforge` : null;
}

/** A file as it shall be. `text` is whole, from `managedText`; it belongs to root. */
export interface ManagedFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** What stands where a managed file shall be. */
export interface FileState {
  readonly owner: Owner;
  /** Why it must not be touched; null when it may. */
  readonly reason: string | null;
  /** In words; null when nothing is there. */
  readonly current: string | null;
  /** What is to be run for it to be as wanted: what was changed by hand is kept first. Empty: it is. */
  readonly commands: readonly HostCommand[];
  /** Where a change by hand would be kept; null when there is none. */
  readonly saved: string | null;
}

/** Looks at the place of a managed file. */
export async function fileState(host: Host, file: ManagedFile): Promise<FileState> {
  const [text, facts] = await Promise.all([host.readFile(file.path), host.facts(file.path)]);
  if (facts !== null && facts.kind !== "file") {
    const what = facts.kind === "link" ? "a link" : facts.kind === "folder" ? "a folder" : "no ordinary file";
    const reason = `${file.path} is ${what}, which tlsforge did not make`;
    return { owner: "foreign", reason, current: `${file.path}, ${what}`, commands: [], saved: null };
  }
  const owner = ownerOf(text);
  const saved = owner === "changed" ? await savedPath(host, file.path) : null;
  const asWanted = text === file.text && facts?.mode === file.mode && facts.uid === 0;
  const written = [
    ...(saved === null ? [] : keepCommands(["cp", "-p", file.path, saved], facts?.mode ?? 0)),
    ...writeCommands(file.path, file.text, file.mode),
  ];
  return {
    owner,
    reason: foreignReason(file.path, owner),
    current: text === null ? null : currentText(file, { text, owner, mode: facts?.mode ?? 0, uid: facts?.uid ?? 0 }),
    commands: asWanted || owner === "foreign" ? [] : written,
    saved,
  };
}

/** What it means that a change by hand is replaced; undefined when there is none. */
export function savedEffect(states: readonly FileState[]): string | undefined {
  const saved = states.flatMap((state) => state.saved ?? []);
  return saved.length === 0 ? undefined : `what was changed by hand is kept as ${saved.join(", ")}`;
}

/**
 * The plan of a resource that is made of managed files: what `commands` do to it, nothing when there are none. The first file's state tells
 * whether it is there at all; where a change by hand would be replaced, the plan says where that is kept.
 */
export function filesPlan(
  resource: Resource,
  told: Omit<Block, "reason">,
  states: readonly [FileState, ...FileState[]],
  commands: readonly HostCommand[],
): ResourcePlan {
  const plan = { ...planBase(resource), ...told, commands };
  if (commands.length === 0) return { ...plan, action: "none" };
  const effect = savedEffect(states);
  const action = states[0].owner === "absent" ? "create" : "update";
  return { ...plan, action, ...(effect === undefined ? {} : { effect }) };
}

/** What a record needs of a file, read before the change: our own text of before, when it is another. */
export async function rememberFile(host: Host, file: ManagedFile): Promise<RecordData> {
  const text = await host.readFile(file.path);
  const earlier = text !== null && ownerOf(text) === "ours" && text !== file.text ? { text } : {};
  return { ...fileData(file), ...earlier };
}

/** What a record says of a file that stands as wanted. */
export function fileData({ path, text, mode }: ManagedFile): RecordData {
  return { file: path, sha256: createHash("sha256").update(text).digest("hex"), mode: modeText(mode) };
}

/** What was remembered, and every copy of a change by hand that lies beside the file now. */
export async function withSaved(host: Host, data: RecordData): Promise<RecordData> {
  const saved = await savedCopies(host, data["file"] ?? "");
  return saved.length === 0 ? data : { ...data, saved: saved.join(" ") };
}

/** Takes a managed file back. `removed`: what the machine has to be told once it is gone or as it was. */
export async function undoFile(
  host: Host,
  record: HostRecord,
  removed: readonly HostCommand[] = [],
): Promise<UndoPlan> {
  const { file = "", text: earlier, mode = "0644" } = record.data;
  const [text, facts, leftover, copies] = await Promise.all([
    host.readFile(file),
    host.facts(file),
    leftoverCommands(host, file),
    savedCopies(host, file),
  ]);
  const note = (more: readonly string[] = []): string =>
    [...copies, ...more].length === 0 ? "" : `; kept: ${[...copies, ...more].join(", ")}`;
  if (text === (earlier ?? null))
    return {
      action: leftover.length === 0 ? "none" : "delete",
      commands: leftover,
      detail: `${file} is as it was${note()}`,
    };
  const owner = ownerOf(text);
  const reason = facts !== null && facts.kind !== "file" ? `${file} is no file any more` : foreignReason(file, owner);
  if (reason !== null) return { action: "blocked", commands: [], detail: reason, foreign: true };
  const saved = owner === "changed" ? await savedPath(host, file) : null;
  const away = saved === null ? [asRoot("rm", "-f", file)] : keepCommands(["mv", "-f", file, saved], facts?.mode ?? 0);
  const back = earlier === undefined ? [] : writeCommands(file, earlier, Number.parseInt(mode, 8));
  return {
    action: earlier === undefined ? "delete" : "update",
    commands: [...leftover, ...(saved !== null || earlier === undefined ? away : []), ...back, ...removed],
    detail: `${file} is ${earlier === undefined ? "removed" : "as it was before"}${note(saved === null ? [] : [saved])}`,
  };
}

/** Whether a recorded file stands as it was written. */
export async function fileStands(host: Host, data: RecordData): Promise<boolean> {
  const { file = "", sha256, mode } = data;
  const [text, facts] = await Promise.all([host.readFile(file), host.facts(file)]);
  if (text === null || facts === null || facts.kind !== "file") return false;
  return createHash("sha256").update(text).digest("hex") === sha256 && modeText(facts.mode) === mode;
}

/**
 * Writes a file whole or not at all: the text goes through standard input into a new file beside it, which is synced and renamed.
 * The same commands for root and for sudo, and every one of them stands in the plan.
 */
export function writeCommands(path: string, text: string, mode = 0o644): readonly HostCommand[] {
  const fresh = freshPath(path);
  return [
    { argv: ["tee", fresh], elevated: true, input: text },
    asRoot("chmod", modeText(mode), fresh),
    asRoot("sync", fresh),
    asRoot("mv", "-f", fresh, path),
  ];
}

/** Removes what a write that broke off has left beside the file; nothing when there is nothing. */
export async function leftoverCommands(host: Host, path: string): Promise<readonly HostCommand[]> {
  return (await host.facts(freshPath(path))) === null ? [] : [asRoot("rm", "-f", freshPath(path))];
}

/** Where the next change by hand is kept: never over an earlier one. */
export async function savedPath(host: Host, path: string): Promise<string> {
  const taken = new Set(await savedCopies(host, path));
  let candidate = `${path}.tlsforge-saved`;
  for (let number = 2; taken.has(candidate); number += 1) candidate = `${path}.tlsforge-saved-${number}`;
  return candidate;
}

/** Puts a changed file aside. Folders of start scripts run whatever may be run, so a copy may not. */
export function keepCommands(argv: readonly string[], mode: number): readonly HostCommand[] {
  const copy = argv.at(-1) ?? "";
  return [asRoot(...argv), ...((mode & 0o111) === 0 ? [] : [asRoot("chmod", "a-x", copy)])];
}

async function savedCopies(host: Host, path: string): Promise<readonly string[]> {
  const names = await host.list(dirname(path));
  return names
    .filter((name) => name.startsWith(`${basename(path)}.tlsforge-saved`))
    .map((name) => join(dirname(path), name));
}

function currentText(file: ManagedFile, found: { text: string; owner: Owner; mode: number; uid: number }): string {
  if (found.owner === "foreign") return `${file.path}, not ours`;
  if (found.owner === "changed") return `${file.path}, changed by hand: ${differences(file.text, found.text)}`;
  if (found.text !== file.text) return `${file.path}, an earlier one of ours: ${differences(file.text, found.text)}`;
  if (found.mode !== file.mode) return `${file.path}, mode ${modeText(found.mode)}`;
  return found.uid === 0 ? file.path : `${file.path}, not owned by root`;
}

const shownLines = 3;

/** What a text has and lacks, line by line, against the one that is wanted. */
function differences(wanted: string, found: string): string {
  const linesOf = (text: string): readonly string[] => contentOf(text).split("\n");
  const only = (one: string, other: string): readonly string[] => {
    const there = new Set(linesOf(other));
    return linesOf(one).filter((line) => line !== "" && !there.has(line));
  };
  const tell = (verb: string, lines: readonly string[]): readonly string[] => {
    const more = lines.length > shownLines ? ` and ${lines.length - shownLines} more` : "";
    const shown = lines.slice(0, shownLines).map((line) => JSON.stringify(line));
    return lines.length === 0 ? [] : [`${verb} ${shown.join(", ")}${more}`];
  };
  const told = [...tell("has", only(found, wanted)), ...tell("lacks", only(wanted, found))];
  return told.length === 0 ? "its lines stand in another order" : told.join("; ");
}

function contentOf(text: string): string {
  const line = ownLine.exec(text);
  return line === null ? text : `${line[1] ?? ""}${text.slice(line[0].length)}`;
}

function freshPath(path: string): string {
  return `${path}.tlsforge-new`;
}

function modeText(mode: number): string {
  return `0${mode.toString(8)}`;
}

function digest(content: string): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}
