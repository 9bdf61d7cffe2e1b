import type { Location } from "./types.ts";

/** The file name that a location ends with; empty for a mirror, whose files are named by digest. */
export function lastComponent(location: Location | undefined): string {
  switch (location?.kind) {
    case "url":
      return (
        location.url
          .replace(/[?#].*$/, "")
          .split("/")
          .at(-1) ?? ""
      );
    case "debian":
    case "file":
      return location.path.split("/").at(-1) ?? "";
    case "pypi":
      return location.file;
    case "crate":
      return `${location.name}-${location.version}.crate`;
    default:
      return "";
  }
}

/** Replaces `{version}` and `{file}`. */
export function fillIn(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}

/** A location with its placeholders replaced. */
export function fillLocation(location: Location, values: Readonly<Record<string, string>>): Location {
  switch (location.kind) {
    case "url":
      return { ...location, url: fillIn(location.url, values) };
    case "mirror":
    case "crate":
      return location;
    case "pypi":
      return { ...location, file: fillIn(location.file, values) };
    default:
      return { ...location, path: fillIn(location.path, values) };
  }
}
