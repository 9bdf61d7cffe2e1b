import { expect, test } from "vitest";
import { reachText, type Reach } from "../../../../src/cli/serve/reach.ts";

const reach: Reach = {
  listen: ["127.0.0.1:8443"],
  names: ["localhost"],
  authority: null,
  prefix: "/p",
  program: "tlsforge",
  html: "/p/report.html",
  outcome: "done",
  warnings: [],
  vulnerable: [],
};

test.each([
  [{}, "Stop it    tlsforge stop --prefix /p"],
  [{ program: "/src/forge/bin/tlsforge" }, "Stop it    /src/forge/bin/tlsforge stop --prefix /p"],
  [{ program: "/my src/bin/tlsforge", prefix: "/it's" }, "Stop it    '/my src/bin/tlsforge' stop --prefix '/it'\\''s'"],
])("%j: the command that stops it can be copied", (change, line) => {
  expect(reachText({ ...reach, ...change }).split("\n")).toContain(line);
});
