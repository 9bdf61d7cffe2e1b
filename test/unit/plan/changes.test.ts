import { describe, expect, it } from "vitest";
import { derive, planBuilds, type DeriveOptions, type PreviousBuild } from "../../../src/plan/index.ts";
import { sample } from "./sample.ts";

const now = derive(sample());

/** The receipt of the sample's build. */
const before: PreviousBuild = {
  recipe: "demo",
  version: "1.2.3",
  key: "0".repeat(64),
  out: "/opt/forge/store/0000000000000000-demo-1.2.3",
  sources: [
    { name: "demo", sha256: "a".repeat(64) },
    { name: "extra", sha256: "b".repeat(64) },
  ],
  tools: sample().tools,
};

describe("planBuilds", () => {
  it("takes what is in the store", () => {
    expect(planBuilds({ derivations: [now], have: new Set([now.key]), previous: [before] })).toEqual([
      { derivation: now, action: "cached", why: "already built" },
    ]);
  });

  it("names what changed", () => {
    expect(why({ previous: [] })).toBe("nothing built yet");
    expect(why({ previous: [{ ...before, key: now.key }] })).toBe("its output is no longer in the store");
    expect(why({ previous: [{ ...before, version: "1.2.2" }] })).toBe("new version 1.2.3 (was 1.2.2)");
    expect(why({ previous: [{ ...before, tools: { cc: "cc 11", make: "GNU Make 4.3" } }] })).toBe(
      "cc changed (cc 11 -> cc 12.2.0)",
    );
    expect(why({ previous: [{ ...before, sources: [{ name: "extra", sha256: "f".repeat(64) }] }] })).toBe(
      "source extra changed",
    );
    expect(why({ previous: [{ ...before, out: "/elsewhere/store/x" }] })).toBe("the prefix moved");
    expect(why({ previous: [before] })).toBe("its recipe changed");
  });

  it("says what it cannot tell apart when only a manifest is known", () => {
    const { recipe, version, key, out } = before;
    expect(why({ previous: [{ recipe, version, key, out }] })).toBe("its recipe, a source or a tool changed");
  });

  it("names a changed input, and several reasons at once", () => {
    const input = derive({ ...sample(), recipe: { ...sample().recipe, name: "base" } });
    const options: DeriveOptions = { ...sample(), recipe: { ...sample().recipe, inputs: ["base"] }, inputs: [input] };
    const previous = [
      { ...before, version: "1.0.0" },
      { ...before, recipe: "base" },
    ];
    expect(why({ previous }, options)).toBe("new version 1.2.3 (was 1.0.0); input base changed");
    expect(why({ previous: [before, { ...before, recipe: "base", key: input.key }] }, options)).toBe(
      "its recipe changed",
    );
  });
});

function why({ previous }: { readonly previous: readonly PreviousBuild[] }, options = sample()): string {
  return planBuilds({ derivations: [derive(options)], have: new Set(), previous })[0]!.why;
}
