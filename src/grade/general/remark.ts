/** How findings that no rulebook grades are put: they inform, and `severity` says how much they should worry. */
import type { Outcome } from "../../probe/index.ts";
import type { Finding } from "../types.ts";
import { inapplicable } from "../verdict.ts";
import type { Statement } from "../verdict.ts";

/** What is said of one observation once it is there. */
export interface Remark {
  readonly message: string;
  readonly evidence?: string;
  /** `info` unless told. */
  readonly severity?: Finding["severity"];
  readonly fix?: string;
  /** All is as it should be, and nobody needs to read it: the finding passes. */
  readonly fine?: true;
}

export interface Topic {
  readonly id: string;
  readonly title: string;
  readonly reference: string;
}

/** A finding on an outcome. A fact that cannot exist here passes; one that was not seen is unknown. */
export function remark<T>(topic: Topic, outcome: Outcome<T> | undefined, say: (value: T) => Remark): Finding {
  if (outcome === undefined) return open(topic, "not looked at");
  if (outcome.state === "observed") return information(topic, say(outcome.value));
  const evidence = inapplicable(outcome);
  if (evidence === null) return open(topic, outcome.why);
  return information(topic, { message: `${topic.title}: does not apply here`, evidence, fine: true });
}

/** A finding on a statement that names something unwelcome. */
export function concern(
  topic: Topic,
  { truth, because }: Statement,
  texts: Omit<Remark, "evidence"> & { readonly without: string },
): Finding {
  if (truth === "unknown") return open(topic, because);
  const { without, ...remarks } = texts;
  return information(
    topic,
    truth ? { ...remarks, evidence: because } : { message: without, evidence: because, fine: true },
  );
}

export function open(topic: Topic, evidence: string): Finding {
  return { ...information(topic, { message: `${topic.title}: not known`, evidence }), outcome: "unknown" };
}

export function information(
  { id, reference }: Pick<Topic, "id" | "reference">,
  { message, evidence = "", severity = "info", fix, fine }: Remark,
): Finding {
  return {
    id: `general.${id}`,
    outcome: fine === true ? "pass" : "info",
    severity,
    message,
    evidence,
    reference,
    fix: fix ?? null,
  };
}
