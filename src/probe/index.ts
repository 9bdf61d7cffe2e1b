export { unreadablePem } from "./certificates/trust.ts";
export { observe, type ObserveOptions, type ObserveTarget } from "./observe.ts";
export { addressesOf } from "./reach/addresses.ts";
export { createPace, type Pace } from "./reach/pace.ts";
export { fitted, readRecording, writeRecording } from "./recording/file.ts";
export { createRecorder, type Recorder } from "./recording/recorder.ts";
export type * from "./types.ts";
