import { execFileSync } from "node:child_process";
import { mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { log } from "../../../src/cli/commands/log.ts";
import { harmlessly } from "../../../src/cli/builds/harmless.ts";
import { record } from "../../../src/cli/result.ts";
import { buildLock, lock, openPrefix, prefixPaths, realise } from "../../../src/store/index.ts";
import { problemsOf } from "../../tools/records.ts";
import { derivation, surroundings, writes } from "../store/samples.ts";
import { contextIn, freshFolder } from "./context.ts";

it("shows the newest log of a recipe, failed or not, of a key, and of all", async () => {
  const folder = await freshFolder();
  const context = contextIn(folder);
  const logs = join(folder, "prefix", "log");
  await mkdir(logs, { recursive: true });
  const nameOf = (digits: string): string => `${keyOf(digits)}.log`;
  const write = async (digits: string, recipe: string, seconds: number): Promise<string> => {
    const text = `tlsforge: ${recipe} 3.5.9, key ${keyOf(digits)}\n\n$ make\n${"x".repeat(10_000)}\n[exit 2]\n`;
    await writeFile(join(logs, nameOf(digits)), text);
    await utimes(join(logs, nameOf(digits)), seconds, seconds);
    return text;
  };
  const old = await write("aa11", "openssl", 1000);
  const failed = await write("bb22", "openssl", 2000);
  const other = await write("cc33", "openssl-extra", 3000);
  await writeFile(join(logs, nameOf("dd44")), "");
  await utimes(join(logs, nameOf("dd44")), 500, 500);
  const shown = async (name?: string, previous = false): Promise<string> =>
    (await log(context, { name, previous, follow: false })).text;
  expect(await shown("openssl")).toBe(failed);
  expect(await shown("openssl-extra")).toBe(other);
  expect(await shown("aa")).toBe(old);
  expect(await shown()).toBe(other);
  await expect(shown("python")).rejects.toMatchObject({
    code: "not-found",
    hint: expect.stringContaining("there is openssl, openssl-extra") as string,
  });
  await expect(shown("opensll")).rejects.toMatchObject({
    code: "not-found",
    hint: expect.stringMatching(/^did you mean openssl\?/) as string,
  });
  expect(await shown("openssl", true)).toBe(old);
  expect(await shown(undefined, true)).toBe(failed);
  await expect(shown("bb", true)).rejects.toMatchObject({ code: "not-found" });
  expect(await shown(nameOf("bb22"))).toBe(failed);
  expect(await shown(join(logs, nameOf("aa11")))).toBe(old);
  const twin = await write("bb33", "python", 4000);
  await expect(shown("bb")).rejects.toMatchObject({
    code: "usage",
    details: ["bb33", "bb22"].map((digits) => expect.stringContaining(digits) as string),
  });
  expect(await shown("bb3")).toBe(twin);
});

it("is held up by nothing that is no file, and shows none of it", async () => {
  const folder = await freshFolder();
  const logs = join(folder, "prefix", "log");
  await mkdir(join(logs, `${keyOf("a")}.log`), { recursive: true });
  await mkdir(join(logs, "x.log"));
  execFileSync("mkfifo", [join(logs, `${keyOf("b")}.log`)]);
  await writeFile(join(logs, "elsewhere"), "tlsforge: hello 1.0, key k\n");
  await symlink("elsewhere", join(logs, `${keyOf("c")}.log`));
  const shown = (name?: string): Promise<unknown> =>
    log(contextIn(folder), { name, previous: false, follow: name !== undefined });
  await expect(shown()).rejects.toMatchObject({ code: "not-found" });
  await writeFile(join(logs, `${keyOf("d")}.log`), "tlsforge: hello 1.0, key d\n");
  await utimes(join(logs, `${keyOf("d")}.log`), 1, 1);
  expect(await shown()).toMatchObject({ text: "tlsforge: hello 1.0, key d\n" });
  for (const name of ["x.log", ...["a", "b", "c"].map((digit) => `${keyOf(digit)}.log`)])
    await expect(shown(name)).rejects.toMatchObject({ code: "not-found" });
});

it("gives a terminal nothing that it would obey, whole or in pieces, and everything else the bytes as they are", async () => {
  const folder = await freshFolder();
  const logs = join(folder, "prefix", "log");
  await mkdir(logs, { recursive: true });
  const text = `tlsforge: hello 1.0, key k\n\ta\u001b[2Jb\u001b]0;title\u0007c\u009b1m\r\nrest\u001b[3`;
  await writeFile(join(logs, `${keyOf("a")}.log`), text);
  const shown = async (onTerminal: boolean, follow: boolean): Promise<string> => {
    let written = "";
    const write = async (part: string): Promise<void> => void (written += part);
    const given = { ...contextIn(folder), onTerminal, write };
    return (await log(given, { name: undefined, previous: false, follow })).text + written;
  };
  for (const follow of [false, true]) {
    expect(await shown(false, follow)).toBe(text);
    expect(await shown(true, follow)).toBe("tlsforge: hello 1.0, key k\n\tabc\nrest");
  }
  const pieces: string[] = [];
  const out = harmlessly(async (part) => void pieces.push(part));
  for (const part of ["a\u001b", "[2J", "b\nc\u001b", "x".repeat(70_000), "\u001b[2J", "d"]) await out.write(part);
  await out.end();
  expect(pieces.join("")).toMatch(/^ab\ncx{70000}d$/);
});

it("tells with --json where the text is, what it is of, and how it ended as far as that is known", async () => {
  const folder = await freshFolder();
  const context = contextIn(folder);
  const { path: prefix } = await openPrefix(context.options.prefix, { create: true });
  const { log: logs } = prefixPaths(prefix);
  const built = derivation(prefix, "hello");
  const end = "\ntlsforge: end of the log\n";
  const put = async (name: string, text: string, seconds: number): Promise<void> => {
    await writeFile(join(logs, name), text);
    await utimes(join(logs, name), seconds, seconds);
  };
  const head = `tlsforge: hello 1.0, key ${built.key}\n`;
  await realise(built, writes({ x: "" }), surroundings());
  const told = async (name: string): Promise<object> => {
    const given = { ...context, options: { ...context.options, json: true } };
    const made = await log(given, { name, previous: false, follow: false });
    expect(made.text).toBe("");
    expect(problemsOf(JSON.parse(record("log", made)))).toEqual([]);
    return made.fields["log"] as object;
  };
  const own = `${built.key}.log`;
  await put(own, `${head}[exit 0, 0.1 CPU s]\n${end}`, 1000);
  expect(await told(own)).toEqual({
    file: join(logs, own),
    recipe: "hello",
    version: "1.0",
    key: built.key,
    ownTests: false,
    triesAgo: 0,
    bytes: head.length + 20 + end.length,
    modified: "1970-01-01T00:16:40.000Z",
    state: "ended",
    outcome: "done",
    lastExit: 0,
  });
  // Of a try after the one that made the output, and of one that nothing is known of but its log.
  const later = Date.now() / 1000 + 100;
  await put(own, `${head}[exit 2, as after SIGINT, 0.1 CPU s]\n${end}`, later);
  expect(await told(own)).toMatchObject({ state: "ended", outcome: "failed", lastExit: 2 });
  await put(own, `${head}[exit 0, 0.1 CPU s]\n${end}`, later);
  expect(await told(own)).toMatchObject({ state: "ended", outcome: "unknown", lastExit: 0 });
  await put(`${built.key}.2.log`, `${head}[exit 0, 0.1 CPU s]\n\n[gate "linkage": 1 finding]\n  x${end}`, 500);
  expect(await told(`${built.key}.2.log`)).toMatchObject({ triesAgo: 2, outcome: "failed", lastExit: 0 });
  await put(`${built.key}.check.log`, head, 400);
  expect(await told(`${built.key}.check.log`)).toMatchObject({
    ownTests: true,
    state: "cut",
    outcome: "unknown",
    lastExit: null,
  });
  const release = await lock(buildLock(prefix, built.key), surroundings());
  expect(await told(`${built.key}.check.log`)).toMatchObject({ state: "running", outcome: "unknown" });
  await release();
});

it("says that there is none where nothing was built", async () => {
  await expect(
    log(contextIn(await freshFolder()), { name: undefined, previous: false, follow: false }),
  ).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringContaining("there is no build log") as string,
  });
});

function keyOf(digits: string): string {
  return digits.padEnd(64, "0");
}
