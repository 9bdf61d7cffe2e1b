import type { Path, SourceDocument } from "./document.ts";
import { nearest } from "./nearest.ts";
import { lastComponent } from "./locations.ts";
import { checkVariables, lintOwnTests } from "./own-tests.ts";
import type { Problem } from "./problems.ts";
import type { WrittenRecipe } from "./recipe-schema.ts";
import { lintExpectedFiles, lintPlaces } from "./places.ts";
import type { LockedPackage } from "./types.ts";
import { builtinVariables, hasUnclosed, suggestVariable, variablesIn } from "./variables.ts";
import { inRange, newestFirst } from "./versions.ts";

interface Checked {
  readonly written: WrittenRecipe;
  readonly document: SourceDocument;
  /** The lock file's packages, when there is one and it fits its schema. */
  readonly packages: readonly LockedPackage[] | undefined;
  readonly hasLock: boolean;
}

/** What a recipe that fits the schema can still get wrong: things that refer to each other. */
export function lintRecipe(checked: Checked): Problem[] {
  return [
    ...lintInputs(checked),
    ...lintVersions(checked),
    ...lintSources(checked),
    ...lintConditions(checked),
    ...lintLock(checked),
    ...lintGates(checked),
    ...lintHardening(checked),
    ...lintPlaces(checked.written, checked.document),
    ...lintExpectedFiles(checked.written, checked.document),
    ...lintOwnTests(checked.written, checked.document),
  ];
}

/** Longer cycles show only with the other recipes (`checkTogether`). */
function lintInputs({ written: { name, inputs }, document }: Checked): Problem[] {
  const index = inputs.indexOf(name);
  if (index < 0) return [];
  const span = document.locate(["inputs", index]);
  return [{ message: `the recipe is its own input: ${name}`, span, hint: "take it out of the list" }];
}

function lintVersions({ written, document }: Checked): Problem[] {
  const problems: Problem[] = [];
  const floors = written["security-floor"];
  for (const [index, { version }] of written.versions.entries()) {
    const span = document.locate(["versions", index, "version"]);
    const above = written.versions[index - 1];
    if (above !== undefined && newestFirst(above.version, version) >= 0) {
      problems.push({
        message: `version ${version} stands below ${above.version}`,
        span,
        expected: "each version once, newest first",
      });
    }
    if (floors.length > 0 && !floors.some((floor) => inRange(version, floor.branch))) {
      problems.push({
        message: `no branch of security-floor holds version ${version}`,
        span,
        hint: "add the branch with its oldest acceptable version and the reason",
      });
    }
  }
  return problems;
}

function lintSources({ written, document }: Checked): Problem[] {
  return written.versions.flatMap((version, index) =>
    version.sources.flatMap((source, position) => {
      if ((source.file ?? lastComponent(source.locations[0])) !== "") return [];
      const span = document.locate(["versions", index, "sources", position, "locations", 0]);
      return [{ message: "the first location does not end with a file name", span, hint: "give the name as file:" }];
    }),
  );
}

/** Conditions may ask only for inputs that the recipe has. */
function lintConditions({ written, document }: Checked): Problem[] {
  const lists = [
    { key: "platforms", entries: written.platforms },
    { key: "requirements", entries: written.requirements },
    { key: "steps", entries: written.steps },
    { key: "gates", entries: written.gates },
  ];
  return lists.flatMap(({ key, entries }) =>
    entries.flatMap((entry, index) =>
      Object.keys(entry.when?.input ?? {})
        .filter((input) => !written.inputs.includes(input))
        .map((input) => {
          const match = nearest(input, written.inputs);
          return {
            message: `condition on "${input}", which is not an input of this recipe`,
            span: document.locateKey([key, index, "when", "input"], input),
            expected:
              written.inputs.length === 0
                ? "no condition on inputs: the recipe has none"
                : `one of ${written.inputs.join(", ")}`,
            hint: match === undefined ? undefined : `did you mean "${match}"?`,
          };
        }),
    ),
  );
}

function lintLock({ written, document, packages, hasLock }: Checked): Problem[] {
  const problems: Problem[] = [];
  if (written.lock !== undefined && !hasLock) {
    problems.push({
      message: `the lock file "${written.lock}" is missing`,
      span: document.locate(["lock"]),
      hint: "make it, or leave the key out",
    });
  }
  if (written.lock === undefined && hasLock) {
    problems.push({
      message: "a lock file lies beside the recipe, but the recipe does not name it",
      span: document.locate([]),
      hint: 'add "lock: lock.yaml"',
    });
  }
  if (packages === undefined) return problems;
  const projects = packages.map((entry) => entry.project);
  for (const project of Object.keys(written.unpack)) {
    if (projects.includes(project)) continue;
    const match = nearest(project, projects);
    problems.push({
      message: `"${project}" is not in the lock file`,
      span: document.locateKey(["unpack"], project),
      hint: match === undefined ? undefined : `did you mean "${match}"?`,
    });
  }
  for (const [index, entry] of written.steps.entries()) {
    if (entry.kind !== "python-env") continue;
    for (const [position, project] of (entry.only ?? []).entries()) {
      if (projects.includes(project)) continue;
      const match = nearest(project, projects);
      problems.push({
        message: `"${project}" is not in the lock file`,
        span: document.locate(["steps", index, "python-env", "only", position]),
        hint: match === undefined ? undefined : `did you mean "${match}"?`,
      });
    }
  }
  return problems;
}

function lintGates({ written, document }: Checked): Problem[] {
  return written.gates.flatMap((gate, index) => {
    if (gate.kind !== "run" || isPattern(gate.expect.replaceAll(/\$\{[^{}]*\}/g, "x"))) return [];
    return [
      {
        message: "not a regular expression",
        span: document.locate(["gates", index, "expect"]),
        expected: "a JavaScript regular expression",
        hint: "put a backslash before characters that stand for themselves",
      },
    ];
  });
}

/** What objects were compiled with is only known where a step before has had it recorded. */
function lintHardening({ written, document }: Checked): Problem[] {
  const judged = written.gates.findIndex((gate) => gate.kind === "hardening");
  const recorded = written.steps.findIndex((step) => step.kind === "record");
  const compiled = written.steps.findIndex(({ kind }) => kind === "configure" || kind === "make");
  if (judged >= 0 && recorded < 0)
    return [
      {
        message: "a gate on hardening, and no step that records how objects are compiled",
        span: document.locate(["gates", judged]),
        hint: 'add the step "record: objects" before those that compile',
      },
    ];
  if (recorded < 0 || compiled < 0 || recorded < compiled) return [];
  return [
    {
      message: "objects are recorded after something may have been compiled",
      span: document.locate(["steps", recorded]),
      hint: "put this step before the first configure or make",
    },
  ];
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text).source !== "";
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/**
 * Every unknown `${...}` in steps, gates and environment, and every unknown `{...}` of a location. Works on the raw document, so that it
 * speaks beside the schema.
 */
export function lintVariables(document: SourceDocument): Problem[] {
  const recipe = asRecord(document.value);
  const known = knownVariables(recipe);
  const templates = ["steps", "gates", "environment"].flatMap((key) => textsBelow(recipe[key], [key]));
  const sources = asList(recipe["versions"]).flatMap((entry, index) =>
    textsBelow(asRecord(entry)["sources"], ["versions", index, "sources"]),
  );
  return [
    ...templates.flatMap((template) => lintTemplate(template, known, document)),
    ...textsBelow(asRecord(recipe["check"])["steps"], ["check", "steps"]).flatMap((template) =>
      lintTemplate(template, [...known, ...checkVariables], document),
    ),
    ...sources.flatMap((template) => lintPlaceholders(template, document)),
  ];
}

interface Template {
  readonly path: Path;
  readonly text: string;
}

function lintTemplate({ path, text }: Template, known: readonly string[], document: SourceDocument): Problem[] {
  const problems: Problem[] = variablesIn(text)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      message: `unknown variable "\${${name}}"`,
      span: locateInside(path, `\${${name}}`, document),
      hint: suggestVariable(name, known),
    }));
  if (hasUnclosed(text)) {
    const hint = "close it with }, or write $${ for the text ${ itself";
    problems.push({ message: 'a variable that begins with "${" and does not end', span: document.locate(path), hint });
  }
  return problems;
}

function lintPlaceholders({ path, text }: Template, document: SourceDocument): Problem[] {
  return [...text.matchAll(/\{([^{}]*)\}/g)]
    .filter(([, name = ""]) => name !== "version" && name !== "file")
    .map(([placeholder]) => ({
      message: `unknown placeholder "${placeholder}"`,
      span: locateInside(path, placeholder, document),
      expected: "{version} or {file}",
    }));
}

/** The variables that a recipe has: those of every recipe, its inputs, platform values and required programs. */
function knownVariables(recipe: Readonly<Record<string, unknown>>): string[] {
  const inputs = asList(recipe["inputs"]).map((input) => `inputs.${String(input)}`);
  const values = asList(recipe["platforms"]).flatMap((entry) =>
    Object.keys(asRecord(asRecord(entry)["values"])).map((name) => `platform.${name}`),
  );
  const tools = asList(recipe["requirements"]).flatMap((entry) =>
    typeof asRecord(entry)["program"] === "string" ? [`tool.${String(asRecord(entry)["program"])}`] : [],
  );
  return [...new Set([...builtinVariables, ...inputs, ...values, ...tools])];
}

function textsBelow(value: unknown, path: Path): Template[] {
  if (typeof value === "string") return [{ path, text: value }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => textsBelow(inner, [...path, key]));
}

/** Place of a piece of a text; of the text itself when the piece is not on its first line. */
function locateInside(path: Path, piece: string, document: SourceDocument) {
  const span = document.locate(path);
  const offset = span.text?.indexOf(piece, span.column - 1) ?? -1;
  return offset < 0 ? span : { ...span, column: offset + 1 };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
