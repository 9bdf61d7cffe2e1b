import { describe, expect, it } from "vitest";
import { diagnose, rules } from "../../../../src/build/diagnosis/diagnose.ts";
import * as samples from "./samples.ts";

const all = Object.entries(samples).flatMap(([tool, list]) => list.map((sample) => ({ tool, ...sample })));

describe("every rule", () => {
  it.each(all)("$tool, $rule: $lines", ({ rule, lines, summary, lacks, code = "build-failed", exitCode = 2 }) => {
    const found = diagnose(["before", ...lines], { exitCode, endedForMemory: null });
    expect(found).toMatchObject({ rule, code });
    const fits = typeof summary === "string" ? found?.summary === summary : summary.test(found?.summary ?? "");
    expect({ fits, summary: found?.summary }).toMatchObject({ fits: true });
    expect(found?.hint).not.toBe("");
    expect(`${found?.lacks?.kind} ${found?.lacks?.name}`).toContain(lacks ?? "");
    expect(`${found?.summary} ${found?.hint}`).not.toMatch(/[{}]|undefined/);
  });

  it("has a sample, and a name of its own", () => {
    const ids = rules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !all.some(({ rule }) => rule === id))).toEqual([]);
  });
});

describe("no guess", () => {
  it.each([
    ["x.c:3:2: warning: unused variable 'x'"],
    ["conftest.c:3:2: error: expected ';' before 'return'"],
    ["./conftest.c:3: error: x", "make: *** [Makefile:2: all] Error 1"],
    ["/tmp/cfg.AbC/conftest.c:3:1: error: x", "make: *** [Makefile:2: all] Error 1"],
    ["/b/CMakeFiles/CMakeScratch/TryCompile-x/src.c:3:1: error: x", "ninja: build stopped: subcommand failed."],
    ["/b/meson-private/tmpabc/testfile.c:3:1: error: x", "ninja: build stopped: subcommand failed."],
    ["testfile.c:3:1: error: x", "ninja: build stopped: subcommand failed."],
    ["12:30:01: error: cannot reach mirror, retrying", "make: *** [Makefile:2: all] Error 1"],
    ["tests/input.txt:3:7: error: expected failure", "make: *** [Makefile:2: check] Error 1"],
    // A program that is tried, and whose errors nothing failed for.
    ["try.c:3:2: error: unknown type name 'x'", "no x", "checking for y... yes", "cc -c a.c", "make: nothing is known"],
    ["make: *** [Makefile:12: all] Error 2"],
    ["checking for library containing memory... no"],
    ["cc1: fatal error: x.c: No such file or directory"],
    ["patching file killed.c"],
    ["Hunk #1 succeeded at 3 (offset 1 line)."],
    ["checking whether cc accepts -fPIC... recompile with -fPIC"],
    ["Killed processes: 0"],
    ["/usr/bin/ld: skipping incompatible l/libz.so when searching for -lz"],
    // A script that looks for a program, and goes on without it.
    ["sh: 1: git: not found", ...Array.from({ length: 9 }, (_, nth) => `cc -c unit${nth}.c`), "x: something else"],
    ["make: git: No such file or directory", "make: [Makefile:3: version] Error 127 (ignored)"],
    ["sh: 1: ./test: Permission denied", ...Array.from({ length: 9 }, (_, nth) => `cc -c unit${nth}.c`)],
    // A crate of a folder without its list of digests: nothing was to be downloaded.
    ["error: failed to get `foo` as a dependency of package `a`", "  failed to load checksum `.cargo-checksum.json`"],
    // What a build script prints of a look for a tool.
    ["cargo:warning=could not execute process `rustc --print cfg` (never executed)"],
    [
      "Package x was not found in the pkg-config search path.",
      "Package 'x', required by 'virtual:world', not found",
      ...Array.from({ length: 9 }, (_, nth) => `cc -c unit${nth}.c`),
    ],
    ["-- Could NOT find GIF (missing: GIF_LIBRARY GIF_INCLUDE_DIR) ", "--   Package 'x', required by 'y', not found"],
    [""],
  ])("for %j", (...lines) => {
    expect(diagnose(lines, { exitCode: 2, endedForMemory: null })).toBeNull();
  });

  it("by the exit code that nearly everything has", () => {
    const lines = [
      "try.c:3:2: error: unknown type name 'x'",
      ...Array.from({ length: 9 }, (_, nth) => `cc unit${nth}.c`),
    ];
    expect(diagnose(lines, { exitCode: 1, endedForMemory: null })).toBeNull();
    expect(diagnose([...lines, "make: *** [Makefile:2: all] Error 1"])?.rule).toBe("cc-error");
  });
});

it("a header in quotes may be the source's own, and one in angle brackets not", () => {
  const error = "q.c:1:10: fatal error: mine.h: No such file or directory";
  expect(diagnose([error, '    1 | #include "mine.h"'])?.aside).toContain("which of both cannot be told");
  expect(diagnose([error, "    1 | #include <mine.h>"])?.aside).toBeUndefined();
});

it.each([
  ["PKG_CHECK_MODULES", "pkg.m4"],
  ["AX_CXX_COMPILE_STDCXX", "autoconf-archive"],
  ["AM_GNU_GETTEXT", "package gettext"],
  ["AM_INIT_AUTOMAKE", "package automake"],
  ["AC_PROG_LIBTOOL", "package libtool"],
  ["FOO_BAR", "install the package whose m4 file defines it"],
])("of the macro %s it is told whose it is: %s", (macro, home) => {
  expect(diagnose([`configure.ac:2: error: possibly undefined macro: ${macro}`])?.hint).toContain(home);
});

describe("of several", () => {
  it("the first counts: what comes later follows from it, or is of another job", () => {
    const lines = [
      "b.c:1:10: fatal error: b.h: No such file or directory",
      "make: *** [Makefile:5: b.o] Error 1",
      "make: *** Waiting for unfinished jobs....",
      "a.c:1:10: fatal error: a.h: No such file or directory",
      "/usr/bin/ld: cannot find -lb: No such file or directory",
    ];
    expect(diagnose(lines)?.summary).toBe("the header b.h is missing");
    expect(diagnose(lines)?.line).toBe(lines[0]);
  });

  it("a full disk goes before what tools make of it", () => {
    const lines = [
      "/tmp/x.s: Fatal error: can't write 11 bytes to section .text of x.o: 'No space left on device'",
      "/usr/bin/ld:x.o: file format not recognized; treating as linker script",
    ];
    expect(diagnose(lines)?.code).toBe("disk-full");
  });

  it("an error that make is told to ignore does not count", () => {
    const lines = [
      "make: nosuchprog: No such file or directory",
      "make: [Makefile:2: all] Error 127 (ignored)",
      "a.c:1:10: fatal error: a.h: No such file or directory",
      "make: *** [Makefile:3: all] Error 1",
    ];
    expect(diagnose(lines)?.summary).toBe("the header a.h is missing");
  });

  it("what only says that something went wrong counts where nothing else does", () => {
    const lines = [
      "make: warning:  Clock skew detected.  Your build may be incomplete.",
      "configure: error: zlib is needed",
      "/usr/bin/ld: cannot find -lz: No such file or directory",
    ];
    expect(diagnose(lines)?.rule).toBe("ld-library");
    expect(diagnose(lines.slice(0, 2))?.rule).toBe("clock-skew");
    const compiled = [
      "a.c:1:2: error: unknown type name 'x'",
      "/usr/bin/ld: cannot find -lz: No such file or directory",
    ];
    expect(diagnose(compiled)?.rule).toBe("ld-library");
    expect(diagnose(compiled.slice(0, 1))?.rule).toBe("cc-error");
  });
});

describe("a killed program", () => {
  const lines = ["cc: fatal error: Killed signal terminated program cc1"];
  it.each([
    [null, "cc1 was killed (SIGKILL), by whom cannot be told here"],
    [
      0,
      "cc1 was killed (SIGKILL), and not by the kernel for want of memory: it counts no such ending since the build began",
    ],
    [1, "cc1 was killed: the kernel has ended a process for want of memory since the build began"],
    [3, "cc1 was killed: the kernel has ended 3 processes for want of memory since the build began"],
  ])("with %j endings for want of memory", (endedForMemory, summary) => {
    expect(diagnose(lines, { exitCode: 1, endedForMemory })?.summary).toBe(summary);
  });
});

it("takes no longer for hostile lines", () => {
  const parts = [
    "x.o relocation a ",
    "a: 1: ",
    "Error 127 ",
    "cannot find ",
    "rustc 1 ",
    "package `a",
    "sh: line 1: ",
    "/a",
    "x.o:",
    "a:1:1: err",
    "error[E0001] ",
    "make: *** [",
    "CMake Error at a:1 ",
    "  Could NOT find a",
    "Package 'a",
    "multiple definition of",
  ];
  const started = performance.now();
  for (const part of parts) expect(diagnose([part.repeat(4096 / part.length), "end"])).toBeNull();
  expect(performance.now() - started).toBeLessThan(500);
});

describe("a pattern takes a time linear in the line", () => {
  const words = [
    "a",
    "[",
    "/",
    "`",
    "'",
    "_",
    "aB3+/",
    "x.o",
    "a.o ",
    "a(",
    "a:",
    "a: ",
    " ",
    "1:",
    "make[1]: ",
    "error: ",
  ];
  const patterns = rules.flatMap(({ id, pattern, confirmed, more }) =>
    [pattern, confirmed?.by, more?.pattern].flatMap((one, nth) =>
      one === undefined ? [] : [[`${id} ${nth}`, one] as const],
    ),
  );

  it.each(patterns)("%s", (_, pattern) => {
    for (const word of words) {
      const [short, long] = [1000, 16_000].map((length) => shortest(pattern, word.repeat(length / word.length)));
      // 16 where it is linear, 256 where it is quadratic; below a tenth of a millisecond it does not matter.
      expect(`${word}: ${long! / Math.max(short!, 0.1) < 64}`).toBe(`${word}: true`);
    }
  });
});

/** Milliseconds, of the fastest of five. */
function shortest(pattern: RegExp, line: string): number {
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now();
    pattern.exec(line);
    return performance.now() - started;
  });
  return Math.min(...times);
}
