/** Options of the commands that build: where sources come from, and which grade is wanted. */
import path from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { ForgeError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { collect, minGrade, optional, text } from "./option-values.ts";
import type { BuildRequest, TestRequest } from "../make/types.ts";

/** Adds them to a command. */
export function withSources(command: Command): Command {
  return withPlaces(
    command.option(
      "--source <name=path>",
      "your own file or folder for a source, marked unverified (repeatable)",
      collect,
      [],
    ),
  ).addOption(minGrade());
}

/** Adds those that say where a source may be looked for. */
export function withPlaces(command: Command): Command {
  return command
    .option("--mirror <url>", "content-addressed mirror, tried first", mirrorAddress)
    .option("--offline", "use only what is in the caches");
}

/** Adds them, and what only makes sense where something is built. */
export function withBuilding(command: Command): Command {
  return withSources(command)
    .option("--keep-failed", "keep the folder of a build that fails, for tlsforge shell")
    .option("--require-sandbox", "refuse to build where builds cannot be sealed off from network and files")
    .option(
      "--check",
      "run the own tests of what is built (OpenSSL's, Python's of TLS) before it is activated; takes minutes",
    )
    .option(
      "--check-tests <recipe=names>",
      "only these tests of a recipe, with commas between them (repeatable)",
      collect,
      [],
    );
}

/** What a command line asks for. Throws `usage`. */
export function buildRequest(
  args: readonly string[],
  options: Record<string, unknown>,
  context: Context,
): BuildRequest {
  const mirror = text(options["mirror"]);
  return {
    stack: args[0] ?? null,
    ...optional("tests", testRequest(options)),
    minGrade: text(options["minGrade"]) ?? null,
    ...(options["keepFailed"] === true ? { keepFailed: true } : {}),
    sources: {
      sources: parseSources((options["source"] ?? []) as string[], context.cwd),
      offline: options["offline"] === true,
      requireSandbox: options["requireSandbox"] === true,
      ...optional("mirror", mirror),
    },
  };
}

function testRequest(options: Record<string, unknown>): TestRequest | undefined {
  const given = (options["checkTests"] as readonly string[] | undefined) ?? [];
  if (options["check"] !== true && given.length === 0) return undefined;
  const pairs = given.map((entry) => {
    const [, recipe, names] = /^([a-z0-9-]+)=([^\s=].*)$/.exec(entry) ?? [];
    if (recipe === undefined || names === undefined)
      throw new ForgeError("usage", `--check-tests ${entry} is not RECIPE=NAMES`, {
        hint: "name a recipe and its tests, such as openssl=test_sha,test_rsa",
      });
    return { recipe, tests: names.split(",").filter((name) => name !== "") };
  });
  const byRecipe = [...Map.groupBy(pairs, ({ recipe }) => recipe)];
  return {
    named: Object.fromEntries(byRecipe.map(([recipe, of]) => [recipe, [...new Set(of.flatMap(({ tests }) => tests))]])),
  };
}

function parseSources(given: readonly string[], cwd: string): Record<string, string> {
  const names = given.map((entry) => entry.split("=", 1)[0]);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new ForgeError("usage", `--source is given twice for ${twice}`, {
      hint: "give one file or folder for each source",
    });
  return Object.fromEntries(
    given.map((entry) => {
      const split = entry.indexOf("=");
      if (split < 1 || split === entry.length - 1)
        throw new ForgeError("usage", `--source ${entry} is not NAME=PATH`, {
          hint: "name a source of the stack and your own file or folder",
        });
      return [entry.slice(0, split), path.resolve(cwd, entry.slice(split + 1))];
    }),
  );
}

function mirrorAddress(value: string): string {
  const url = URL.parse(value);
  const local = url?.protocol === "file:" && url.hostname === "";
  if (url === null || !(local || url.protocol === "http:" || url.protocol === "https:"))
    throw new InvalidArgumentError("It must be an address with http:, https: or file:.");
  if (/\s/.test(value)) throw new InvalidArgumentError("It must have no space in it: write %20 in its place.");
  // A digest is put behind it.
  if (/[?#]/.test(value))
    throw new InvalidArgumentError("It must end with a folder: no question mark, no number sign.");
  return value;
}
