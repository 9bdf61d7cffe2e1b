import { expect, it } from "vitest";
import { pathProblem } from "../../../src/store/prefix.ts";

it("accepts the paths that people use", () => {
  const paths = ["/opt/tlsforge", "/home/a.b-c_d/.local/share/tlsforge", "/srv/x+y~1/p/"];
  expect(paths.map(pathProblem)).toEqual([null, null, null]);
});

it("refuses paths that built programs cannot carry, and says why", () => {
  expect(pathProblem("relative/path")).toBe("it is not an absolute path");
  expect(pathProblem("/")).toBe("it is the root folder");
  expect(pathProblem("/opt/..")).toBe("it is the root folder");
  expect(pathProblem("/my files/x")).toMatch(/^it contains a space, which/u);
  for (const bad of [":", "\n", "ü", "$", ",", "#", "%", "'", '"', "\\", "*", "@", "\u0000", "🙂"]) {
    expect(pathProblem(`/opt/a${bad}b`)).toContain(`it contains ${JSON.stringify(bad)}`);
  }
  // All of it at once.
  expect(pathProblem(`/a b/$/é/${"a".repeat(66)}`)).toMatch(
    /^it contains a space and "\$" and "é", which .*; it is \d+ bytes long; with more than 66 /u,
  );
  expect(pathProblem(`/${"a".repeat(65)}`)).toBeNull();
  expect(pathProblem(`/${"a".repeat(66)}`)).toContain("it is 67 bytes long");
});
