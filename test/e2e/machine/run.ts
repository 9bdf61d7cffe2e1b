/** One scenario by hand, as it prints: TLSFORGE_TEST_PREFIX=/opt/tlsforge node test/e2e/machine/run.ts SCRIPT systemd|plain [NAME=VALUE]... */
import { runScenario } from "./machine.ts";

const [script = "", kind = "systemd", ...pairs] = process.argv.slice(2);
const settings = Object.fromEntries(pairs.map((pair) => pair.split("=")));
process.stdout.write(
  await runScenario({ script, kind: kind === "plain" ? "plain" : "systemd", environment: { ...settings } }),
);
