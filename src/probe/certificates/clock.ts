/** Clocks of signers may be ahead of ours by this many milliseconds: what they date later than that is from the future. */
export const clockSkewMs = 300_000;
