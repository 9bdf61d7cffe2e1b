import { expect, test } from "vitest";
import { remedyFor } from "../../../src/fetch/remedy.ts";

test("what to do about a source that cannot be had is what can help", () => {
  const [url, file] = [{ kind: "url", url: "https://example.org/a" } as const, { kind: "file", path: "/a" } as const];
  expect(remedyFor("a", [url, file], { offline: false })).toMatch(
    /^check the network, name a mirror .*--source a=FILE$/u,
  );
  expect(remedyFor("a", [file], { offline: false })).toMatch(/^put it where the recipe says, name a mirror /u);
  expect(remedyFor("a", [url], { offline: true })).toMatch(
    /^leave --offline out, bring the source with tlsforge bundle use FILE, or give .*--source a=FILE$/u,
  );
});
