import { ascii, contentTypes, DecodeError } from "../../wire/index.ts";
import type { Channel } from "../client/channel.ts";
import { handshake12 } from "../client/client12.ts";
import { buildHello } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { failed, observed } from "../outcome.ts";
import type { FlawSeen, Outcome } from "../types.ts";
import { cbcOfferOf, isAes, pickCombinations, type Combination } from "./cbc-combinations.ts";
import { cbcFlaws, everyCbcFlaw, type CbcFlaw, type CbcOutcomes } from "./cbc-flaws.ts";
import { mergeCbc, withoutAes, type CbcPart } from "./cbc-merge.ts";
import { cbcPlaintext, cbcVectors, fit, type CbcVector } from "./cbc-vectors.ts";
import { planFor, type Known, type Opportunity } from "./known.ts";
import { comparePasses, isGarbage, type Pass, type Seen } from "./oracle.ts";
import { classOf, nextTelling, watchOver, type Reaction } from "./reaction.ts";

/**
 * Flaws of CBC record protection: `poodle-tls` (CVE-2014-8730), `zombie-poodle`, `goldendoodle`, `sleeping-poodle`, `zero-length` (CVE-2019-1559) and
 * `lucky-minus-20` (CVE-2016-2107). Needs: suites of TLS 1.0 to 1.2, CBC among them. Completes a handshake for each malformed record and compares the reactions,
 * with up to three combinations of version and suite side by side. Connections: 6 for each with AES, 5 for another; three times as many where answers differ.
 */
export async function probeCbcOracles(look: Look, known: Known): Promise<CbcOutcomes> {
  const offer = cbcOfferOf(known);
  const parts = pickCombinations(offer.computable).map(async (combination): Promise<CbcPart> => {
    const { protocol, suite } = combination;
    const where = `${protocol} with ${suite.opensslName ?? suite.name}`;
    return { where, outcomes: await probeCombination(look, combination) };
  });
  return mergeCbc(await Promise.all(parts), offer);
}

async function probeCombination(look: Look, { protocol, suite, plain }: Combination): Promise<CbcOutcomes> {
  const found: Opportunity = { protocol, suites: [suite], plain };
  const vectors = cbcVectors.filter((form) => isAes(suite) || form !== "letters");
  const passes = await comparePasses(look, vectors, (channel, form) => attempt(look, channel, { found, form }));
  const outcomes = "state" in passes ? everyCbcFlaw(passes) : concludeCbc(passes);
  return isAes(suite) ? outcomes : { ...outcomes, "lucky-minus-20": withoutAes };
}

/** What passes of reactions show. A flaw counts when every pass is the same; where they vary, it is unknown. */
export function concludeCbc(passes: readonly Partial<Pass<CbcVector>>[]): CbcOutcomes {
  if (passes.every((pass) => Object.values(pass).every((kind) => kind === "silence")))
    return everyCbcFlaw(failed("records that cannot be read are met with silence"));
  const told = passes.map(describe);
  if (passes.some((pass) => Object.values(pass).some(isGarbage)))
    return everyCbcFlaw(failed(`an answer cannot be read: ${[...new Set(told)].join("; ")}`));
  const seen = passes.map(signsIn);
  const isSteady = new Set(told).size === 1;
  const outcome = (flaw: CbcFlaw): Outcome<FlawSeen> => {
    const present = seen.some((signs) => signs.includes(flaw));
    if (present && !isSteady) return failed(`the answers vary from try to try: ${told.join("; ")}`);
    return observed({ present, evidence: told[0] ?? "" });
  };
  return Object.fromEntries(cbcFlaws.map((flaw) => [flaw, outcome(flaw)])) as CbcOutcomes;
}

function describe(pass: Partial<Pass<CbcVector>>): string {
  const kinds = new Set(Object.values(pass));
  return kinds.size === 1
    ? `every record that cannot be read is met by ${[...kinds].join("")}`
    : cbcVectors.flatMap((form) => (pass[form] === undefined ? [] : [`${form}: ${pass[form]}`])).join(", ");
}

/** The flaws that one pass shows signs of. */
function signsIn(pass: Partial<Pass<CbcVector>>): CbcFlaw[] {
  const reference = pass["both wrong"];
  const signs: CbcFlaw[] = [];
  const compare = (form: CbcVector, to: string | undefined, flaw: CbcFlaw): void => {
    const kind = pass[form];
    if (kind === undefined || kind === to) return;
    // A difference in time alone has its own name.
    signs.push((kind === "silence") !== (to === "silence") && flaw !== "zero-length" ? "sleeping-poodle" : flaw);
  };
  const lucky = pass.letters?.startsWith("alert 22 ") === true;
  if (lucky && reference !== pass.letters) signs.push("lucky-minus-20");
  if (pass["wrong padding"] === "data") signs.push("poodle-tls");
  else compare("wrong padding", reference, "zombie-poodle");
  if (pass["wrong MAC"] === "data") signs.push("goldendoodle");
  else compare("wrong MAC", reference, "goldendoodle");
  compare("empty", pass["wrong MAC"], "zero-length");
  // The missing check of CVE-2016-2107 shows in this record too.
  if (!(lucky && pass["no room"] === pass.letters)) compare("no room", pass["wrong MAC"], "zero-length");
  return signs;
}

async function attempt(
  look: Look,
  channel: Channel,
  { found, form }: { found: Opportunity; form: CbcVector },
): Promise<Seen> {
  // Without encrypt_then_mac, as the clients that such flaws are turned on.
  const plan = { ...planFor(found), plain: true };
  const hello = buildHello(plan, { serverName: look.target.serverName, random: look.random });
  const { sealing, reader } = await handshake12(channel, hello, look.random);
  if (!("sealPlaintext" in sealing)) throw new DecodeError("the server took a suite without CBC");
  const head = `GET / HTTP/1.1\r\nHost: ${look.target.serverName || "localhost"}\r\nConnection: close\r\nX: a\r\n\r\n`;
  const request = ascii(fit(head, sealing.cbc));
  channel.send(
    sealing.sealPlaintext(contentTypes.applicationData, cbcPlaintext(form, { sealing, request, random: look.random })),
  );
  return { seen: classOf(await nextTelling(watchOver(look, reader), isHandshake)) };
}

/** Late tickets and HelloRequests. */
function isHandshake(reaction: Reaction): boolean {
  return reaction.kind === "record" && reaction.type === contentTypes.handshake;
}
