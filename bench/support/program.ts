/** What the benchmark programs share: their command line, Ctrl-C, and the two ways to print a result. */
import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { exitCodeFor, ForgeError } from "../../src/errors.ts";

export interface Option {
  /** What stands for the value in the help; a flag without value when left out. */
  readonly value?: string;
  readonly help: string;
}

interface Described {
  readonly name: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, Option>>;
}

export interface Program<Result> extends Described {
  readonly run: (arguments_: Arguments, signal: AbortSignal) => Promise<Result>;
  readonly text: (result: Result) => string;
}

export interface Arguments {
  readonly text: (name: string) => string | undefined;
  readonly flag: (name: string) => boolean;
  /** A whole number from 1 on. */
  readonly count: (name: string, fallback: number) => number;
  /** An absolute path. */
  readonly path: (name: string) => string | undefined;
}

export const root = path.resolve(import.meta.dirname, "../..");

/** Runs a program with the process's arguments: the result goes to standard output, as text or (`--json`) as one record. */
export async function runProgram<Result extends object>(program: Program<Result>): Promise<void> {
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => abort.abort());
  try {
    const given = readArguments(program);
    if (given.flag("help")) process.stdout.write(helpText(program));
    else {
      const result = await program.run(given, abort.signal);
      const record = { schema: "tlsforge.bench/1", bench: program.name, ...result };
      process.stdout.write(given.flag("json") ? `${JSON.stringify(record, null, 2)}\n` : program.text(result));
    }
  } catch (error) {
    const known = error instanceof ForgeError ? error : null;
    if (known === null && !abort.signal.aborted) throw error;
    process.exitCode = abort.signal.aborted ? 130 : exitCodeFor(error);
    say(abort.signal.aborted ? "interrupted" : `error: ${known?.message}`);
    for (const line of known?.details ?? []) say(`  ${line}`);
    if (known?.hint !== undefined) say(`  hint: ${known.hint}`);
  }
}

/** Talk goes to standard error. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The command line of the built tlsforge, run by the Node that runs us. */
export function tlsforge(...args: readonly string[]): readonly string[] {
  const main = path.join(root, "dist/main.js");
  if (!existsSync(main)) throw new ForgeError("not-found", `${main} is not there`, { hint: "npm run build" });
  return [process.execPath, main, ...args];
}

/** The prefix of `--prefix`, else the one that tlsforge takes by itself. */
export function prefixOf(given: Arguments): string {
  const own = process.getuid?.() === 0 ? "/opt/tlsforge" : path.join(os.homedir(), ".local/share/tlsforge");
  return given.path("prefix") ?? process.env["TLSFORGE_PREFIX"] ?? own;
}

const common: Readonly<Record<string, Option>> = {
  json: { help: "one JSON record instead of text" },
  help: { help: "this text" },
};

function readArguments(program: Described): Arguments {
  const options = Object.fromEntries(
    Object.entries({ ...program.options, ...common }).map(([name, option]) => [
      name,
      { type: option.value === undefined ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  const values = parse(program.name, options);
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  return {
    text,
    flag: (name) => values[name] === true,
    count: (name, fallback) => {
      const value = text(name);
      if (value === undefined) return fallback;
      if (!/^[1-9]\d{0,5}$/.test(value)) throw new ForgeError("usage", `--${name} wants a whole number, not ${value}`);
      return Number(value);
    },
    path: (name) => {
      const value = text(name);
      return value === undefined ? undefined : path.resolve(value);
    },
  };
}

function parse(
  name: string,
  options: Readonly<Record<string, { type: "boolean" | "string" }>>,
): Record<string, unknown> {
  try {
    return parseArgs({ options, allowPositionals: false }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ForgeError("usage", error.message, { hint: `npm run bench:${name} -- --help`, cause: error });
  }
}

function helpText(program: Described): string {
  const rows = Object.entries({ ...program.options, ...common }).map(
    ([name, { value, help }]) => [`  --${name}${value === undefined ? "" : ` ${value}`}`, help] as const,
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, help]) => `${left.padEnd(width)}  ${help}`);
  return [`npm run bench:${program.name} -- [options]`, "", program.summary, "", ...lines, ""].join("\n");
}
