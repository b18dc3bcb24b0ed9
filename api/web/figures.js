// How a stage's figures are written, and what state they amount to.

const LATE_S = 60; // of the oldest record before a stage

/** `bad`: it has dead letters; `late`: it is behind, or tries again and again; else `well`. */
export function stateOf(stage) {
  if (stage.dead_letters) return "bad";
  if (stage.waiting || (stage.lag_s ?? 0) >= LATE_S) return "late";
  return "well";
}

export const STATE_WORDS = { bad: "Dead letters", late: "Behind", well: "Well" };

export function shortRate(perSecond) {
  if (!perSecond) return "0/s";
  if (perSecond < 0.1) return `${(perSecond * 60).toFixed(1)}/min`;
  return perSecond < 100 ? `${perSecond.toFixed(1)}/s` : `${Math.round(perSecond).toLocaleString()}/s`;
}

/** An age in one unit: “0.4 s”, “12 s”, “3 min”, “5 h”, “2 d”. */
export function shortAge(seconds) {
  for (const [unit, size] of [["d", 86_400], ["h", 3_600], ["min", 60]]) {
    if (seconds >= 2 * size) return `${Math.round(seconds / size)} ${unit}`;
  }
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}
