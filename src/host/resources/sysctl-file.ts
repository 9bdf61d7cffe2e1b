/** Where kernel settings stand for the next boot: a file of our own on Linux, marked lines in everybody's on FreeBSD. */
import type { Host } from "../types.ts";
import { foreignReason, managedText, ownerOf } from "./managed-file.ts";

/** A kernel setting and the file that it is kept in. */
export interface Setting {
  readonly file: string;
  readonly key: string;
  readonly value: string;
}

/** How a system keeps settings for the next boot. */
export interface Layout {
  /** Whether the file is wholly ours. */
  readonly own: boolean;
  /** The value that our part of the file sets; null without one. */
  keeps(setting: Setting, text: string | null): string | null;
  drift(setting: Setting, text: string | null): string | null;
  text(setting: Setting, text: string | null, live: string): string;
  /** The file without our part; null: no file. */
  without(setting: Setting, text: string | null, earlier: string | null): string | null;
  set(key: string, value: string): readonly string[];
}

const ownFile: Layout = {
  own: true,
  keeps: ({ key }, text) => (ownerOf(text) === "ours" ? (lineValue(text ?? "", key) ?? null) : null),
  drift: ({ file }, text) => foreignReason(file, ownerOf(text)),
  text: ({ key, value }, text, live) => managedText(`# It was ${valueBefore(text) ?? live}\n${key} = ${value}\n`),
  without: (_setting, _text, earlier) => earlier,
  set: (key, value) => ["sysctl", "-w", `${key}=${value}`],
};

const marked = "# tlsforge";

/** FreeBSD's /etc/sysctl.conf, which is everybody's: our lines are marked. */
export const sharedFile: Layout = {
  own: false,
  keeps: ({ key }, text) =>
    lineValue(
      (text ?? "")
        .split("\n")
        .filter((line) => line.includes(marked))
        .join("\n"),
      key,
    ) ?? null,
  drift({ file, key, value }, text) {
    const other = lineValue(
      (text ?? "")
        .split("\n")
        .filter((line) => !line.includes(marked))
        .join("\n"),
      key,
    );
    return other === undefined || other === value ? null : `${file} already sets ${key} to ${other}`;
  },
  text(setting, text, live) {
    const { key, value } = setting;
    return withLine(
      withoutOurs(key, text ?? ""),
      `${key}=${value} ${marked}, it was ${valueBefore(oursIn(key, text ?? "")) ?? live}`,
    );
  },
  without({ key }, text, earlier) {
    if (text === null) return null;
    if (earlier !== null && text === withLine(withoutOurs(key, earlier), oursIn(key, text))) return earlier;
    const rest = withoutOurs(key, text);
    const line = oursIn(key, earlier ?? "");
    if (line !== "") return withLine(rest, line);
    return rest === "" && earlier === null ? null : rest;
  },
  set: (key, value) => ["sysctl", `${key}=${value}`],
};

function oursIn(key: string, text: string): string {
  return text.split("\n").find((line) => line.includes(marked) && line.startsWith(key)) ?? "";
}

function withoutOurs(key: string, text: string): string {
  return text
    .split("\n")
    .filter((line) => !(line.includes(marked) && line.startsWith(key)))
    .join("\n");
}

function withLine(text: string, line: string): string {
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;
}

/** What our part of a file says that the live value was before. */
export function valueBefore(text: string | null): string | null {
  return (
    /# It was (\S+)$|# tlsforge, it was (\S+)$/m
      .exec(text ?? "")
      ?.slice(1)
      .find((value) => value !== undefined) ?? null
  );
}

/** How this machine keeps settings. */
export function layoutOf(host: Host): Layout {
  return host.platform.os === "linux" ? ownFile : sharedFile;
}

/** What the last line for a key sets it to. `/` stands for `.`, `*` for a part of a name, and a leading `-` lets it fail (sysctl.d(5)). */
export function lineValue(text: string, key: string): string | undefined {
  const named = (line: string): string => line.split("=")[0]?.trim().replace(/^-/, "").replaceAll("/", ".") ?? "";
  const means = (name: string): boolean =>
    name === key || (name.includes("*") && new RegExp(`^${name.split("*").map(escaped).join("[^.]*")}$`).test(key));
  const values = text
    .split("\n")
    .filter((line) => /^[^#;=]+=/.test(line.trim()) && means(named(line)))
    .map(
      (line) =>
        line
          .slice(line.indexOf("=") + 1)
          .split("#")[0]
          ?.trim() ?? "",
    );
  return values.findLast((value) => value !== "");
}

function escaped(text: string): string {
  return text.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&");
}

/** What a setting is now; null when this kernel does not tell. */
export async function liveValue(host: Host, key: string): Promise<string | null> {
  if (host.platform.os === "linux")
    return (await host.readFile(`/proc/sys/${key.replaceAll(".", "/")}`))?.trim() ?? null;
  const answer = await host.exec(["sysctl", "-n", key], { timeoutSeconds: 10 });
  return answer.exitCode === 0 ? answer.stdout.trim() : null;
}
