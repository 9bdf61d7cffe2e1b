import { expect, test } from "vitest";
import { parseCommandLine } from "../../../src/cli/program.ts";
import { ForgeError } from "../../../src/errors.ts";
import { renderError } from "../../../src/ui/index.ts";

const plain = { colour: false };

test("an expected error: message and code, the place with a caret, evidence, hint", () => {
  const error = new ForgeError("recipe-invalid", 'Unknown key "strp"', {
    span: { file: "recipes/openssl/recipe.yaml", line: 12, column: 4, text: "\t  strp: 1" },
    details: ["expected one of: strip, path\nor nothing"],
    hint: 'Did you mean "strip"?\nSee recipe schema',
  });
  expect(renderError(error, plain)).toMatchInlineSnapshot(`
    "error[recipe-invalid]: Unknown key "strp"
      --> recipes/openssl/recipe.yaml:12:4
       |
    12 | 	  strp: 1
       | 	  ^
      expected one of: strip, path
      or nothing
    hint: Did you mean "strip"?
          See recipe schema
    "
  `);
});

test("a hint that the evidence ends with is not said again", () => {
  const detail = { details: ["a.yaml:1:1: wrong\nhint: mend it"] };
  const told = renderError(new ForgeError("site-invalid", "a.yaml:1:1: wrong", { ...detail, hint: "mend it" }), plain);
  expect(told.match(/mend it/gu)).toHaveLength(1);
  expect(renderError(new ForgeError("site-invalid", "wrong", { ...detail, hint: "mend" }), plain)).toContain(
    "\nhint: mend\n",
  );
});

test("a place whose line is not known has no caret", () => {
  const span = { file: "tlsforge.yaml", line: 1, column: 1 };
  expect(renderError(new ForgeError("site-invalid", "The file is empty", { span }), plain)).toMatchInlineSnapshot(`
    "error[site-invalid]: The file is empty
     --> tlsforge.yaml:1:1
    "
  `);
});

test("foreign text in an error cannot steer the terminal or show a password", () => {
  const error = new ForgeError("source-unavailable", "No location answered\u001b[2J", {
    details: ["https://me:secret@host.example/x: 404\u0007"],
  });
  expect(renderError(error, plain)).toMatchInlineSnapshot(`
    "error[source-unavailable]: No location answered
      https://***@host.example/x: 404
    "
  `);
});

test("colour only where it is wanted", () => {
  const error = new ForgeError("usage", "No", { hint: "Yes" });
  expect(renderError(error, plain)).not.toContain("\u001b");
  expect(renderError(error, { colour: true })).toMatch(/^\u001b\[31merror\[usage\]\u001b\[39m: /u);
});

test("anything else is a bug with its stack and its causes", () => {
  const error = new TypeError("x is not a function", { cause: new Error("inner") });
  const text = renderError(error, plain);
  expect(text).toMatch(/^bug in tlsforge: TypeError: x is not a function\n {4}at .*error\.test\.ts/u);
  expect(text).toMatch(/\ncaused by: Error: inner\n {4}at /u);
  expect(text).toContain("please report it");
});

test("a thrown value that is no error, and causes that form a ring", () => {
  expect(renderError("oops", plain)).toMatch(/^bug in tlsforge: thrown: oops\n/u);
  const ring = new Error("round");
  ring.cause = ring;
  expect(renderError(ring, plain).match(/round/gu)?.length).toBe(8);
});

test("commands in a hint are named as this program was called; other words stay", () => {
  const hint =
    "start it with: tlsforge launch, or make it with `tlsforge provision`; tlsforge itself is in ~/tlsforge build";
  expect(
    renderError(new ForgeError("not-serving", "Nothing serves", { hint }), { colour: false, program: "bin/tlsforge" }),
  ).toMatchInlineSnapshot(`
      "error[not-serving]: Nothing serves
      hint: start it with: bin/tlsforge launch, or make it with \`bin/tlsforge provision\`; tlsforge itself is in ~/tlsforge build
      "
    `);
});

test("every command that there is counts as one, and so does the help", async () => {
  const world = { version: "1", cwd: "/" };
  const help = await parseCommandLine([], world);
  const names = [...("text" in help ? help.text : "").matchAll(/^ {2}([a-z]+)(?: |$)/gmu)].map(([, name]) => name);
  expect(names).toContain("audit");
  for (const name of [...names.filter((each) => each !== "help"), "--help", "COMMAND --help"]) {
    const error = new ForgeError("usage", "no", { hint: `see tlsforge ${name}` });
    expect(renderError(error, { colour: false, program: "bin/it" })).toContain(`see bin/it ${name}\n`);
  }
});
