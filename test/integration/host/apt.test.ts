import { expect, test } from "vitest";
import { execa } from "execa";
import { parseAptPolicy } from "../../../src/host/packages/candidates.ts";
import { packageTables } from "../../../src/host/packages/index.ts";
import { which } from "../../tools/needs.ts";

test.skipIf(which("apt-cache") === null)(
  "every package that apt's data names has a candidate (needs apt-cache)",
  async () => {
    const { programs, headers, perlModules } = packageTables.apt;
    const answers = [programs, headers, perlModules].flatMap((table) => Object.values(table).flat());
    const names = [...new Set(answers.flatMap((answer) => answer.packages))].toSorted();
    const { stdout } = await execa("apt-cache", ["policy", "tlsforge-no-such-package", ...names], {
      env: { LC_ALL: "C" },
    });
    const candidates = parseAptPolicy(stdout);
    expect(candidates.has("tlsforge-no-such-package")).toBe(false);
    // Only some releases have a newer Rust beside their own.
    expect(names.filter((candidate) => !candidates.has(candidate) && !candidate.endsWith("-web"))).toEqual([]);
  },
);
