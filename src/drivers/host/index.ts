/** Reads what /proc and the control group say about this process. Start at `linux.ts`. */
export {};
