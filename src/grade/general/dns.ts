/** What the DNS says of a service before anybody connects to it: who may certify it, which certificate it has, what browsers should know. */
import type { CaaRecordSeen, HttpsRecordSeen, Observations } from "../../probe/index.ts";
import type { Finding } from "../types.ts";
import { open, remark } from "./remark.ts";

export function dnsFindings(observations: Observations): readonly Finding[] {
  return [authorization(observations), binding(observations), service(observations)];
}

function authorization({ dns }: Observations): Finding {
  const topic = { id: "dns-caa", title: "CAA", reference: "RFC 8659" };
  return remark(topic, dns.caa, ({ name, records }) => {
    if (name === null)
      return {
        message: "CAA: any authority may issue certificates for this name",
        fix: "Publish CAA records that name the authority in use",
      };
    const evidence = `${name}: ${records.map(written).join(", ")}`;
    // An authority that does not know a critical property must not issue (RFC 8659, 4.1).
    const strange = records.filter(({ critical, tag }) => critical && !knownTags.has(tag)).map(({ tag }) => tag);
    if (strange.length > 0)
      return { message: `CAA: critical properties that few authorities know: ${strange.join(", ")}`, evidence };
    const issuers = issuersIn(records, "issue");
    const wildcards = issuersIn(records, "issuewild");
    const forWildcards = wildcards === null ? "" : `; wildcards: ${namesOf(wildcards)}`;
    if (issuers === null) return { message: `CAA: any authority may issue certificates${forWildcards}`, evidence };
    return { message: `CAA: certificates may come from ${namesOf(issuers)}${forWildcards}`, evidence };
  });
}

/** Registered for CAA (RFC 8659, RFC 8657 has only parameters; RFC 9495; CA/Browser Forum). */
const knownTags = new Set(["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"]);

const written = ({ critical, tag, value }: CaaRecordSeen): string =>
  `${critical ? "critical " : ""}${tag} ${JSON.stringify(value)}`;

const namesOf = (issuers: readonly string[]): string => (issuers.length === 0 ? "nobody" : issuers.join(", "));

/** Null where no record has this property: then it restricts nobody. */
function issuersIn(records: readonly CaaRecordSeen[], tag: string): readonly string[] | null {
  const values = records.filter((record) => record.tag === tag).map(({ value }) => (value.split(";")[0] ?? "").trim());
  return values.length === 0 ? null : [...new Set(values.filter((value) => value !== ""))];
}

/** Records bind only where DNSSEC vouches for them (RFC 6698, 4.1); what only a resolver says of that is taken from it. */
function binding({ dns, certificates }: Observations): Finding {
  const topic = { id: "dns-tlsa", title: "TLSA", reference: "RFC 6698, sections 2.1 and 4.1; RFC 7671, section 5" };
  const seen = dns.tlsa.state === "observed" ? dns.tlsa.value : null;
  if (seen === null || seen.records.length === 0)
    return remark(topic, dns.tlsa, ({ name }) => ({ message: "No TLSA record binds the certificate", evidence: name }));
  if (!seen.authenticated)
    return open(topic, `${seen.name} has records, and the resolver does not say that it verified them with DNSSEC`);
  if (certificates.state !== "observed") return open(topic, certificates.why);
  const leaves = [...new Set(certificates.value.flatMap(({ certificates: [leaf] }) => (leaf ? [leaf.sha256] : [])))];
  if (leaves.length === 0) return open(topic, "no certificate was seen");
  const fitted = new Set(seen.records.flatMap(({ matches }) => (matches.state === "observed" ? matches.value : [])));
  const unfitted = leaves.filter((leaf) => !fitted.has(leaf));
  const unsure = seen.records.flatMap(({ matches }) => (matches.state === "observed" ? [] : [matches.why]));
  if (unfitted.length > 0 && unsure.length > 0) return open(topic, unsure.join("; "));
  const evidence = `${seen.name}: ${seen.records.map(({ usage, selector, matching }) => `${usage} ${selector} ${matching}`).join(", ")}`;
  return remark(topic, dns.tlsa, () =>
    unfitted.length === 0
      ? { message: "The TLSA records fit what the server sends", evidence, fine: true }
      : {
          message: "No TLSA record fits a certificate that the server sends: who heeds them refuses to connect",
          evidence: `${evidence}; certificate: ${unfitted.join(", ")}`,
          severity: "high",
          fix: "Publish a record for the certificate in use, before it is put in use",
        },
  );
}

function service({ dns }: Observations): Finding {
  const topic = { id: "dns-https", title: "HTTPS record", reference: "RFC 9460, section 9; RFC 9848" };
  return remark(topic, dns.https, ({ name, records }) => {
    if (records.length === 0) return { message: "No HTTPS record is published", evidence: name };
    const services = records.filter(({ priority }) => priority > 0);
    const [alias] = records;
    if (services.length === 0)
      return { message: "The HTTPS record is an alias", evidence: `of ${alias?.target ?? ""}` };
    const ech = services.some((record) => record.ech);
    return {
      message: `HTTPS record: Encrypted Client Hello is ${ech ? "published" : "not published"}`,
      evidence: services.map(described).join("; "),
    };
  });
}

function described({ priority, target, alpn, port, ech }: HttpsRecordSeen): string {
  const parts = [
    ...(alpn.length === 0 ? [] : [`alpn ${alpn.join(",")}`]),
    ...(port === null ? [] : [`port ${port}`]),
    ...(ech ? ["ech"] : []),
  ];
  return [`${priority} ${target}`, ...parts].join(" ");
}
