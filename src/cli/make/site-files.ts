/** The folders and files that a site names, looked at before anything is changed. */
import { stat } from "node:fs/promises";
import { ForgeError, type ErrorCode } from "../../errors.ts";
import { siteSpan, type Site, type Stack } from "../../recipe/index.ts";
import { answersFor, certificatesIn, dhProblem, policyFor, unfit } from "../../server/index.ts";
import { readAnchors } from "../look/anchors.ts";
import { reasonOf } from "../files.ts";

/** A site file: its text, and where it lies. */
export interface SiteFile {
  readonly text: string;
  readonly path: string;
}

/** Checks that the folders are there, and that a socket is one, each with its line. Throws `site-invalid`. */
export async function checkFolders({ server: { app, certificate } }: Site, file: SiteFile): Promise<void> {
  if (app.kind === "static") await needFolder(app.directory, { file, key: ["server", "app", "static"] });
  if (app.kind === "factory" && app.path !== null) await needFolder(app.path, { file, key: ["server", "app", "path"] });
  if (app.kind === "proxy" && app.upstream.startsWith("unix:"))
    await refuseOther(app.upstream.slice("unix:".length), { file, key: ["server", "app", "proxy"] });
  if (certificate.kind === "directory")
    await needFolder(certificate.directory, { file, key: ["server", "certificate", "directory"] });
}

async function needFolder(folder: string, at: Place): Promise<void> {
  const name = at.key.join(".");
  const facts = await stat(folder).catch((error: unknown) => {
    const problem = `${name}: the folder ${folder} cannot be used: ${reasonOf(error)}`;
    throw refusal("site-invalid", { ...at, problem, hint: `make the folder, or mend ${name}`, cause: error });
  });
  if (facts.isDirectory()) return;
  const problem = `${name}: ${folder} is no folder`;
  throw refusal("site-invalid", { ...at, problem, hint: `name a folder in ${name}` });
}

/** What listens on a socket may make it later; anything else of that name stays in its way. */
async function refuseOther(path: string, at: Place): Promise<void> {
  const facts = await stat(path).catch(() => null);
  if (facts === null || facts.isSocket()) return;
  throw refusal("site-invalid", {
    ...at,
    problem: `server.app.proxy: ${path} is no Unix socket`,
    hint: 'name the socket that the other server listens on, or use "http://HOST:PORT"',
  });
}

/**
 * Checks what is in them, for a stack of that purpose. Throws `site-invalid` for Diffie-Hellman parameters, `certificate-failed` for certificates
 * that cannot be served, each with the line that names them.
 */
export async function checkMaterial(site: Site, file: SiteFile, purpose: Stack["purpose"]): Promise<void> {
  await checkDhe(site, file, purpose);
  await checkCertificates(site, file, purpose);
}

/** Checks that the authority to grade with can be read. Throws `site-invalid` with its line. */
export async function checkAuthority({ verify: { ca } }: Site, file: SiteFile): Promise<void> {
  if (ca === null) return;
  await readAnchors(ca, "verify.ca", (problem, more) =>
    refusal("site-invalid", { file, key: ["verify", "ca"], problem, ...more }),
  );
}

async function checkDhe({ server: { dhe } }: Site, file: SiteFile, purpose: Stack["purpose"]): Promise<void> {
  if (dhe?.kind !== "file") return;
  const problem = await dhProblem(dhe.file, purpose);
  if (problem === null) return;
  throw refusal("site-invalid", {
    file,
    key: ["server", "dhe"],
    problem,
    hint: "name a file that openssl dhparam -2 made, or let it be made with generate",
  });
}

async function checkCertificates({ server }: Site, file: SiteFile, purpose: Stack["purpose"]): Promise<void> {
  const { certificate, dhe, names: wanted, profile } = server;
  if (certificate.kind !== "directory") return;
  const at = { file, key: ["server", "certificate"] } as const;
  const { sorts, names, leaves } = await certificatesIn(certificate.directory).catch((error: unknown) => {
    if (!(error instanceof ForgeError)) throw error;
    const { message: problem, hint, details } = error;
    throw refusal(error.code, { ...at, problem, hint, details });
  });
  const wrong = purpose === "reproduction" ? null : unfit(leaves, policyFor(profile));
  if (wrong !== null) throw refusal("certificate-failed", { ...at, ...wrong });
  for (const [index, name] of wanted.entries())
    if (name !== "localhost" && !answersFor(names, name))
      throw refusal("certificate-failed", {
        file,
        key: ["server", "names", index],
        problem: `no certificate in ${certificate.directory} is for "${name}"`,
        hint: `put one there, or leave the name out: those there are for ${namesText(names)}`,
      });
  if (purpose === "reproduction" || dhe === null || dhe.kind === "off" || sorts.has("rsa")) return;
  throw refusal("certificate-failed", {
    ...at,
    problem: `DHE suites need a certificate with an RSA key, and ${certificate.directory} has none`,
    hint: "put one there beside the others, or leave server.dhe out",
  });
}

function namesText(names: ReadonlySet<string>): string {
  return [...names].map((name) => name.slice(name.indexOf(":") + 1)).join(", ") || "no name";
}

/** Where a site file names something: the keys that lead there. */
interface Place {
  readonly file: SiteFile;
  readonly key: readonly (string | number)[];
}

/** What is wrong with it. */
interface Wrong extends Place {
  readonly problem: string;
  readonly hint?: string | undefined;
  readonly details?: readonly string[] | undefined;
  readonly cause?: unknown;
}

function refusal(code: ErrorCode, { file, key, problem, hint, details = [], cause }: Wrong): ForgeError {
  const span = siteSpan(file, ...key);
  const place = span === null ? file.path : `${span.file}:${span.line}`;
  return new ForgeError(code, `${place}: ${problem}`, {
    details,
    cause,
    ...(span === null ? {} : { span }),
    ...(hint === undefined ? {} : { hint }),
  });
}
