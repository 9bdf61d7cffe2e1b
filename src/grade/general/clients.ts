/** What the reference browsers get. */
import type { Observations } from "../../probe/index.ts";
import { currentBrowsers } from "../clients/reference.ts";
import { simulate } from "../clients/simulate.ts";
import type { Finding } from "../types.ts";
import { information, open } from "./remark.ts";

export function clientFindings(observations: Observations): readonly Finding[] {
  const topic = {
    id: "reference-browsers",
    title: "Reference browsers",
    reference: "their recorded hellos; RFC 8446, section 4.1",
  };
  const each = currentBrowsers.map((client) => ({ client, result: simulate(client, observations) }));
  const evidence = each
    .map(({ client: { name }, result }) => {
      if (result.state !== "connects")
        return `${name}: ${result.state === "refused" ? "refused" : "not known"}, ${result.why}`;
      return `${name}: ${[result.protocol, result.suite.name, result.group ?? ""].filter((part) => part !== "").join(" ")}`;
    })
    .join("; ");
  const refused = each.filter(({ result }) => result.state === "refused").map(({ client }) => client.name);
  if (refused.length > 0)
    return [
      information(topic, {
        message: `Current browsers that cannot connect: ${refused.join(", ")}`,
        evidence,
        severity: "medium",
      }),
    ];
  if (each.some(({ result }) => result.state === "unknown")) return [open(topic, evidence)];
  return [information(topic, { message: `All ${each.length} reference browsers connect`, evidence })];
}
