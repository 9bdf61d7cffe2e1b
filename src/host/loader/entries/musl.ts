/**
 * musl: a list of folders that is read at each start of a program, /etc/ld-musl-ARCH.path. It is not ours alone. Where it is not there musl has
 * a list of its own, which has to be written down first: with the file there, only what it names is searched.
 */
import { createHash } from "node:crypto";
import { asRoot } from "../../resources/kind.ts";
import type { RecordData } from "../../resources/kind.ts";
import { leftoverCommands, writeCommands } from "../../resources/managed-file.ts";
import type { Host } from "../../types.ts";
import { entryFile, isOwn } from "../entry.ts";
import { muslDefault, muslFolders } from "../musl.ts";
import type { LoaderEntry } from "../types.ts";
import type { EntryWay } from "./types.ts";

export const muslEntry: EntryWay = {
  async look(host, entry) {
    const file = entryFile(host, entry);
    const [text, facts] = await Promise.all([host.readFile(file), host.facts(file)]);
    const isFile = facts === null || facts.kind === "file";
    const standing = text === null ? [] : muslFolders(text).filter((folder) => isOwn(folder, entry));
    const stands = text !== null && muslFolders(text).at(-1) === entry.library && standing.length === 1;
    return {
      file,
      current: standing.at(-1) ?? null,
      reason: isFile ? null : `${file} is no ordinary file, and tlsforge did not make it`,
      commands: stands ? [] : writeCommands(file, withEntry(text, entry), facts?.mode ?? 0o644),
      ...(text === null
        ? { effect: `${file} is made, with musl's own list in it (${muslDefault}) and ours after it` }
        : {}),
    };
  },

  async remember(host, entry) {
    const file = entryFile(host, entry);
    const [text, facts] = await Promise.all([host.readFile(file), host.facts(file)]);
    const wanted = withEntry(text, entry);
    return {
      file,
      library: entry.library,
      mode: `0${(facts?.mode ?? 0o644).toString(8)}`,
      sha256: createHash("sha256").update(wanted).digest("hex"),
      // With our folder in it already it is what an interrupted run left, not what was there before.
      ...(text === null || text === wanted ? {} : { text }),
    };
  },

  async undo(host, record) {
    const { file = "", library = "", text: earlier, mode = "0644" } = record.data;
    const text = await host.readFile(file);
    const leftover = await leftoverCommands(host, file);
    if (text === null || !muslFolders(text).includes(library)) {
      const detail = `${file} does not name ${library} any more`;
      return { action: leftover.length === 0 ? "none" : "delete", commands: leftover, detail };
    }
    const entry = { library, name: "" };
    const untouched = text === withEntry(earlier ?? null, entry);
    const rest = untouched ? (earlier ?? null) : withoutEntry(text, library);
    if (rest === null || (earlier === undefined && rest.trim() === muslDefault))
      return { action: "delete", commands: [...leftover, asRoot("rm", "-f", file)], detail: `${file} is removed` };
    const commands = [...leftover, ...writeCommands(file, rest, Number.parseInt(mode, 8))];
    return { action: "update", commands, detail: `${file} no longer names ${library}` };
  },

  stands: async (host, record) => namesLibrary(host, record.data),
};

async function namesLibrary(host: Host, { file = "", library = "" }: RecordData): Promise<boolean> {
  const text = await host.readFile(file);
  return text !== null && muslFolders(text).includes(library);
}

/** The list with ours as its last folder, and no older one of the same prefix. */
function withEntry(text: string | null, entry: LoaderEntry): string {
  const older = (text === null ? [] : muslFolders(text)).filter((folder) => isOwn(folder, entry));
  const rest = older.reduce((left, folder) => withoutEntry(left, folder), text ?? `${muslDefault}\n`);
  return `${rest}${rest === "" || rest.endsWith("\n") ? "" : "\n"}${entry.library}\n`;
}

/** Everything else stays as it is written. */
function withoutEntry(text: string, library: string): string {
  const lines = text.split("\n").filter((line) => line !== library);
  return lines
    .map((line) =>
      line
        .split(":")
        .filter((folder) => folder !== library)
        .join(":"),
    )
    .join("\n");
}
