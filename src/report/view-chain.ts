import type { Report } from "../grade/index.ts";
import { clean } from "./clean.ts";

type Seen = Report["observations"];
type Chain = Extract<Seen["certificates"], { state: "observed" }>["value"][number];
type Certificate = Chain["certificates"][number];

/** `good` is null where it cannot be said. */
export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly good: boolean | null;
}

export interface ChainView {
  readonly title: string;
  readonly facts: readonly Fact[];
  /** As sent, the server's own first. */
  readonly certificates: readonly { readonly subject: string; readonly detail: string }[];
}

export function viewChains({ certificates }: Seen): {
  readonly unknown: string | null;
  readonly rows: readonly ChainView[];
} {
  if (certificates.state !== "observed") return { unknown: clean(certificates.why), rows: [] };
  if (certificates.value.length === 0) return { unknown: "no certificate was seen", rows: [] };
  return { unknown: null, rows: certificates.value.map(viewChain) };
}

function viewChain(chain: Chain): ChainView {
  const leaf = chain.certificates[0];
  return {
    title: leaf === undefined ? chain.keyType : keyOf(leaf),
    facts: [
      ...(leaf === undefined ? [] : leafFacts(leaf, chain)),
      trustFact(chain),
      orderFact(chain),
      stapleFact(chain, leaf),
    ],
    certificates: chain.certificates.map((certificate) => ({
      subject: clean(certificate.subject === "" ? "(no subject)" : certificate.subject),
      detail: clean(`${keyOf(certificate)}, ${certificate.signature}, until ${day(certificate.notAfter)}`),
    })),
  };
}

function leafFacts(leaf: Certificate, { nameMatches, validNow }: Chain): readonly Fact[] {
  const shown = leaf.names.slice(0, 8);
  const more = leaf.names.length > shown.length ? ` and ${leaf.names.length - shown.length} more` : "";
  const matches = nameMatches.state === "observed" ? nameMatches.value : null;
  const match =
    nameMatches.state === "observed"
      ? nameMatches.value
        ? ""
        : " (another name)"
      : ` (match not known: ${nameMatches.why})`;
  return [
    { name: "Names", value: clean(`${shown.join(", ")}${more}`) + clean(match), good: matches },
    {
      name: "Valid",
      value: clean(`${day(leaf.notBefore)} to ${day(leaf.notAfter)}`) + (validNow ? "" : " (not now)"),
      good: validNow,
    },
    { name: "SHA-256", value: clean(leaf.sha256), good: null },
  ];
}

function trustFact({ trust }: Chain): Fact {
  if (trust.state !== "observed") return { name: "Trust", value: `not known: ${clean(trust.why)}`, good: null };
  const { trusted, local, anchor, reason } = trust.value;
  if (!trusted)
    return { name: "Trust", value: clean(`not trusted: ${reason ?? "no path to a trusted root"}`), good: false };
  const value = local ? `local authority ${anchor ?? ""}, unknown to the public` : `${anchor ?? "a trusted root"}`;
  return { name: "Trust", value: clean(value), good: !local };
}

function orderFact({ ordered, certificates }: Chain): Fact {
  const count = `${certificates.length} ${certificates.length === 1 ? "certificate" : "certificates"}`;
  return { name: "Order", value: ordered ? `${count}, in order` : `${count}, not in order`, good: ordered };
}

function stapleFact({ stapled }: Chain, leaf: Certificate | undefined): Fact {
  if (stapled.state !== "observed")
    return { name: "Stapled status", value: `not known: ${clean(stapled.why)}`, good: null };
  const demanded = leaf?.mustStaple === true ? ", which the certificate demands" : "";
  return {
    name: "Stapled status",
    value: stapled.value ? "sent" : `none${demanded}`,
    good: stapled.value ? true : demanded === "" ? null : false,
  };
}

function keyOf({ key }: Certificate): string {
  return clean(`${key.type} ${key.curve ?? key.bits}`);
}

function day(date: string): string {
  return /^\d{4}-\d\d-\d\d/.exec(date)?.[0] ?? date;
}
