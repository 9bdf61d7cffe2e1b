/**
 * Does one thing with the store in a process of its own, so that a test can kill it: `child.ts MODE PREFIX [NAME]`.
 * Writes `ready` to standard output when the part to be killed has begun, and `done` with what came out at the end.
 */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { appendFile, chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exitCodeFor, ForgeError } from "../../../src/errors.ts";
import {
  activate,
  collectGarbage,
  lock,
  openPrefix,
  prefixPaths,
  realise,
  triedPlace,
} from "../../../src/store/index.ts";
import { derivation, parts, result, surroundings } from "./samples.ts";

const [mode, prefix, name = "slow"] = process.argv.slice(2) as [string, string, string?];
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const made = derivation(prefix, name);

if (mode === "build") {
  say("ready");
  const { cached } = await realise(made, slowBuild, surroundings("child"));
  say(`done ${cached ? "cached" : "built"}`);
} else if (mode === "gc") {
  const report = await collectGarbage(prefix, { ...surroundings("child"), dryRun: false, keep: 1, now: Date.now() });
  say(JSON.stringify(report));
} else if (mode === "open") {
  say(
    await openPrefix(prefix, { create: true }).then(
      () => "open",
      (error: unknown) => `${exitCodeFor(error)} ${String(error)}`,
    ),
  );
} else if (mode === "orphan") {
  await realise(made, leaveOrphan, surroundings("child"));
} else if (mode === "replace") {
  await realise(made, neverWhole, { ...surroundings("child"), replace: true });
} else if (mode === "repair" || mode === "repair in vain") {
  const around = surroundings("child");
  const repaired = realise(made, mode === "repair" ? slowBuild : inVain, { ...around, replace: true });
  const outcome = await repaired.then(
    () => "built",
    (error: unknown) => String(error),
  );
  say(JSON.stringify([outcome, ...around.events.flatMap((event) => (event.type === "warning" ? event.message : []))]));
} else if (mode === "place") {
  const opened: number[] = [];
  try {
    for (;;) opened.push(openSync("/dev/null", "r"));
  } catch {
    // Enough to write a program, too few to start one.
    closeSync(opened[0]!);
  }
  let outcome: string;
  try {
    outcome = JSON.stringify(triedPlace(prefix, { caseless: false }));
  } catch (error) {
    outcome = String(error);
  }
  for (const file of opened.slice(1)) closeSync(file);
  say(outcome);
} else if (mode === "place without processes") {
  execFileSync("prlimit", ["--pid", String(process.pid), "--nproc=1"]);
  process.setgroups?.([]);
  process.setgid?.(65_534);
  process.setuid?.(65_534);
  say(JSON.stringify(triedPlace(prefix, { caseless: false })));
} else if (mode === "activate") {
  say("ready");
  for (;;) await activate(prefix, parts([made]), surroundings("child"));
} else {
  await lock(join(prefixPaths(prefix).locks, name), surroundings("child"));
  say("ready");
  await sleep(60_000);
}

/** 40 files in about 200 ms, and a line in a file beside the store for each build that begins. */
async function slowBuild({ out }: { readonly out: string }) {
  await appendFile(join(prefix, "builds"), `${process.pid}\n`);
  await mkdir(join(out, "bin"));
  for (let index = 0; index < 40; index += 1) {
    await writeFile(join(out, "bin", String(index)), "x".repeat(1000));
    await sleep(5);
  }
  return result;
}

/** Has begun to write, and goes on until it is killed. */
async function neverWhole({ out }: { readonly out: string }) {
  await writeFile(join(out, "half"), "");
  say("ready");
  await sleep(60_000);
  return result;
}

/** Fails in a store in which nothing can be moved any more. */
async function inVain(): Promise<never> {
  await chmod(prefixPaths(prefix).store, 0o555);
  throw new ForgeError("build-failed", "make failed");
}

/** A program that outlives its parent and goes on writing into the output, for 20 seconds at most. */
async function leaveOrphan({ out }: { readonly out: string }) {
  const script =
    'i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); mkdir -p "$0" && echo late > "$0/late"; sleep 0.01; done';
  spawn("sh", ["-c", script, out], {
    env: { PATH: process.env["PATH"], TLSFORGE_OUT: out },
    stdio: "ignore",
    detached: true,
  });
  say("ready");
  await sleep(60_000);
  return result;
}
