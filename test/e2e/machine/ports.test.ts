import { describeScenario } from "./machine.ts";

describeScenario("the ways to low ports, on a machine of its own", { script: "ports.sh", kind: "systemd" });
