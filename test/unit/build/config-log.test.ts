import { describe, expect, it } from "vitest";
import { readConfigLog } from "../../../src/build/config-log.ts";
import { diagnose } from "../../../src/build/diagnosis/index.ts";

describe("readConfigLog", () => {
  const log = `configure:10: checking for a.h
a.c:1: fatal error: a.h: No such file or directory
configure:20: checking for b.h
b.c:1: fatal error: b.h: No such file or directory
configure:21: error: no b.h
## ---------- ##
ac_cv_x=yes`;

  it("gives the last check before the error, and nothing after it", () => {
    const { lines, lastCheck } = readConfigLog(log);
    expect(lastCheck).toEqual(log.split("\n").slice(2, 5));
    expect(lines).toEqual(log.split("\n").slice(0, 5));
    expect(diagnose(lastCheck)?.summary).toBe("the header b.h is missing");
  });

  it("without an error gives no check, since failed checks are usual", () => {
    expect(readConfigLog(log.replace("configure:21: error: no b.h\n", "")).lastCheck).toEqual([]);
    expect(readConfigLog("")).toEqual({ lines: [""], lastCheck: [] });
  });
});
