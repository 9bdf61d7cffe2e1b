import { expect, it } from "vitest";
import type { Gate, HardeningException, ResolvedRecipe } from "../../../src/recipe/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { failureOf, freshFolder, make, prepare } from "./helpers.ts";

type Steps = ResolvedRecipe["steps"];

const compile = "cc -O2 ${hardening.compile}";
const link = "${hardening.link} -Wl,-rpath,${out}/lib";
const hardening = (...except: readonly HardeningException[]): Gate => ({
  kind: "hardening",
  name: "hardening",
  except,
});

/** Two sources, the first with something on the stack, and a shell to compile them as the real compiler of the machine does it. */
function recipe(commands: readonly string[], gates: readonly Gate[] = [hardening()]): Partial<ResolvedRecipe> {
  const steps: Steps = [
    { kind: "record", record: "objects" },
    {
      kind: "files",
      files: [
        {
          to: "${build}/a.c",
          content:
            "#include <string.h>\nint b(char *);\nint a(const char *t) { char x[64]; strcpy(x, t); return b(x); }\n",
        },
        { to: "${build}/w.c", content: '__attribute__((section(".w,\\"awx\\",@progbits#"))) int w = 1;\n' },
        { to: "${build}/b.c", content: "int b(char *t) { return t[0]; }\n" },
        {
          to: "${build}/main.c",
          content: "int a(const char *);\nint main(int n, char **v) { (void)n; return a(v[0]); }\n",
        },
      ],
    },
    ...commands.map((command) => ({ kind: "run" as const, argv: ["sh", "-ec", command] })),
  ];
  return { sources: [], steps, gates };
}

const library = (first: string, second: string, how = link): readonly string[] => [
  "mkdir -p ${out}/lib",
  `${first} -fPIC -c a.c -o a.o`,
  `${second} -fPIC -c b.c -o b.o`,
  `cc -shared a.o b.o -o \${out}/lib/libx.so ${how}`,
];

describeWith(["linux", "cc"], "the gate on hardening", () => {
  it("passes what is made with the flags that the compiler takes, and tells what cannot be judged here", async () => {
    const project = await prepare(await freshFolder());
    const commands = [
      ...library(compile, compile),
      `${compile} -fPIE -pie main.c -o \${out}/x -L\${out}/lib -lx ${link}`,
      `${compile} -c b.c -o b-fixed.o`,
      "ar rc ${out}/lib/libx.a b-fixed.o",
    ];
    const { receipt, events } = await make(project, { recipe: recipe(commands) });
    const detail = receipt.gates.at(-1)?.detail ?? "";
    expect(detail).toMatch(/^3 ELF files of 4 objects/u);
    // Whole files have branch protection only where the C library's own start files have it.
    const told = events.filter((event) => event.type === "gate" && event.outcome === "untestable");
    expect(detail.includes("untestable: ")).toBe(told.length > 0);
  });

  it("finds each object that was compiled otherwise, by name, among others that were not", async () => {
    const project = await prepare(await freshFolder());
    const objects = {
      "a.c": `${compile} -fno-stack-protector`,
      "weak.c": `${compile} -fno-stack-protector -fstack-protector`,
      "undone.c": `${compile} -U_FORTIFY_SOURCE`,
      "slow.c": `${compile} -O0 -Wno-cpp`,
      "clash.c": `${compile} -fno-stack-clash-protection`,
      "hidden.c": '$(PATH=$(echo "$PATH" | cut -d: -f2-) command -v cc) -O2',
      "good.c": compile,
      "b.c": compile,
    };
    const commands = [
      "mkdir ${out}/lib",
      ...Object.entries(objects).map(([file, how]) => {
        const source = `int ${file.slice(0, -2)}_c(void) { return 1; }`;
        return `[ -f ${file} ] || echo '${source}' >${file}; ${how} -fPIC -c ${file}`;
      }),
      `cc -shared *.o -o \${out}/lib/libx.so ${link}`,
      "cc -O0 -c b.c -o a-member-with-a-long-name.o; ar rc ${out}/lib/libx.a a-member-with-a-long-name.o good.o",
      "cp ${out}/lib/libx.so ${out}/lib/stripped.so; strip ${out}/lib/stripped.so",
    ];
    const error = await failureOf(make(project, { recipe: recipe(commands) }));
    expect(error).toMatchObject({ code: "gate-failed" });
    const found = error.details.filter((line) => !line.startsWith("lib/stripped.so: ") || line.includes("stripped,"));
    expect(found.filter((line) => !line.includes("protection of")).toSorted()).toEqual([
      "lib/libx.a: b.c: compiled with stack protector: none",
      "lib/libx.a: b.c: compiled without FORTIFY, or not optimised",
      "lib/libx.a: b.c: compiled without protection against stack clash",
      "lib/libx.so: a.c: compiled with stack protector: none",
      "lib/libx.so: clash.c: compiled without protection against stack clash",
      "lib/libx.so: hidden.c: there is no record of how it was compiled",
      "lib/libx.so: slow.c: compiled without FORTIFY, or not optimised",
      "lib/libx.so: undone.c: compiled without FORTIFY, or not optimised",
      "lib/libx.so: weak.c: compiled with stack protector: basic",
      "lib/stripped.so: has been stripped, so what it was made from cannot be told",
    ]);
    // The test's platform is x86-64, whatever the machine: elsewhere its compiler takes no such flag.
    for (const what of ["branches", "returns"])
      expect(error.details.includes(`lib/libx.a: b.c: compiled without protection of ${what}`)).toBe(
        process.arch === "x64",
      );
    for (const remedy of ["-fstack-protector-strong", "-D_FORTIFY_SOURCE=3", "-fstack-clash-protection", "from PATH"])
      expect(error.hint).toContain(remedy);
  });

  it("finds what the linker was not told, and what it was told wrongly", async () => {
    const project = await prepare(await freshFolder());
    const ways = {
      lazy: "-Wl,-z,relro -Wl,-z,lazy",
      writable: "-Wl,-z,norelro -Wl,-z,now",
      stack: `${link} -Wl,-z,execstack`,
      code: `${link} w.o`,
    };
    const commands = [
      `${compile} -fPIC -c b.c w.c`,
      ...Object.entries(ways).map(([name, how]) => `cc -shared b.o -o \${out}/${name}.so ${how}`),
    ];
    const error = await failureOf(make(project, { recipe: recipe(commands) }));
    expect(error.details.toSorted()).toEqual([
      "code.so: has memory that can be both written and executed",
      "lazy.so: functions are bound while it runs, so RELRO is partial",
      "stack.so: has an executable stack",
      "writable.so: what the loader writes stays writable (no RELRO)",
    ]);
    for (const remedy of ["-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack", "readelf -S"])
      expect(error.hint).toContain(remedy);
  });

  it("finds a program at a fixed address, and code that the loader writes into", async () => {
    const project = await prepare(await freshFolder());
    const fixed = [`${compile} -fno-pie -no-pie main.c a.c b.c -o \${out}/x ${link}`];
    const error = await failureOf(make(project, { recipe: recipe(fixed) }));
    expect(error.details).toContain("x: is a program that always lies at the same address (no PIE)");
    const text = "printf '\\t.text\\n\\t.quad b\\n\\t.section .note.GNU-stack,\"\",%%progbits\\n' >t.s";
    const relocated = [
      `${text}; cc -c t.s -o t.o; ${compile} -fPIC -c b.c -o b.o`,
      `cc -shared -Wl,-z,notext t.o b.o -o \${out}/libx.so ${link}`,
    ];
    const other = await failureOf(make(project, { recipe: recipe(relocated) }));
    expect(other.details).toEqual([
      "libx.so: the loader writes into its code (text relocations)",
      "libx.so: t.s: is assembler",
    ]);
    expect(other.hint).toMatch(/^compile with -fPIC what is linked into it; see that the assembler/u);
  });

  it("lets be what the recipe lists with a reason, tells so, and tells what nothing needed", async () => {
    const project = await prepare(await freshFolder());
    const commands = [
      'printf "#ifdef __ELF__\\n.section .note.GNU-stack,\\"\\",%%progbits\\n#endif\\n" >t.S; echo "local: nop" >>t.S; cc -c t.S -o t.o; mkdir ${out}/lib',
      `${compile} -fno-stack-protector -fPIC -c a.c -o a.o; ${compile} -fPIC -c b.c -o b.o`,
      `cc -shared t.o a.o b.o -o \${out}/lib/libx.so ${link}`,
    ];
    const except: readonly HardeningException[] = [
      { files: ["**"], objects: ["*.S"], checks: ["assembler"], reason: "by hand" },
      { files: ["lib/*.so"], objects: ["a.c"], checks: ["stack-protector"], reason: "too early for a canary" },
      { files: ["lib/*"], objects: ["b.c"], checks: ["fortify"], reason: "never" },
    ];
    const { receipt } = await make(project, { recipe: recipe(commands, [hardening(...except)]) });
    expect(receipt.gates.at(-1)?.detail).toContain(
      "; 1 let be: by hand; 1 let be: too early for a canary; the exception for lib/* is not needed",
    );
    const wider = [{ ...except[0]!, checks: ["fortify" as const] }, except[1]!];
    const other = await prepare(await freshFolder());
    const error = await failureOf(make(other, { recipe: recipe(commands, [hardening(...wider)]) }));
    expect(error.details).toEqual(["lib/libx.so: t.S: is assembler"]);
  });

  it("refuses to judge what nothing has recorded", async () => {
    const project = await prepare(await freshFolder());
    const steps: Steps = [{ kind: "run", argv: ["touch", "${out}/x"] }];
    const error = await failureOf(make(project, { recipe: { sources: [], steps, gates: [hardening()] } }));
    expect(error).toMatchObject({ code: "recipe-invalid", hint: expect.stringContaining("record: objects") });
  });
});
