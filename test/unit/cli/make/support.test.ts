import { expect, test } from "vitest";
import { supportWarnings } from "../../../../src/cli/make/support.ts";

const now = new Date("2026-11-01T23:59:59Z");

test.each([
  [{ status: "supported" }, null],
  [{ status: "supported", until: "2026-11-02" }, null],
  [{ status: "lts", until: "2026-11-01" }, null],
  [{ status: "supported", until: "2026-10-31" }, "ended (2026-10-31)"],
  [{ status: "security", until: "2025-12-31" }, "ended (2025-12-31)"],
  [{ status: "ended" }, "ended,"],
  [{ status: "ended", until: "2027-01-01" }, "ended,"],
])("support %j is told as %s", (support, told) => {
  const lines = supportWarnings([{ name: "openssl", version: "3.6.5", support }], now);
  const begin = lines.map((line) => line.slice(0, `openssl 3.6.5: upstream's support has ${told}`.length));
  expect(begin).toEqual(told === null ? [] : [`openssl 3.6.5: upstream's support has ${told}`]);
});

test("each recipe has a line of its own", () => {
  const ended = { version: "1.0.0", support: { status: "ended" } };
  const fine = { name: "b", version: "2.0.0", support: { status: "supported" } };
  const lines = supportWarnings([{ name: "a", ...ended }, fine, { name: "c", ...ended }], now);
  expect(lines.map((line) => line.split(" ")[0])).toEqual(["a", "c"]);
});
