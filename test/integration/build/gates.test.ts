import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { ResolvedRecipe } from "../../../src/recipe/index.ts";
import { readReceipt } from "../../../src/store/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { failureOf, freshFolder, leftovers, make, prepare, programs } from "./helpers.ts";

type Steps = ResolvedRecipe["steps"];

describeWith(["linux", "cc", "make", "patch"], "a gate", () => {
  const linkage = { kind: "linkage", name: "linkage", system: ["libc.so.6"] } as const;

  it("that runs the product fails when the output differs, and only standard output counts", async () => {
    const project = await prepare(await freshFolder());
    const argv = ["sh", "-c", "echo wanted >&2; echo other"];
    const recipe = {
      ...programs(["touch", "${out}/x"]),
      gates: [{ kind: "run", name: "says", argv, expect: "wanted" }],
    };
    const error = await failureOf(make(project, { recipe: recipe as Partial<ResolvedRecipe> }));
    expect(error.code).toBe("gate-failed");
    expect(error.message).toBe('hello 1.0.0: gate "says": its output does not match /wanted/m');
    // Both streams are shown; which comes first is the kernel's to say.
    expect(new Set(error.details)).toEqual(new Set([`$ ${argv.join(" ")}`, "wanted", "other"]));
    expect(error.details).toHaveLength(3);
    expect(await leftovers(project.prefix)).toEqual([]);
  });

  it("that runs the product fails with its exit code, in an empty environment", async () => {
    const project = await prepare(await freshFolder());
    const argv = ["/bin/sh", "-c", "/usr/bin/env; exit 3"];
    const recipe = { ...programs(["touch", "${out}/x"]), gates: [{ kind: "run", name: "runs", argv, expect: "" }] };
    const error = await failureOf(make(project, { recipe: recipe as Partial<ResolvedRecipe> }));
    expect(error.message).toContain('gate "runs": exit 3');
    const names = error.details.slice(1).map((line) => line.split("=")[0]);
    expect(names.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name!))).toEqual(["TLSFORGE_OUT"]);
  });

  it("on files does not take a link that leads nowhere for one", async () => {
    const project = await prepare(await freshFolder());
    const gates = [{ kind: "exists", name: "files", files: ["there", "not"] }] as const;
    const recipe = { ...programs(["touch", "${out}/there"]), gates };
    expect(await failureOf(make(project, { recipe }))).toMatchObject({
      code: "gate-failed",
      message: 'hello 1.0.0: gate "files": 1 of 2 files are missing',
      details: ["not"],
    });
  });

  it.each([
    [
      "an undeclared library",
      ["-o", "${out}/x", "-lm"],
      "x: needs libm.so.6, which is neither in its run paths nor on",
    ],
    ["a relative run path", ["-o", "${out}/x", "-Wl,-rpath,$ORIGIN/lib"], "x: run path $ORIGIN/lib is not absolute"],
    [
      "an empty run path",
      ["-o", "${out}/x", "-Wl,-rpath,${out}:"],
      "x: run path (empty: the current folder) is not absolute",
    ],
    [
      "the old kind of run path",
      ["-o", "${out}/x", "-Wl,--disable-new-dtags,-rpath,/opt/lib"],
      "x: run path /opt/lib is not inside",
    ],
    [
      "a run path outside",
      ["-o", "${out}/x", "-Wl,-rpath,/usr/lib"],
      "x: run path /usr/lib is not inside the output or one of its inputs",
    ],
    [
      "a run path that the loader replaces a part of",
      ["-o", "${out}/x", "-Wl,-rpath,${out}/$LIB"],
      "/$LIB depends on who loads it",
    ],
    [
      "a run path that climbs out",
      ["-o", "${out}/x", "-Wl,-rpath,${out}/../other"],
      "/../other is not inside the output",
    ],
  ])("on linkage finds %s", async (_, flags, finding) => {
    const project = await prepare(await freshFolder());
    const source = "#include <math.h>\nint main(int c, char **v) { return (int)cos(c); }\n";
    const steps: Steps = [
      { kind: "files", files: [{ to: "${build}/x.c", content: source }] },
      {
        kind: "run",
        argv: [
          "cc",
          "${build}/x.c",
          ...flags,
          ...(flags.includes("-lm") ? [] : ["-Wl,--as-needed", "-lm", "-fno-builtin"]),
        ],
      },
    ];
    const system = flags.includes("-lm") ? ["libc.so.6"] : ["libc.so.6", "libm.so.6"];
    const recipe = { sources: [], steps, gates: [{ ...linkage, system }] };
    const error = await failureOf(make(project, { recipe }));
    expect(error).toMatchObject({ code: "gate-failed" });
    expect(error.details).toEqual([expect.stringContaining(finding)]);
  });

  it("on linkage finds a library that was built and not installed", async () => {
    const project = await prepare(await freshFolder());
    const recipe = {
      steps: [...project.recipe.steps, { kind: "run", argv: ["rm", "${out}/lib/libgreet.so"] }] as Steps,
      gates: [{ ...linkage, system: ["libc.so.6"] }],
    };
    const error = await failureOf(make(project, { recipe }));
    expect(error.details).toEqual([expect.stringMatching(/^bin\/hello: needs libgreet\.so, which is neither/u)]);
  });

  it("on linkage finds a library of the list that the machine does not have, and tells what nothing needs", async () => {
    const project = await prepare(await freshFolder());
    const steps: Steps = [
      {
        kind: "run",
        argv: [
          "sh",
          "-ec",
          'echo "int main(void) { return 0; }" >x.c; cc -shared x.c -o libgone.so; cc x.c -o $0/x -Wl,--no-as-needed -L. -lgone',
          "${out}",
        ],
      },
    ];
    const gates = [{ ...linkage, system: ["libc.so.*", "libgone.so", "libm.so.6"] }];
    const error = await failureOf(make(project, { recipe: { sources: [], steps, gates } }));
    expect(error.message).toContain("1 finding in 1 ELF file");
    expect(error.details).toEqual(["x: needs libgone.so, which this machine does not have"]);
    expect(error.hint).toContain("install it where it is missing");
    const clean: Steps = [
      { kind: "run", argv: ["sh", "-ec", 'echo "int main(void) { return 0; }" >x.c; cc x.c -o $0/x', "${out}"] },
    ];
    const { receipt } = await make(project, { recipe: { sources: [], steps: clean, gates } });
    expect(receipt.gates.at(-1)?.detail).toBe("1 ELF file; on the list and not needed: libgone.so, libm.so.6");
  });

  it("on linkage takes libraries of inputs, and of no other output", async () => {
    const project = await prepare(await freshFolder());
    const { derivation: hello } = await make(project);
    const steps: Steps = [
      {
        kind: "files",
        files: [
          { to: "${build}/x.c", content: "const char *greeting(void);\nint main(void) { return !greeting(); }\n" },
        ],
      },
      {
        kind: "run",
        argv: ["cc", "${build}/x.c", "-o", "${out}/x", `-L${hello.out}/lib`, "-lgreet", `-Wl,-rpath,${hello.out}/lib`],
      },
    ];
    const recipe = { name: "user", sources: [], steps, gates: [linkage] };
    const error = await failureOf(make(project, { recipe }));
    expect(error.details).toEqual([
      `x: run path ${hello.out}/lib is not inside the output or one of its inputs`,
      `x: libgreet.so is found as ${hello.out}/lib/libgreet.so, outside of the output and its inputs`,
    ]);
    const { receipt } = await make(project, { recipe, inputs: [hello] });
    expect(receipt.gates.at(-1)).toEqual({ name: "linkage", detail: "1 ELF file" });
  });

  it("on linkage takes a damaged file for a finding, and an output without programs too", async () => {
    const project = await prepare(await freshFolder());
    const damaged = programs(["sh", "-c", 'head -c 700 "$(command -v env)" >"$0/x"', "${out}"]);
    const error = await failureOf(make(project, { recipe: { ...damaged, gates: [linkage] } }));
    expect(error.details).toEqual(["x: begins like an ELF file, but it points to what lies outside of the file"]);
    const none = { ...programs(["touch", "${out}/x"]), gates: [linkage] };
    expect((await failureOf(make(project, { recipe: none }))).message).toContain("there is no ELF file to check");
  });

  it.each([
    ["setuid", ["chmod", "4755", "${out}/f"], "f: runs with the rights of its owner (setuid or setgid)"],
    ["setgid", ["chmod", "2755", "${out}/f"], "f: runs with the rights of its group (setuid or setgid)"],
    ["a file for everybody", ["chmod", "666", "${out}/f"], "f: everybody may change it"],
    ["a folder for everybody", ["mkdir", "-m", "777", "${out}/d"], "d: everybody may change it"],
    ["an unreadable file", ["chmod", "000", "${out}/f"], "f: its owner cannot read it"],
    ["an unreadable folder", ["mkdir", "-m", "000", "${out}/d"], "d: its owner cannot look into this folder"],
    [
      "a link to the machine",
      ["ln", "-s", "/etc/passwd", "${out}/l"],
      "l: is a link to /etc/passwd, outside of the output and its inputs",
    ],
    ["a link to the scratch folder", ["ln", "-s", "${build}/tmp", "${out}/l"], "outside of the output and its inputs"],
    ["a link to nowhere", ["ln", "-s", "nowhere", "${out}/l"], "l: is a link to nowhere, which is not there"],
    ["a link in a circle", ["ln", "-s", "l", "${out}/l"], "l: is a link to l, which leads in a circle"],
    ["a pipe", ["mkfifo", "${out}/p"], "p: is neither file nor folder nor link"],
  ])("on the contents of every output finds %s", async (_, argv, finding) => {
    const project = await prepare(await freshFolder());
    const error = await failureOf(make(project, { recipe: programs(["touch", "${out}/f"], argv) }));
    expect(error.message).toMatch(/^hello 1\.0\.0: gate "contents": 1 of [12] files, folders and links must not/u);
    expect(error.details).toEqual([expect.stringContaining(finding)]);
  });

  it("on the contents of every output wants some, and takes links inside", async () => {
    const project = await prepare(await freshFolder());
    const empty = await failureOf(make(project, { recipe: programs(["true"]) }));
    expect(empty).toMatchObject({ code: "gate-failed", message: 'hello 1.0.0: gate "contents": the output is empty' });
    const linked = join(project.prefix, "..", "by-link");
    symlinkSync(project.prefix, linked);
    const byLink = { ...project, prefix: linked };
    const recipe = programs(
      ["touch", "${out}/f"],
      ["ln", "-s", "${out}/f", "${out}/absolute"],
      ["ln", "-s", "f", "${out}/near"],
    );
    const { derivation } = await make(byLink, { recipe });
    expect(await readReceipt(derivation.out)).not.toBeNull();
  });
});
