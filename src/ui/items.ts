import type { ForgeEvent } from "../events.ts";
import { phaseName, stepProgress } from "./describe.ts";
import { sizeText } from "../words.ts";
import { duration, sanitise } from "./text.ts";

/** Something that is going on now, drawn as one line of the moving part. */
interface Item {
  readonly name: string;
  readonly began: number;
  /** Seconds it should take, when that is known. */
  readonly expected: number | null;
  /** What it is at: the step, the bytes received. */
  progress: string;
  /** What it does right now, drawn below it: the current compile. */
  activity: string;
}

/** What is going on, kept from events. */
export interface Items {
  /** Takes an event in; true when an item came or went, so that the drawing needs other lines. */
  note(event: ForgeEvent): boolean;
  /** Keys of the items, oldest first. */
  keys(): readonly string[];
  /** Title and activity of one item as of now; null when it has ended. */
  view(key: string): { readonly title: string; readonly activity: string } | null;
  /** A line about each item that has not ended. */
  unfinished(): readonly string[];
}

export function trackItems(now: () => number): Items {
  const items = new Map<string, Item>();
  const begin = (key: string, name: string, expected: number | null = null): boolean => {
    if (items.has(key)) return false;
    items.set(key, { name, began: now(), expected, progress: "", activity: "" });
    return true;
  };
  const update = (key: string, change: Partial<Pick<Item, "progress" | "activity">>): boolean => {
    Object.assign(items.get(key) ?? {}, change);
    return false;
  };
  return {
    keys: () => [...items.keys()],
    view(key) {
      const item = items.get(key);
      return item === undefined ? null : { title: title(item, now()), activity: sanitise(item.activity) };
    },
    unfinished: () =>
      [...items.values()].map(
        (item) => `${sanitise(item.name)}: not finished [${duration((now() - item.began) / 1000)}]`,
      ),
    note(event) {
      switch (event.type) {
        case "phase":
          return event.state === "start"
            ? begin(`phase ${event.phase}`, phaseName(event.phase))
            : items.delete(`phase ${event.phase}`);
        case "fetch-start":
          return begin(`fetch ${event.source}`, `  ${event.source}`);
        case "fetch-progress":
          return update(`fetch ${event.source}`, { progress: received(event.received, event.total) });
        case "fetch-done":
        case "location-failed":
          return items.delete(`fetch ${event.source}`);
        case "build-start":
          return begin(`build ${event.key}`, `  ${event.recipe} ${event.version}`, event.expectedSeconds);
        case "build-step":
          return update(`build ${event.key}`, {
            progress: stepProgress(event),
            activity: "",
          });
        case "build-activity":
          return update(`build ${event.key}`, { activity: event.activity });
        case "build-done":
          return items.delete(`build ${event.key}`);
        default:
          return false;
      }
    },
  };
}

function title(item: Item, now: number): string {
  const elapsed = (now - item.began) / 1000;
  const parts = [sanitise(item.name), item.progress === "" ? "" : `: ${sanitise(item.progress)}`];
  return `${parts.join("")} [${duration(elapsed)}${left(item.expected, elapsed)}]`;
}

/** An estimate is only shown while it can still be right. */
function left(expected: number | null, elapsed: number): string {
  if (expected === null) return "";
  return elapsed < expected ? `, about ${duration(expected - elapsed)} left` : ", longer than expected";
}

function received(bytes: number, total: number | undefined): string {
  if (total === undefined || total === 0) return sizeText(bytes);
  return `${Math.min(100, Math.floor((bytes / total) * 100))}% of ${sizeText(total)}`;
}
