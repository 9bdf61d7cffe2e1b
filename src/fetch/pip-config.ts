import { join } from "node:path";

/** What is needed to find out how pip is configured. */
export interface PipMachine {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Text of a file, null when it is not there. */
  readonly readFile: (path: string) => Promise<string | null>;
  readonly home: string;
  /** The index that pip itself carries (`pipDefaultIndex`), used when nothing is configured. */
  readonly pipDefault: string | null;
}

/**
 * The simple index that pip would use here, in pip's own order of precedence: PIP_INDEX_URL, the file of PIP_CONFIG_FILE, the user's files,
 * the machine's files, pip's default. Null when PIP_NO_INDEX forbids one.
 */
export async function pipIndex({ environment, readFile, home, pipDefault }: PipMachine): Promise<string | null> {
  if (/^(1|true|yes|on|t|y)$/i.test(environment["PIP_NO_INDEX"] ?? "")) return null;
  const direct = environment["PIP_INDEX_URL"]?.trim();
  if (direct !== undefined && direct !== "") return direct;
  for (const file of configFiles(environment, home)) {
    const text = await readFile(file);
    const index = text === null ? null : parsePipConfig(text);
    if (index !== null) return index;
  }
  return pipDefault;
}

function configFiles(environment: PipMachine["environment"], home: string): readonly string[] {
  const chosen = environment["PIP_CONFIG_FILE"];
  // pip's documented way to switch every file off.
  if (chosen === "/dev/null") return [];
  const user = environment["XDG_CONFIG_HOME"] ?? join(home, ".config");
  const shared = (environment["XDG_CONFIG_DIRS"] ?? "/etc/xdg").split(":").filter((folder) => folder !== "");
  return [
    ...(chosen === undefined || chosen === "" ? [] : [chosen]),
    join(user, "pip/pip.conf"),
    join(home, ".pip/pip.conf"),
    "/etc/pip.conf",
    ...shared.map((folder) => join(folder, "pip/pip.conf")),
  ];
}

/** `index-url` of the `[global]` section, or null. */
export function parsePipConfig(text: string): string | null {
  let section = "";
  let found: string | null = null;
  for (const line of text.split("\n")) {
    if (/^\s*[#;]/.test(line)) continue;
    const heading = /^\[([^\]]+)\]/.exec(line.trim());
    if (heading?.[1] !== undefined) section = heading[1].trim().toLowerCase();
    const [, key, value] = /^([\w-]+)\s*[=:]\s*(\S+)/.exec(line) ?? [];
    if (section === "global" && key?.toLowerCase().replaceAll("_", "-") === "index-url" && value !== undefined)
      found = value;
  }
  return found;
}
