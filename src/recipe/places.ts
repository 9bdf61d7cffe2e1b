import { posix } from "node:path";
import type { Path, SourceDocument } from "./document.ts";
import type { Problem } from "./problems.ts";
import type { WrittenRecipe } from "./recipe-schema.ts";
import type { Step } from "./types.ts";
import { expand, variablesIn } from "./variables.ts";

/** Where the folders of a build are taken to be; all else is elsewhere. */
const places: Readonly<Record<string, string>> = {
  out: "/out",
  build: "/build",
  source: "/build/source",
  dist: "/build/dist",
  recipe: "/elsewhere",
  prefix: "/elsewhere",
};

/** Files and folders that steps put anywhere but into the output or the build's own folder: what tlsforge itself writes is not sealed. */
export function lintPlaces({ steps, check }: WrittenRecipe, document: SourceDocument): Problem[] {
  const lint = (list: readonly Step[], path: Path): Problem[] =>
    list.flatMap((step, index) =>
      step.kind !== "files"
        ? []
        : step.files.flatMap(({ to }, position) =>
            isOwn(to, step.directory ?? "")
              ? []
              : [
                  {
                    message: `"${to}" is outside of the output and of the build's folder`,
                    span: document.locate([...path, index, "files", position, "to"]),
                    expected: "a path below ${out} or ${build}",
                  },
                ],
          ),
    );
  return [...lint(steps, ["steps"]), ...lint(check?.steps ?? [], ["check", "steps"])];
}

/** Files that a gate looks for anywhere but in the output, of which alone it says something. */
export function lintExpectedFiles({ gates }: WrittenRecipe, document: SourceDocument): Problem[] {
  return gates.flatMap((gate, index) =>
    gate.kind !== "exists"
      ? []
      : gate.files.flatMap((file, position) => {
          const place = posix.resolve("/out", placed(file));
          if (place.startsWith("/out/")) return [];
          const span = document.locate(["gates", index, "exists", position]);
          return [{ message: `"${file}" is outside of the output`, span, expected: "a path below the output" }];
        }),
  );
}

function isOwn(to: string, directory: string): boolean {
  const place = posix.resolve("/build/source", placed(directory), placed(to));
  return ["/out", "/build"].some((folder) => place === folder || place.startsWith(`${folder}/`));
}

/** Values that are no paths (a version, a name) are taken for a name. */
function placed(text: string): string {
  const values = variablesIn(text).map((name) => [name, places[name] ?? (isPath(name) ? "/elsewhere" : "x")] as const);
  return expand(text, Object.fromEntries(values));
}

function isPath(name: string): boolean {
  return name.startsWith("inputs.") || name.startsWith("tool.");
}
