/** How a site wants TLS to be spoken: its policy, what that loses, and the parameters that it needs. */
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import type { Host } from "../../host/index.ts";
import type { Site, Stack } from "../../recipe/index.ts";
import {
  classicPolicy,
  dhBits,
  dhFile,
  dhProblem,
  ensureDhParameters,
  lossesOf,
  policyFor,
  serverPaths,
  type Dhe,
  type Loss,
  type Policy,
  type ServerSite,
} from "../../server/index.ts";
import type { Context } from "../context.ts";

/** Whose terms they are. */
export interface TermsOf {
  readonly site: Site;
  readonly outputs: { readonly openssl: string; readonly purpose: Stack["purpose"] };
}

/** The policy of a server; `dhParameters` is the file that `dhParametersOf` tells. */
export function policyOf({ site: { server }, outputs }: TermsOf, dhParameters: string | null): Policy {
  if (outputs.purpose === "reproduction") {
    if (dhParameters === null) throw new Error("a server of 2013 has Diffie-Hellman parameters");
    return classicPolicy({ curve: server.curve ?? "prime256v1", dhParameters });
  }
  const { tickets } = server;
  return policyFor(server.profile, {
    dhe: dheOf(server, dhParameters),
    tickets: tickets === null ? null : { rotateSeconds: tickets.rotateHours * 3600 },
  });
}

function dheOf({ dhe }: Site["server"], dhParameters: string | null): Dhe | null {
  if (dhe?.kind === "group") return { group: dhe.group };
  return dhParameters === null ? null : { parameters: dhParameters };
}

/** The part of a site that a server is told. That of 2013 has one certificate, one process and one way, so what it cannot have is not asked of it. */
export function serverSiteOf({ site: { server }, outputs }: TermsOf): ServerSite {
  if (outputs.purpose === "service") return server;
  return { ...server, sni: "default", ocsp: "off", accessLog: false, workers: 1, limits: {} };
}

/** What a site loses by its profile and its choices; nothing where the stack decides. */
export async function lossesIn(site: Site, purpose: Stack["purpose"], prefix: string): Promise<readonly Loss[]> {
  if (purpose === "reproduction") return [];
  const { profile, dhe } = site.server;
  const parameters = dhParametersOf(prefix, { site, outputs: { purpose } });
  const lost = lossesOf(profile, { dhe: dheOf(site.server, parameters?.file ?? null) });
  if (profile !== "ssllabs-100" || dhe === null || dhe.kind === "off" || (await bitsOf(dhe)) >= 4096) return lost;
  const why = "Diffie-Hellman of fewer than 4096 bits counts as 90 for the key exchange, not as 100";
  return [...lost, { of: "ssllabs-2009r", why }];
}

/** 0 for a file that does not tell. */
async function bitsOf(dhe: NonNullable<Site["server"]["dhe"]>): Promise<number> {
  if (dhe.kind === "file") return (await dhBits(dhe.file)) ?? 0;
  return dhe.kind === "generate" ? dhe.bits : dhe.kind === "group" ? Number(dhe.group.slice("ffdhe".length)) : 0;
}

/** Where the parameters of finite-field Diffie-Hellman are, or will be made (`bits`); null for a server that has none of its own. */
export function dhParametersOf(
  prefix: string,
  { site: { server }, outputs }: { readonly site: Site; readonly outputs: Pick<TermsOf["outputs"], "purpose"> },
): { readonly file: string; readonly bits: number | null } | null {
  const { dhe } = server;
  if (dhe?.kind === "file") return { file: dhe.file, bits: null };
  if (dhe?.kind !== "generate" && outputs.purpose === "service") return null;
  const bits = dhe?.kind === "generate" ? dhe.bits : 2048;
  return { file: dhFile(serverPaths(prefix).tls, bits), bits };
}

/** The same, made when it is to be and is not there, and checked. Throws `certificate-failed`, and as `ensureDhParameters` does. */
export async function dhParametersFor(
  context: Context,
  terms: TermsOf & { readonly host: Host },
): Promise<string | null> {
  const wanted = dhParametersOf(context.options.prefix, terms);
  if (wanted === null) return null;
  const { file, bits } = wanted;
  if (bits !== null) {
    const what = `making Diffie-Hellman parameters of ${bits} bits`;
    const onProgress = (seconds: number): void =>
      context.emit({
        type: "notice",
        message: seconds === 0 ? `${what}, which can take minutes` : `${what}: ${seconds} s so far`,
      });
    const openssl = path.join(terms.outputs.openssl, "bin", "openssl");
    await ensureDhParameters({ openssl, file, bits, run: terms.host.exec, onProgress });
  }
  const problem = await dhProblem(file, terms.outputs.purpose);
  if (problem === null) return file;
  const hint = bits === null ? "mend server.dhe in the site file" : `remove ${file}, then run the same command again`;
  throw new ForgeError("certificate-failed", problem, { hint });
}
