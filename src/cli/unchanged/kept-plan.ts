/**
 * The last answer of `plan` that nothing would change, kept in the prefix's cache, so that the next one with the same inputs is given without
 * loading what a plan is made with. It is only ever given when the quick look has found everything as it was (`quick.ts`).
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import type { Manifest } from "../../store/index.ts";
import type { Context } from "../context.ts";
import type { Result, ResultFields } from "../result.ts";
import type { BuildRequest } from "../make/types.ts";

interface KeptPlan {
  readonly schema: "tlsforge.plan/1";
  readonly of: Identity;
  readonly fields: ResultFields;
  readonly text: string;
}

/** What a kept plan is about: any other generation, inputs or server configuration makes it void. */
interface Identity {
  readonly generation: number;
  readonly fingerprint: string;
  readonly configDigest: string | null;
}

/** The kept answer for a generation as it is now, or null. */
export function keptPlan(prefix: string, manifest: Manifest): Result | null {
  try {
    const kept = JSON.parse(readFileSync(fileOf(prefix), "utf8")) as Partial<KeptPlan>;
    const { schema, of, fields, text } = kept;
    if (schema !== "tlsforge.plan/1" || fields === undefined || text === undefined) return null;
    if (JSON.stringify(of) !== JSON.stringify(identityOf(manifest))) return null;
    return { outcome: "unchanged", exitCode: 0, fields, text };
  } catch {
    // Whatever cannot be read is worked out anew.
    return null;
  }
}

/** Keeps an answer that nothing would change. Where that is not possible (somebody else's prefix) the next answer takes longer. */
export async function keepPlan(context: Context, request: BuildRequest, result: Result): Promise<void> {
  const { prefix, verbose } = context.options;
  if (result.outcome !== "unchanged" || verbose) return;
  const [{ atomicWrite, readManifest }, { fingerprintOf }] = await Promise.all([
    import("../../store/index.ts"),
    import("../make/pipeline.ts"),
  ]);
  const manifest = await readManifest(prefix);
  if (manifest === null || manifest.fingerprint !== fingerprintOf(context, request)) return;
  const { fields, text } = result;
  const kept: KeptPlan = { schema: "tlsforge.plan/1", of: identityOf(manifest), fields, text };
  try {
    await atomicWrite(fileOf(prefix), `${JSON.stringify(kept)}\n`);
  } catch (error) {
    // Whatever the system says against it.
    if (!(error instanceof ForgeError) && !(error instanceof Error && "code" in error)) throw error;
  }
}

/** Works out and keeps the answer of the next `plan` when everything has just been done. Never fails: it is only ever a help. */
export async function keepNextPlan(context: Context, request: BuildRequest): Promise<void> {
  const quiet = { ...context, emit: () => undefined };
  const { plan } = await import("../commands/plan.ts");
  try {
    await keepPlan(quiet, request, await plan(quiet, { ...request, exitCode: false }));
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
  }
}

function identityOf({ generation, fingerprint, server }: Manifest): Identity {
  return { generation, fingerprint, configDigest: server?.configDigest ?? null };
}

function fileOf(prefix: string): string {
  return path.join(prefix, "cache", "plan.json");
}
