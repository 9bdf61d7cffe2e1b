import { expect, test } from "vitest";
import { switchText } from "../../../../src/cli/make/plan-text.ts";

test("a plan tells what becomes of connections, for each way to change servers", () => {
  expect(switchText("hand-over", false)).toContain("no connection is lost");
  expect(switchText("restart", true)).toContain("new ones wait in systemd's sockets");
  expect(switchText("restart", false)).toContain("refused for a moment");
  expect(switchText("relaunch", true)).toContain("a gap");
  expect(switchText("start", false)).toBe("the server is started");
});
