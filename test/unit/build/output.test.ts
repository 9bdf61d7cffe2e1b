import { describe, expect, it } from "vitest";
import { activityOf } from "../../../src/build/activity.ts";
import { leftBehindIn } from "../../../src/build/left-behind.ts";
import { lineSplitter } from "../../../src/build/lines.ts";
import { describeExit, parseTimes } from "../../../src/build/run.ts";

describe("activityOf", () => {
  it.each([
    ["gcc  -I. -Iinclude -fPIC -pthread -O3 -MMD -MF x.d.tmp -c -o crypto/x.o crypto/x.c", "compiling crypto/x.c"],
    ["gcc -c -Wall -o Python/ast.o Python/ast.c", "compiling Python/ast.c"],
    ["gcc -fPIC -DPy_BUILD_CORE_BUILTIN -c ./Modules/_abc.c -o Modules/_abc.o", "compiling ./Modules/_abc.c"],
    ["cc x.cpp -c", "compiling x.cpp"],
    [
      "libtool: compile:  gcc -DHAVE -c ../src/x86/unix64.S  -fPIC -o src/.libs/unix64.o",
      "compiling ../src/x86/unix64.S",
    ],
    ["cc conftest.c -o conftest", "compiling conftest.c"],
    [
      "gcc -shared -Wl,-rpath,/x  Modules/_json.o  -o Modules/_json.cpython-313.so",
      "linking Modules/_json.cpython-313.so",
    ],
    ["gcc -shared -o libssl.so.3 a.o", "linking libssl.so.3"],
    ["   Compiling cryptography-rust v0.1.0 (/x)", "compiling cryptography-rust v0.1.0"],
    ["Compiling '/out/lib/python3.13/asyncio/base_tasks.py'...", "precompiling base_tasks.py"],
    ["Building wheels for collected packages: cffi", "building cffi"],
    ["  Building wheel for cffi (pyproject.toml): started", "building cffi"],
    ["Installing collected packages: pip, idna", "installing pip, idna"],
    ["checking for stdio.h... yes", "checking stdio.h"],
    ["checking whether the compiler works... yes", "checking the compiler works"],
    ["checking build system type... x86_64", "checking build system type"],
  ])("%j", (line, expected) => {
    expect(activityOf(line)).toBe(expected);
  });

  it.each([
    "/usr/bin/install -c -m 644 ./Lib/graphlib.py /out/lib",
    "make[1]: Entering directory '/x'",
    "x.c:1:2: warning: unused",
    "sh -c 'echo x.c'",
    "",
  ])("null for %j", (line) => {
    expect(activityOf(line)).toBeNull();
  });

  it("takes no longer for hostile lines", () => {
    const started = performance.now();
    for (const line of [`a -c ${"x.".repeat(2000)}`, `checking ${"a".repeat(4000)}`, ` -o ${".so".repeat(1300)}!`])
      activityOf(line);
    expect(performance.now() - started).toBeLessThan(200);
  });
});

it("three million lines that tell nothing take a moment", () => {
  let told = 0;
  const splitter = lineSplitter((line) => {
    if (activityOf(line) !== null || leftBehindIn(line) !== null) told += 1;
  });
  const chunk = Buffer.from("y\n".repeat(32 * 1024));
  const started = performance.now();
  for (let nth = 0; nth < 96; nth += 1) splitter.add(chunk);
  splitter.end();
  expect(told).toBe(0);
  expect(performance.now() - started).toBeLessThan(800);
});

describe("lineSplitter", () => {
  const split = (...chunks: (string | Buffer)[]): string[] => {
    const lines: string[] = [];
    const splitter = lineSplitter((line) => lines.push(line));
    for (const chunk of chunks) splitter.add(Buffer.from(chunk));
    splitter.end();
    return lines;
  };

  it("joins what chunks cut, also within a character", () => {
    const euro = Buffer.from("€");
    expect(split("a", "b\nc", "\n\nd", euro.subarray(0, 1), euro.subarray(1), "\n")).toEqual(["ab", "c", "", "d€"]);
    expect(split("no end")).toEqual(["no end"]);
  });

  it("ends lines at carriage returns too, and takes both together for one", () => {
    expect(split("10%\r50%\r", "\nnext\r\n", "x\r", "y")).toEqual(["10%", "50%", "next", "x", "y"]);
  });

  it("takes out colours, titles and other controls", () => {
    expect(split("\u001b[1;31merror\u001b[0m:\tx\u0007\b\n\u001b]0;title\u0007y\n\u009bz")).toEqual([
      "error:\tx",
      "y",
      "z",
    ]);
  });

  it("cuts long lines", () => {
    const lines = split("x".repeat(10_000), "y".repeat(10_000), "\nshort\n");
    expect(lines.map(({ length }) => length)).toEqual([4096, 5]);
  });
});

describe("parseTimes", () => {
  it.each([
    ["0m0.00s 0m0.00s\n0m12.50s 1m0.25s\n", 72.75],
    ["0m0.000000s 0m0.000000s\n2m1.500000s 0m0.500000s", 122],
    ["", 0],
    ["nonsense", 0],
  ])("%j", (text, seconds) => {
    expect(parseTimes(text)).toBeCloseTo(seconds);
  });
});

describe("describeExit", () => {
  it.each([
    [2, "exit 2"],
    [127, "exit 127"],
    [137, "exit 137, as after SIGKILL"],
    [255, "exit 255"],
    [null, "ended by a signal"],
  ])("%j", (code, words) => {
    expect(describeExit(code)).toBe(words);
  });
});
