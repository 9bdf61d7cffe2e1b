import { Command, Option } from "commander";
import { describe, expect, test } from "vitest";
import { commandFirst, commandName } from "../../../src/cli/options/command-words.ts";
import { parseCommandLine } from "../../../src/cli/program.ts";
import { quickArguments } from "../../../src/cli/options/quick-arguments.ts";

describe("the quick answer's own reading of a command line", () => {
  const world = { cwd: "/home/user", prefix: "/opt/tlsforge", config: null, recipes: "/recipes" };
  const plain = {
    command: "provision",
    stack: null,
    prefix: "/opt/tlsforge",
    config: null,
    recipes: "/recipes",
    json: false,
    minGrade: null,
  };

  test("takes what changes nothing about the result", () => {
    expect(quickArguments(["provision"], world)).toEqual(plain);
    expect(
      quickArguments(["provision", "-y", "--quiet", "--no-wait", "--jobs", "4", "--progress", "json"], world),
    ).toEqual(plain);
    expect(quickArguments(["provision", "mine", "--json", "--min-grade", "a"], world)).toEqual({
      ...plain,
      stack: "mine",
      json: true,
      minGrade: "A",
    });
  });

  test("takes a plan, but not a verbose one", () => {
    expect(quickArguments(["plan", "--exit-code", "--json"], world)).toEqual({ ...plain, command: "plan", json: true });
    expect(quickArguments(["plan", "-v"], world)).toBeNull();
    expect(quickArguments(["provision", "-v"], world)).toEqual(plain);
    expect(quickArguments(["provision", "--exit-code"], world)).toBeNull();
  });

  test("paths are those of the working folder", () => {
    const argv = ["provision", "--prefix", "here", "--config", "site.yaml", "--recipes", "../own"];
    expect(quickArguments(argv, world)).toEqual({
      ...plain,
      prefix: "/home/user/here",
      config: "/home/user/site.yaml",
      recipes: "/home/own",
    });
  });

  test.each([
    [["build"]],
    [["--json", "provision"]],
    [["provision", "--source", "openssl=/tmp/x"]],
    [["provision", "--offline"]],
    [["provision", "--mirror", "http://localhost/"]],
    [["provision", "--prefix"]],
    [["provision", "--prefix", ""]],
    [["provision", "--config", ""]],
    [["provision", "--recipes", ""]],
    [["provision", "--prefix", "--json"]],
    [["provision", "--prefix=/x"]],
    [["provision", "--jobs", "many"]],
    [["provision", "--jobs", "0"]],
    [["provision", "--progress", "loud"]],
    [["provision", "--help"]],
    [["provision", "one", "two"]],
    [["provision", "--"]],
    [[]],
  ])("leaves %j to the full parser", (argv) => {
    expect(quickArguments(argv, world)).toBeNull();
  });
});

describe("global options before the command", () => {
  const program = new Command("tool");
  program.command("build");
  program.command("recipe").command("lint");
  const globals = [new Option("--prefix <dir>"), new Option("-y, --yes"), new Option("--json")];
  const first = (...argv: string[]): readonly string[] => commandFirst(program, globals, argv);

  test("go behind it with their values, those of a group behind its command", () => {
    expect(first("--prefix", "/x", "-y", "build", "stack")).toEqual(["build", "--prefix", "/x", "-y", "stack"]);
    expect(first("--prefix=/x", "recipe", "lint", "file")).toEqual(["recipe", "lint", "--prefix=/x", "file"]);
  });

  test("stay where nothing is to be moved, and unknown ones are left to the parser", () => {
    expect(first("build", "--json")).toEqual(["build", "--json"]);
    expect(first("--help")).toEqual(["--help"]);
    expect(first("--nonsense", "--json", "build")).toEqual(["--nonsense", "--json", "build"]);
    expect(first("--json", "biuld")).toEqual(["--json", "biuld"]);
    expect(first("--prefix")).toEqual(["--prefix"]);
    expect(first()).toEqual([]);
  });

  test("the command's name is found in right and wrong lines", () => {
    const name = (...argv: string[]): string => commandName(program, globals, argv);
    expect(name("--prefix", "build", "recipe", "lint", "--what")).toBe("recipe lint");
    expect(name("build", "--jbos")).toBe("build");
    expect(name("biuld", "--json")).toBe("biuld");
    expect(name("--nonsense")).toBe("tool");
  });
});

test.each([
  [["bundle"], /^Usage: tlsforge bundle .*\n[^]*\n {2}create /u],
  [["recipe"], /^Usage: tlsforge recipe .*\n[^]*\n {2}lint /u],
  [[], /^Usage: tlsforge \[options\] \[command\]\n[^]*\n {2}provision /u],
])("%j without a command shows its own", async (argv, shown) => {
  expect(await parseCommandLine(argv, { version: "1", cwd: "/" })).toEqual({ text: expect.stringMatching(shown) });
});
