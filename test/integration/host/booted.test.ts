/** Every kind of resource on a machine of its own that systemd has booted. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { describeWith } from "../../tools/needs.ts";

const run = promisify(execFile);
const repository = join(import.meta.dirname, "../../..");

/** A package and those that it needs, so that our own code runs in a root that has nothing. */
function withNeeded(name: string, known = new Set<string>()): ReadonlySet<string> {
  if (known.has(name)) return known;
  known.add(name);
  const text = readFileSync(join(repository, "node_modules", name, "package.json"), "utf8");
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
  for (const needed of Object.keys(dependencies)) withNeeded(needed, known);
  return known;
}

describeWith(["bootroot"], "a machine that systemd has booted", () => {
  test("is changed, tells drift, and is as it was afterwards", async () => {
    const packages = [...withNeeded("execa"), ...withNeeded("semver")].map((name) => `node_modules/${name}`);
    const files = [...packages, "src", "package.json", "test/integration/host/booted.ts"];
    const { stdout } = await run(
      join(repository, "test/tools/bootroot"),
      [
        ...files.flatMap((file) => ["--in", `${join(repository, file)}:/repository/${file}`]),
        "--in",
        `${process.execPath}:/usr/local/bin/node`,
        "--",
        "node /repository/test/integration/host/booted.ts",
      ],
      { timeout: 290_000 },
    );
    expect(JSON.parse(stdout)).toEqual({
      decision: "systemd",
      actions: ["create", "create", "create", "create", "create"],
      again: ["none", "none", "none", "none", "none"],
      quick: [],
      light: [true, true, true, true, true],
      running: "active\nactive\n",
      stranger: ["pass"],
      changed: [true, true, true, false, true],
      drift: ['/etc/systemd/system/tlsforge.service, changed by hand: has "# mine", started at boot'],
      kept: ["tlsforge.service.tlsforge-saved"],
      openLight: [true],
      opened: ["info"],
      closed: ["pass"],
      copied: [
        "pass 0.0.0.0:444: another user is refused it (EACCES as uid 65534)",
        "pass /opt/tlsforge/var/low-port/bin/python3: another user cannot run it (EACCES as uid 65534)",
        "pass /opt/tlsforge/var/low-port/bin/python3: OPENSSL_CONF does not change its policy, which it does in the shared interpreter",
      ],
      bound: 0,
      standing: [],
      ended: "inactive\ninactive\n",
      left: ["/etc/systemd/system/tlsforge.service.tlsforge-saved"],
      rest: [],
    });
  }, 300_000);
});
