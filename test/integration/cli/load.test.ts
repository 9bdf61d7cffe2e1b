import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { lint } from "../../../src/cli/commands/recipe.ts";
import { loadStack } from "../../../src/cli/make/load.ts";
import type { ForgeError } from "../../../src/errors.ts";
import { contextIn, freshFolder } from "./context.ts";

/** Puts something that cannot be read in a recipe's place; what is said of it. */
const broken = {
  folder: [(file: string) => mkdir(file), "is no regular file"],
  loop: [(file: string) => symlink("recipe.yaml", file), "cannot be read: too many symbolic links encountered"],
  unfit: [(file: string) => writeFile(file, "schema: tlsforge.recipe/1\nname: 3\n"), "the number 3 where text belongs"],
} as const;

/** A folder of recipes with the stack `own`, which is the recipe `hello` alone. */
async function shop() {
  const folder = await freshFolder();
  const recipes = join(folder, "recipes");
  await mkdir(join(recipes, "stacks"), { recursive: true });
  const text = 'schema: tlsforge.stack/1\nname: own\nsummary: own\nrecipes: { hello: "*" }\n';
  await writeFile(join(recipes, "stacks", "own.yaml"), `${text}server: hello\nopenssl: hello\npython: hello\n`);
  return { context: contextIn(folder), recipes };
}

async function writeHello(recipes: string): Promise<void> {
  await mkdir(join(recipes, "hello"));
  const source = `{ sha256: ${"ab".repeat(32)}, locations: [{ file: /hello.tar.gz }] }`;
  const version = `{ version: "1.0.0", support: { status: supported }, sources: [${source}] }`;
  const head = "schema: tlsforge.recipe/1\nname: hello\nsummary: hello\nlicense: MIT";
  await writeFile(
    join(recipes, "hello", "recipe.yaml"),
    `${head}\nversions: [${version}]\nsteps: [{ run: ["true"] }]\n`,
  );
}

it.each(Object.entries(broken))(
  "a recipe that cannot be read (%s) is told where the stack names it",
  async (_, how) => {
    const [make, problem] = how;
    const { context, recipes } = await shop();
    const file = join(recipes, "hello", "recipe.yaml");
    await mkdir(join(recipes, "hello"));
    await make(file);
    const error: unknown = await loadStack(context, "own").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: expect.stringMatching(/^(?:usage|recipe-invalid)$/u) as string });
    const { message, details } = error as ForgeError;
    expect([message, ...details].join("\n")).toMatch(new RegExp(`${file}[: ].*${problem}`, "u"));
  },
);

it("is in the way of no stack that does not name it, and is told by lint", async () => {
  const { context, recipes } = await shop();
  await writeHello(recipes);
  for (const [name, [make]] of Object.entries(broken)) {
    await mkdir(join(recipes, name));
    await make(join(recipes, name, "recipe.yaml"));
  }
  expect((await loadStack(context, "own")).recipes.map(({ name }) => name)).toEqual(["hello"]);
  const { exitCode, fields } = await lint(context, []);
  expect(exitCode).toBe(2);
  const told = fields.error?.details?.join("\n");
  for (const name of Object.keys(broken)) expect(told).toContain(join(recipes, name, "recipe.yaml"));
});
