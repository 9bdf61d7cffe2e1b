import { extensionTypes, greaseValue, versions, type Extension } from "../../wire/index.ts";
import { describeAnswer, type Answer } from "../client/answer.ts";
import { allSchemes, classicGroups, modernGroups, type HelloPlan } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { observed, unknownOf } from "../outcome.ts";
import type { Outcome, SuiteProtocol, SuitesSeen, ToleranceSeen } from "../types.ts";

type Suites = Partial<Record<SuiteProtocol, SuitesSeen>>;

/**
 * Probe `tolerance`. Needs: suites of all versions, groups of TLS 1.3. Gives: how the server takes hellos that it must bear: reserved values everywhere
 * (RFC 8701), an extension that does not exist, versions to come, and long hellos. Each repeats a hello that was answered, but for the one thing.
 * Connections: 4 or 5, and 1 more where no hello of 256 to 511 bytes was answered before.
 */
export async function probeTolerance(
  look: Look,
  known: { suites: Suites; groups: readonly number[] },
): Promise<readonly ToleranceSeen[]> {
  const base = baseOf(known);
  if (base === undefined) return [];
  const trials = trialsOf(base, known.suites);
  const [length256, ...others] = await Promise.all([
    look.flights.some(({ hello }) => isBetween(hello.message.length))
      ? seen("length-256", { kind: "earlier" })
      : look.ask(padded(base, 300)).then((answer) => seen("length-256", answer)),
    ...trials.map(async ({ name, plan }) => seen(name, await look.ask(plan))),
  ]);
  return [...others, length256];
}

/** A hello that the server has answered before: of its newest version. */
function baseOf({ suites, groups }: { suites: Suites; groups: readonly number[] }): HelloPlan | undefined {
  const protocol = (["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0"] as const).find((name) => suites[name] !== undefined);
  const ids = (protocol === undefined ? undefined : suites[protocol])?.suites.map(({ id }) => id);
  if (protocol === undefined || ids === undefined) return undefined;
  // A share makes the answer a sample of the server's public values.
  const shares = [29, 23, 24].filter((group) => groups.includes(group)).slice(0, 1);
  return protocol === "TLSv1.3"
    ? { protocol, suites: ids, groups: [...new Set([...shares, ...groups])], shares }
    : { protocol, suites: ids };
}

function trialsOf(base: HelloPlan, suites: Suites): { name: string; plan: HelloPlan }[] {
  const unknown: Extension = { type: 0x3f3f, data: Uint8Array.of(1, 2, 3) };
  const older = (["TLSv1.2", "TLSv1.1", "TLSv1.0"] as const).find((name) => suites[name] !== undefined);
  return [
    { name: "grease", plan: greased(base) },
    { name: "unknown-extension", plan: { ...base, extra: [unknown] } },
    { name: "length-16384", plan: padded(base, 16_500) },
    ...(base.protocol === "TLSv1.3"
      ? [{ name: "version-0x0305", plan: { ...base, versionNumbers: [0x0305, versions["TLSv1.3"]] } }]
      : []),
    ...(older === undefined
      ? []
      : [
          {
            name: "version-0x03ff",
            plan: {
              protocol: older,
              suites: (suites[older]?.suites ?? []).map(({ id }) => id),
              versionNumbers: [0x03ff],
            },
          },
        ]),
  ];
}

/** Reserved values in every list, at its front and in an extension at each end of the rest. */
function greased(base: HelloPlan): HelloPlan {
  const isModern = base.protocol === "TLSv1.3";
  return {
    ...base,
    suites: [greaseValue(2), ...base.suites],
    groups: [greaseValue(3), ...(base.groups ?? (isModern ? modernGroups : classicGroups))],
    schemes: [greaseValue(4), ...allSchemes],
    alpn: ["\u008a\u008a", "http/1.1"],
    ...(isModern ? { versionNumbers: [greaseValue(5), versions["TLSv1.3"]] } : {}),
    extra: [
      { type: greaseValue(6), data: new Uint8Array(0) },
      { type: greaseValue(7), data: Uint8Array.of(0) },
    ],
  };
}

/** RFC 7685: zeros to make a hello longer. */
function padded(base: HelloPlan, length: number): HelloPlan {
  return { ...base, extra: [{ type: extensionTypes.padding, data: new Uint8Array(length) }] };
}

function isBetween(length: number): boolean {
  return length >= 256 && length <= 511;
}

function seen(name: string, answer: Answer | { readonly kind: "earlier" }): ToleranceSeen {
  if (answer.kind === "earlier")
    return { name, tolerant: observed(true), evidence: "hellos of this length were answered" };
  return { name, tolerant: tolerant(answer), evidence: describeAnswer(answer) };
}

/** Silence stays unknown: it may be the network's. */
function tolerant(answer: Answer): Outcome<boolean> {
  switch (answer.kind) {
    case "hello":
      return observed(true);
    case "alert":
    case "closed":
    case "reset":
      return observed(false);
    default:
      return unknownOf(answer);
  }
}
