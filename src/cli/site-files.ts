/** The folders and files that a site names, looked at before anything is changed. */
import { stat } from "node:fs/promises";
import { ForgeError, type ErrorCode } from "../errors.ts";
import { siteSpan, type Site, type Stack } from "../recipe/index.ts";
import { certificatesIn, dhProblem } from "../server/index.ts";
import { readAnchors } from "./anchors.ts";
import { reasonOf } from "./files.ts";

/** A site file: its text, and where it lies. */
export interface SiteFile {
  readonly text: string;
  readonly path: string;
}

/** Checks that the folders are there. Throws `site-invalid`. */
export async function checkFolders({ server: { app, certificate } }: Site, file: string): Promise<void> {
  if (app.kind === "static") await needFolder(file, "server.app.static", app.directory);
  if (app.kind === "factory" && app.path !== null) await needFolder(file, "server.app.path", app.path);
  if (certificate.kind === "directory") await needFolder(file, "server.certificate.directory", certificate.directory);
}

async function needFolder(file: string, key: string, folder: string): Promise<void> {
  const facts = await stat(folder).catch((error: unknown) => {
    throw new ForgeError("site-invalid", `${file}: ${key}: the folder ${folder} cannot be used: ${reasonOf(error)}`, {
      cause: error,
      hint: `make the folder, or mend ${key}`,
    });
  });
  if (facts.isDirectory()) return;
  throw new ForgeError("site-invalid", `${file}: ${key}: ${folder} is no folder`, { hint: `name a folder in ${key}` });
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
  const { certificate, dhe } = server;
  if (certificate.kind !== "directory") return;
  const at = { file, key: ["server", "certificate"] };
  const { sorts } = await certificatesIn(certificate.directory).catch((error: unknown) => {
    if (!(error instanceof ForgeError)) throw error;
    const { message: problem, hint, details } = error;
    throw refusal(error.code, { ...at, problem, hint, details });
  });
  if (purpose === "reproduction" || dhe === null || dhe.kind === "off" || sorts.has("rsa")) return;
  throw refusal("certificate-failed", {
    ...at,
    problem: `DHE suites need a certificate with an RSA key, and ${certificate.directory} has none`,
    hint: "put one there beside the others, or leave server.dhe out",
  });
}

/** What is wrong with what a key names. */
interface Wrong {
  readonly file: SiteFile;
  readonly key: readonly string[];
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
