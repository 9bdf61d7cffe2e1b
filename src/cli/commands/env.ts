import path from "node:path";
import { ForgeError } from "../../errors.ts";
import { currentGeneration } from "../../store/index.ts";
import { quotedWord } from "../../words.ts";
import type { Context } from "../context.ts";
import type { Result } from "../result.ts";

/** What a shell runs to put a folder first on its PATH; run twice, it changes nothing the second time where the shell can tell. */
const shells: Readonly<Record<string, (folder: string) => string>> = {
  sh: (folder) =>
    `case ":$PATH:" in *:${quotedWord(folder)}:*) ;; *) PATH=${quotedWord(folder)}\${PATH:+:$PATH}; export PATH ;; esac`,
  fish: (folder) => `contains -- ${fishQuoted(folder)} $PATH; or set -gx PATH ${fishQuoted(folder)} $PATH`,
  csh: (folder) => `setenv PATH ${cshQuoted(folder)}:"$PATH"`,
};

/** bash and its kin read what sh reads. */
const kinds: Readonly<Record<string, string>> = {
  bash: "sh",
  dash: "sh",
  ash: "sh",
  ksh: "sh",
  zsh: "sh",
  tcsh: "csh",
};

/**
 * What a shell must export for the programs of a prefix to be found first: its `bin` on PATH, and nothing else, since run paths are absolute.
 * The shell is the named one, else the one that SHELL names, else sh. Throws `usage` for another, `not-found` without a generation.
 */
export async function env(context: Context, named: string | undefined): Promise<Result> {
  const { prefix } = context.options;
  const shell = shellOf(named ?? path.basename(context.environment["SHELL"] ?? "sh"), named !== undefined);
  if ((await currentGeneration(prefix)) === null)
    throw new ForgeError("not-found", `there is no generation in ${prefix}`, {
      hint: "run tlsforge provision, or tlsforge build, first",
    });
  const folder = path.join(prefix, "bin");
  if (/[:\n]/.test(folder))
    throw new ForgeError("prefix-unusable", `${folder} cannot stand on PATH, whose entries are parted by ":"`, {
      hint: "choose another prefix",
    });
  const text = `${shells[shell]?.(folder) ?? ""}\n`;
  return { outcome: "done", exitCode: 0, fields: { prefix, shell, path: [folder] }, text };
}

function shellOf(name: string, demanded: boolean): string {
  const known = Object.hasOwn(kinds, name) ? (kinds[name] ?? name) : name;
  if (Object.hasOwn(shells, known)) return known;
  if (!demanded) return "sh";
  throw new ForgeError("usage", `there is nothing to export for ${JSON.stringify(name)}`, {
    hint: `use one of ${[...Object.keys(shells), ...Object.keys(kinds)].join(", ")}`,
  });
}

function fishQuoted(word: string): string {
  return `'${word.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}

/** Inside of single quotes csh still looks for its history (csh(1)). */
function cshQuoted(word: string): string {
  return quotedWord(word).replaceAll("!", String.raw`\!`);
}
