import path from "node:path";
import { createBundle, refuseNoFile, refuseTarget, useBundle } from "../../deliver/index.ts";
import { usableCaches } from "../../fetch/index.ts";
import { prefixPaths } from "../../store/index.ts";
import { counted, sizeText } from "../../words.ts";
import type { Context } from "../context.ts";
import { fetchSources, select } from "../make/prepare.ts";
import type { Result } from "../result.ts";
import { sourcesFolder } from "../make/shared-cache.ts";
import { boundCaches } from "../make/source-caches.ts";
import { siteFor } from "../make/load.ts";
import type { BuildRequest } from "../make/types.ts";

/** Every source of a stack, as this machine would build it, in one file. */
export async function create(context: Context, named: string, request: BuildRequest): Promise<Result> {
  const file = named === "" ? "" : path.resolve(context.cwd, named);
  await refuseTarget(file);
  const { site, stack } = await siteFor(context, request.stack);
  const selection = await select(context, { site, stack: stack.name, options: request.sources });
  context.emit({ type: "phase", phase: "fetch", state: "start" });
  const fetched = await fetchSources(selection.resolved, selection);
  context.emit({ type: "phase", phase: "fetch", state: "done" });
  await boundCaches(context, [...fetched.values()].flat());
  const sources = selection.resolved.flatMap(({ name: recipe, version }) =>
    (fetched.get(recipe) ?? []).map(({ source, path: place, sha256, bytes }) => {
      const { name, file: original } = source;
      return { name, recipe, version, file: original, sha256, bytes, path: place };
    }),
  );
  const { platform, signal } = context;
  const made = await createBundle(file, { stack: stack.name, platform, sources, signal });
  const count = made.index.sources.length;
  return {
    outcome: "done",
    exitCode: 0,
    fields: { file, stack: stack.name, sources: made.index.sources, sha256: made.sha256, bytes: made.bytes },
    text: [
      `${file}: ${counted(count, "source")} of ${stack.name}, ${sizeText(made.bytes)}`,
      `SHA-256 ${made.sha256}`,
      "On the other machine: tlsforge bundle use FILE, then plan, build or provision with --offline",
      "",
    ].join("\n"),
  };
}

/** The sources of a bundle in the cache that a build would write to, each compared with its digest. */
export async function use(context: Context, named: string): Promise<Result> {
  const file = path.resolve(context.cwd, named);
  await refuseNoFile(file);
  const own = sourcesFolder(context);
  const [cache = own] = await usableCaches([own, prefixPaths(context.options.prefix).sources], context.emit);
  const { stack, platform, sources } = await useBundle(file, { cache, signal: context.signal });
  await boundCaches(
    context,
    sources.map(({ sha256 }) => ({ sha256, location: "bundle" })),
  );
  const here = context.platform;
  const elsewhere = platform.os !== here.os || platform.arch !== here.arch || platform.libc !== here.libc;
  if (elsewhere) {
    context.emit({
      type: "warning",
      message: `the bundle was made for ${platform.os} ${platform.arch} ${platform.libc}: a source that only this machine needs is not in it`,
      hint: "make the bundle on a machine of this kind",
    });
  }
  return {
    outcome: "done",
    exitCode: 0,
    fields: { file, stack, sources, cache },
    text: `${counted(sources.length, "source")} of ${stack} in ${cache}, as the digests say\n`,
  };
}
