import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { calledAgain, quotedWord, shellLine, shellWord, sizeText } from "../../src/words.ts";

test.each([
  [812, "812 B"],
  [53_100, "53.1 kB"],
  [53_100_000, "53.1 MB"],
  [248_649_900_000, "248.6 GB"],
])("%d bytes are %s", (bytes, wanted) => {
  expect(sizeText(bytes)).toBe(wanted);
});

test("a command is written as a shell would read it", () => {
  expect(shellLine(["setcap", "cap_net_bind_service=+ep", "/a b", "it's", ""])).toBe(
    String.raw`setcap cap_net_bind_service=+ep '/a b' 'it'\''s' ''`,
  );
});

test("a shell reads each word as it was", () => {
  const words = [
    "",
    "plain",
    "-n",
    "/a b",
    "it's",
    "''",
    "$HOME",
    "`id`",
    "a\nb",
    "\\",
    '"',
    "*",
    "~",
    "#x",
    "ä",
    "a;b",
    "!1",
  ];
  for (const write of [quotedWord, shellWord]) {
    const script = `printf '%s\\0' ${words.map(write).join(" ")}`;
    expect(execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1)).toEqual(words);
  }
});

test("advice names the folders of its run, where those are not the usual ones", () => {
  const usual = { name: "--prefix", value: "/opt/tlsforge", usual: "/opt/tlsforge" };
  const own = { name: "--recipes", value: "/my recipes", usual: "/recipes" };
  expect(calledAgain("tlsforge", [usual])).toBe("tlsforge");
  expect(calledAgain("tlsforge", [{ ...usual, value: "/p" }, own])).toBe(
    "tlsforge --prefix /p --recipes '/my recipes'",
  );
});
