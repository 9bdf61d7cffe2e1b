/** glibc: a file of ours in /etc/ld.so.conf.d, and ldconfig, which makes the cache from it (ldconfig(8)). */
import { asRoot } from "../../resources/kind.ts";
import {
  fileStands,
  fileState,
  managedText,
  ownerOf,
  rememberFile,
  savedEffect,
  undoFile,
  withSaved,
} from "../../resources/managed-file.ts";
import type { ManagedFile } from "../../resources/managed-file.ts";
import type { Host } from "../../types.ts";
import { readConfiguration } from "../configuration.ts";
import { entryFile } from "../entry.ts";
import { machineCache } from "../private-cache.ts";
import type { LoaderEntry } from "../types.ts";
import type { EntryWay } from "./types.ts";

export const glibcEntry: EntryWay = {
  async look(host, entry) {
    const file = managed(host, entry);
    const [text, state, configuration] = await Promise.all([
      host.readFile(file.path),
      fileState(host, file),
      readConfiguration(host, { file: file.path, library: entry.library }),
    ]);
    const owner = ownerOf(text);
    const outside = configuration.reached
      ? null
      : "/etc/ld.so.conf does not include /etc/ld.so.conf.d/*.conf, so an entry there would have no effect";
    const effect = savedEffect([state]);
    const cached = state.commands.length === 0 && isCached(host, entry);
    return {
      file: file.path,
      current: text === null ? null : owner === "ours" ? (text.split("\n")[1] ?? "") : `${file.path}, ${owner}`,
      reason: state.reason ?? outside,
      commands: cached ? [] : [...state.commands, asRoot("ldconfig")],
      ...(effect === undefined ? {} : { effect }),
    };
  },

  async remember(host, entry) {
    return { library: entry.library, ...(await rememberFile(host, managed(host, entry))) };
  },

  settle: withSaved,

  undo: (host, record) => undoFile(host, record, [asRoot("ldconfig")]),

  async stands(host, record) {
    if (record.data["sha256"] !== undefined) return fileStands(host, record.data);
    const text = await host.readFile(record.data["file"] ?? "");
    return text === managedText(`${record.data["library"] ?? ""}\n`);
  },
};

function managed(host: Host, entry: LoaderEntry): ManagedFile {
  return { path: entryFile(host, entry), text: managedText(`${entry.library}\n`), mode: 0o644 };
}

/** Whether the cache has what is in the folder. */
function isCached(host: Host, { library }: LoaderEntry): boolean {
  const entries = host.tree.entries(library);
  if (entries === null || entries === "unreadable") return false;
  const cache = machineCache(host);
  const names = entries.map(({ name }) => name).filter((name) => /^lib[^/]+\.so\.\d+$/.test(name));
  return names.every((name) => (cache.get(name) ?? []).some(({ path }) => path === `${library}/${name}`));
}
