import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { foldsCase, missingSpace, prefixAbove, triedPlace } from "../../../src/store/place.ts";
import { openPrefix, prefixPaths } from "../../../src/store/index.ts";
import { freshFolder, freshPrefix } from "./helpers.ts";

it("finds nothing against a usual file system, and leaves nothing there", async () => {
  const prefix = await freshPrefix();
  expect(triedPlace(prefix, { caseless: false })).toEqual([]);
  expect(readdirSync(prefixPaths(prefix).store)).toEqual([]);
});

it("does not say of a file system what is said of this process: that it may open no more files", async () => {
  const prefix = await freshPrefix();
  triedPlace(prefix, { caseless: false });
  const child = new URL("./child.ts", import.meta.url).pathname;
  const few = 'ulimit -n 256; exec "$@"';
  const said = execFileSync("sh", ["-c", few, "sh", process.execPath, child, "place", prefix], { encoding: "utf8" });
  expect(said).toMatch(/^Error: spawnSync .* EMFILE\n$/u);
  expect(readdirSync(prefixPaths(prefix).store)).toEqual([]);
});

it.runIf(process.getuid?.() === 0)("blames no file system where no more processes can be had", async () => {
  const prefix = await freshPrefix();
  triedPlace(prefix, { caseless: false });
  execFileSync("chown", ["-R", "65534:65534", dirname(prefix)]);
  const child = new URL("./child.ts", import.meta.url).pathname;
  const said = execFileSync(process.execPath, [child, "place without processes", prefix], { encoding: "utf8" });
  const message = expect.stringMatching(/programs cannot be run in .* \(EAGAIN\)/u) as string;
  const hint = "free memory or end other programs, then run it again";
  expect(JSON.parse(said)).toMatchObject([{ code: "prefix-unusable", message, hint }]);
});

it("tells the names of one file from those of two", async () => {
  const folder = await freshFolder();
  writeFileSync(join(folder, "Name"), "");
  expect(foldsCase(join(folder, "Name"))).toBe(false);
  writeFileSync(join(folder, "name"), "");
  expect(foldsCase(join(folder, "Name"))).toBe(false);
  // As where case does not count: two names of one file.
  linkSync(join(folder, "Name"), join(folder, "NAME"));
  expect(foldsCase(join(folder, "NAME"))).toBe(false);
  writeFileSync(join(folder, "Other"), "");
  linkSync(join(folder, "Other"), join(folder, "other"));
  expect(foldsCase(join(folder, "Other"))).toBe(true);
});

it("counts the space that builds need", async () => {
  const prefix = await freshPrefix();
  triedPlace(prefix, { caseless: false });
  expect(missingSpace(prefix, { scratch: 1, outputs: 1 }, { root: true })).toEqual([]);
  expect(missingSpace(prefix, { scratch: 4e18, outputs: 4e18 }, { root: false })).toMatchObject([
    {
      code: "disk-full",
      message: expect.stringMatching(
        /^the builds need 8000000000\.0 GB in .*\/p, where [\d.]+ [MG]B are free$/,
      ) as string,
    },
  ]);
});

it("finds the prefix that a path lies in", async () => {
  const prefix = await freshPrefix();
  expect(prefixAbove(join(prefix, "store", "x", "deep"))).toBe(prefix);
  expect(prefixAbove(prefix)).toBeNull();
  expect(prefixAbove(join(prefix, "..", "q"))).toBeNull();
});

it("the longest prefix that is allowed carries scripts and sockets, and one letter more is refused", async () => {
  const folder = await freshFolder();
  const longest = join(folder, "x".repeat(66 - folder.length - 1));
  await openPrefix(longest, { create: true });
  // As the kernel reads it: an interpreter in a script's first line, and the longest of the sockets' names.
  const out = join(prefixPaths(longest).store, `${"0".repeat(16)}-${"n".repeat(24)}`);
  mkdirSync(join(out, "bin"), { recursive: true });
  const [shell, script] = [join(out, "bin", "python"), join(out, "bin", "script")];
  execFileSync("cp", ["/bin/sh", shell]);
  writeFileSync(script, `#!${shell}\necho works\n`);
  expect(`#!${shell}`).toHaveLength(127);
  chmodSync(script, 0o755);
  expect(execFileSync(script, { encoding: "utf8" })).toBe("works\n");
  const socket = join(longest, "var", "run", "standby.sock");
  mkdirSync(dirname(socket), { recursive: true });
  expect(socket.length).toBeLessThanOrEqual(103);
  const server = createServer();
  await new Promise<void>((ready, failed) => server.once("error", failed).listen(socket, ready));
  server.close();
  await expect(openPrefix(`${longest}x`, { create: true })).rejects.toMatchObject({
    code: "prefix-unusable",
    message: expect.stringContaining("67 bytes long") as string,
  });
});
