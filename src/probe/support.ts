import type { Answer } from "./client/answer.ts";
import { observed, unknownOf } from "./outcome.ts";
import type { Outcome, ProtocolName, ProtocolSupport } from "./types.ts";

/** Whether a version is offered, by the final answer to a hello for it. Silence and garbage stay unknown. */
export function supportOf(protocol: ProtocolName, answer: Answer): Outcome<ProtocolSupport> {
  switch (answer.kind) {
    case "hello": {
      const version = answer.flight.protocol;
      return observed(version === protocol ? { offered: true } : { offered: false, answer: "other-version", version });
    }
    case "alert":
      return observed({ offered: false, answer: "alert", alert: answer.alert });
    case "closed":
    case "reset":
      return observed({ offered: false, answer: answer.kind });
    default:
      return unknownOf(answer);
  }
}

/** True when this answer ends an enumeration: a definite no, or the closing that some servers use for it. */
export function isRefusal(answer: Answer): boolean {
  return answer.kind === "alert" || answer.kind === "closed" || answer.kind === "reset";
}
