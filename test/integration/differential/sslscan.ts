import { execa } from "execa";

import { groupOf } from "../../../src/wire/index.ts";
import { suiteName, type Fact, type Facts } from "../../tools/fleet/facts.ts";
import { which } from "../../tools/needs.ts";
import type { Peer } from "./peers.ts";

/** sslscan 2, by its XML. */
export const sslscan: Peer = {
  name: "sslscan",
  file: "xml",
  program: () => which("sslscan"),
  async run(port) {
    const program = which("sslscan") ?? "sslscan";
    const argv = ["--no-colour", "--ipv4", "--xml=-", "--sni-name=localhost", `127.0.0.1:${port}`];
    return (await execa(program, argv, { timeout: 120_000 })).stdout;
  },
  trim: (xml) =>
    xml
      .split("\n")
      .filter((line) =>
        /<(?:protocol|renegotiation|compression|fallback|heartbleed|cipher|group|signature|pk|altnames)/.test(line),
      )
      .map((line) => line.trim())
      .join("\n"),
  facts: readFacts,
};

function readFacts(xml: string): Facts {
  const tags = [...xml.matchAll(/<([a-z-]+) ([^>]*)>/g)].map(([, tag = "", attributes = ""]) => ({
    tag,
    of: (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "",
  }));
  const named = (tag: string): typeof tags => tags.filter((found) => found.tag === tag);
  const facts: Record<string, Fact> = {};
  for (const { of } of named("protocol"))
    facts[`${of("type") === "ssl" ? "SSLv" : "TLSv"}${of("version")}`] = of("enabled") === "1";
  for (const { of } of named("cipher")) {
    const fact = `suites ${of("sslversion")}`;
    facts[fact] = [...listOf(facts[fact]), suiteName(Number(of("id")))];
  }
  const groups = named("group");
  const newest = groups.some(({ of }) => of("sslversion") === "TLSv1.3") ? "TLSv1.3" : "TLSv1.2";
  if (groups.length > 0)
    facts["groups"] = groups
      .filter(({ of }) => of("sslversion") === newest)
      .map(({ of }) => groupOf(Number(of("id"))).name);
  const bits = new Set(named("cipher").flatMap(({ of }) => (of("sslversion") === "TLSv1.2" ? of("dhebits") : "")));
  bits.delete("");
  if (bits.size > 0) facts["DH bits"] = [...bits];
  const heartbleed = named("heartbleed");
  if (heartbleed.length > 0) facts["flaw heartbleed"] = heartbleed.some(({ of }) => of("vulnerable") === "1");
  for (const { of } of named("compression")) facts["compression"] = of("supported") === "1";
  for (const { of } of named("fallback")) facts["fallbackScsv"] = of("supported") === "1";
  // Where it completes TLS 1.3 it has not looked. It never renegotiates where the extension is answered.
  for (const { of } of named("renegotiation"))
    if (of("supported") === "1") facts["secureRenegotiation"] = of("secure") === "1";
  facts["certificates"] = certificates(xml);
  return facts;
}

function certificates(xml: string): string[] {
  const [signatures, keys, names] = [
    /<signature-algorithm>([^<]*)</g,
    /<pk [^>]*type="(\w+)"[^>]*bits="(\d+)"/g,
    /<altnames><!\[CDATA\[([^\]]*)\]/g,
  ].map((pattern) => [...xml.matchAll(pattern)]) as [RegExpMatchArray[], RegExpMatchArray[], RegExpMatchArray[]];
  return keys.map(([, type, bits], index) => {
    const signature = signatures[index]?.[1] ?? "";
    const list = (names[index]?.[1] ?? "").replaceAll(/(?:DNS|IP Address):/g, "").replaceAll(", ", ",");
    return `${type} ${bits} ${signature.replace("ecdsa-with-SHA", "ecdsaWithSHA")} ${list}`;
  });
}

function listOf(fact: Fact | undefined): readonly string[] {
  return typeof fact === "object" ? fact : [];
}
