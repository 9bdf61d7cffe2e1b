/** One scenario by hand, as it prints: TLSFORGE_TEST_PREFIX=/opt/tlsforge node test/e2e/machine/run.ts SCRIPT systemd|plain */
import { runScenario } from "./machine.ts";

const [script = "", kind = "systemd"] = process.argv.slice(2);
process.stdout.write(await runScenario({ script, kind: kind === "plain" ? "plain" : "systemd", environment: {} }));
