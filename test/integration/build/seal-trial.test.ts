import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { findSeal } from "../../../src/build/index.ts";
import { trySeal } from "../../../src/build/seal/trial.ts";
import { describeWith } from "../../tools/needs.ts";
import { freshFolder } from "./helpers.ts";

const seal = new URL("../../../src/build/seal/seal.pl", import.meta.url).pathname;
const deny = new URL("./deny.pl", import.meta.url).pathname;

/** Tries a shell text in the place of a seal, to which `$n` is how often it was started; and gives how often that was. */
async function tried(text: string, { signal, patience = 5000 }: { signal?: AbortSignal; patience?: number } = {}) {
  const count = join(await freshFolder(), "count");
  const script = `echo >>"$0"; n=$(wc -l <"$0"); ${text}`;
  const environment = { PATH: "/usr/bin:/bin" };
  const trial = trySeal({ argv: ["/bin/sh", "-c", script, count], environment, patience, signal });
  const answer = await trial.catch((error: unknown) => error);
  return { answer, times: (await readFile(count, "utf8")).length };
}

const says = "echo 'tlsforge: the seal could not be made: unshare: no' >&2";

it.each([
  ["fits", "exit 0", { fits: true }, 1],
  ["is refused in the seal's own words", `${says}; exit 125`, { fits: false, refused: "unshare: no" }, 1],
  ["is ended by a filter of system calls", "kill -SYS $$", { fits: false }, 1],
  ["is killed once", "test $n -gt 1 || kill -KILL $$", { fits: true }, 2],
  ["is killed twice", "kill -KILL $$", { code: "build-failed" }, 2],
  ["finds no memory", `${says}; exit 124`, { code: "build-failed" }, 2],
  ["finds no program", "echo 'sh: 1: true: not found' >&2; exit 127", { fits: false }, 1],
  ["may not run it", "echo 'sh: 1: true: Permission denied' >&2; exit 126", { fits: false }, 1],
  ["finds no memory for it", "echo 'sh: 1: true: Cannot allocate memory' >&2; exit 126", { code: "build-failed" }, 2],
  ["ends without a word", "exit 125", { code: "build-failed" }, 2],
  ["ends as what is no seal", "echo 'Out of memory!' >&2; exit 1", { code: "build-failed" }, 2],
])("a trial that %s", async (_, text, answer, times) => {
  expect(await tried(text)).toMatchObject({ answer, times });
});

it("a trial that cannot be started is no answer", async () => {
  const trial = { argv: ["/nowhere/perl"], environment: {}, patience: 5000, signal: undefined };
  await expect(trySeal(trial)).rejects.toMatchObject({
    code: "build-failed",
    message: expect.stringContaining("could not be started: ENOENT") as string,
  });
});

it("a trial in a run that is aborted meanwhile is not made again", async () => {
  const signal = AbortSignal.timeout(200);
  const { answer, times } = await tried("sleep 0.5; kill -INT $$", { signal });
  expect({ answer, times }).toMatchObject({ answer: { code: "interrupted" }, times: 1 });
});

it.each([
  ["in its process group", "sleep 20 &"],
  ["in a session of its own", "setsid sleep 20 &"],
])("a trial is not waited for beyond its time by what it has started %s", { timeout: 15_000 }, async (_, starts) => {
  expect(await tried(`${starts} sleep 20`, { patience: 300 })).toMatchObject({
    answer: { code: "build-failed", message: expect.stringContaining("did not end within 0.3 s") as string },
  });
  expect(await tried(`${starts} exit 0`)).toMatchObject({ answer: { fits: true }, times: 1 });
});

it("a trial in a run that is aborted is ended at once", { timeout: 4_000 }, async () => {
  const { answer } = await tried("sleep 20", { signal: AbortSignal.timeout(100) });
  expect(answer).toMatchObject({ code: "interrupted" });
});

it("a look at the machine that is killed does not take it for a lesser one, and is made anew the next time", async () => {
  const script = join(await freshFolder(), "seal.pl");
  await writeFile(
    script,
    "kill 'KILL', $$ unless grep { $_ eq '--no-pid' } @ARGV; print qq(sealed abi=7 network=closed\\n)",
  );
  const search = { script, path: "", homes: [] };
  await expect(findSeal(search)).rejects.toMatchObject({ code: "build-failed" });
  await writeFile(script, "print qq(sealed abi=7 network=closed\\n)");
  expect((await findSeal(search)).command).not.toContain("--no-pid");
});

describeWith(["linux", "perl"], "seal.pl", () => {
  it.each([
    ["EPERM", 1, 125],
    ["EAGAIN", 11, 124],
    ["ENOMEM", 12, 124],
    ["EMFILE", 24, 124],
    ["ENFILE", 23, 124],
  ])("that the kernel gives %s (%i) exits with %i", async (_, number, code) => {
    const [unshare, arch] = process.arch === "x64" ? [272, "x86_64"] : [97, "aarch64"];
    const argv = [deny, `${unshare}:${number}`, "--", "perl", seal, "--arch", arch, "--namespaces", "--", "true"];
    const env = { PATH: "/usr/bin:/bin", TLSFORGE_SEAL: "" };
    await expect(promisify(execFile)("perl", argv, { env })).rejects.toMatchObject({ code });
  });

  it("that finds no memory for its filter does not go on without, and exits with 124", async () => {
    const [prctl, arch] = process.arch === "x64" ? [157, "x86_64"] : [167, "aarch64"];
    // PR_SET_SECCOMP.
    const argv = [deny, `${prctl}:12:22`, "--", "perl", seal, "--arch", arch, "--", "true"];
    const env = { PATH: "/usr/bin:/bin", TLSFORGE_SEAL: "" };
    await expect(promisify(execFile)("perl", argv, { env })).rejects.toMatchObject({ code: 124 });
  });

  it("whose program the disk does not give exits with 124", async () => {
    const program = join(await freshFolder(), "program");
    await writeFile(program, lostInterpreter(), { mode: 0o755 });
    const arch = process.arch === "x64" ? "x86_64" : "aarch64";
    const argv = [seal, "--arch", arch, "--namespaces", "--", program];
    const env = { PATH: "/usr/bin:/bin", TLSFORGE_SEAL: "" };
    await expect(promisify(execFile)("perl", argv, { env })).rejects.toMatchObject({
      code: 124,
      stderr: `sh: 1: ${program}: Input/output error\n`,
    });
  });

  it("whose parent has ended before it could ask for its death starts nothing", async () => {
    const made = join(await freshFolder(), "made");
    const arch = process.arch === "x64" ? "x86_64" : "aarch64";
    const argv = [seal, "--arch", arch, "--namespaces", "--", "touch", made];
    const env = { PATH: "/usr/bin:/bin", TLSFORGE_SEAL: `parent 1\nwrite ${dirname(made)}\n` };
    await expect(promisify(execFile)("perl", argv, { env })).rejects.toMatchObject({ code: 137 });
    expect(existsSync(made)).toBe(false);
  });
});

/** A program whose interpreter's name lies behind the end of its file, so that the kernel cannot read it (EIO). */
function lostInterpreter(): Buffer {
  const bytes = Buffer.alloc(64 + 56);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(2, 16); // ET_EXEC
  bytes.writeUInt16LE(process.arch === "x64" ? 62 : 183, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(64n, 32); // program headers
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(3, 64); // PT_INTERP
  bytes.writeBigUInt64LE(1_000_000n, 72); // its offset
  bytes.writeBigUInt64LE(20n, 96); // its length
  return bytes;
}
