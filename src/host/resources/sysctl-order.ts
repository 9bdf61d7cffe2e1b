/** Which file has the last word on a kernel setting at the next boot. */
import { basename } from "node:path";
import type { Host } from "../types.ts";
import { lineValue, type Setting } from "./sysctl-file.ts";

/** In the order in which a name of an earlier folder hides the same name of a later one (sysctl.d(5)). */
const folders = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];

/** What is read after all of them: by procps on Linux (sysctl(8), --system), by rc.d/sysctl on FreeBSD (sysctl.conf(5)). */
const lastFile: Readonly<Record<string, string>> = { linux: "/etc/sysctl.conf", freebsd: "/etc/sysctl.conf.local" };

/** A file that is read at boot after a setting's own, and what it sets the key to. */
export interface LaterSetting {
  readonly file: string;
  /** Null: it cannot be read. */
  readonly value: string | null;
}

/** The last of the files behind our own that set the key, or one that cannot be read; null when ours has the last word. */
export async function laterSetting(host: Host, { file, key }: Setting): Promise<LaterSetting | null> {
  const behind = host.platform.os === "linux" ? await namesBehind(host, basename(file)) : [];
  const files = [...behind, lastFile[host.platform.os]].filter((name) => name !== undefined);
  const found: LaterSetting[] = [];
  for (const name of files) {
    const text = await host.readFile(name);
    const hidden = text === null && (await host.facts(name)) !== null;
    const value = hidden ? null : lineValue(text ?? "", key);
    if (value !== undefined) found.push({ file: name, value });
  }
  return found.find(({ value }) => value === null) ?? found.at(-1) ?? null;
}

/** Files of all folders whose names sort behind ours, whatever folder they are in. */
async function namesBehind(host: Host, own: string): Promise<readonly string[]> {
  const paths = new Map<string, string>();
  for (const folder of folders)
    for (const name of await host.list(folder))
      if (name.endsWith(".conf") && name > own && !paths.has(name)) paths.set(name, `${folder}/${name}`);
  return [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
}
