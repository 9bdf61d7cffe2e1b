import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { dhFile, dhProblem, ensureDhParameters, type Run } from "../../../src/server/index.ts";
import { dhPem, oakley1, oakley2 } from "../../tools/dh.ts";
import { describeWith } from "../../tools/needs.ts";

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tlsforge-dh-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const run: Run = async ([program = "", ...argv]) => {
  execFileSync(program, argv, { stdio: "ignore" });
  return { exitCode: 0, stdout: "", stderr: "" };
};

it.each([
  ["a safe prime of 1024 bits", dhPem(oakley2, 2n), null],
  ["fewer bits", dhPem(oakley1, 2n), /parameters of 768 bits, fewer than 1024/],
  ["a number that is no prime", dhPem(oakley2 + 2n, 2n), /no safe prime/],
  ["a prime that is no safe one", dhPem(2n ** 1279n - 1n, 2n), /no safe prime/],
  ["a generator of 1", dhPem(oakley2, 1n), /generator is out of range/],
  ["a generator of p - 1", dhPem(oakley2, oakley2 - 1n), /generator is out of range/],
  ["another kind of PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /holds no Diffie-Hellman/],
  ["something cut short", dhPem(oakley2, 2n).replace(/.{40}\n-----END/, "\n-----END"), /holds no Diffie-Hellman/],
  ["nothing", "", /holds no Diffie-Hellman/],
])("%s is judged", async (_what, text, problem) => {
  const file = join(await freshFolder(), "dh.pem");
  await writeFile(file, text);
  const found = await dhProblem(file, "reproduction");
  expect(found ?? "it may be used").toMatch(problem ?? /^it may be used$/);
});

it.each(["/dev/zero", "/tmp"])("what is no ordinary file is not read: %s", async (file) => {
  expect(await dhProblem(file, "reproduction")).toBe(`${file} is no file of Diffie-Hellman parameters`);
});

it("a file that is not there is named", async () => {
  expect(await dhProblem("/nowhere/dh.pem", "reproduction")).toBe("/nowhere/dh.pem cannot be read: ENOENT");
});

describeWith(["openssl"], "parameters made by openssl dhparam", () => {
  it("are made once, for their owner alone, whole or not at all", async () => {
    const folder = await freshFolder();
    const file = dhFile(folder, 1024);
    const told: number[] = [];
    const options = { openssl: "openssl", file, bits: 1024, run, onProgress: (s: number) => void told.push(s) };
    await ensureDhParameters(options);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await dhProblem(file, "reproduction")).toBeNull();
    await ensureDhParameters(options);
    expect(told).toEqual([0]);
    await rm(file);
    const failing: Run = async () => ({ exitCode: 1, stdout: "", stderr: "no room\n" });
    await expect(ensureDhParameters({ ...options, run: failing })).rejects.toMatchObject({
      code: "certificate-failed",
      details: ["no room"],
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it("are told of until they are made", async () => {
    const file = dhFile(await freshFolder(), 512);
    const told: number[] = [];
    const slow: Run = async (argv, options) => {
      await sleep(1200);
      return run(argv, options);
    };
    const onProgress = (seconds: number): void => void told.push(seconds);
    await ensureDhParameters({ openssl: "openssl", file, bits: 512, run: slow, onProgress, everySeconds: 0.5 });
    expect(told.slice(0, 3)).toEqual([0, 1, 1]);
    const { length } = told;
    await sleep(700);
    expect(told).toHaveLength(length);
  });

  it("that were changed since are not made anew", async () => {
    const file = dhFile(await freshFolder(), 1024);
    await writeFile(file, dhPem(oakley1, 2n));
    await ensureDhParameters({ openssl: "openssl", file, bits: 1024, run, onProgress: () => undefined });
    expect(await dhProblem(file, "reproduction")).toMatch(/768 bits/);
  });
});
