import { letterText } from "../../grade/light.ts";
import type { Standing } from "./quick.ts";
import { authorityFile } from "./quick.ts";
import { reachText } from "../serve/reach.ts";
import { record, serverFields } from "../result.ts";

/** What a provision that has nothing to do prints for people. */
export function unchangedText(
  found: Standing,
  { prefix, program }: { readonly prefix: string; readonly program: string },
): string {
  const { manifest, server } = found;
  const grade = letterText(manifest.report?.gradeTrustIgnored, manifest.report?.bounds);
  const listen = server.listen.join(", ");
  const lines = [
    `Generation ${manifest.generation} of ${manifest.stack} serves on ${listen}, graded ${grade} (trust aside).`,
    "",
  ];
  return (
    lines.join("\n") +
    reachText({
      listen: server.listen,
      names: server.certificates[0]?.names ?? [],
      authority: authorityFile(prefix, manifest),
      prefix,
      program,
      html: (manifest.report?.path ?? "").replace(/\.json$/, ".html"),
      outcome: "unchanged",
      warnings: manifest.warnings,
      vulnerable: manifest.vulnerable ?? [],
    })
  );
}

/** The same as a record. */
export function unchangedRecord(found: Standing, prefix: string): string {
  const { manifest, server, report } = found;
  return record("provision", {
    outcome: "unchanged",
    exitCode: 0,
    text: "",
    fields: {
      generation: manifest.generation,
      prefix,
      builds: manifest.builds.map(({ recipe, version, key, location }) => ({
        recipe,
        version,
        key,
        cached: true,
        location,
        wallSeconds: 0,
        cpuSeconds: 0,
      })),
      host: manifest.host.map(({ id, after }) => ({ id, action: "none", current: after, desired: after })),
      server: serverFields(server),
      report,
      warnings: manifest.warnings,
      ...(manifest.vulnerable === undefined ? {} : { vulnerable: manifest.vulnerable }),
    },
  });
}
