import { expect, test } from "vitest";
import {
  checkRequirements,
  memoryHost,
  packageResource,
  requirementError,
  toolIdentity,
  toolPaths,
} from "../../../src/host/index.ts";
import type { Host, MemoryAnswer, MemoryHost, MemoryInitial } from "../../../src/host/index.ts";
import type { Requirement } from "../../../src/recipe/types.ts";

const policy = (versions: Record<string, string>): MemoryAnswer => ({
  stdout: Object.entries(versions)
    .map(([name, version]) => `${name}:\n  Installed: (none)\n  Candidate: ${version}\n`)
    .join(""),
});

const compiler = {
  "/usr/bin/cc --version": { stdout: "cc (Debian 12.2.0-14) 12.2.0\nCopyright\n" },
  "/usr/bin/cc -x": (_argv: readonly string[], { input = "" }: { input?: string }) => ({
    exitCode: input.includes("missing.h") ? 1 : 0,
  }),
} satisfies Record<string, MemoryAnswer>;

function debian(initial: MemoryInitial): MemoryHost {
  return memoryHost({
    ...initial,
    answers: {
      "apt-cache policy": policy({
        rustc: "1.63.0+dfsg1-2",
        "rustc-web": "1.96.0+dfsg1-1~deb12u2",
        cargo: "0.66.0+ds1-1",
        "cargo-web": "1.96.0+dfsg1-1",
      }),
      ...initial.answers,
    },
  });
}

const outcomes = async (host: MemoryHost, requirements: readonly Requirement[]): Promise<unknown[]> =>
  (await checkRequirements(host, requirements)).map(({ outcome, provides }) => [outcome, ...provides]);

test("a bare machine lacks everything, each with its packages", async () => {
  const found = await outcomes(debian({}), [
    { kind: "program", name: "cc" },
    { kind: "program", name: "make" },
    { kind: "program", name: "rustc", version: ">=1.83" },
    { kind: "program", name: "cargo" },
    { kind: "header", name: "zlib.h", library: "z" },
    { kind: "perl-module", name: "IPC::Cmd" },
  ]);
  expect(found).toEqual([
    ["missing", "gcc", "libc6-dev"],
    ["missing", "make"],
    ["missing", "rustc-web"],
    ["missing", "cargo-web"],
    ["unknown", "zlib1g-dev"],
    ["unknown", "perl"],
  ]);
});

test("plain rustc is preferred where it is new enough", async () => {
  const host = debian({
    answers: { "apt-cache policy": policy({ rustc: "1.85.0+dfsg3-1", cargo: "1.85.0+dfsg3-1" }) },
  });
  expect(
    await outcomes(host, [
      { kind: "program", name: "cargo" },
      { kind: "program", name: "rustc", version: ">=1.83" },
    ]),
  ).toEqual([
    ["missing", "cargo"],
    ["missing", "rustc"],
  ]);
});

test("without package lists the choice stays open; with lists that have nothing new enough there is no answer", async () => {
  const wanted: Requirement[] = [{ kind: "program", name: "rustc", version: ">=1.83" }];
  expect(await outcomes(debian({ answers: { "apt-cache policy": {} } }), wanted)).toEqual([
    ["missing", "rustc>=1.83|rustc-web>=1.83"],
  ]);
  expect(await outcomes(debian({ answers: { "apt-cache policy": policy({ rustc: "1.63.0" }) } }), wanted)).toEqual([
    ["missing"],
  ]);
});

test("programs are judged by their version", async () => {
  const host = debian({
    programs: { perl: "/usr/bin/perl", make: "/usr/bin/make", xz: "/usr/bin/xz" },
    answers: {
      "/usr/bin/perl -v": { stdout: "\nThis is perl 5, version 36, subversion 0 (v5.36.0) built for x86_64\n" },
      "/usr/bin/make --version": { stdout: "GNU Make 4.3\n" },
      "/usr/bin/xz --version": { exitCode: 1 },
    },
  });
  const results = await checkRequirements(host, [
    { kind: "program", name: "perl", version: ">=5.10" },
    { kind: "program", name: "make", version: ">=4.4" },
    { kind: "program", name: "xz", version: ">=5" },
    { kind: "program", name: "xz" },
  ]);
  expect(results.map(({ outcome, found }) => [outcome, found])).toEqual([
    ["met", "5.36.0"],
    ["too-old", "4.3"],
    ["unknown", undefined],
    ["met", undefined],
  ]);
  expect(toolPaths(results)).toEqual({ perl: "/usr/bin/perl", xz: "/usr/bin/xz" });
  expect(toolIdentity(results)["perl"]).toBe("This is perl 5, version 36, subversion 0 (v5.36.0) built for x86_64");
});

test("headers are tried in one program, and apart only when that fails", async () => {
  const host = debian({ programs: { cc: "/usr/bin/cc" }, answers: compiler });
  const zlib: Requirement = { kind: "header", name: "zlib.h", library: "z" };
  expect(await outcomes(host, [zlib, { kind: "header", name: "lzma.h", library: "lzma" }])).toEqual([["met"], ["met"]]);
  const compiles = host.commands.filter(({ argv }) => argv[1] === "-x");
  expect(compiles.map(({ argv }) => argv.filter((argument) => argument.startsWith("-l")))).toEqual([
    [],
    ["-lz", "-llzma"],
  ]);
  expect(await outcomes(host, [zlib, { kind: "header", name: "missing.h" }])).toEqual([["met"], ["missing"]]);
});

test("a compiler that cannot link is no compiler, and another is taken", async () => {
  const broken = { "/usr/bin/cc --version": {}, "/usr/bin/cc -x": { exitCode: 1 } };
  const programs = { cc: "/usr/bin/cc" };
  expect(
    await outcomes(debian({ programs, answers: broken }), [
      { kind: "program", name: "cc" },
      { kind: "header", name: "zlib.h" },
    ]),
  ).toEqual([
    ["missing", "gcc", "libc6-dev"],
    ["unknown", "zlib1g-dev"],
  ]);
  const clang = {
    ...broken,
    "/usr/bin/clang --version": { stdout: "clang version 14.0.6\n" },
    "/usr/bin/clang -x": {},
  };
  const [result] = await checkRequirements(
    debian({ programs: { ...programs, clang: "/usr/bin/clang" }, answers: clang }),
    [{ kind: "program", name: "cc" }],
  );
  expect(result).toMatchObject({ outcome: "met", path: "/usr/bin/clang", identity: "clang version 14.0.6" });
});

test("perl modules are tried in one run", async () => {
  const host = debian({ programs: { perl: "/usr/bin/perl" }, answers: { "perl -e": { stdout: "IPC::Cmd\n" } } });
  expect(
    await outcomes(host, [
      { kind: "perl-module", name: "IPC::Cmd" },
      { kind: "perl-module", name: "Time::Piece" },
    ]),
  ).toEqual([["met"], ["missing", "perl"]]);
  host.answers.set("perl -e", { exitCode: 2, stderr: "broken" });
  expect(await outcomes(host, [{ kind: "perl-module", name: "IPC::Cmd" }])).toEqual([["unknown", "perl"]]);
});

const rustAnswers = (path: string, sysroot: string, version: string): Record<string, MemoryAnswer> => ({
  [`${path} --print sysroot`]: { stdout: `${sysroot}\n` },
  [`${sysroot}/bin/rustc -vV`]: {
    stdout: `rustc ${version} (abc 2026-01-01)\nhost: x86_64-unknown-linux-gnu\nrelease: ${version}\nLLVM version: 19.1\n`,
  },
  [`${sysroot}/bin/cargo --version`]: { stdout: `cargo ${version} (def 2026-01-01)\n` },
});

test("behind rustup's proxy the real toolchain is found", async () => {
  const host = debian({
    files: { "/r/tc/bin/rustc": "", "/r/tc/bin/cargo": "" },
    programs: { rustc: "/home/a/.cargo/bin/rustc", cargo: "/home/a/.cargo/bin/cargo" },
    answers: rustAnswers("/home/a/.cargo/bin/rustc", "/r/tc", "1.95.0"),
  });
  const results = await checkRequirements(host, [
    { kind: "program", name: "rustc", version: ">=1.83" },
    { kind: "program", name: "cargo" },
  ]);
  expect(toolPaths(results)).toEqual({ cargo: "/r/tc/bin/cargo", rustc: "/r/tc/bin/rustc" });
  expect(toolIdentity(results)["rustc"]).toBe("rustc 1.95.0 (abc 2026-01-01) x86_64-unknown-linux-gnu LLVM 19.1");
});

test("Debian's old rustc is too old, unless a newer one is beside it", async () => {
  const old = { files: { "/usr/bin/rustc": "", "/usr/bin/cargo": "" }, programs: { rustc: "/usr/bin/rustc" } };
  const wanted: Requirement[] = [{ kind: "program", name: "rustc", version: ">=1.83" }];
  const host = debian({ ...old, answers: rustAnswers("/usr/bin/rustc", "/usr", "1.63.0") });
  expect((await checkRequirements(host, wanted))[0]).toMatchObject({
    outcome: "too-old",
    found: "1.63.0",
    provides: ["rustc-web"],
  });
  const both = debian({
    ...old,
    files: { ...old.files, "/usr/bin/rustc-1.85": "", "/usr/lib/rust-1.85/bin/rustc": "" },
    answers: {
      ...rustAnswers("/usr/bin/rustc", "/usr", "1.63.0"),
      ...rustAnswers("/usr/bin/rustc-1.85", "/usr/lib/rust-1.85", "1.85.0"),
    },
  });
  expect((await checkRequirements(both, wanted))[0]).toMatchObject({
    outcome: "met",
    path: "/usr/lib/rust-1.85/bin/rustc",
  });
});

test("all that is missing becomes one resource and one error; what is only wanted is no error", async () => {
  const host = debian({});
  const results = await checkRequirements(host, [
    { kind: "program", name: "make", version: ">=4" },
    { kind: "program", name: "frobnicate" },
    { kind: "header", name: "curses.h", wanted: true },
  ]);
  expect(packageResource(results, "recipes")).toEqual({
    kind: "package",
    id: "package:requirements",
    origin: "recipes",
    names: ["libncurses-dev", "make"],
    why: "gives make, curses.h",
  });
  const error = requirementError(host, results);
  expect(error).toMatchObject({ code: "requirement-missing", message: "this machine lacks make, frobnicate" });
  expect(error?.details).toEqual([
    "program make >=4: missing (in make)",
    "program frobnicate: missing (no package known for apt; find its package: apt-file search bin/frobnicate (apt-file is a package itself; first apt-file update))",
  ]);
  expect(requirementError(host, results.slice(2))).toBeNull();
  const hintFor = (change: Partial<Host>): string | undefined =>
    requirementError({ ...host, ...change }, results)?.hint;
  expect(hintFor({ privilege: "sudo" })).toBe("run tlsforge with --yes to install the packages, or install them: make");
  expect(hintFor({ privilege: "none" })).toBe("ask root to run: apt-get install make");
  expect(hintFor({ privilege: "none", packageFamily: "apk" })).toBe("ask root to run: apk add make");
  expect(hintFor({ privilege: "none", packageFamily: "brew" })).toBe("install: make");
  expect(packageResource([], "recipes")).toBeNull();
});
