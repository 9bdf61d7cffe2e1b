import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Lack } from "../../../src/build/diagnosis/index.ts";
import type { ResolvedRecipe } from "../../../src/recipe/index.ts";
import { logPath } from "../../../src/store/index.ts";
import { describeWith } from "../../tools/needs.ts";
import {
  derivationOf,
  failureOf,
  freshFolder,
  leftovers,
  logOf,
  make,
  prepare,
  programs,
  scratchOf,
} from "./helpers.ts";

type Steps = ResolvedRecipe["steps"];

describeWith(["linux", "cc", "make", "patch"], "a build of a real project", () => {
  it("gives an output that works, with a receipt, a whole log, and nothing left in the scratch folder", async () => {
    const project = await prepare(await freshFolder());
    const { derivation, receipt, events } = await make(project);
    const { out } = derivation;
    expect(execFileSync(join(out, "bin/hello"), { env: {}, encoding: "utf8" })).toBe("good day from 1.0.0\n");
    expect(receipt.gates).toEqual([
      { name: "contents", detail: expect.stringMatching(/^\d+ files, folders and links$/u) },
      { name: "files", detail: "3 files are there" },
      { name: "greeting", detail: "good day from 1.0.0" },
      { name: "linkage", detail: expect.stringMatching(/^2 ELF files/u) },
    ]);
    expect(receipt.cpuSeconds).toBeGreaterThan(0);
    expect(events.flatMap((event) => (event.type === "build-activity" ? [event.activity] : []))).toEqual(
      expect.arrayContaining(["checking stdio.h", "compiling greet.c", "compiling hello.c", "linking libgreet.so"]),
    );
    const log = logOf(derivation);
    expect(log).toMatch(/^tlsforge: hello 1\.0\.0, key [0-9a-f]{64}\n/u);
    for (const part of ["patching file greet.c", "$ ./configure --prefix=", "$ make -j2 CFLAGS=", "[exit 0, "])
      expect(log).toContain(part);
    expect(await leftovers(project.prefix)).toEqual([]);
  });

  it("puts files as the recipe has them: no caches, usual rights, the given mode", async () => {
    const project = await prepare(await freshFolder());
    const { derivation } = await make(project);
    const share = join(derivation.out, "share");
    expect(readdirSync(share, { recursive: true, encoding: "utf8" }).toSorted()).toEqual([
      "deep",
      "my__pycache__notes",
      "my__pycache__notes/kept",
      "readme",
    ]);
    const conf = join(derivation.out, "etc/hello.conf");
    expect(readFileSync(conf, "utf8")).toBe("version = 1.0.0\n");
    expect(statSync(conf).mode & 0o777).toBe(0o600);
    expect(statSync(join(share, "readme")).mode & 0o777).toBe(0o644);
  });

  it("does not depend on where the recipe lies, nor on the caller's umask", async () => {
    const folder = join(await freshFolder(), "x__pycache__ ${out}");
    mkdirSync(folder);
    const before = process.umask(0o077);
    try {
      const { derivation } = await make(await prepare(folder, join(folder, "..", "p")));
      expect(statSync(join(derivation.out, "bin/hello")).mode & 0o777).toBe(0o755);
      expect(statSync(join(derivation.out, "share/readme")).mode & 0o777).toBe(0o644);
    } finally {
      process.umask(before);
    }
  });

  it("names the hunk of a patch that does not apply", async () => {
    const project = await prepare(await freshFolder());
    const steps: Steps = [{ kind: "patch", file: "patches/stale.patch", strip: 1 }];
    const error = await failureOf(make(project, { recipe: { steps } }));
    expect(error.code).toBe("patch-failed");
    expect(error.message).toBe(
      "hello 1.0.0: step 1 of 1 (patch patches/stale.patch) failed: the patch does not apply: hunk 1 of greet.c (line 2)",
    );
    expect(error.hint).toContain("give it a `when:` or renew it; ");
    expect(await leftovers(project.prefix)).toEqual([]);
  });

  it("says that a patch is in the source already", async () => {
    const project = await prepare(await freshFolder());
    const patch = { kind: "patch", file: "patches/greeting.patch", strip: 1 } as const;
    const error = await failureOf(make(project, { recipe: { steps: [patch, patch] } }));
    expect(error).toMatchObject({ code: "patch-failed" });
    expect(error.message).toMatch(/step 2 of 2 .* failed: the patch is in greet\.c already$/u);
  });

  it("says that a patch changes a file that is not there", async () => {
    const project = await prepare(await freshFolder());
    const steps: Steps = [
      { kind: "run", argv: ["rm", "greet.c"] },
      { kind: "patch", file: "patches/greeting.patch", strip: 1 },
    ];
    const error = await failureOf(make(project, { recipe: { steps } }));
    expect(error).toMatchObject({ code: "patch-failed" });
    expect(error.message).toMatch(/the patch changes a\/greet\.c, which the source does not have$/u);
  });

  it("finds the missing header behind configure's own words", async () => {
    const project = await prepare(await freshFolder());
    const steps: Steps = [{ kind: "configure", argv: ["./configure", "--with-header=no/such.h"] }];
    const packageAdvice = ({ kind, name }: Lack): string => `install what has the ${kind} ${name}`;
    const error = await failureOf(make(project, { recipe: { steps }, packageAdvice }));
    expect(error.code).toBe("build-failed");
    expect(error.message).toMatch(
      /^hello 1\.0\.0: step 1 of 1 \(configure .*\) failed: the header no\/such\.h is missing$/u,
    );
    expect(error.hint).toMatch(
      /^install what has the header no\/such\.h; the end of its config\.log is in the build's log; .*the whole log: /u,
    );
    const log = logOf(derivationOf(project, { recipe: { steps } }));
    expect(log).toContain("[the end of its config.log]");
    expect(log).toContain("fatal error: no/such.h");
    expect(log).not.toContain("ac_cv_variable");
  });

  it("names a config.log only where there is one", async () => {
    const project = await prepare(await freshFolder());
    const steps: Steps = [{ kind: "configure", argv: ["./configure", "--odd"] }];
    const error = await failureOf(make(project, { recipe: { steps } }));
    expect(error.message).toContain("configure says: unrecognized option: --odd");
    expect(error.hint).not.toContain("config.log");
  });

  it("says of a header in quotes that it may be the source's own, beside the package that may have it", async () => {
    const project = await prepare(await freshFolder());
    const compile = `echo '#include "mine.h"' >q.c; cc -c q.c`;
    const packageAdvice = ({ name }: Lack): string => `find ${name}`;
    const error = await failureOf(make(project, { recipe: programs(["sh", "-c", compile]), packageAdvice }));
    expect(error.message).toMatch(/the header mine\.h is missing$/u);
    expect(error.hint).toMatch(/^find mine\.h; it is included with quotes, .*; the whole log: /u);
  });

  it("gives the last lines and the log of a step that fails for a reason of its own", async () => {
    const project = await prepare(await freshFolder());
    const recipe = programs(["sh", "-c", "for i in $(seq 100); do echo line $i; done; echo odd >&2; exit 7"]);
    const error = await failureOf(make(project, { recipe }));
    expect(error.code).toBe("build-failed");
    expect(error.message).toMatch(/^hello 1\.0\.0: step 1 of 1 \(run sh -c .*\) failed: exit 7$/u);
    expect(error.details).toHaveLength(20);
    expect(error.details.slice(-2)).toEqual(["line 100", "odd"]);
    expect(error.hint).toBe(
      `with --keep-failed the folder of such a build stays, and tlsforge shell hello goes there; the whole log: ${logPath(project.prefix, derivationOf(project, { recipe }).key)}`,
    );
  });

  it.each([
    [["sh", "-c", "kill -9 $$"], "a program was killed"],
    [["sh", "-c", "kill -11 $$"], "exit 139, as after SIGSEGV"],
    [["no-such-program"], "the program no-such-program is missing"],
    [["sh", "-c", "no-such-program; exit 127"], "the program no-such-program is missing"],
  ])("%j fails with %j", async (argv, words) => {
    const project = await prepare(await freshFolder());
    const error = await failureOf(make(project, { recipe: programs(argv) }));
    expect(error.code).toBe("build-failed");
    expect(error.message).toContain(`failed: ${words}`);
  });

  it("says when a step's folder is not there", async () => {
    const project = await prepare(await freshFolder());
    const steps: Steps = [{ kind: "run", argv: ["true"], directory: "nowhere" }];
    const error = await failureOf(make(project, { recipe: { steps } }));
    expect(error).toMatchObject({ code: "build-failed" });
    expect(error.message).toMatch(/^true could not be started in .*\/source\/nowhere: ENOENT$/u);
  });

  it("keeps the order of output and errors, and the log of the last try alone", async () => {
    const project = await prepare(await freshFolder());
    const recipe = programs(["sh", "-c", "for i in 1 2 3 4 5 6; do echo out $i; echo err $i >&2; done; exit 1"]);
    await failureOf(make(project, { recipe }));
    const { details } = await failureOf(make(project, { recipe }));
    expect(details).toEqual([1, 2, 3, 4, 5, 6].flatMap((number) => [`out ${number}`, `err ${number}`]));
    expect(logOf(derivationOf(project, { recipe })).match(/out 6/gu)).toHaveLength(1);
  });

  it("shows the steps no more of the caller than addresses, and no descriptor of ours", async () => {
    const project = await prepare(await freshFolder());
    const script = 'env >"$0/env"; ls -l /proc/self/fd >"$0/fd"; cat /proc/self/status >"$0/status"';
    const { derivation } = await make(project, {
      recipe: programs(["sh", "-c", script, "${out}"]),
      passThrough: { PIP_INDEX_URL: "http://127.0.0.1/simple" },
    });
    const seen = readFileSync(join(derivation.out, "env"), "utf8");
    const names = seen.split("\n").flatMap((line) => /^([A-Za-z_]+)=/u.exec(line)?.[1] ?? []);
    expect(names.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name)).toSorted()).toEqual([
      "HOME",
      "LANG",
      "LC_ALL",
      "PATH",
      "PIP_DISABLE_PIP_VERSION_CHECK",
      "PIP_INDEX_URL",
      "PIP_NO_INPUT",
      "PYTHONHASHSEED",
      "SHELL",
      "SOURCE_DATE_EPOCH",
      "TLSFORGE_OUT",
      "TMPDIR",
      "TZ",
    ]);
    expect(seen).toContain(`HOME=${scratchOf(derivation)}/home\n`);
    expect(readFileSync(join(derivation.out, "fd"), "utf8")).not.toMatch(/pipe:.*\n.*pipe:.*\n.*pipe:/u);
  });
});

describe("cargo's configuration", () => {
  it("reaches the build as far as it says where crates come from", async () => {
    const folder = await freshFolder();
    const project = await prepare(folder);
    const cargoHome = join(folder, "dot/.cargo");
    mkdirSync(cargoHome, { recursive: true });
    writeFileSync(
      join(cargoHome, "config.toml"),
      '[source.crates-io]\nreplace-with = "near"\n[source.near]\ndirectory = "crates"\n[build]\nrustflags = ["-C", "x"]\n',
    );
    const recipe = programs(["cp", "-r", "${build}/.cargo", "${out}/seen"], ["sh", "-c", 'env >"$0/env"', "${out}"]);
    const { derivation, events } = await make(project, { recipe, cargoHome });
    expect(readFileSync(join(derivation.out, "seen/config.toml"), "utf8")).toBe(
      `source.crates-io.replace-with = "near"\nsource.near.directory = "${folder}/dot/crates"\n`,
    );
    expect(events.filter(({ type }) => type === "warning")).toEqual([]);
  });

  it("of a folder above the build is warned of, since cargo obeys all of it", async () => {
    const folder = await freshFolder();
    const project = await prepare(folder);
    mkdirSync(join(folder, ".cargo"));
    writeFileSync(join(folder, ".cargo/config.toml"), '[build]\nrustc-wrapper = "w"\n[net]\nretry = 1\n');
    const recipe = {
      ...programs(["touch", "${out}/file"]),
      requirements: [{ kind: "program", name: "cargo" }],
    } satisfies Partial<ResolvedRecipe>;
    const { events } = await make(project, { recipe });
    expect(events).toContainEqual({
      type: "warning",
      message: `cargo also obeys ${folder}/.cargo/config.toml, as the build lies below its folder: build`,
      hint: expect.stringContaining("--prefix"),
    });
  });
});
