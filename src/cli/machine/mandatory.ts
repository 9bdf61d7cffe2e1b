import { mandatoryAccess, type Host } from "../../host/index.ts";
import type { Context } from "../context.ts";
import { outputPaths, type ServerOutputs } from "../serve/setup.ts";

/** What SELinux or AppArmor would refuse, before it does. */
export async function tellMandatory(context: Context, host: Host, outputs: ServerOutputs): Promise<void> {
  const { prefix } = context.options;
  const { messages, commands } = await mandatoryAccess(host, { prefix, outputs: outputPaths(outputs) });
  if (commands.length === 0) return;
  const hint = `as root: ${commands.map((argv) => argv.join(" ")).join(" && ")}`;
  context.emit({ type: "warning", message: messages.join("; "), hint });
}
