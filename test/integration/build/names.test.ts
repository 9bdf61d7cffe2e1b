import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkLeaks } from "../../../src/build/gates/leaks.ts";
import type { Gate, ResolvedRecipe } from "../../../src/recipe/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { failureOf, freshFolder, make, prepare } from "./helpers.ts";

const shell = (...commands: readonly string[]): ResolvedRecipe["steps"] =>
  commands.map((command) => ({ kind: "run", argv: ["sh", "-ec", command] }));

describeWith(["linux", "cc"], "the gate on exported names", () => {
  const wanted = { "lib/libx.so.3": { soname: "libx-own.so.3", versions: "OWN_*" } };
  const gates: readonly Gate[] = [{ kind: "exports", name: "exported names", libraries: wanted }];
  const library = (soname: string, script: string): ResolvedRecipe["steps"] =>
    shell(
      `mkdir \${out}/lib; echo '${script}' >v; echo 'int one(void) { return 1; } int two(void) { return 2; }' >x.c`,
      `cc -shared -fPIC x.c -o \${out}/lib/libx.so.3 -Wl,-soname,${soname} -Wl,--version-script,v`,
    );

  it("passes the name and the versions that are wanted", async () => {
    const project = await prepare(await freshFolder());
    const steps = library("libx-own.so.3", "OWN_1 { global: one; local: *; }; OWN_2 { global: two; } OWN_1;");
    const { receipt } = await make(project, { recipe: { sources: [], steps, gates } });
    expect(receipt.gates.at(-1)).toEqual({ name: "exported names", detail: "libx-own.so.3 with OWN_*" });
  });

  it.each([
    ["another name", "libx.so.3", "OWN_1 { global: one; local: *; };", "is called libx.so.3, not libx-own.so.3"],
    [
      "other versions",
      "libx-own.so.3",
      "STOCK_1 { global: one; local: *; };",
      "exports version STOCK_1, which is not OWN_*",
    ],
    ["no versions", "libx-own.so.3", "{ global: one; local: *; };", "exports no version OWN_*"],
    ["a symbol outside", "libx-own.so.3", "OWN_1 { global: one; };", "exports two without a version"],
  ])("finds %s", async (_, soname, script, finding) => {
    const project = await prepare(await freshFolder());
    const error = await failureOf(make(project, { recipe: { sources: [], steps: library(soname, script), gates } }));
    expect(error.details).toEqual([`lib/libx.so.3: ${finding}`]);
    expect(error.hint).toContain("-Wl,-soname");
  });

  it("finds that the library is not there, or is none", async () => {
    const project = await prepare(await freshFolder());
    const none = { sources: [], steps: shell("touch ${out}/x"), gates };
    expect((await failureOf(make(project, { recipe: none }))).details).toEqual(["lib/libx.so.3: is not there"]);
    const text = { sources: [], steps: shell("mkdir ${out}/lib; echo x >${out}/lib/libx.so.3"), gates };
    expect((await failureOf(make(project, { recipe: text }))).details).toEqual(["lib/libx.so.3: is no library"]);
  });
});

describeWith(["linux", "cc"], "the gate on leaks", () => {
  const gate = (except: Extract<Gate, { kind: "leaks" }>["except"] = []): readonly Gate[] => [
    { kind: "leaks", name: "leaks", except },
  ];
  const record: ResolvedRecipe["steps"] = [{ kind: "record", record: "objects" }];
  const source = "echo 'const char *where(void) { return __FILE__; }' >x.c";

  it("finds the build's path in whatever file it stands, also across the border of two pieces", async () => {
    const project = await prepare(await freshFolder());
    const steps = shell(
      `${source}; cc -g -shared -fPIC \${build}/x.c -o \${out}/libx.so; cc -c \${build}/x.c -o x.o; ar rc \${out}/libx.a x.o`,
      'echo "prefix=${build}/source" >${out}/x.pc; echo "file://${build}/y" >${out}/url; echo "${out} /build" >${out}/clean',
      'head -c 1048570 /dev/zero >${out}/large; printf "%s/late" "${build}" >>${out}/large',
      "printf '${build}' | base64 >${out}/hidden",
    );
    const error = await failureOf(make(project, { recipe: { sources: [], steps, gates: gate() } }));
    expect(error.message).toMatch(/gate "leaks": 5 of 7 files hold the path of the build's folder$/u);
    expect(error.details.map((line) => line.replace(/holds .*-hello/u, "…"))).toEqual([
      "large: …/late",
      expect.stringMatching(/^libx\.a: …/u),
      expect.stringMatching(/^libx\.so: …/u),
      "url: …/y",
      "x.pc: …/source",
    ]);
    expect(error.hint).toContain("record: objects");
  });

  it("finds none after compilers that record, which call the folder /build", async () => {
    const project = await prepare(await freshFolder());
    const steps = [...record, ...shell(`${source}; cc -g -shared -fPIC \${build}/x.c -o \${out}/libx.so`)];
    const { receipt, derivation } = await make(project, { recipe: { sources: [], steps, gates: gate() } });
    expect(receipt.gates.at(-1)).toEqual({ name: "leaks", detail: "1 file" });
    expect(readdirSync(derivation.out)).toContain("libx.so");
    expect(execFileSync("strings", ["-a", `${derivation.out}/libx.so`], { encoding: "utf8" })).toContain("/build/x.c");
  });

  it(
    "is left at once in the middle of a file of any size when the run is interrupted",
    { timeout: 5_000 },
    async () => {
      const out = await freshFolder();
      await writeFile(join(out, "large"), "");
      await truncate(join(out, "large"), 16 * 1024 ** 3);
      const looked = checkLeaks({ out, scratch: out, except: [], signal: AbortSignal.timeout(200) });
      expect(await failureOf(looked)).toMatchObject({ code: "interrupted" });
    },
  );

  it("lets be what the recipe lists with a reason, and nothing beside it", async () => {
    const project = await prepare(await freshFolder());
    const steps = shell("mkdir -p ${out}/a/b; echo ${build} >${out}/a/b/url; echo ${build} >${out}/a/url");
    const listed = gate([{ files: ["a/*/url"], reason: "upstream's" }]);
    const error = await failureOf(make(project, { recipe: { sources: [], steps, gates: listed } }));
    expect(error.details).toEqual([expect.stringMatching(/^a\/url: holds /u)]);
    const all = gate([{ files: ["**/url"], reason: "upstream's" }]);
    const { receipt } = await make(project, { recipe: { sources: [], steps, gates: all } });
    expect(receipt.gates.at(-1)?.detail).toBe("2 files; 2 let be: upstream's");
  });
});
