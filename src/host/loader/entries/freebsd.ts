/**
 * FreeBSD: `ldconfig -m` enters a folder until the next boot; at boot rc.d/ldconfig enters what rc.conf(5) names: `ldconfig_paths`, and every folder
 * that is named in a file below `ldconfig_local_dirs`. A file there is ours alone, rc.conf is not. What such a file holds is taken word by word,
 * so it has no line that says whose it is: its only line is a folder of our store.
 */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { asRoot } from "../../resources/kind.ts";
import { leftoverCommands, writeCommands } from "../../resources/managed-file.ts";
import type { Host, HostCommand } from "../../types.ts";
import { entryFile, isOwn } from "../entry.ts";
import { hintFolders } from "../freebsd.ts";
import type { LoaderEntry } from "../types.ts";
import type { EntryWay } from "./types.ts";

export const freebsdEntry: EntryWay = {
  async look(host, entry) {
    const file = entryFile(host, entry);
    const [text, hints, atBoot] = await Promise.all([host.readFile(file), hintsOf(host), localFolders(host)]);
    const state = { file, current: text === null ? null : text.trimEnd() };
    const foreign =
      text !== null && !isOurText(text, entry) ? `${file} is there and was not written by tlsforge` : null;
    const unreached = atBoot.includes(posix.dirname(file))
      ? null
      : `rc.conf's ldconfig_local_dirs does not have ${posix.dirname(file)}, so an entry there would be lost at boot`;
    const unknown = hints === null ? "the loader's hints cannot be read (ldconfig -r)" : null;
    const reason = foreign ?? unknown ?? unreached;
    if (hints === null || reason !== null) return { ...state, reason, commands: [] };
    const written = text === `${entry.library}\n` ? [] : await fileCommands(host, file, entry.library);
    return { ...state, reason, commands: [...written, ...enterCommands(hints, entry)] };
  },

  async remember(host, entry) {
    const file = entryFile(host, entry);
    const text = await host.readFile(file);
    const made = (await host.facts(posix.dirname(file))) === null ? { folder: posix.dirname(file) } : {};
    const wanted = `${entry.library}\n`;
    return {
      file,
      library: entry.library,
      mode: "0644",
      ...made,
      sha256: createHash("sha256").update(wanted).digest("hex"),
      ...(text === null || text === wanted ? {} : { text }),
    };
  },

  async undo(host, record) {
    const { file = "", library = "", folder, text: earlier } = record.data;
    const [text, hints, leftover] = await Promise.all([
      host.readFile(file),
      hintsOf(host),
      leftoverCommands(host, file),
    ]);
    if (hints === null)
      return { action: "blocked", commands: [], detail: "the loader's hints cannot be read (ldconfig -r)" };
    if (text !== null && text !== `${library}\n` && text !== earlier)
      return { action: "blocked", commands: [], detail: `${file} was changed since tlsforge wrote it` };
    const older = earlier?.trimEnd();
    const back = text === (earlier ?? null) ? [] : backCommands(file, earlier, folder);
    const rest = hints.filter((one) => one !== library);
    const wanted = older === undefined || rest.includes(older) ? rest : [...rest, older];
    const live = wanted.join(":") === hints.join(":") ? [] : [asRoot("ldconfig", "-i", ...wanted)];
    const commands = [...leftover, ...back, ...live];
    if (commands.length === 0) return { action: "none", commands, detail: `${file} is as it was` };
    return older === undefined
      ? { action: "delete", commands, detail: `${file} is removed` }
      : { action: "update", commands, detail: `${file} names ${older} again` };
  },

  async stands(host, record) {
    return (await host.readFile(record.data["file"] ?? "")) === `${record.data["library"] ?? ""}\n`;
  },
};

/** With -i, for folders that are entered already were taken as they are when they were entered. Without, so that ldconfig itself looks at ours. */
function enterCommands(hints: readonly string[], entry: LoaderEntry): readonly HostCommand[] {
  const others = hints.filter((folder) => !isOwn(folder, entry));
  const older = hints.some((folder) => folder !== entry.library && isOwn(folder, entry));
  const away = older ? [asRoot("ldconfig", "-i", ...others)] : [];
  return older || !hints.includes(entry.library) ? [...away, asRoot("ldconfig", "-m", entry.library)] : [];
}

async function fileCommands(host: Host, file: string, library: string): Promise<readonly HostCommand[]> {
  const folder = posix.dirname(file);
  const made = (await host.facts(folder)) === null ? [asRoot("mkdir", "-p", folder)] : [];
  return [...made, ...writeCommands(file, `${library}\n`)];
}

function backCommands(file: string, earlier: string | undefined, folder: string | undefined): readonly HostCommand[] {
  if (earlier !== undefined) return writeCommands(file, earlier);
  return [asRoot("rm", "-f", file), ...(folder === undefined ? [] : [asRoot("rmdir", folder)])];
}

async function hintsOf(host: Host): Promise<readonly string[] | null> {
  const answer = await host.exec(["ldconfig", "-r"], { timeoutSeconds: 20 });
  return answer.exitCode === 0 ? hintFolders(answer.stdout) : null;
}

async function localFolders(host: Host): Promise<readonly string[]> {
  const answer = await host.exec(["sysrc", "-n", "ldconfig_local_dirs"], { timeoutSeconds: 20 });
  return answer.exitCode === 0 ? answer.stdout.trim().split(/\s+/) : [];
}

/** A file that we have written holds one folder and nothing else. */
function isOurText(text: string, entry: LoaderEntry): boolean {
  return /^\S+\n?$/.test(text) && isOwn(text.trimEnd(), entry);
}
