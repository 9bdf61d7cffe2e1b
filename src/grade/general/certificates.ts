/** What comes with the certificates: their order, a stapled status, timestamps of transparency logs. */
import type { ChainSeen, Observations } from "../../probe/index.ts";
import type { Finding } from "../types.ts";
import { notLooked } from "../verdict.ts";
import { leafFindings } from "./leaf.ts";
import { information, open, remark } from "./remark.ts";
import type { Remark, Topic } from "./remark.ts";

export function certificateFindings(observations: Observations): readonly Finding[] {
  const { certificates } = observations;
  const chains = certificates.state === "observed" ? certificates.value : [];
  return [
    chainOrder(observations),
    ...chains.flatMap((chain, index) => {
      const suffix = index === 0 ? "" : `-${index + 1}`;
      return [
        stapling(chain, suffix),
        ...staple(chain, { suffix, time: observations.time }),
        transparency(chain, suffix),
        ...leafFindings(chain, suffix),
      ];
    }),
  ];
}

function chainOrder({ certificates }: Observations): Finding {
  const topic = {
    id: "chain-order",
    title: "Order of the chain",
    reference: "RFC 5246, section 7.4.2; RFC 8446, section 4.4.2",
  };
  return remark(topic, certificates, (chains) => {
    if (chains.every(({ ordered }) => ordered))
      return { message: "Each certificate is followed by its issuer's", fine: true };
    const fix = "Send the server's certificate first, then each issuer's in turn";
    return { message: "The certificates are not in order, or some do not belong", severity: "low", fix };
  });
}

function stapling({ certificates: [leaf], keyType, stapled }: ChainSeen, suffix: string): Finding {
  const topic = { id: `stapling${suffix}`, title: "Stapled status", reference: "RFC 6961, RFC 7633" };
  return remark(topic, stapled, (sent) => {
    if (sent) return { message: `The ${keyType} certificate comes with its status` };
    if (leaf?.mustStaple === true) {
      return {
        message: `The ${keyType} certificate demands a stapled status and none is sent`,
        severity: "high",
        fix: "Turn stapling on",
      };
    }
    const evidence = leaf?.ocspUrls.length === 0 ? "it names no responder" : "";
    return { message: `The ${keyType} certificate comes without its status`, evidence };
  });
}

/** What the stapled response says and whether it can be believed. Nothing where none came: `stapling` says so. */
function staple(
  { keyType, staple: outcome }: ChainSeen,
  of: { readonly suffix: string; readonly time: string },
): readonly Finding[] {
  if (outcome.state === "untestable") return [];
  const topic = {
    id: `staple${of.suffix}`,
    title: "Content of the stapled status",
    reference: "RFC 6960, section 4.2",
  };
  return [
    remark(topic, outcome, ({ status, nextUpdate, problems, thisUpdate }): Remark => {
      const evidence = `${thisUpdate} to ${nextUpdate ?? "an open end"}`;
      if (problems.length > 0) {
        const message = `The stapled status of the ${keyType} certificate does not hold`;
        return {
          message,
          evidence: problems.join("; "),
          severity: "medium",
          fix: "Fetch a new response from the responder",
        };
      }
      if (status === "revoked")
        return {
          message: `The ${keyType} certificate is revoked`,
          evidence,
          severity: "critical",
          fix: "Replace key and certificate",
        };
      if (status === "unknown")
        return { message: `The responder does not know the ${keyType} certificate`, evidence, severity: "medium" };
      return { message: `The stapled status of the ${keyType} certificate is good`, evidence, fine: true };
    }),
  ];
}

/** Browsers ask for timestamps of two logs at least, for certificates of public authorities. */
function transparency(chain: ChainSeen, suffix: string): Finding {
  const topic: Topic = { id: `transparency${suffix}`, title: "Certificate transparency", reference: "RFC 6962" };
  const { timestamps, trust, keyType, staple: response } = chain;
  // Timestamps and the stapled response are read by the same probe; who does not know the one has not looked for the other.
  if (timestamps.length === 0 && response.state === "untestable" && response.why === notLooked)
    return open(topic, notLooked);
  const logged = timestamps.filter(({ valid }) => valid.state === "observed" && valid.value);
  const forged = timestamps.filter(({ valid }) => valid.state === "observed" && !valid.value);
  const unsure = timestamps.filter(({ valid }) => valid.state !== "observed");
  const logs = new Set(logged.map(({ logId }) => logId));
  const evidence = timestamps
    .map(({ log, logId, source, valid }) => {
      const state = valid.state === "observed" ? (valid.value ? "valid" : "not valid") : valid.why;
      return `${log ?? logId ?? "a list"} (${source}): ${state}`;
    })
    .join("; ");
  if (forged.length > 0) {
    const message = `A timestamp of the ${keyType} certificate is not valid`;
    return information(topic, { message, evidence, severity: "medium", fix: "Have the certificate issued anew" });
  }
  if (logs.size >= 2) {
    const message = `The ${keyType} certificate carries valid timestamps of ${logs.size} logs`;
    return information(topic, { message, evidence, fine: true });
  }
  if (unsure.length > 0)
    return open(
      topic,
      unsure.every(({ valid }) => valid.state !== "observed" && valid.why === notLooked) ? notLooked : evidence,
    );
  if (trust.state === "observed" && trust.value.trusted && !trust.value.local) {
    const message = `The ${keyType} certificate carries valid timestamps of ${logs.size === 0 ? "no log" : "one log only"}`;
    const fix = "Have the certificate issued with timestamps of two logs: browsers refuse it otherwise";
    return information(topic, { message, evidence, severity: "low", fix });
  }
  return information(topic, {
    message: `The ${keyType} certificate carries no timestamps, and no public authority asks for them`,
    fine: true,
  });
}
