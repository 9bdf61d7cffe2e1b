import { expect, test } from "vitest";
import { execa } from "execa";
import { parseAptPolicy } from "../../../src/host/packages/candidates.ts";
import { packageTables } from "../../../src/host/packages/index.ts";
import { managers } from "../../../src/host/packages/managers.ts";
import { parseApt } from "../../../src/host/packages/simulation.ts";
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

test.skipIf(which("apt-get") === null)(
  "what apt says of an installation here is understood, line by line (needs apt-get)",
  { timeout: 60_000 },
  async () => {
    // Large, and on few machines: brings new packages, and upgrades on a machine that is not up to date.
    const argv = managers.apt.dryRun?.argv(["emacs-nox", "xterm"]) ?? [];
    const { stdout, exitCode } = await execa(argv[0] ?? "", argv.slice(1), { env: { LC_ALL: "C" }, reject: false });
    expect(exitCode).toBe(0);
    const { installs, upgrades, removals } = parseApt(stdout);
    const [, upgraded, fresh, removed] = /^(\d+) upgraded, (\d+) newly installed, (\d+) to remove/m.exec(stdout) ?? [];
    expect([installs, upgrades, removals].map((names) => String(names.length))).toEqual([fresh, upgraded, removed]);
  },
);
