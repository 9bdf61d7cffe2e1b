/** What an interrupted build left running is ended, and no program that is another prefix's or another program's by now. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, stat } from "node:fs/promises";
import { expect, it, onTestFinished } from "vitest";
import { collectGarbage, outputVariable, type GarbageReport } from "../../../src/store/index.ts";
import { endProgram } from "../../../src/store/processes.ts";
import { describeWith } from "../../tools/needs.ts";
import { derivation, freshPrefix, surroundings } from "./helpers.ts";

describeWith(["namespaces"], "collectGarbage beside a container with a prefix of the same path", () => {
  it("leaves its builds alone, and ends our own", async () => {
    const prefix = await freshPrefix();
    const { out } = derivation(prefix, "same");
    await mkdir(out);
    const env = { PATH: process.env["PATH"], [outputVariable]: out };
    const theirs = 'mount -t tmpfs none "$1" && mkdir -p "$2" && touch "$1/layout" "$2/ready" && exec sleep 60';
    const foreign = start("unshare", ["-Urm", "sh", "-c", theirs, "sh", prefix, out], env);
    const own = start("unshare", ["-Urm", "sleep", "60"], env);
    const ready = `/proc/${foreign.pid}/root${out}/ready`;
    await expect
      .poll(() =>
        stat(ready).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    const ended = once(own, "exit");
    expect((await collect(prefix, true)).removed.map(({ why }) => why)).toEqual([
      `left by an interrupted or failed build; still running: process ${own.pid}`,
    ]);
    await collect(prefix, false);
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect([foreign.exitCode, foreign.signalCode]).toEqual([null, null]);
  });
});

describeWith(["linux"], "the end of an orphan", () => {
  it("does not come to a later process with its number", async () => {
    const prefix = await freshPrefix();
    const { out } = derivation(prefix, "reused");
    const program = start("sleep", ["60"], { [outputVariable]: out });
    const pid = program.pid!;
    await once(program, "spawn");
    const begun = (await readFile(`/proc/${pid}/stat`, "utf8")).split(" ")[21]!;
    await endProgram({ pid, start: String(Number(begun) - 1), out }, prefix);
    await endProgram({ pid, start: begun, out: `${out}x` }, prefix);
    expect(await readFile(`/proc/${pid}/stat`, "utf8")).toMatch(/^\d+ \(sleep\) [SR]/u);
    const ended = once(program, "exit");
    await endProgram({ pid, start: begun, out }, prefix);
    expect(await ended).toEqual([null, "SIGKILL"]);
  });
});

function collect(prefix: string, dryRun: boolean): Promise<GarbageReport> {
  return collectGarbage(prefix, { ...surroundings(), dryRun, now: Date.now() });
}

function start(program: string, argv: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(program, argv, { env, stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}
