import { describeScenario } from "./machine.ts";

describeScenario("a server under systemd, on a machine of its own", { script: "systemd.sh", kind: "systemd" });
