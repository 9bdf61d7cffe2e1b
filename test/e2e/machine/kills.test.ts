import { describeScenario } from "./machine.ts";

const kinds = ["group", "user", "loader-path", "loader-cache", "unit", "socket", "sysctl", "sysctl-file", "capability"];
/** `npm run test:kills` has more. */
const rounds = Number(process.env["TLSFORGE_TEST_KILLS"] ?? 1);
const labels = Array.from({ length: rounds }, (_, index) => kinds.map((kind) => `${kind}, round ${index + 1}`)).flat();

describeScenario("kill -9 in the middle of a change, on a machine of its own", {
  script: "kills.sh",
  kind: "systemd",
  environment: { KINDS: kinds.join(" "), ROUNDS: String(rounds) },
  labels,
  seconds: 240 + 160 * rounds,
});
