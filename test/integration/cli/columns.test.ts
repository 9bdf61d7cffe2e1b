import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { grade } from "../../../src/cli/commands/grade.ts";
import { writeRecording } from "../../../src/probe/index.ts";
import { noHsts, observations } from "../../unit/grade/observations.ts";
import { contextIn, freshFolder } from "./context.ts";

it.each([
  [60, 60],
  [80, 80],
  [115, 115],
  [300, 120],
])("a report on %i columns takes %i at most, alone or with others", async (columns, most) => {
  const folder = await freshFolder();
  const file = join(folder, "look.rec");
  await writeFile(file, writeRecording({ observations: observations({ http: noHsts }), connections: [] }, "1"));
  let written = "";
  const context = { ...contextIn(folder), columns, write: async (text: string) => void (written += text) };
  const judge = (files: readonly string[]) => grade(context, { files, ignoreTrust: false, minGrade: null });
  const { text } = await judge([file]);
  await judge([file, file]);
  const widest = (of: string): number => Math.max(...of.split("\n").map((line) => line.length));
  expect(widest(text)).toBeLessThanOrEqual(most);
  // It is used as well.
  expect(widest(text)).toBeGreaterThan(most - 12);
  expect(written.startsWith(text)).toBe(true);
});
