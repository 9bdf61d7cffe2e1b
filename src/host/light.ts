/** What a start needs of the host before it knows what it is asked for: the platform, and whether recorded changes stand. Loads nothing else. */
export { detectPlatform } from "./platform.ts";
export { stands } from "./stands.ts";
