import { expect, test } from "vitest";
import { parseCommandLine } from "../../../../src/cli/program.ts";

const parse = (...argv: readonly string[]) => parseCommandLine(argv, { version: "0", cwd: "/" });

test("audit and recipe update take their options", async () => {
  expect(
    await parse("audit", "--advisories", "a.json", "--advisories", "b", "--strict", "--date", "2026-11-30"),
  ).toMatchObject({
    command: "audit",
    options: { advisories: ["a.json", "b"], strict: true, date: "2026-11-30" },
  });
  expect(await parse("recipe", "update", "openssl", "--line", "classic", "--write")).toMatchObject({
    command: "recipe update",
    options: { line: "classic", write: true },
  });
});

test.each([
  ["audit", "--date", "2026-02-30"],
  ["audit", "--date", "today"],
  ["audit", "--advisories", ""],
  ["audit", "openssl"],
  ["recipe", "update"],
])("%s %s %s is refused", async (...argv) => {
  await expect(parse(...argv.filter((word) => word !== undefined))).rejects.toMatchObject({ code: "usage" });
});
