import { randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import {
  insertionDiff,
  insertionOf,
  nearest,
  parseSite,
  versionEntries,
  withInsertions,
  type Recipe,
  type VersionEntry,
} from "../../recipe/index.ts";
import { atomicWrite } from "../../store/index.ts";
import type { FetchOptions } from "../../fetch/index.ts";
import type { Context } from "../context.ts";
import { searchLocked } from "../update/locked.ts";
import { loadRecipe, readText, recipeNames } from "../make/load.ts";
import { networkOf } from "../make/prepare.ts";
import type { Result } from "../result.ts";
import { propose, type Proposal, type ProposalOptions } from "../update/proposal.ts";
import { withSignatures } from "../update/signature.ts";
import { searchVersions, type SearchResult } from "../update/search.ts";

/** What `recipe update` is asked for. */
export interface UpdateRequest {
  readonly recipe: string;
  /** Another file of the recipe's folder: `classic` for `classic.yaml`. */
  readonly line: string | null;
  /** Put the change into the file instead of only showing it. */
  readonly write: boolean;
  /** The option among those that other commands find sources with, which cannot be had here. */
  readonly misplaced?: "--offline" | "--mirror";
}

/**
 * Asks the locations of a recipe for newer versions of its branches, takes them, and proposes the change of the recipe as a unified diff on standard
 * output. Nothing is written without `write`. What no location could answer is exit 3 (`unreachable`) unless there is something to propose.
 */
export async function updateRecipe(context: Context, request: UpdateRequest): Promise<Result> {
  if (request.misplaced !== undefined) throw misplaced(request.misplaced);
  for (const name of [request.recipe, request.line ?? "recipe"])
    if (!/^[a-z0-9][a-z0-9._-]*$/.test(name))
      throw new ForgeError("usage", `${JSON.stringify(name)} is no name of a recipe`, {
        hint: "name a recipe of the folder of recipes, not a path",
      });
  const folder = path.join(context.recipes, request.recipe);
  const file = path.join(folder, `${request.line ?? "recipe"}.yaml`);
  const text = await readText(file, "recipe", await meantBy(context, request.recipe));
  const recipe = await loadRecipe({ text, path: file, folder });
  const fetch = await networkOf(context, parseSite(null));
  if (recipe.versions.every(({ sources }) => sources.length === 0)) return updateLock(context, { recipe, file, fetch });
  const entries = updatable(text, file);
  if (entries.every(({ sources }) => sources.every(({ locations }) => locations.length === 0))) throw askable(recipe);
  const found = await searchVersions(entries, fetch);
  const proposals = await proposeAll(found, entries, { recipe, fetch });
  const made = proposals.flatMap((entry) => ("reasons" in entry ? [] : [entry]));
  const insertions = made.map(({ added }) => insertionOf(text, added));
  const updated = withInsertions(text, insertions);
  // What is proposed is a recipe: the parser and its rules have the last word.
  const proposed = await loadRecipe({ text: updated, path: file, folder });
  const signed = await withSignatures(made, { recipe: proposed, fetch, cache: fetch.caches[0] ?? "" });
  const name = `${path.basename(context.recipes)}/${path.relative(context.recipes, file)}`;
  const diff = insertionDiff(text, insertions, name);
  const failed = proposals.flatMap((entry) => ("reasons" in entry ? entry.reasons : []));
  const notes = [...signed.flatMap((entry) => entry.notes), ...branchNotes(found), ...failed];
  // What it is refused for is told by the refusal.
  if (made.length === 0) refuseUnknown(recipe.name, found, failed);
  tell(context, { answers: found.answers, notes });
  if (request.write && made.length > 0) await atomicWrite(file, updated);
  return {
    outcome: made.length === 0 ? "unchanged" : "done",
    exitCode: 0,
    fields: {
      recipe: recipe.name,
      file,
      written: request.write && made.length > 0,
      diff,
      proposals: signed,
      answers: found.answers,
      notes,
    },
    text: made.length === 0 ? `${recipe.name} is up to date: no location has a newer version of its branches.\n` : diff,
  };
}

function misplaced(option: NonNullable<UpdateRequest["misplaced"]>): ForgeError {
  return option === "--offline"
    ? new ForgeError(
        "usage",
        "recipe update asks a recipe's locations for newer versions: offline there is nobody to ask",
        {
          hint: "leave --offline out, on a machine that reaches them; tlsforge sources --offline tells what is in the caches",
        },
      )
    : new ForgeError(
        "usage",
        "a mirror has files by their digests, and those of versions that the recipe does not list are not known: it cannot be asked for them",
        {
          hint: "leave --mirror out; once the new version stands in the recipe, plan, build and provision take it from a mirror",
        },
      );
}

/** The entries that can be updated. Throws `recipe-invalid` for a recipe that is written otherwise. */
function updatable(text: string, file: string): readonly VersionEntry[] {
  const entries = versionEntries(text);
  if (entries !== null) return entries;
  throw new ForgeError("recipe-invalid", `the versions of ${file} are not written one below the other`, {
    hint: "give each version lines of its own, beginning with - version:",
  });
}

/** Files of this machine and mirrors, which have files by their digests alone, list no versions. */
function askable({ name }: Recipe): ForgeError {
  return new ForgeError("usage", `${name} has no location that could be asked for versions`, {
    hint: "its sources are files of this machine or of a mirror: add the place that upstream has them at (url, debian or pypi)",
  });
}

/** What to do about a recipe that is not there. */
async function meantBy(context: Context, name: string): Promise<string> {
  const names = await recipeNames(context);
  if (names.includes(name))
    return `see what lies in ${path.join(context.recipes, name)}; --line names another file of it`;
  const near = nearest(name, names);
  return `${near === undefined ? "name a recipe of the folder of recipes" : `did you mean ${near}?`}; there is ${names.join(", ")}`;
}

/** A recipe that only locks packages: which of them could be newer. The lock is made as a whole, so that no single change is proposed. */
async function updateLock(
  context: Context,
  { recipe, file, fetch }: { readonly recipe: Recipe; readonly file: string; readonly fetch: FetchOptions },
): Promise<Result> {
  if (recipe.lock.length === 0)
    throw new ForgeError("usage", `${recipe.name} has no source of its own: there is no location that could be asked`, {
      hint: "its files lie in its folder",
    });
  const { newer, answers } = await searchLocked(recipe, fetch);
  const notes = newer.map(({ project, locked, newest }) => `${project}: ${newest} is released, ${locked} is locked`);
  if (newer.length === 0) refuseUnknown(recipe.name, { answers, newBranches: [] }, []);
  tell(context, { answers: answers.filter(({ outcome }) => outcome === "untestable"), notes: [] });
  const made = "the lock is made as a whole: its first line says how";
  return {
    outcome: newer.length === 0 ? "unchanged" : "done",
    exitCode: 0,
    fields: { recipe: recipe.name, file, written: false, diff: "", proposals: [], answers, notes },
    text:
      newer.length === 0
        ? `${recipe.name} is up to date: every locked package is the newest release.\n`
        : `${notes.join("\n")}\n${made}\n`,
  };
}

async function proposeAll(
  found: SearchResult,
  entries: readonly VersionEntry[],
  options: Pick<ProposalOptions, "recipe" | "fetch">,
): Promise<readonly (Proposal | { readonly reasons: readonly string[] })[]> {
  const cache = options.fetch.caches[0];
  if (cache === undefined || found.newer.size === 0) return [];
  await mkdir(cache, { recursive: true });
  // So named, gc takes it for what it is when this run is killed: an unfinished download.
  const folder = path.join(cache, `update-${randomBytes(6).toString("hex")}.part`);
  await mkdir(folder);
  try {
    const proposals = [];
    for (const [branch, version] of found.newer) {
      const after = entries.find((entry) => entry.version.startsWith(`${branch}.`));
      if (after !== undefined) proposals.push(await propose(version, after, { ...options, cache, folder }));
    }
    return proposals;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function branchNotes({ newBranches }: Pick<SearchResult, "newBranches">): readonly string[] {
  return newBranches.map(
    (version) =>
      `${version} is of a branch that the recipe does not have: its support and its floor are for a person to write`,
  );
}

function tell(
  { emit }: Context,
  { answers, notes }: { readonly answers: SearchResult["answers"]; readonly notes: readonly string[] },
): void {
  for (const { location, outcome, detail } of answers)
    emit({ type: outcome === "observed" ? "notice" : "warning", message: `${location}: ${detail}` });
  for (const message of notes) emit({ type: message.includes("NOT CHECKED") ? "warning" : "notice", message });
}

/** Unknown is never nothing to do: every location that could be asked has to have answered. */
function refuseUnknown(
  name: string,
  found: Pick<SearchResult, "answers" | "newBranches">,
  failed: readonly string[],
): void {
  const { answers } = found;
  const silent = answers.filter(({ outcome }) => outcome === "untestable");
  if (answers.length > 0 && silent.length === 0 && failed.length === 0) return;
  throw new ForgeError(
    "unreachable",
    answers.length === 0
      ? `this machine has none of the registries that ${name} comes from`
      : `whether there is a newer ${name} cannot be told: ${silent.length + failed.length} of its locations did not answer`,
    {
      details: [
        ...answers.map(
          ({ location, outcome, detail }) => `${location}: ${outcome === "observed" ? "" : "NOT ANSWERED: "}${detail}`,
        ),
        ...failed,
        ...branchNotes(found),
      ],
      hint: "try again with a network that reaches them",
    },
  );
}
