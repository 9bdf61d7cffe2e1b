import { createHash } from "node:crypto";
import { lstat, mkdir, readFile, readdir, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { unpack } from "../../../src/fetch/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { cases } from "./hostile-archives.ts";
import { scratch } from "./support.ts";

let base: string;
let largest = 0;

beforeEach(async () => {
  base = await scratch();
  await mkdir(join(base, "inner/beside"), { recursive: true });
  await writeFile(join(base, "outside"), "untouched", { mode: 0o640 });
  await symlink("outside", join(base, "inner/link"));
});

describeWith(["linux", "xz", "bzip2"], "a hostile archive", () => {
  it.each(Object.entries(cases))("%s", { timeout: 20_000 }, async (_name, { archive, ends }) => {
    const file = join(base, "archive");
    await writeFile(file, archive(base));
    const before = await surroundings();
    const target = join(base, "inner/target");
    const [began, memory] = [performance.now(), process.memoryUsage.rss()];
    const code = await unpack(file, target, { strip: 0 }).then(
      () => null,
      (error: { code: string }) => error.code,
    );
    // Mostly far below: what is refused at once takes a few milliseconds.
    expect(performance.now() - began).toBeLessThan(10_000);
    largest = Math.max(largest, process.memoryUsage.rss() - memory);
    const { refused, look, sees } =
      typeof ends === "string" ? { refused: ends, look: null, sees: null } : { refused: null, ...ends };
    expect(code).toBe(refused);
    expect(look === null ? null : await look(target)).toEqual(sees);
    expect(await surroundings()).toEqual(before);
    expect((await readdir(join(base, "inner"))).toSorted()).toEqual([
      "beside",
      "link",
      ...(code === null ? ["target"] : []),
    ]);
  });

  it("there are more than fifty of", () => {
    expect(Object.keys(cases).length).toBeGreaterThan(50);
  });

  it("take little memory, each", () => {
    expect(largest).toBeLessThan(300 * 1024 * 1024);
  });
});

/** Everything around the target: kind, rights, owner, size, times but those of the folder that holds it, and content. */
async function surroundings(): Promise<string[]> {
  const lines: string[] = [];
  for (const name of (await readdir(base, { recursive: true })).toSorted()) {
    if (name === "inner/target" || name.startsWith("inner/target/")) continue;
    const facts = await lstat(join(base, name));
    const content = facts.isFile()
      ? createHash("sha256")
          .update(await readFile(join(base, name)))
          .digest("hex")
      : facts.isSymbolicLink()
        ? await readlink(join(base, name))
        : "";
    lines.push(
      [name, facts.mode, facts.uid, facts.ino, facts.nlink, name === "inner" ? "" : facts.mtimeMs, content].join(" "),
    );
  }
  // Links beside the target change the count of its parent folder.
  return lines.map((line) => (line.startsWith("inner ") ? "inner" : line));
}
