/** A small stack of real projects in C that is built in a second or two: a library, a program configured by Autoconf, a program that uses both. */
import { cp, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { digestOf, workshop, type Workshop } from "./support.ts";

/** What differs from the usual stand-in. */
export interface StandIn {
  /** Part of every build's key, and said by its programs. */
  readonly word: string;
  /** Seconds that each compilation takes longer. */
  readonly pause?: number;
  /** A recipe whose build fails at its end. */
  readonly failing?: (typeof standIns)[number];
}

/** The names of the recipes, in build order. */
export const standIns = ["alpha", "beta", "gamma"] as const;

/** The archives of the three projects, in a folder of their own. */
export async function standInArchives(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tlsforge-standin-"));
  for (const [name, files] of Object.entries(projects)) await archive(folder, name, files);
  return folder;
}

/** A workshop with those archives; recipes are yet to be written. */
export async function standInShop(archives: string): Promise<Workshop> {
  const shop = await workshop();
  await cp(archives, join(shop.folder, "archives"), { recursive: true });
  return shop;
}

/** Writes the recipes and the stack `small`. */
export async function writeStandIn(shop: Workshop, { word, pause = 0, failing }: StandIn): Promise<void> {
  for (const name of standIns) {
    const inputs = name === "alpha" ? [] : name === "gamma" ? ["alpha", "beta"] : ["alpha"];
    const file = join(shop.folder, "archives", `${name}-1.0.0.tar.gz`);
    const text = [
      "schema: tlsforge.recipe/1",
      `name: ${name}`,
      `summary: ${name} of the stand-in`,
      "license: MIT",
      "versions:",
      '  - version: "1.0.0"',
      "    support: { status: supported }",
      `    sources: [{ sha256: ${await digestOf(file)}, locations: [{ file: ${file} }] }]`,
      `inputs: [${inputs.join(", ")}]`,
      "requirements: [{ program: cc }, { program: make }]",
      `environment: { WORD: ${word}, PAUSE: "${pause}"${name === "alpha" ? "" : ', ALPHA: "${inputs.alpha}"'}${name === "gamma" ? ', BETA: "${inputs.beta}"' : ""} }`,
      "steps:",
      '  - configure: [./configure, "--prefix=${out}"]',
      "  - make: { parallel: true }",
      "  - install: { targets: [install] }",
      ...(name === failing ? ['  - run: [sh, -c, "echo no luck with $WORD >&2; exit 3"]'] : []),
      "gates:",
      `  - { run: ["\${out}/bin/${name}"], expect: "^${name} ${word}" }`,
      "  - linkage: { system: [libc.so.6] }",
    ];
    await mkdir(join(shop.recipes, name), { recursive: true });
    await writeFile(join(shop.recipes, name, "recipe.yaml"), `${text.join("\n")}\n`);
  }
  await mkdir(join(shop.recipes, "stacks"), { recursive: true });
  const stack = [
    "schema: tlsforge.stack/1",
    "name: small",
    "summary: the stand-in",
    'recipes: { alpha: "*", beta: "*", gamma: "*" }',
    "server: gamma",
    "openssl: alpha",
    "python: beta",
  ];
  await writeFile(join(shop.recipes, "stacks", "small.yaml"), `${stack.join("\n")}\n`);
}

/** What the programs of the current generation say, through the prefix's own stable paths. */
export async function saidBy({ prefix }: Pick<Workshop, "prefix">): Promise<readonly string[]> {
  const said = await Promise.all(
    standIns.map((name) => execa(join(prefix, "bin", name), { env: {}, extendEnv: false })),
  );
  return said.map(({ stdout }) => stdout);
}

/** What they say when everything was built with this word. */
export function saying(word: string): readonly string[] {
  return [`alpha ${word}`, `beta ${word}, alpha ${word}`, `gamma ${word}, beta ${word}, alpha ${word}`];
}

async function archive(folder: string, name: string, files: Readonly<Record<string, string>>): Promise<void> {
  const source = join(folder, `${name}-1.0.0`);
  await mkdir(source, { recursive: true });
  for (const [file, text] of Object.entries(files))
    await writeFile(join(source, file), text, { mode: file === "configure" ? 0o755 : 0o644 });
  if (files["configure.ac"] !== undefined) {
    await execa("autoconf", { cwd: source });
    await execa("rm", ["-rf", "autom4te.cache"], { cwd: source });
  }
  const options = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-I", "gzip -n"];
  await execa("tar", [...options, "-cf", `${source}.tar.gz`, "-C", folder, `${name}-1.0.0`]);
}

const rules = `%.o: %.c
\t$(CC) -O1 -fPIC -DWORD='"$(WORD)"' $(CPPFLAGS) -c -o $@ $<
\tsleep $(PAUSE)
`;

const plainConfigure = `#!/bin/sh
for argument; do case $argument in --prefix=*) prefix=\${argument#--prefix=} ;; esac; done
sed -e "s|@prefix@|$prefix|" -e "s|@CC@|cc|" Makefile.in >Makefile
`;

function main(say: string): string {
  return `#include <stdio.h>\n${say}\n`;
}

const projects: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  alpha: {
    configure: plainConfigure,
    "alpha.h": "const char *alpha(void);\n",
    "alpha.c": '#include "alpha.h"\nconst char *alpha(void) { return "alpha " WORD; }\n',
    "main.c": main('#include "alpha.h"\nint main(void) { return puts(alpha()) < 0; }'),
    "Makefile.in": `CC = @CC@
prefix = @prefix@
all: alpha
${rules}libalpha.so: alpha.o
\t$(CC) -shared -o $@ alpha.o
alpha: main.o libalpha.so
\t$(CC) -o $@ main.o -L. -lalpha -Wl,-rpath,$(prefix)/lib
install: all
\tmkdir -p $(prefix)/bin $(prefix)/lib $(prefix)/include
\tcp alpha $(prefix)/bin/
\tcp libalpha.so $(prefix)/lib/
\tcp alpha.h $(prefix)/include/
`,
  },
  beta: {
    "configure.ac": "AC_INIT([beta], [1.0.0])\nAC_PROG_CC\nAC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
    "beta.c":
      '#include "beta.h"\n#include "alpha.h"\n#include <stdio.h>\nconst char *beta(void) {\n  static char text[200];\n  snprintf(text, sizeof text, "beta %s, %s", WORD, alpha());\n  return text;\n}\n',
    "beta.h": "const char *beta(void);\n",
    "main.c": main('#include "beta.h"\nint main(void) { return puts(beta()) < 0; }'),
    "Makefile.in": `CC = @CC@
prefix = @prefix@
CPPFLAGS = -I$(ALPHA)/include
all: beta
${rules}libbeta.so: beta.o
\t$(CC) -shared -o $@ beta.o -L$(ALPHA)/lib -lalpha -Wl,-rpath,$(ALPHA)/lib
beta: main.o libbeta.so
\t$(CC) -o $@ main.o -L. -lbeta -Wl,-rpath,$(prefix)/lib -Wl,-rpath-link,$(ALPHA)/lib
install: all
\tmkdir -p $(prefix)/bin $(prefix)/lib $(prefix)/include
\tcp beta $(prefix)/bin/
\tcp libbeta.so $(prefix)/lib/
\tcp beta.h $(prefix)/include/
`,
  },
  gamma: {
    configure: plainConfigure,
    "main.c": main('#include "beta.h"\nint main(void) { return printf("gamma %s, %s\\n", WORD, beta()) < 0; }'),
    "Makefile.in": `CC = @CC@
prefix = @prefix@
CPPFLAGS = -I$(BETA)/include
all: gamma
${rules}gamma: main.o
\t$(CC) -o $@ main.o -L$(BETA)/lib -lbeta -Wl,-rpath,$(BETA)/lib -Wl,-rpath-link,$(ALPHA)/lib
install: all
\tmkdir -p $(prefix)/bin
\tcp gamma $(prefix)/bin/
`,
  },
};
