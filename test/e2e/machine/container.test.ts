import { describeScenario } from "./machine.ts";

describeScenario("a machine without a service manager", { script: "container.sh", kind: "plain" });
