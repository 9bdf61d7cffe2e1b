import { describe, expect, it } from "vitest";
import { readConfigLog } from "../../../src/build/config-log.ts";
import { diagnose } from "../../../src/build/diagnose.ts";

const summary = (...lines: string[]): string | undefined => diagnose(lines)?.summary;

describe("diagnose", () => {
  it.each([
    ["/usr/bin/ld: final link failed: No space left on device", "the disk is full"],
    ["write error: Disk quota exceeded", "the disk is full"],
    ["x.c:1:10: fatal error: zlib.h: No such file or directory", "the header zlib.h is missing"],
    ["x.c:1:10: fatal error: 'openssl/ssl.h' file not found", "the header openssl/ssl.h is missing"],
    [
      "Can't locate IPC/Cmd.pm in @INC (you may need to install the IPC::Cmd module)",
      "the perl module IPC::Cmd is missing",
    ],
    ["/usr/bin/ld: cannot find -lbz2: No such file or directory", "the library bz2 is missing"],
    ["/usr/bin/ld: cannot find -lbz2", "the library bz2 is missing"],
    ["ld: error: unable to find library -lffi", "the library ffi is missing"],
    ["ModuleNotFoundError: No module named 'setuptools'", "the Python module setuptools is missing"],
    [
      "c++: fatal error: Killed signal terminated program cc1plus",
      "a program was killed, as the kernel does when memory runs out",
    ],
    ["Killed", "a program was killed, as the kernel does when memory runs out"],
    [
      "  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)",
      "a program was killed, as the kernel does when memory runs out",
    ],
    ["cc1: out of memory: virtual memory exhausted: Cannot allocate memory", "the machine ran out of memory"],
    ["rustc 1.63.0 is not supported by the following packages:", "a newer Rust compiler is needed"],
    ["  cryptography@1.0 requires rustc 1.83", "a newer Rust compiler is needed (1.83)"],
    [
      "error: failed to get `pyo3` as a dependency of package `x`",
      "a package could not be downloaded during the build",
    ],
    [
      "  [60] SSL certificate problem: unable to get local issuer certificate",
      "a package could not be downloaded during the build",
    ],
    ["sh: 1: gperf: not found", "the program gperf is missing"],
    ["./build.sh: 12: gperf: not found", "the program gperf is missing"],
    ["/bin/sh: line 3: gperf: command not found", "the program gperf is missing"],
    ["make[2]: gperf: No such file or directory", "the program gperf is missing"],
    [
      "configure: error: no acceptable C compiler found in $PATH",
      "configure says: no acceptable C compiler found in $PATH",
    ],
  ])("%j", (line, expected) => {
    expect(summary("before", line, "make: *** [Makefile:12: x.o] Error 1")).toBe(expected);
  });

  it.each([
    "x.c:3:2: error: expected ';' before 'return'",
    "make: *** [Makefile:12: all] Error 2",
    "checking for library containing memory... no",
    "cc1: fatal error: x.c: No such file or directory",
    "patching file killed.c",
    "Hunk #1 succeeded at 3 (offset 1 line).",
    "",
  ])("gives no guess for %j", (line) => {
    expect(diagnose([line])).toBeNull();
  });

  it("takes the last line that it knows", () => {
    expect(
      summary(
        "a.c:1: fatal error: a.h: No such file or directory",
        "b.c:1: fatal error: b.h: No such file or directory",
      ),
    ).toBe("the header b.h is missing");
  });

  it("names hunks, files and lines of a patch", () => {
    const lines = [
      "patching file a.c",
      "Hunk #1 succeeded at 3.",
      "Hunk #2 FAILED at 30.",
      "1 out of 2 hunks FAILED -- saving rejects to file a.c.rej",
      "patching file 'b c.c'",
      "Hunk #1 FAILED at 1.",
      "1 out of 1 hunk FAILED -- saving rejects to file b c.c.rej",
    ];
    expect(diagnose(lines)).toMatchObject({
      code: "patch-failed",
      summary: "the patch does not apply: hunk 2 of a.c (line 30), hunk 1 of b c.c (line 1)",
    });
  });

  it("counts further hunks, in BSD's words too", () => {
    const lines = ["Patching file a.c using Plan A...", ...[1, 2, 3, 4, 5].map((n) => `Hunk #${n} failed at ${n}0.`)];
    expect(summary(...lines, "5 out of 5 hunks failed--saving rejects to a.c.rej")).toBe(
      "the patch does not apply: hunk 1 of a.c (line 10), hunk 2 of a.c (line 20), hunk 3 of a.c (line 30) and 2 more",
    );
  });

  it("tells a patch that is in already, and one for a file that is not there", () => {
    const ignored = "1 out of 1 hunk ignored -- saving rejects to file a.c.rej";
    expect(
      summary("patching file a.c", "Reversed (or previously applied) patch detected!  Skipping patch.", ignored),
    ).toBe("the patch is in a.c already");
    expect(
      summary("can't find file to patch at input line 3", "|--- a/no.c", "|+++ b/no.c", "1 out of 1 hunk ignored"),
    ).toBe("the patch changes a/no.c, which the source does not have");
    expect(summary("1 out of 1 hunk ignored")).toBe("the patch does not apply");
  });
});

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
