#!/usr/bin/env node
/** The only file that touches the process: arguments, environment, streams and signals in, exit code out. */
import { existsSync, readFileSync } from "node:fs";
import module from "node:module";
import { availableParallelism, homedir } from "node:os";
import path from "node:path";
import process from "node:process";
import { addAbortSignal } from "node:stream";
import { emptyFolderVariable } from "./cli/options/folder-variables.ts";
import { quickArguments, type QuickArguments } from "./cli/options/quick-arguments.ts";
import type { Standing } from "./cli/unchanged/quick.ts";

// Before anything that an older Node does not have.
refuseOldNode(process.versions.node);

const root = path.resolve(import.meta.dirname, "..");
const recipes = path.resolve(process.env["TLSFORGE_RECIPES"] || path.join(root, "recipes"));
const compiled = import.meta.filename.endsWith(".js");
const version = (JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string }).version;
// What setup leaves in a checkout; an installed package has its name on PATH.
const wrapper = path.join(root, "bin/tlsforge");
const program = existsSync(wrapper) ? wrapper : "tlsforge";
const uid = process.getuid?.() ?? -1;
const home = process.env["HOME"] ?? homedir();
const prefix = path.resolve(
  process.env["TLSFORGE_PREFIX"] || (uid === 0 ? "/opt/tlsforge" : path.join(home, ".local/share/tlsforge")),
);
const siteFile = path.resolve("tlsforge.yaml");
const config = existsSync(siteFile) ? siteFile : null;

// A reader that has seen enough (`| head`) is no error, and no reason to stop: the exit code is that of the work.
// Output that could not be written otherwise (a full disk) is: the work ends as it would, and the exit code tells.
let lost = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    if (stream === process.stdout && !lost)
      process.stderr.write(`error: standard output cannot be written: ${error.message}\n`);
    lost = true;
    process.exitCode ||= 1;
  });
}

const ownCode = (await quick()) ?? (await full());
process.exitCode = ownCode === 0 && lost ? 1 : ownCode;

/** An older Node fails in odd places; ours comes with `npm start`. */
function refuseOldNode(node: string): void {
  const [major = 0, minor = 0] = node.split(".").map(Number);
  if (major >= 26 || (major === 24 && minor >= 15) || (major === 22 && minor >= 22)) return;
  process.stderr.write(
    `error[usage]: tlsforge needs Node 22.22, 24.15 or 26 and newer; this is ${node}\n  hint: start it with npm start, which brings its own Node\n`,
  );
  process.exit(2);
}

/** Exit code when a second provision has nothing to do, or a plan would say so, else null. */
async function quick(): Promise<number | null> {
  // Refused with everything loaded.
  if (emptyFolderVariable(process.env) !== null) return null;
  const asked = quickArguments(process.argv.slice(2), { cwd: process.cwd(), prefix, config, recipes });
  if (asked === null) return null;
  const { standing } = await import("./cli/unchanged/quick.ts");
  const found = await standing({
    version,
    code: import.meta.dirname,
    recipes: asked.recipes,
    machine: `${process.platform} ${process.arch}`,
    stack: asked.stack,
    config: asked.config,
    prefix: asked.prefix,
    minGrade: asked.minGrade,
  });
  if (found === null) return null;
  if (asked.command === "plan") return quickPlan(asked, found);
  const { unchangedText, unchangedRecord } = await import("./cli/unchanged/unchanged.ts");
  process.stdout.write(
    asked.json ? unchangedRecord(found, asked.prefix) : unchangedText(found, { prefix: asked.prefix, program }),
  );
  return 0;
}

/** Says again what the last plan with the same inputs said. */
async function quickPlan(asked: QuickArguments, found: Standing): Promise<number | null> {
  const { keptPlan } = await import("./cli/unchanged/kept-plan.ts");
  const result = keptPlan(asked.prefix, found.manifest);
  if (result === null) return null;
  const { record } = await import("./cli/result.ts");
  process.stdout.write(asked.json ? record("plan", result) : result.text);
  return 0;
}

/** Runs the command line with everything loaded. */
async function full(): Promise<number> {
  // Short commands are over sooner without; the words are enough to tell, as a mistake costs 50 ms at most.
  if (process.argv.some((word) => word === "provision" || word === "build")) await keepSmall();
  // Whatever the shell's own says: the server's user has to be able to read root's store, and no group to write to it.
  if (uid === 0) process.umask(0o022);
  module.enableCompileCache(path.join(import.meta.dirname, ".compile-cache"));
  const { run } = await import("./cli/run.ts");
  const abort = new AbortController();
  let hungUp = (): void => abort.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => abort.abort());
  process.on("SIGHUP", () => hungUp());
  const terminal = process.stderr.isTTY === true && process.env["CI"] === undefined;
  const { NO_COLOR, FORCE_COLOR } = process.env;
  const colour =
    (NO_COLOR === undefined || NO_COLOR === "") &&
    (process.stdout.isTTY === true || (FORCE_COLOR !== undefined && FORCE_COLOR !== "0"));
  return run({
    argv: process.argv.slice(2),
    version,
    code: import.meta.dirname,
    helper: [process.execPath, path.join(import.meta.dirname, compiled ? "root-helper.js" : "host/root-helper.ts")],
    program,
    recipes,
    environment: process.env,
    os: process.platform,
    arch: process.arch,
    cwd: process.cwd(),
    home,
    uid,
    prefix,
    config,
    cores: availableParallelism(),
    terminal,
    interactive: terminal && process.stdin.isTTY === true,
    colour,
    columns: process.stdout.columns || 80,
    onTerminal: process.stdout.isTTY === true,
    signal: abort.signal,
    onHangUp: (act) => {
      hungUp = act;
    },
    // What cannot be written is told by the stream itself, above.
    write: (text) => new Promise((done) => process.stdout.write(text, () => done())),
    talk: process.stderr,
    // Nobody who interrupts waits for the end of a list that is still being written.
    input: () => addAbortSignal(abort.signal, process.stdin),
    confirm: async (question) =>
      (await import("./cli/confirm.ts")).confirmOn({ input: process.stdin, output: process.stderr, abort }, question),
  });
}

/**
 * The machine's memory belongs to the compilers, and there is little to gain from speed while they work: V8 collects garbage earlier, keeps its
 * young generation at its first size, and leaves out the optimising compilers, whose work space the allocator would keep. V8 reads these flags at use.
 * By itself it would let 64 MB of used-up network buffers pile up in a fast download.
 */
async function keepSmall(): Promise<void> {
  const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([import("node:v8"), import("node:vm")]);
  for (const flag of ["--optimize-for-size", "--semi-space-growth-factor=1", "--no-opt", "--no-maglev", "--expose-gc"])
    setFlagsFromString(flag);
  const collect = runInNewContext("gc") as NodeJS.GCFunction;
  const watch = (): void => {
    if (process.memoryUsage().arrayBuffers > 8_000_000) collect({ type: "minor" });
  };
  setInterval(watch, 50).unref();
}
