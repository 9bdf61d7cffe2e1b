import { stepTitle } from "../../build/index.ts";
import type { PlannedBuild } from "../../plan/index.ts";
import type { ResolvedRecipe, Site } from "../../recipe/index.ts";
import type { Switch } from "../serve/serve.ts";

/** The builds of a plan as lines of text, and which versions could not be had. */
export function planText(planned: readonly PlannedBuild[], resolved: readonly ResolvedRecipe[]): readonly string[] {
  const width = Math.max(...planned.map(({ derivation }) => title(derivation.recipe).length));
  return [
    ...planned.map(
      ({ derivation, action, why }) =>
        `${action === "build" ? "build" : "have "}  ${title(derivation.recipe).padEnd(width)}  ${why}`,
    ),
    ...resolved.flatMap((recipe) =>
      recipe.fallback === undefined
        ? []
        : [`       ${recipe.name} ${recipe.fallback.wanted} cannot be had; ${recipe.version} is the newest that can`],
    ),
  ];
}

/** What a change of servers means for connections. `held`: systemd holds the sockets meanwhile. */
export function switchText(way: Switch, held: boolean): string {
  const texts: Readonly<Record<Switch, string>> = {
    start: "the server is started",
    "hand-over": "the new server takes the open sockets over (hand-over): no connection is lost",
    restart: `the service is started anew (restart): open connections end, new ones ${held ? "wait in systemd's sockets" : "are refused for a moment"}`,
    relaunch: "the old server stops before the new one starts (relaunch): a gap, in which connections are refused",
  };
  return texts[way];
}

/** What a site serves, in words. */
export function appText(app: Site["server"]["app"]): string {
  switch (app.kind) {
    case "about":
      return "a page about itself";
    case "static":
      return `the files of ${app.directory}`;
    case "proxy":
      return `what ${app.upstream} answers`;
    case "websocket-echo":
      return "an echo of WebSocket messages";
    case "factory":
      return `${app.attribute} of the Python module ${app.module}${app.path === null ? "" : ` in ${app.path}`}`;
  }
}

/** A site's profile, and what it adds to it. */
export function termsText({ profile, dhe }: Pick<Site["server"], "profile" | "dhe">): string {
  return dhe === null || dhe.kind === "off" ? profile : `${profile} with dhe`;
}

/** The steps of a build, one line each. */
export function stepLines(planned: PlannedBuild): readonly string[] {
  return planned.derivation.recipe.steps.map((step) => `         ${stepTitle(step)}`);
}

function title(recipe: ResolvedRecipe): string {
  return `${recipe.name} ${recipe.version}`;
}
